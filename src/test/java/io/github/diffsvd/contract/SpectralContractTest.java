package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.EighFactors;
import io.github.diffsvd.EighPlan;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SpectralTable;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link SpectralPlan} promises, on every device. */
@Tag("gpu")
class SpectralContractTest {
  /** A function with its value and derivative, written down once more. */
  private record Function(
      SpectralFunction function, DoubleUnaryOperator value, DoubleUnaryOperator slope) {
    double difference(double a, double b) {
      return a == b
          ? slope.applyAsDouble(a)
          : (value.applyAsDouble(a) - value.applyAsDouble(b)) / (a - b);
    }

    double mean(double a, double b) {
      return a + b == 0
          ? slope.applyAsDouble(0)
          : (value.applyAsDouble(a) + value.applyAsDouble(b)) / (a + b);
    }
  }

  /** With kinks, where they have them, between the values of the spectra below. */
  private static final List<Function> FUNCTIONS =
      List.of(
          new Function(SpectralFunction.identity(), s -> s, s -> 1),
          new Function(
              SpectralFunction.softThreshold(1.3), s -> Math.max(s - 1.3, 0), s -> s > 1.3 ? 1 : 0),
          new Function(
              SpectralFunction.hardThreshold(1.3), s -> s > 1.3 ? s : 0, s -> s > 1.3 ? 1 : 0),
          new Function(SpectralFunction.power(2), s -> s * s, s -> 2 * s),
          new Function(
              SpectralFunction.power(0.7),
              s -> Math.pow(s, 0.7),
              s -> s == 0 ? 0 : 0.7 * Math.pow(s, -0.3)),
          new Function(SpectralFunction.log1p(), Math::log1p, s -> 1 / (1 + s)),
          new Function(SpectralFunction.sqrt(), Math::sqrt, s -> s == 0 ? 0 : 0.5 / Math.sqrt(s)),
          new Function(
              SpectralFunction.reciprocal(0.01),
              s -> s == 0 ? 0 : 1 / s,
              s -> s == 0 ? 0 : -1 / s / s),
          new Function(
              SpectralFunction.power(-0.5),
              s -> s == 0 ? 0 : 1 / Math.sqrt(s),
              s -> s == 0 ? 0 : -0.5 / s / Math.sqrt(s)),
          new Function(
              SpectralFunction.log(), s -> s == 0 ? 0 : Math.log(s), s -> s == 0 ? 0 : 1 / s),
          new Function(SpectralFunction.clip(0), s -> 0, s -> 0),
          new Function(SpectralFunction.polar(0.01), s -> s == 0 ? 0 : 1, s -> 0),
          new Function(SpectralFunction.clip(1.3), s -> Math.min(s, 1.3), s -> s > 1.3 ? 0 : 1));

  private static final double[][] SPECTRA = {
    {4, 3, 2, 1},
    {3, 2, 2, 1},
    {3, 2, 2, 2},
    {2, 2, 2, 2},
    {1, 1, 1, 1},
    {2, 2, 1, 0},
    {2, 1, 0, 0},
    {2, 0, 0, 0},
    {0, 0, 0, 0}
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(4, 4), new Shape(7, 4), new Shape(4, 6), new Shape(1, 1), new Shape(40, 36));

  @Test
  void everyFunctionIsTested() {
    assertThat(FUNCTIONS)
        .as("FUNCTIONS of this test, by name, beside Kind of SpectralFunction")
        .extracting(function -> function.function().name())
        .contains(SpectralFunction.names().split(", "));
  }

  private static double[] spectrum(double[] four, int k) {
    double[] s = new double[k];
    for (int i = 0; i < k; i++) {
      s[i] = four[4 * i / k];
    }
    return s;
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void backwardIsExactAtTiesAndAtZero(Device device, DataType type) {
    double bar = type.real() == DataType.FLOAT64 ? 1e-12 : 2e-5;
    Random random = new Random(TestDevices.SEED);
    for (Shape shape : SHAPES) {
      int k = shape.k();
      for (Function f : FUNCTIONS) {
        try (SpectralPlan plan =
                SpectralPlan.create(
                    device, new BatchShape(type, 1, shape.rows(), shape.columns()));
            OwnedMatrixBatch gradient =
                device.allocate(new BatchShape(type, 1, shape.rows(), shape.columns()))) {
          for (double[] four : SPECTRA) {
            Host u = Host.orthonormal(type, shape.rows(), k, random).rounded(type);
            Host v = Host.orthonormal(type, shape.columns(), k, random).rounded(type);
            Host g = Host.random(type, shape.rows(), shape.columns(), random);
            double[] s = spectrum(four, k);
            Batch.poison(device, gradient);
            try (SvdFactors factors =
                    new SvdFactors(
                        Batch.upload(device, type, List.of(u)),
                        Batch.upload(device, type.real(), List.of(Host.real(k, 1, (i, j) -> s[i]))),
                        Batch.upload(device, type, List.of(v)));
                OwnedMatrixBatch gy = Batch.upload(device, type, List.of(g))) {
              plan.backward(factors, f.function, SpectralCotangents.of(gy), gradient, null, 0);
            }
            Host expected = exact(f, u, s, v, g);
            Host actual = Batch.download(device, gradient)[0];
            assertThat(actual.minus(expected).norm())
                .as(f.function + " " + shape + " " + Arrays.toString(four))
                .isLessThanOrEqualTo(bar * scale(f, s, expected, g));
          }
        }
      }
    }
  }

  /** The caller's f and f' in place of the plan's, with a loss of S besides. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void tablesAreFunctionsToo(Device device, DataType type) {
    double bar = type.real() == DataType.FLOAT64 ? 1e-12 : 2e-5;
    Random random = new Random(TestDevices.SEED);
    int tried = List.of(DataType.values()).indexOf(type);
    for (Shape shape : SHAPES) {
      int k = shape.k();
      for (double[] four : SPECTRA) {
        double[] s = spectrum(four, k);
        for (Function f : FUNCTIONS) {
          if (!TestDevices.isTried(tried++)) {
            continue;
          }
          Host u = Host.orthonormal(type, shape.rows(), k, random).rounded(type);
          Host v = Host.orthonormal(type, shape.columns(), k, random).rounded(type);
          Host g = Host.random(type, shape.rows(), shape.columns(), random);
          Host weights = Host.random(type.real(), k, 1, random);
          Host values = Host.real(k, 1, (i, j) -> f.value.applyAsDouble(s[i])).rounded(type);
          Host slopes = Host.real(k, 1, (i, j) -> f.slope.applyAsDouble(s[i])).rounded(type);
          Host expected =
              exact(f, u, s, v, g).plus(u.scaled((i, j) -> weights.re(j, 0)).times(v.adjoint()));
          Host core = u.adjoint().times(g).times(v);
          Host expectedY = u.scaled((i, j) -> values.re(j, 0)).times(v.adjoint());
          try (SpectralPlan plan =
                  SpectralPlan.create(
                      device, new BatchShape(type, 1, shape.rows(), shape.columns()));
              OwnedMatrixBatch gradient =
                  Batch.poisoned(device, type, 1, shape.rows(), shape.columns());
              OwnedMatrixBatch valueGradient = Batch.poisoned(device, type.real(), 1, k, 1);
              SvdFactors factors =
                  new SvdFactors(
                      Batch.upload(device, type, List.of(u)),
                      Batch.upload(device, type.real(), List.of(Host.real(k, 1, (i, j) -> s[i]))),
                      Batch.upload(device, type, List.of(v)));
              OwnedMatrixBatch gy = Batch.upload(device, type, List.of(g));
              OwnedMatrixBatch gs = Batch.upload(device, type.real(), List.of(weights));
              OwnedMatrixBatch onDevice = Batch.upload(device, type.real(), List.of(values));
              OwnedMatrixBatch derivatives = Batch.upload(device, type.real(), List.of(slopes))) {
            SpectralTable table = SpectralTable.of(onDevice, derivatives);
            plan.backward(
                factors, table, new SpectralCotangents(gy, gs), gradient, valueGradient, 0);
            Host actual = Batch.download(device, gradient)[0];
            String name = f.function + " " + shape + " " + Arrays.toString(four);
            assertThat(actual.minus(expected).norm())
                .as(name)
                .isLessThanOrEqualTo(bar * scale(f, s, expected, g));
            double[] derivative = device.read(valueGradient);
            for (int i = 0; i < k; i++) {
              assertThat(derivative[i]).isCloseTo(core.re(i, i), within(bar * g.norm()));
            }
            plan.compose(factors, table, gradient, 0);
            assertThat(Batch.download(device, gradient)[0].minus(expectedY).norm())
                .as(name)
                .isLessThanOrEqualTo(bar * (1 + expectedY.norm()));
          }
        }
      }
    }
  }

  /** A threshold for each value: Y, and the derivatives by A and by the thresholds. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void weightedSoftThresholds(Device device, DataType type) {
    boolean single = type.real() == DataType.FLOAT32;
    double h = single ? 1e-2 : 1e-5;
    double bar = single ? 5e-3 : 1e-7;
    Random random = new Random(TestDevices.SEED);
    double[] s = {5, 4, 4, 1.5};
    double[] w = {0.5, 1, 1, 2.5};
    for (Shape shape : List.of(new Shape(4, 4), new Shape(6, 4), new Shape(4, 5))) {
      Host u = Host.orthonormal(type, shape.rows(), 4, random);
      Host v = Host.orthonormal(type, shape.columns(), 4, random);
      Host a = u.scaled((i, j) -> s[j]).times(v.adjoint()).rounded(type);
      Host g = Host.random(type, shape.rows(), shape.columns(), random);
      Host direction = Host.random(type, shape.rows(), shape.columns(), random);
      // Neither pair may turn into one of distinct weights: within the tie f is a function.
      double[] same = {1, 1, 1, 1};
      Host[] gradient = new Host[1];
      double[] byWeights = weighted(device, type, a, g, w, gradient);
      for (int i = 0; i < 4; i++) {
        double[] more = w.clone();
        double[] less = w.clone();
        more[i] += h;
        less[i] -= h;
        double slope =
            (weighted(device, type, a, g, more, null)[4]
                    - weighted(device, type, a, g, less, null)[4])
                / (2 * h);
        assertThat(byWeights[i]).as("weight " + i).isCloseTo(slope, within(bar * g.norm()));
      }
      weighted(device, type, a, g, same, gradient);
      double ahead =
          weighted(device, type, a.plus(direction.scaled(h)).rounded(type), g, same, null)[4];
      double behind =
          weighted(device, type, a.minus(direction.scaled(h)).rounded(type), g, same, null)[4];
      assertThat((ahead - behind) / (2 * h))
          .isCloseTo(gradient[0].dot(direction), within(bar * g.norm() * direction.norm()));
    }
  }

  /** The derivatives by four thresholds, and the loss Re⟨G, Y⟩. */
  private static double[] weighted(
      Device device, DataType type, Host a, Host g, double[] weights, Host[] gradient) {
    try (SpectralPlan plan =
            SpectralPlan.create(device, new BatchShape(type, 1, a.rows(), a.columns()));
        SvdPlan svd = SvdPlan.create(device, new BatchShape(type, 1, a.rows(), a.columns()));
        OwnedMatrixBatch batch = Batch.upload(device, type, List.of(a));
        OwnedMatrixBatch gy = Batch.upload(device, type, List.of(g));
        OwnedMatrixBatch w =
            Batch.upload(device, type.real(), List.of(Host.real(4, 1, (i, j) -> weights[i])));
        OwnedMatrixBatch byWeights = Batch.poisoned(device, type.real(), 1, 4, 1);
        SvdFactors factors = svd.allocateFactors();
        SvdInfo info = device.allocateInfo(1)) {
      svd.forward(batch, factors, info, 0);
      SpectralTable table = SpectralTable.softThreshold(w);
      plan.compose(factors, table, batch, 0);
      double loss = Batch.download(device, batch)[0].dot(g);
      plan.backward(factors, table, SpectralCotangents.of(gy), batch, byWeights, 0);
      if (gradient != null) {
        gradient[0] = Batch.download(device, batch)[0];
      }
      double[] result = Arrays.copyOf(device.read(byWeights), 5);
      result[4] = loss;
      return result;
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void tablesAreChecked(Device device) {
    DataType type = DataType.FLOAT64;
    try (SpectralPlan plan = SpectralPlan.create(device, new BatchShape(type, 1, 3, 2));
        OwnedMatrixBatch a = Batch.poisoned(device, type, 1, 3, 2);
        SvdFactors factors = plan.allocateFactors()) {
      assertThatThrownBy(() -> plan.compose(factors, SpectralTable.softThreshold(a), a, 0))
          .hasMessageStartingWith("table.weights: expected FLOAT64 1×2×1");
      assertThatThrownBy(() -> plan.compose(factors, SpectralTable.of(factors.s(), a), a, 0))
          .hasMessageStartingWith("table.slopes: expected FLOAT64 1×2×1");
    }
  }

  private static Host exact(Function f, Host u, double[] s, Host v, Host g) {
    return Reference.spectral(
        u,
        v,
        g,
        (i, j) -> f.difference(s[i], s[j]),
        (i, j) -> f.mean(s[i], s[j]),
        j -> f.mean(s[j], s[j]));
  }

  /**
   * What the gradient is right to: its own size, or, where that is small by chance, the rounding of
   * UᴴGV times the largest factor.
   */
  private static double scale(Function f, double[] s, Host expected, Host g) {
    double largest = 0;
    for (double a : s) {
      for (double b : s) {
        largest = Math.max(largest, Math.max(Math.abs(f.difference(a, b)), Math.abs(f.mean(a, b))));
      }
    }
    return Math.max(expected.norm(), 0.1 * largest * g.norm());
  }

  /** Y itself, and the derivative along a random direction, of matrices with ties. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void agreesWithDifferencesOfTheFunctionOfTheMatrix(Device device, DataType type) {
    boolean single = type.real() == DataType.FLOAT32;
    Random random = new Random(TestDevices.SEED);
    for (Shape shape : List.of(new Shape(4, 4), new Shape(6, 4), new Shape(4, 5))) {
      for (Function f : FUNCTIONS) {
        for (double[] s : new double[][] {{4, 3, 2, 1}, {3, 2, 2, 1}, {2, 2, 2, 2}}) {
          Host u = Host.orthonormal(type, shape.rows(), 4, random);
          Host v = Host.orthonormal(type, shape.columns(), 4, random);
          Host a = u.scaled((i, j) -> s[j]).times(v.adjoint()).rounded(type);
          Host g = Host.random(type, shape.rows(), shape.columns(), random);
          Host direction = Host.random(type, shape.rows(), shape.columns(), random);
          try (Evaluation evaluation = new Evaluation(device, type, shape, f.function)) {
            Host y = evaluation.value(a);
            Host expected = u.scaled((i, j) -> f.value.applyAsDouble(s[j])).times(v.adjoint());
            assertThat(y.minus(expected).norm())
                .as(f.function.toString())
                .isLessThanOrEqualTo(Tolerances.rounding(type, 8) * 4 * (1 + expected.norm()));
            double along = evaluation.gradient(g).dot(direction);
            Host dy = evaluation.pushforward(direction);
            if (!single) {
              double h = 1e-5;
              Host plus = evaluation.value(a.plus(direction.scaled(h)));
              Host minus = evaluation.value(a.minus(direction.scaled(h)));
              assertThat(dy.minus(plus.minus(minus).scaled(0.5 / h)).norm())
                  .as(f.function + " " + shape + " " + Arrays.toString(s))
                  .isLessThan(1e-7 * (1 + direction.norm()));
              assertThat(along)
                  .as(f.function + " " + shape + " " + Arrays.toString(s))
                  .isCloseTo(
                      g.dot(plus.minus(minus)) / (2 * h),
                      within(1e-7 * (1 + g.norm() * direction.norm())));
            }
          }
        }
      }
    }
  }

  /** A plan for one matrix with all that it reads and writes. */
  private static final class Evaluation implements AutoCloseable {
    private final Device device;
    private final SpectralPlan plan;
    private final SpectralFunction function;
    private final OwnedMatrixBatch a;
    private final OwnedMatrixBatch y;
    private final SvdFactors factors;
    private final SvdInfo info;

    Evaluation(Device device, DataType type, Shape shape, SpectralFunction function) {
      this.device = device;
      this.function = function;
      plan = SpectralPlan.create(device, new BatchShape(type, 1, shape.rows(), shape.columns()));
      a = Batch.poisoned(device, type, 1, shape.rows(), shape.columns());
      y = Batch.poisoned(device, type, 1, shape.rows(), shape.columns());
      factors = plan.allocateFactors();
      info = device.allocateInfo(1);
    }

    Host value(Host x) {
      Batch.write(device, a, List.of(x.rounded(a.type())));
      plan.forward(a, function, factors, y, info, 0);
      info.check(0);
      return Batch.download(device, y)[0];
    }

    /** At the matrix before the last value. */
    Host gradient(Host g) {
      Batch.write(device, a, List.of(g));
      plan.backward(factors, function, SpectralCotangents.of(a), y, null, 0);
      return Batch.download(device, y)[0];
    }

    Host pushforward(Host direction) {
      Batch.write(device, a, List.of(direction));
      plan.pushforward(a, function, factors, y, 0);
      return Batch.download(device, y)[0];
    }

    @Override
    public void close() {
      plan.close();
      a.close();
      y.close();
      factors.close();
      info.close();
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void parametersHaveGradients(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    Shape shape = new Shape(5, 3);
    List<Host> matrices = new ArrayList<>();
    List<Host> cotangents = new ArrayList<>();
    // Far from p, where soft-threshold and clip have a kink that differences would average over.
    double p = 0.8;
    double[] s = {1.9, 1.1, 0.3};
    for (int b = 0; b < 3; b++) {
      Host u = Host.orthonormal(type, 5, 3, random);
      Host v = Host.orthonormal(type, 3, 3, random);
      matrices.add(u.scaled((i, j) -> s[j]).times(v.adjoint()));
      cotangents.add(Host.random(type, 5, 3, random));
    }
    for (String name : List.of("soft-threshold", "power", "clip")) {
      double h = type.real() == DataType.FLOAT64 ? 1e-6 : 1e-2;
      try (OwnedMatrixBatch a = Batch.upload(device, type, matrices);
          OwnedMatrixBatch gy = Batch.upload(device, type, cotangents);
          OwnedMatrixBatch y = Batch.poisoned(device, type, 3, 5, 3);
          OwnedMatrixBatch gp = Batch.poisoned(device, type.real(), 3, 1, 1);
          SvdFactors factors = Batch.poisonedFactors(device, type, 3, shape);
          SvdInfo info = device.allocateInfo(3)) {
        Host[][] values = new Host[2][];
        for (int side = 0; side < 2; side++) {
          SpectralFunction f = SpectralFunction.parse(name + "=" + (p + (2 * side - 1) * h));
          try (SpectralPlan plan = SpectralPlan.create(device, new BatchShape(type, 3, 5, 3))) {
            plan.forward(a, f, factors, y, info, 0);
            values[side] = Batch.download(device, y);
          }
        }
        SpectralFunction f = SpectralFunction.parse(name + "=" + p);
        try (SpectralPlan plan = SpectralPlan.create(device, new BatchShape(type, 3, 5, 3))) {
          plan.forward(a, f, factors, y, info, 0);
          plan.backward(factors, f, SpectralCotangents.of(gy), y, gp, 0);
        }
        double[] actual = device.read(gp);
        for (int b = 0; b < 3; b++) {
          Host difference = values[1][b].minus(values[0][b]);
          assertThat(actual[b])
              .as(name)
              .isCloseTo(
                  cotangents.get(b).dot(difference) / (2 * h),
                  within(type.real() == DataType.FLOAT64 ? 1e-7 : 2e-2));
        }
      }
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void anyStridesAndABadNeighbourChangeNothing(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    List<Host> matrices = new ArrayList<>();
    for (int b = 0; b < 3; b++) {
      matrices.add(Host.random(type, 4, 3, random));
    }
    List<Host> bad = new ArrayList<>(matrices);
    bad.set(1, Host.real(4, 3, (i, j) -> Double.NaN));
    try (OwnedMatrixBatch a = Batch.upload(device, type, matrices);
        OwnedMatrixBatch y = Batch.poisoned(device, type, 3, 4, 3);
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 3, 4, 3);
        OwnedMatrixBatch memory = Batch.poisoned(device, type, 1, 1, 300);
        SvdFactors factors = Batch.poisonedFactors(device, type, 3, new Shape(4, 3));
        SvdInfo info = device.allocateInfo(3);
        SpectralPlan plan = SpectralPlan.create(device, new BatchShape(type, 3, 4, 3))) {
      plan.forward(a, SpectralFunction.softThreshold(0.5), factors, y, info, 0);
      plan.backward(
          factors,
          SpectralFunction.softThreshold(0.5),
          SpectralCotangents.of(a),
          gradient,
          null,
          0);
      Host[] expected = Batch.download(device, gradient);
      MatrixBatch strided =
          MatrixBatch.wrap(memory.address(), new BatchShape(type, 3, 4, 3), 2, 9, 60);
      Batch.write(device, a, bad);
      plan.forward(a, SpectralFunction.softThreshold(0.5), factors, y, info, 0);
      assertThat(info.read(0)).containsExactly(0, SvdInfo.NOT_FINITE, 0);
      plan.backward(
          factors, SpectralFunction.softThreshold(0.5), SpectralCotangents.of(a), strided, null, 0);
      Host[] actual = Batch.download(device, strided);
      for (int b : new int[] {0, 2}) {
        assertThat(actual[b].minus(expected[b]).norm())
            .isLessThanOrEqualTo(Tolerances.rounding(type, 4) * expected[b].norm());
      }
      assertThat(actual[1].realParts()).containsOnly(Double.NaN);
      assertThat(Batch.download(device, y)[1].realParts()).containsOnly(Double.NaN);
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void extentsMayBeZeroAndMistakesAreNamed(Device device) {
    DataType type = DataType.FLOAT64;
    for (int[] extents : new int[][] {{0, 3, 2}, {4, 0, 3}, {4, 3, 0}}) {
      Shape shape = new Shape(extents[1], extents[2]);
      try (SpectralPlan plan =
              SpectralPlan.create(
                  device, new BatchShape(type, extents[0], extents[1], extents[2]));
          OwnedMatrixBatch a =
              device.allocate(new BatchShape(type, extents[0], extents[1], extents[2]));
          SvdFactors factors = Batch.poisonedFactors(device, type, extents[0], shape);
          SvdInfo info = device.allocateInfo(extents[0])) {
        plan.forward(a, SpectralFunction.log1p(), factors, a, info, 0);
        plan.backward(factors, SpectralFunction.log1p(), SpectralCotangents.of(a), a, null, 0);
      }
    }
    try (SpectralPlan plan = SpectralPlan.create(device, new BatchShape(type, 1, 3, 2));
        OwnedMatrixBatch a = Batch.poisoned(device, type, 1, 3, 2);
        OwnedMatrixBatch square = Batch.poisoned(device, type, 1, 3, 3);
        SvdFactors factors = Batch.poisonedFactors(device, type, 1, new Shape(3, 2));
        SvdInfo info = device.allocateInfo(1)) {
      assertThatThrownBy(() -> plan.forward(a, SpectralFunction.sqrt(), factors, square, info, 0))
          .hasMessageStartingWith("y: expected FLOAT64 1×3×2");
      assertThatThrownBy(
              () ->
                  plan.backward(
                      factors, SpectralFunction.sqrt(), SpectralCotangents.of(square), a, null, 0))
          .hasMessageStartingWith("cotangents.y: expected");
      assertThatThrownBy(
              () ->
                  plan.backward(
                      factors, SpectralFunction.sqrt(), SpectralCotangents.of(a), a, square, 0))
          .hasMessageStartingWith("parameterGradient: expected");
    }
  }

  /** Values at or below the cut are as good as zero, forward, backward and for the parameter. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void whatIsAtOrBelowTheCutIsZero(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    double byDefault = 6 * type.epsilon();
    List<SpectralFunction> functions = new ArrayList<>();
    for (SpectralFunction steep :
        List.of(
            SpectralFunction.sqrt(),
            SpectralFunction.log(),
            SpectralFunction.power(0.5),
            SpectralFunction.power(-0.5))) {
      functions.add(steep);
      functions.add(steep.withCut(0.25));
    }
    functions.add(SpectralFunction.log1p().withCut(0.25));
    functions.add(SpectralFunction.reciprocal(0.25));
    functions.add(SpectralFunction.polar(0.25));
    Host u = Host.orthonormal(type, 6, 4, random);
    Host v = Host.orthonormal(type, 4, 4, random);
    Host g = Host.random(type, 6, 4, random);
    for (SpectralFunction function : functions) {
      double cut = function.hasDefaultCut() ? byDefault : 0.25;
      double[] small = {8, 3, 8 * cut, 8 * cut * 0.75};
      double[] zero = {8, 3, 0, 0};
      assertThat(results(device, type, function, u, small, v, g))
          .as(function + " seed " + TestDevices.SEED)
          .isEqualTo(results(device, type, function, u, zero, v, g));
      double[] above = {8, 3, 8 * cut * (1 + 2 * type.epsilon()), 0};
      assertThat(results(device, type, function, u, above, v, g))
          .as(function + " seed " + TestDevices.SEED)
          .isNotEqualTo(results(device, type, function, u, zero, v, g));
    }
  }

  /** ∂L/∂A and ∂L/∂p at U S Vᴴ, and f(diag(S, 0, 0)). */
  private static List<Double> results(
      Device device, DataType type, SpectralFunction function, Host u, double[] s, Host v, Host g) {
    try (SpectralPlan plan = SpectralPlan.create(device, new BatchShape(type, 1, 6, 4));
        OwnedMatrixBatch gy = Batch.upload(device, type, List.of(g));
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 1, 6, 4);
        OwnedMatrixBatch gp = Batch.poisoned(device, type.real(), 1, 1, 1);
        EighPlan eigh = EighPlan.create(device, new BatchShape(type, 1, 6, 6));
        OwnedMatrixBatch y = Batch.poisoned(device, type, 1, 6, 6);
        OwnedMatrixBatch values =
            Batch.upload(
                device, type.real(), List.of(Host.real(6, 1, (i, j) -> i < 4 ? s[i] : 0)));
        OwnedMatrixBatch vectors =
            Batch.upload(device, type, List.of(Host.real(6, 6, (i, j) -> i == j ? 1 : 0)));
        SvdFactors factors =
            new SvdFactors(
                Batch.upload(device, type, List.of(u)),
                Batch.upload(device, type.real(), List.of(Host.real(4, 1, (i, j) -> s[i]))),
                Batch.upload(device, type, List.of(v)))) {
      plan.backward(factors, function, SpectralCotangents.of(gy), gradient, gp, 0);
      eigh.compose(new EighFactors(values, vectors), function, y, 0);
      List<Double> all = new ArrayList<>();
      for (OwnedMatrixBatch each : List.of(gradient, gp, y)) {
        Arrays.stream(device.read(each)).forEach(all::add);
      }
      return all;
    }
  }

  @Test
  void functionsKnowTheirCut() {
    assertThat(SpectralFunction.sqrt().hasDefaultCut()).isTrue();
    assertThat(SpectralFunction.power(0.5).hasDefaultCut()).isTrue();
    assertThat(SpectralFunction.power(1).hasDefaultCut()).isFalse();
    assertThat(SpectralFunction.log().withCut(0).hasDefaultCut()).isFalse();
    assertThat(SpectralFunction.sqrt().withCut(1e-3)).hasToString("sqrt with cut 0.001");
    assertThat(SpectralFunction.sqrt().withCut(1e-3))
        .isEqualTo(SpectralFunction.sqrt().withCut(1e-3))
        .isNotEqualTo(SpectralFunction.sqrt());
    assertThatThrownBy(() -> SpectralFunction.polar(0.1).withCut(0))
        .hasMessage("function: the cut of polar is its parameter");
    assertThatThrownBy(() -> SpectralFunction.sqrt().withCut(-1))
        .hasMessage("cut: expected a finite number of at least 0, got -1.0");
  }

  @Test
  void namesAndParametersAreRead() {
    assertThat(SpectralFunction.parse("soft-threshold=0.5")).hasToString("soft-threshold=0.5");
    assertThat(SpectralFunction.parse("log1p")).hasToString("log1p");
    assertThatThrownBy(() -> SpectralFunction.parse("log1p=1"))
        .hasMessageContaining("no parameter");
    assertThatThrownBy(() -> SpectralFunction.parse("power")).hasMessageContaining("needs a");
    assertThatThrownBy(() -> SpectralFunction.parse("clip=x")).hasMessageContaining("a number");
    assertThatThrownBy(() -> SpectralFunction.parse("exp")).hasMessageContaining("soft-threshold");
    assertThatThrownBy(() -> SpectralFunction.softThreshold(-1)).hasMessageContaining("at least 0");
  }
}
