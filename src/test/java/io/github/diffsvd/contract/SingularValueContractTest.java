package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SingularValueLoss;
import io.github.diffsvd.SingularValuePlan;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link SingularValuePlan}: values, their pullback, and the losses. */
@Tag("gpu")
class SingularValueContractTest {
  private static final Shape[] SHAPES = {new Shape(5, 5), new Shape(7, 4), new Shape(3, 6)};

  private static final Map<SingularValueLoss, ToDoubleFunction<double[]>> LOSSES =
      Map.of(
          SingularValueLoss.nuclearNorm(), s -> Arrays.stream(s).sum(),
          SingularValueLoss.schattenNorm(1), s -> Arrays.stream(s).sum(),
          SingularValueLoss.schattenNorm(2.5),
              s -> Math.pow(Arrays.stream(s).map(x -> Math.pow(x, 2.5)).sum(), 0.4),
          SingularValueLoss.spectralNorm(), s -> s[0],
          SingularValueLoss.logDeterminant(), s -> Arrays.stream(s).map(Math::log).sum(),
          SingularValueLoss.logDeterminant(0.5),
              s -> Arrays.stream(s).map(x -> Math.log(x + 0.5)).sum());

  /** U diag(s) Vᴴ with random factors. */
  private static Host matrix(DataType type, Shape shape, double[] s, Random random) {
    return Host.orthonormal(type, shape.rows(), shape.k(), random)
        .scaled((i, j) -> s[j])
        .times(Host.orthonormal(type, shape.columns(), shape.k(), random).adjoint())
        .rounded(type);
  }

  private record Outcome(double loss, Host gradient) {}

  private static Outcome run(Device device, DataType type, SingularValueLoss loss, Host a) {
    try (OwnedMatrixBatch batch = Batch.upload(device, type, List.of(a));
        OwnedMatrixBatch value = Batch.poisoned(device, type.real(), 1, 1, 1);
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 1, a.rows(), a.columns());
        SvdInfo info = device.allocateInfo(1);
        SingularValuePlan plan =
            SingularValuePlan.create(device, new BatchShape(type, 1, a.rows(), a.columns()))) {
      plan.loss(loss, batch, value, gradient, info, 0);
      Outcome outcome = new Outcome(device.read(value)[0], Batch.download(device, gradient)[0]);
      Batch.poison(device, value);
      plan.loss(loss, batch, value, null, info, 0);
      assertThat(device.read(value)[0]).isEqualTo(Double.valueOf(outcome.loss));
      return outcome;
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void lossesAndTheirDerivatives(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    boolean single = type.real() == DataType.FLOAT32;
    for (Shape shape : SHAPES) {
      // A pair inside; no loss but the spectral norm minds.
      double[] s = new double[shape.k()];
      Arrays.setAll(s, i -> i == 0 ? 3 : i < 3 ? 2 : 1.0 / i);
      Host a = matrix(type, shape, s, random);
      Host direction = Host.random(type, shape.rows(), shape.columns(), random);
      for (var each : LOSSES.entrySet()) {
        Outcome outcome = run(device, type, each.getKey(), a);
        double expected = each.getValue().applyAsDouble(s);
        assertThat(outcome.loss)
            .as(each.getKey().toString())
            .isCloseTo(expected, within((single ? 1e-5 : 1e-13) * (1 + Math.abs(expected))));
        if (single) {
          continue;
        }
        double h = 1e-6;
        double forward = run(device, type, each.getKey(), a.plus(direction.scaled(h))).loss;
        double backward = run(device, type, each.getKey(), a.minus(direction.scaled(h))).loss;
        double slope = outcome.gradient.dot(direction);
        assertThat((forward - backward) / (2 * h))
            .as(each.getKey().toString())
            .isCloseTo(slope, within(Tolerances.DIFFERENCES * (1 + Math.abs(slope))));
      }
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void subgradientsAreTheSmallestAndEverythingIsFinite(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    double tolerance = 100 * type.epsilon();
    Shape shape = new Shape(5, 4);
    Host tied = matrix(type, shape, new double[] {2, 2, 2, 1}, random);
    // A third of U Vᴴ over the three: its norm is 1/√3.
    assertThat(run(device, type, SingularValueLoss.spectralNorm(), tied).gradient.norm())
        .isCloseTo(1 / Math.sqrt(3), within(tolerance));
    Host zero = Host.zeros(5, 4);
    for (SingularValueLoss loss : LOSSES.keySet()) {
      Outcome outcome = run(device, type, loss, zero);
      boolean logarithm = loss.toString().startsWith("log determinant, ε = 0.5");
      if (logarithm) {
        // Slopes of 2 along four orthonormal pairs, whichever they are.
        assertThat(outcome.gradient.norm()).isCloseTo(4, within(4 * tolerance));
      } else {
        assertThat(outcome.gradient.norm()).as(loss.toString()).isZero();
      }
    }
    assertThat(run(device, type, SingularValueLoss.logDeterminant(), zero).loss)
        .isEqualTo(Double.NEGATIVE_INFINITY);
    Host notANumber = Host.real(5, 4, (i, j) -> Double.NaN);
    for (SingularValueLoss loss : LOSSES.keySet()) {
      Outcome outcome = run(device, type, loss, notANumber);
      assertThat(outcome.loss).as(loss.toString()).isNaN();
      assertThat(outcome.gradient.norm()).as(loss.toString()).isNaN();
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void valuesAndTheirPullback(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    for (Shape shape : SHAPES) {
      int k = shape.k();
      Host u = Host.orthonormal(type, shape.rows(), k, random);
      Host v = Host.orthonormal(type, shape.columns(), k, random);
      Host a = u.scaled((i, j) -> k - j).times(v.adjoint()).rounded(type);
      Host weights = Host.random(type.real(), k, 1, random);
      Host expected = u.scaled((i, j) -> weights.re(j, 0)).times(v.adjoint());
      try (OwnedMatrixBatch batch = Batch.upload(device, type, List.of(a));
          OwnedMatrixBatch s = Batch.poisoned(device, type.real(), 1, k, 1);
          OwnedMatrixBatch gs = Batch.upload(device, type.real(), List.of(weights));
          SvdInfo info = device.allocateInfo(1);
          SingularValuePlan plan =
              SingularValuePlan.create(
                  device, new BatchShape(type, 1, shape.rows(), shape.columns()))) {
        plan.forward(batch, s, info, 0);
        double[] values = device.read(s);
        for (int i = 0; i < k; i++) {
          assertThat(values[i]).isCloseTo(k - i, within(100 * type.epsilon()));
        }
        plan.backward(gs, batch, 0);
        Host actual = Batch.download(device, batch)[0];
        assertThat(actual.minus(expected).norm()).isLessThan(1000 * type.epsilon());
      }
    }
  }

  /** Gaussian, orthonormal, of low rank by repetition, zero, graded, of mixed size, bidiagonal. */
  private static List<Host> kinds(DataType type, int rows, int columns, Random random) {
    double range = type.real() == DataType.FLOAT32 ? 30 : 300;
    int k = Math.min(rows, columns);
    Host gaussian = Host.random(type, rows, columns, random);
    Host u = Host.orthonormal(type, rows, k, random);
    Host v = Host.orthonormal(type, columns, k, random).adjoint();
    return List.of(
        gaussian,
        u.times(v).rounded(type),
        Host.real(rows, columns, (i, j) -> gaussian.re(i / 2, j / 2)).rounded(type),
        Host.zeros(rows, columns),
        gaussian.scaled((i, j) -> Math.pow(10, -range * j / columns)).rounded(type),
        gaussian.scaled((i, j) -> Math.pow(10, -range * i / rows)).rounded(type),
        gaussian.scaled((i, j) -> Math.pow(10, -range * random.nextDouble())).rounded(type),
        u.scaled((i, j) -> Math.pow(10, -12.0 * j / k)).times(v).rounded(type),
        Host.real(rows, columns, (i, j) -> i == j || i + 1 == j ? 1 : 0),
        Host.real(rows, columns, (i, j) -> 1),
        gaussian.scaled(Math.pow(10, range)).rounded(type),
        gaussian.scaled(Math.pow(10, -range - 6)).rounded(type));
  }

  private static final Shape[] SHAPES_ALONE = {
    new Shape(1, 1), new Shape(2, 2), new Shape(7, 4), new Shape(3, 6), new Shape(16, 16),
    new Shape(33, 33), new Shape(64, 64), new Shape(100, 9), new Shape(9, 256), new Shape(300, 9),
    new Shape(90, 80)
  };

  /** The values of the matrices in a batch of that many, a matrix of NaN in front of each. */
  private static double[][] values(Device device, DataType type, List<Host> matrices) {
    int rows = matrices.get(0).rows();
    int columns = matrices.get(0).columns();
    int k = Math.min(rows, columns);
    List<Host> all = new ArrayList<>();
    for (Host matrix : matrices) {
      all.add(Host.real(rows, columns, (i, j) -> i + j == 0 ? Double.NaN : 1));
      all.add(matrix);
    }
    int batch = all.size();
    try (OwnedMatrixBatch a = Batch.upload(device, type, all);
        OwnedMatrixBatch s = Batch.poisoned(device, type.real(), batch, k, 1);
        SvdInfo info = device.allocateInfo(batch);
        SingularValuePlan plan =
            SingularValuePlan.createWithoutGradients(
                device, new BatchShape(type, batch, rows, columns))) {
      plan.forward(a, s, info, 0);
      double[] values = device.read(s);
      int[] codes = info.read(0);
      double[][] result = new double[matrices.size()][];
      for (int b = 0; b < batch; b++) {
        double[] own = Arrays.copyOfRange(values, b * k, (b + 1) * k);
        assertThat(codes[b]).isEqualTo(b % 2 == 0 ? SvdInfo.NOT_FINITE : SvdInfo.OK);
        if (b % 2 == 0) {
          assertThat(own).containsOnly(Double.NaN);
        } else {
          result[b / 2] = own;
        }
      }
      return result;
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void valuesWithoutVectors(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    for (Shape shape : SHAPES_ALONE) {
      int k = shape.k();
      if (!device.name().equals("cpu") && k > 16) {
        continue;
      }
      List<Host> matrices = kinds(type, shape.rows(), shape.columns(), random);
      double[][] values = values(device, type, matrices);
      for (int b = 0; b < matrices.size(); b++) {
        String name = shape + ", matrix " + b + ", seed " + TestDevices.SEED;
        double[] expected = withVectors(device, type, matrices.get(b));
        double unit = type.epsilon() * Math.sqrt(k) * expected[0];
        double smallest = type.real() == DataType.FLOAT32 ? Float.MIN_VALUE : Double.MIN_VALUE;
        for (int i = 0; i < k; i++) {
          assertThat(values[b][i])
              .as("%s, value %d", name, i)
              .isCloseTo(expected[i], within(30 * unit + 2 * smallest))
              .isBetween(0.0, i == 0 ? Double.MAX_VALUE : values[b][i - 1]);
        }
        assertThat(values(device, type, matrices.subList(b, b + 1))[0])
            .as(name)
            .isEqualTo(values[b]);
      }
    }
  }

  private static double[] withVectors(Device device, DataType type, Host matrix) {
    Shape shape = new Shape(matrix.rows(), matrix.columns());
    try (OwnedMatrixBatch a = Batch.upload(device, type, List.of(matrix));
        SvdFactors factors = Batch.poisonedFactors(device, type, 1, shape);
        SvdInfo info = device.allocateInfo(1);
        SvdPlan plan =
            SvdPlan.create(device, new BatchShape(type, 1, shape.rows(), shape.columns()))) {
      plan.forward(a, factors, info, 0);
      return device.read(factors.s());
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void mistakesAreNamed(Device device) {
    assertThatThrownBy(() -> SingularValueLoss.schattenNorm(0.5)).hasMessageStartingWith("p: ");
    assertThatThrownBy(() -> SingularValueLoss.logDeterminant(-1))
        .hasMessageStartingWith("epsilon: ");
    DataType type = DataType.FLOAT64;
    try (SingularValuePlan plan = SingularValuePlan.create(device, new BatchShape(type, 2, 0, 3));
        OwnedMatrixBatch a = device.allocate(new BatchShape(type, 2, 0, 3));
        OwnedMatrixBatch losses = device.allocate(new BatchShape(type, 2, 1, 1));
        SvdInfo info = device.allocateInfo(2)) {
      assertThatThrownBy(() -> plan.loss(SingularValueLoss.nuclearNorm(), a, losses, null, info, 0))
          .hasMessageStartingWith("losses: there is none");
      assertThatThrownBy(() -> plan.loss(SingularValueLoss.nuclearNorm(), a, a, null, info, 0))
          .hasMessageStartingWith("losses: expected FLOAT64 2×1×1");
    }
  }
}
