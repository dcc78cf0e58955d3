///usr/bin/env jbang "$0" "$@" ; exit $?
//KOTLIN 2.2.20
//DEPS io.github.diffsvd:diffsvd:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import io.github.diffsvd.BatchShape
import io.github.diffsvd.DataType.FLOAT64
import io.github.diffsvd.Device
import io.github.diffsvd.Scope
import io.github.diffsvd.SvdCotangents
import io.github.diffsvd.SvdPlan
import kotlin.math.abs
import kotlin.math.sqrt

/** Gradient.java in Kotlin: the gradient of the nuclear norm, s₁ + s₂, which is U Vᵀ. */
fun main() {
    val gradient =
        Scope().use { scope ->
            val device = scope.keep(Device.open())
            val a = scope.keep(device.upload(BatchShape(FLOAT64, 1, 2, 2), 3.0, 0.0, 4.0, 5.0))
            val ones = scope.keep(device.upload(BatchShape(FLOAT64, 1, 2, 1), 1.0, 1.0))
            val plan = scope.keep(SvdPlan.like(device, a))
            val factors = plan.allocateFactors()
            val info = plan.allocateInfo()
            plan.forward(a, factors, info)
            info.check()
            plan.backward(factors, SvdCotangents.ofValues(ones), a)
            device.read(a)
        }
    println("gradient of the nuclear norm: ${gradient.contentToString()}")

    val expected = listOf(2, -1, 1, 2).map { it / sqrt(5.0) }
    check(gradient.indices.all { abs(gradient[it] - expected[it]) < 1e-12 }) { "expected $expected" }
}
