package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The life of an {@link SvdPlan}: extents of 0, the caller's mistakes, workspace, repetition,
 * close.
 */
@Tag("gpu")
class PlanContractTest {
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void extentsMayBeZero(Device device, DataType type) {
    for (int[] extents : new int[][] {{0, 3, 2}, {4, 0, 3}, {4, 3, 0}, {4, 0, 0}, {0, 0, 0}}) {
      Shape shape = new Shape(extents[1], extents[2]);
      int batch = extents[0];
      try (OwnedMatrixBatch a =
              device.allocate(new BatchShape(type, batch, shape.rows(), shape.columns()));
          OwnedMatrixBatch gradient =
              device.allocate(new BatchShape(type, batch, shape.rows(), shape.columns()));
          SvdFactors factors = Batch.poisonedFactors(device, type, batch, shape);
          SvdInfo info = device.allocateInfo(batch);
          SvdPlan plan =
              SvdPlan.create(device, new BatchShape(type, batch, shape.rows(), shape.columns()))) {
        plan.forward(a, factors, info, 0);
        assertThat(info.read(0)).containsOnly(new int[batch]).hasSize(batch);
        plan.backward(
            factors, new SvdCotangents(factors.u(), factors.s(), factors.v()), gradient, 0);
        assertThat(plan.workspaceBytes()).isZero();
      }
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void mistakesAreNamedBeforeAnythingIsQueued(Device device) {
    DataType type = DataType.FLOAT64;
    Shape shape = new Shape(5, 3);
    try (OwnedMatrixBatch a =
            Batch.upload(device, type, List.of(Host.random(type, 5, 3, new Random(1))));
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 1, 5, 3);
        SvdFactors f = Batch.poisonedFactors(device, type, 1, shape);
        OwnedMatrixBatch square = device.allocate(new BatchShape(type, 1, 5, 5));
        OwnedMatrixBatch single = device.allocate(new BatchShape(DataType.FLOAT32, 1, 5, 3));
        SvdInfo info = device.allocateInfo(1);
        SvdInfo longer = device.allocateInfo(2);
        SvdPlan plan = SvdPlan.create(device, new BatchShape(type, 1, 5, 3))) {
      assertMistake(
          () -> plan.forward(square, f, info, 0), "a: expected FLOAT64 1×5×3, got FLOAT64 1×5×5");
      assertMistake(
          () -> plan.forward(single, f, info, 0), "a: expected FLOAT64 1×5×3, got FLOAT32 1×5×3");
      assertMistake(
          () -> plan.forward(a, new SvdFactors(square, f.s(), f.v()), info, 0),
          "factors.u: expected");
      assertMistake(
          () -> plan.forward(a, new SvdFactors(f.u(), f.u(), f.v()), info, 0),
          "factors.s: expected");
      assertMistake(
          () -> plan.forward(a, new SvdFactors(f.u(), f.s(), f.u()), info, 0),
          "factors.v: expected");
      assertMistake(() -> plan.forward(a, f, longer, 0), "info: expected a batch of 1, got 2");
      MatrixBatch overlapping =
          MatrixBatch.wrap(f.u().address(), new BatchShape(type, 1, 5, 3), 2, 1, 0);
      assertMistake(
          () -> plan.forward(a, new SvdFactors(overlapping, f.s(), f.v()), info, 0),
          "factors.u: expected strides that keep");
      assertMistake(
          () -> plan.backward(f, new SvdCotangents(square, null, null), gradient, 0),
          "cotangents.u: expected");
      assertMistake(
          () -> plan.backward(f, new SvdCotangents(null, square, null), gradient, 0),
          "cotangents.s: expected");
      assertMistake(
          () -> plan.backward(f, new SvdCotangents(null, null, square), gradient, 0),
          "cotangents.v: expected");
      assertMistake(
          () -> plan.backward(f, SvdCotangents.ofValues(f.s()), square, 0), "gradient: expected");
      assertThatThrownBy(() -> plan.forward(null, f, info, 0))
          .isInstanceOf(NullPointerException.class)
          .hasMessage("a");
      assertThat(Arrays.stream(device.read(f.u())).allMatch(Double::isNaN))
          .as("nothing was written")
          .isTrue();
      assertThat(Arrays.stream(device.read(gradient)).allMatch(Double::isNaN))
          .as("nothing was written")
          .isTrue();
    }
    assertMistake(
        () -> SvdPlan.create(device, new BatchShape(type, -1, 5, 3)),
        "batch: expected at least 0, got -1");
    assertMistake(
        () -> SvdPlan.create(device, new BatchShape(type, 1, -5, 3)),
        "rows: expected at least 0, got -5");
    assertMistake(() -> MatrixBatch.wrap(0, new BatchShape(type, 1, 1, 1)), "address: expected");
    assertMistake(
        () -> MatrixBatch.wrap(1001, new BatchShape(type, 1, 1, 1)),
        "address: expected a multiple of 8");
  }

  private static void assertMistake(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(message);
  }

  /** Of JavaCPP, whose objects would otherwise be freed with it; its other users have them. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void aPlanOutlivesTheScopeThatItWasMadeIn(Device device, DataType type) {
    Shape shape = new Shape(70, 66);
    SvdPlan plan;
    try (PointerScope scope = new PointerScope()) {
      assertThat(scope).isNotNull();
      plan = SvdPlan.create(device, new BatchShape(type, 2, shape.rows(), shape.columns()));
    }
    try (plan;
        SvdPlan other =
            SvdPlan.create(device, new BatchShape(type, 2, shape.rows(), shape.columns()))) {
      assertThat(roundTrip(device, type, plan, shape))
          .isEqualTo(roundTrip(device, type, other, shape));
    }
  }

  @Test
  void aMillionSmallMatricesTakeLessThanFourGigabytes() {
    int batch = 1_000_000;
    try (Device device = Device.open("cpu")) {
      long workspace =
          SvdPlan.workspaceBytes(
              device, new BatchShape(DataType.FLOAT32, batch, 8, 8), SvdOptions.defaults());
      long matrix = (long) batch * 8 * 8 * Float.BYTES;
      long factors = 2 * matrix + (long) batch * 8 * Float.BYTES;
      long info = (long) batch * Integer.BYTES;
      // A and its gradient, the factors and their cotangents.
      assertThat(2 * matrix + 2 * factors + info + workspace).isLessThan(4L << 30);
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void workspaceMayBeTheCallers(Device device, DataType type) {
    long bytes =
        SvdPlan.workspaceBytes(device, new BatchShape(type, 2, 70, 66), SvdOptions.defaults());
    assertThat(bytes).isPositive();
    int elements = Math.toIntExact((bytes + type.bytes() - 1) / type.bytes());
    try (OwnedMatrixBatch workspace = Batch.poisoned(device, type, 1, 1, elements)) {
      List<double[]> results = new ArrayList<>();
      for (boolean given : new boolean[] {false, true}) {
        SvdOptions options = SvdOptions.defaults();
        try (SvdPlan plan =
            given
                ? SvdPlan.create(
                    device,
                    new BatchShape(type, 2, 70, 66),
                    options.withWorkspace(workspace.address(), bytes))
                : SvdPlan.create(device, new BatchShape(type, 2, 70, 66), options)) {
          assertThat(plan.workspaceBytes()).isEqualTo(bytes);
          results.add(roundTrip(device, type, plan, new Shape(70, 66)));
        }
      }
      assertThat(results.get(1)).isEqualTo(results.get(0));
      assertMistake(
          () ->
              SvdPlan.create(
                  device,
                  new BatchShape(type, 2, 70, 66),
                  SvdOptions.defaults().withWorkspace(workspace.address(), bytes - 1)),
          "workspace: expected at least " + bytes);
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void sameInputGivesTheSameBits(Device device, DataType type) {
    for (Shape shape : List.of(new Shape(3, 3), new Shape(33, 20), new Shape(66, 70))) {
      try (SvdPlan plan =
          SvdPlan.create(device, new BatchShape(type, 2, shape.rows(), shape.columns()))) {
        assertThat(roundTrip(device, type, plan, shape))
            .isEqualTo(roundTrip(device, type, plan, shape));
      }
    }
  }

  /**
   * Forward and backward of two random matrices; U, S, V and the gradient of a loss that sees all
   * three.
   */
  private static double[] roundTrip(Device device, DataType type, SvdPlan plan, Shape shape) {
    Random random = new Random(TestDevices.SEED);
    List<Host> matrices =
        List.of(
            Host.random(type, shape.rows(), shape.columns(), random),
            Host.random(type, shape.rows(), shape.columns(), random));
    try (OwnedMatrixBatch a = Batch.upload(device, type, matrices);
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 2, shape.rows(), shape.columns());
        SvdFactors factors = Batch.poisonedFactors(device, type, 2, shape);
        SvdInfo info = device.allocateInfo(2)) {
      plan.forward(a, factors, info, 0);
      info.check(0);
      plan.backward(factors, new SvdCotangents(factors.u(), factors.s(), factors.v()), gradient, 0);
      List<double[]> parts =
          List.of(
              device.read(factors.u()),
              device.read(factors.s()),
              device.read(factors.v()),
              device.read(gradient));
      return parts.stream().flatMapToDouble(Arrays::stream).toArray();
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void closedPlanRefusesWork(Device device) {
    DataType type = DataType.FLOAT32;
    SvdPlan plan = SvdPlan.create(device, new BatchShape(type, 1, 2, 2));
    plan.close();
    plan.close();
    try (OwnedMatrixBatch a = Batch.poisoned(device, type, 1, 2, 2);
        SvdFactors factors = Batch.poisonedFactors(device, type, 1, new Shape(2, 2));
        SvdInfo info = device.allocateInfo(1)) {
      assertThatThrownBy(() -> plan.forward(a, factors, info, 0))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> plan.backward(factors, SvdCotangents.ofValues(factors.s()), a, 0))
          .isInstanceOf(IllegalStateException.class);
    }
  }
}
