package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every routine of the CUDA backend on every type, forward and backward, against the CPU: the
 * factors by what they multiply to, the gradient of a gauge-invariant loss element by element.
 */
@RequiresCuda
class CudaRoundTripTest {
  private static final int BATCH = 3;

  static List<Arguments> cases() {
    List<Arguments> cases = new ArrayList<>();
    for (DataType type : DataType.values()) {
      for (SvdAlgorithm algorithm : SvdAlgorithm.values()) {
        if (algorithm != SvdAlgorithm.GESDD && algorithm != SvdAlgorithm.GOLUB_KAHAN) {
          cases.add(Arguments.of(type, algorithm, 7, 5));
          cases.add(Arguments.of(type, algorithm, 5, 5));
          cases.add(Arguments.of(type, algorithm, 4, 9));
        }
      }
      // Above the limits of the batched iteration and of the fused backward kernel.
      cases.add(Arguments.of(type, SvdAlgorithm.AUTO, 32, 32));
      cases.add(Arguments.of(type, SvdAlgorithm.AUTO, 33, 32));
      cases.add(Arguments.of(type, SvdAlgorithm.AUTO, 50, 40));
      cases.add(Arguments.of(type, SvdAlgorithm.AUTO, 40, 50));
    }
    return cases;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void agreesWithTheCpu(DataType type, SvdAlgorithm algorithm, int rows, int columns) {
    double[] values =
        new Random(rows * 100L + columns)
            .doubles((long) BATCH * rows * columns * (type.isComplex() ? 2 : 1), -1, 1)
            .toArray();
    Result expected = run("cpu", SvdAlgorithm.AUTO, type, rows, columns, values);
    Result actual = run("cuda:0", algorithm, type, rows, columns, values);
    double tolerance = 300 * type.epsilon() * Math.max(rows, columns);
    if (algorithm == SvdAlgorithm.GESVDA_BATCHED) {
      // It squares the condition, which is about 20 here.
      tolerance *= 100;
    }
    assertThat(actual.s).hasSameSizeAs(expected.s);
    assertClose(actual.s, expected.s, tolerance);
    assertClose(actual.gradient, expected.gradient, tolerance);
  }

  @Test
  void refusesTheBatchedIterationAboveItsLimit() {
    try (Device device = Device.open("cuda:0")) {
      SvdOptions options = SvdOptions.defaults().withAlgorithm(SvdAlgorithm.GESVDJ_BATCHED);
      assertThatThrownBy(
              () -> SvdPlan.create(device, new BatchShape(DataType.FLOAT32, 1, 33, 4), options))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("at most 32 rows");
    }
  }

  @Test
  void keepsABrokenMatrixToItself() {
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.FLOAT64, 2, 3, 2, SvdAlgorithm.AUTO)) {
      device.write(problem.a, 1, 2, 3, 4, 5, 6, 1, Double.NaN, 3, 4, 5, 6);
      problem.plan.forward(problem.a, problem.factors, problem.info, 0);
      assertThat(problem.info.read(0)).containsExactly(SvdInfo.OK, SvdInfo.NOT_FINITE);
      double[] s = device.read(problem.factors.s());
      assertThat(s[0]).isCloseTo(9.525518091565104, org.assertj.core.data.Offset.offset(1e-12));
      assertThat(s[2]).isNaN();
    }
  }

  private static final class Result {
    final double[] s;
    final double[] gradient;

    Result(double[] s, double[] gradient) {
      this.s = s;
      this.gradient = gradient;
    }
  }

  /** The loss has ∂L/∂S = 1 … k and takes U and V by the gauge-invariant Re tr(Uᴴ X V). */
  private static Result run(
      String name, SvdAlgorithm algorithm, DataType type, int rows, int columns, double[] values) {
    int k = Math.min(rows, columns);
    try (Device device = Device.open(name);
        Problem problem = new Problem(device, type, BATCH, rows, columns, algorithm);
        OwnedMatrixBatch gs = device.allocate(new BatchShape(type.real(), BATCH, k, 1))) {
      device.write(problem.a, values);
      problem.plan.forward(problem.a, problem.factors, problem.info, 0);
      problem.info.check(0);
      double[] weights = new double[BATCH * k];
      for (int i = 0; i < weights.length; i++) {
        weights[i] = i % k + 1;
      }
      device.write(gs, weights);
      // gU = X V and gV = Xᴴ U with X all ones: sums over the rows of V and U.
      double[] sumsOfV = columnSums(device.read(problem.factors.v()), columns, k, type);
      double[] sumsOfU = columnSums(device.read(problem.factors.u()), rows, k, type);
      device.write(problem.gu, repeated(sumsOfV, rows));
      device.write(problem.gv, repeated(sumsOfU, columns));
      problem.plan.backward(
          problem.factors, new SvdCotangents(problem.gu, gs, problem.gv), problem.gradient, 0);
      return new Result(device.read(problem.factors.s()), device.read(problem.gradient));
    }
  }

  private static double[] columnSums(double[] values, int rows, int k, DataType type) {
    int parts = type.isComplex() ? 2 : 1;
    double[] sums = new double[BATCH * k * parts];
    for (int b = 0; b < BATCH; b++) {
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < k * parts; j++) {
          sums[b * k * parts + j] += values[(b * rows + i) * k * parts + j];
        }
      }
    }
    return sums;
  }

  private static double[] repeated(double[] sums, int rows) {
    int row = sums.length / BATCH;
    double[] values = new double[BATCH * rows * row];
    for (int i = 0; i < BATCH * rows; i++) {
      System.arraycopy(sums, i / rows * row, values, i * row, row);
    }
    return values;
  }

  private static void assertClose(double[] actual, double[] expected, double tolerance) {
    double scale = 0;
    double error = 0;
    for (int i = 0; i < expected.length; i++) {
      scale = Math.max(scale, Math.abs(expected[i]));
      error = Math.max(error, Math.abs(actual[i] - expected[i]));
      assertThat(actual[i]).isFinite();
    }
    assertThat(error).isLessThanOrEqualTo(tolerance * scale);
  }
}
