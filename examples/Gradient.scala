//> using scala 2.13.18
//> using dep io.github.diffsvd:diffsvd:0.1.0-SNAPSHOT
//> using javaOpt --enable-native-access=ALL-UNNAMED

import io.github.diffsvd.DataType.FLOAT64
import io.github.diffsvd.{BatchShape, Device, SvdCotangents, SvdPlan}
import scala.util.Using

/** Gradient.java in Scala: the gradient of the nuclear norm, s₁ + s₂, which is U Vᵀ. */
object GradientScala {
  def main(arguments: Array[String]): Unit = {
    val gradient = Using.Manager { use =>
      val device = use(Device.open())
      val a = use(device.upload(new BatchShape(FLOAT64, 1, 2, 2), 3, 0, 4, 5))
      val ones = use(device.upload(new BatchShape(FLOAT64, 1, 2, 1), 1, 1))
      val plan = use(SvdPlan.like(device, a))
      val factors = plan.allocateFactors()
      val info = plan.allocateInfo()
      plan.forward(a, factors, info)
      info.check()
      plan.backward(factors, SvdCotangents.ofValues(ones), a)
      device.read(a)
    }.get
    println(s"gradient of the nuclear norm: ${gradient.mkString("[", ", ", "]")}")

    val expected = Seq(2, -1, 1, 2).map(_ / math.sqrt(5))
    val error = gradient.zip(expected).map { case (found, right) => math.abs(found - right) }.max
    assert(error < 1e-12, s"expected $expected")
  }
}
