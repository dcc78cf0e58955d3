package io.github.diffsvd.contract;

import static io.github.diffsvd.contract.Tolerances.rounding;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Complex matrices whose address is a multiple of their parts' size alone: the CPU takes them, CUDA
 * refuses each by its name, for a card would lose its context.
 */
@Tag("gpu")
class AlignmentContractTest {
  private static final int BATCH = 2;

  static Stream<Arguments> devicesAndComplexTypes() {
    return TestDevices.devicesAndTypes().filter(c -> ((DataType) c.get()[1]).isComplex());
  }

  /** Arguments of forward and backward, those that are named one real number further on. */
  private static final class Operands {
    final Map<String, MatrixBatch> matrices = new LinkedHashMap<>();
    final SvdInfo info;

    Operands(Scope scope, Device device, DataType type, Shape shape, Set<String> shifted) {
      info = scope.keep(device.allocateInfo(BATCH));
      add(scope, device, shifted, "a", type, shape.rows(), shape.columns());
      add(scope, device, shifted, "factors.u", type, shape.rows(), shape.k());
      add(scope, device, shifted, "factors.s", type.real(), shape.k(), 1);
      add(scope, device, shifted, "factors.v", type, shape.columns(), shape.k());
      add(scope, device, shifted, "cotangents.u", type, shape.rows(), shape.k());
      add(scope, device, shifted, "cotangents.v", type, shape.columns(), shape.k());
      add(scope, device, shifted, "gradient", type, shape.rows(), shape.columns());
    }

    private void add(
        Scope scope,
        Device device,
        Set<String> shifted,
        String name,
        DataType type,
        int rows,
        int columns) {
      BatchShape shape = new BatchShape(type, BATCH, rows, columns);
      int parts = Math.toIntExact(shape.bytes() / type.real().bytes());
      long start =
          scope.keep(device.allocate(new BatchShape(type.real(), 1, 1, parts + 1))).address();
      matrices.put(
          name,
          MatrixBatch.wrap(shifted.contains(name) ? start + type.real().bytes() : start, shape));
    }

    MatrixBatch get(String name) {
      return matrices.get(name);
    }

    SvdFactors factors() {
      return new SvdFactors(get("factors.u"), get("factors.s"), get("factors.v"));
    }

    SvdCotangents cotangents() {
      return new SvdCotangents(get("cotangents.u"), null, get("cotangents.v"));
    }

    void run(SvdPlan plan) {
      plan.forward(get("a"), factors(), info);
      plan.backward(factors(), cotangents(), get("gradient"));
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("devicesAndComplexTypes")
  void anAddressBetweenTwoElementsIsTakenByTheCpuAndRefusedByCuda(Device device, DataType type) {
    for (Shape shape : List.of(new Shape(4, 3), new Shape(40, 36), new Shape(66, 70))) {
      Random random = new Random(TestDevices.SEED);
      try (Scope scope = new Scope()) {
        SvdPlan plan =
            scope.keep(
                SvdPlan.create(device, new BatchShape(type, BATCH, shape.rows(), shape.columns())));
        Operands aligned = new Operands(scope, device, type, shape, Set.of());
        for (String name : List.of("a", "cotangents.u", "cotangents.v")) {
          MatrixBatch matrix = aligned.get(name);
          device.write(matrix, random.doubles(2 * matrix.size(), -1, 1).toArray());
        }
        if (device.name().equals("cpu")) {
          assertTaken(scope, device, plan, aligned, type, shape);
        } else {
          assertRefused(scope, device, plan, aligned, type, shape);
        }
      }
    }
  }

  private static void assertTaken(
      Scope scope, Device device, SvdPlan plan, Operands aligned, DataType type, Shape shape) {
    Operands shifted = new Operands(scope, device, type, shape, aligned.matrices.keySet());
    for (String name : List.of("a", "cotangents.u", "cotangents.v")) {
      device.write(shifted.get(name), device.read(aligned.get(name)));
    }
    shifted.run(plan);
    shifted.info.check();
    Host[] a = Batch.download(device, aligned.get("a"));
    Host[] u = Batch.download(device, shifted.get("factors.u"));
    Host[] s = Batch.download(device, shifted.get("factors.s"));
    Host[] v = Batch.download(device, shifted.get("factors.v"));
    for (int b = 0; b < BATCH; b++) {
      ForwardContractTest.assertDecomposition(type, a[b], u[b], s[b].realParts(), v[b]);
    }
    for (String name : List.of("factors.u", "factors.s", "factors.v")) {
      device.write(aligned.get(name), device.read(shifted.get(name)));
    }
    plan.backward(aligned.factors(), aligned.cotangents(), aligned.get("gradient"));
    double[] expected = device.read(aligned.get("gradient"));
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    assertThat(device.read(shifted.get("gradient")))
        .as("seed " + TestDevices.SEED + ", " + shape)
        .containsExactly(expected, within(rounding(type, shape.k()) * largest));
  }

  private static void assertRefused(
      Scope scope, Device device, SvdPlan plan, Operands aligned, DataType type, Shape shape) {
    aligned.run(plan);
    for (String name : aligned.matrices.keySet()) {
      if (aligned.get(name).type().isComplex()) {
        Operands shifted = new Operands(scope, device, type, shape, Set.of(name));
        assertThatThrownBy(() -> shifted.run(plan))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage(
                name
                    + ": expected an address that is a multiple of "
                    + type.bytes()
                    + " on this device, got "
                    + shifted.get(name));
      }
    }
  }
}
