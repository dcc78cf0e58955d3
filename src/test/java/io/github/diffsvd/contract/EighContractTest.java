package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.EighCotangents;
import io.github.diffsvd.EighFactors;
import io.github.diffsvd.EighPlan;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdNotConvergedException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link EighPlan} promises, on every device. */
@Tag("gpu")
class EighContractTest {
  private static final double[][] SPECTRA = {
    {4, 3, 2, 1},
    {3, 2, 2, 1},
    {2, 2, 2, 2},
    {3, 2, 1e-3, 1e-5},
    {2, 2, 1, 0},
    {1, 0, 0, 0},
    {0, 0, 0, 0}
  };

  /** A function with its value and derivative, written down once more. */
  private record Function(
      SpectralFunction function, DoubleUnaryOperator value, DoubleUnaryOperator slope) {
    double difference(double a, double b) {
      return a == b
          ? slope.applyAsDouble(a)
          : (value.applyAsDouble(a) - value.applyAsDouble(b)) / (a - b);
    }
  }

  private static final List<Function> FUNCTIONS =
      List.of(
          new Function(SpectralFunction.sqrt(), Math::sqrt, s -> s == 0 ? 0 : 0.5 / Math.sqrt(s)),
          new Function(
              SpectralFunction.power(-0.5),
              s -> s == 0 ? 0 : 1 / Math.sqrt(s),
              s -> s == 0 ? 0 : -0.5 / s / Math.sqrt(s)),
          new Function(
              SpectralFunction.power(1.7), s -> Math.pow(s, 1.7), s -> 1.7 * Math.pow(s, 0.7)),
          new Function(
              SpectralFunction.log(), s -> s == 0 ? 0 : Math.log(s), s -> s == 0 ? 0 : 1 / s));

  private static Host hermitian(Host matrix) {
    return matrix.plus(matrix.adjoint()).scaled(0.5);
  }

  private static Host matrix(DataType type, double[] values, Random random) {
    Host u = Host.orthonormal(type, values.length, values.length, random);
    return hermitian(u.scaled((i, j) -> values[j]).times(u.adjoint())).rounded(type);
  }

  /** A plan for one matrix with all its operands. */
  private record Bench(
      Device device,
      DataType type,
      EighPlan plan,
      OwnedMatrixBatch a,
      OwnedMatrixBatch values,
      OwnedMatrixBatch vectors,
      SvdInfo info)
      implements AutoCloseable {
    static Bench of(Device device, DataType type, Host a) {
      int n = a.rows();
      return new Bench(
          device,
          type,
          EighPlan.create(device, new BatchShape(type, 1, n, n)),
          Batch.upload(device, type, List.of(a)),
          Batch.poisoned(device, type.real(), 1, n, 1),
          Batch.poisoned(device, type, 1, n, n),
          device.allocateInfo(1));
    }

    Bench forward() {
      plan.forward(a, new EighFactors(values, vectors), info, 0);
      return this;
    }

    Host vectorsOnHost() {
      return Batch.download(device, vectors)[0];
    }

    Host apply(SpectralFunction function) {
      plan.compose(new EighFactors(values, vectors), function, a, 0);
      return Batch.download(device, a)[0];
    }

    Host pullBack(SpectralFunction function, Host gy) {
      try (OwnedMatrixBatch given = Batch.upload(device, type, List.of(gy))) {
        plan.backward(
            new EighFactors(values, vectors), function, SpectralCotangents.of(given), a, null, 0);
        return Batch.download(device, a)[0];
      }
    }

    @Override
    public void close() {
      plan.close();
      a.close();
      values.close();
      vectors.close();
      info.close();
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void decomposesAndComposes(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    double tolerance = 200 * type.epsilon();
    for (double[] spectrum : SPECTRA) {
      Host a = matrix(type, spectrum, random);
      try (Bench bench = Bench.of(device, type, a).forward()) {
        assertThat(bench.info.read(0)).containsOnly(SvdInfo.OK);
        double[] values = device.read(bench.values);
        assertThat(values).containsExactly(spectrum, within(tolerance * (1 + spectrum[0])));
        Host u = bench.vectorsOnHost();
        assertThat(u.adjoint().times(u).minus(Host.diagonal(new double[] {1, 1, 1, 1})).norm())
            .isLessThan(tolerance);
        Host product = u.scaled((i, j) -> values[j]).times(u.adjoint());
        assertThat(product.minus(a).norm()).isLessThan(tolerance * (1 + spectrum[0]));
        Host root = bench.apply(SpectralFunction.sqrt());
        assertThat(root.times(root).minus(a).norm()).isLessThan(tolerance * (1 + spectrum[0]));
      }
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void refusesWhatIsNotPositiveSemiDefinite(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    double[][] indefinite = {
      {3, 2, 1, -2},
      {2, 2, -2, -2},
      {1, 1e-2, 0, -1e-2},
      {-1, -1, -1, -1},
      {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, -2},
      {-3}
    };
    for (double[] spectrum : indefinite) {
      try (Bench bench = Bench.of(device, type, matrix(type, spectrum, random)).forward()) {
        assertThat(bench.info.read(0))
            .as(Arrays.toString(spectrum))
            .containsOnly(SvdInfo.NOT_POSITIVE);
        assertThat(device.read(bench.values)).containsOnly(Double.NaN);
        assertThat(device.read(bench.vectors)).containsOnly(Double.NaN);
        assertThatThrownBy(() -> bench.info.check(0))
            .isInstanceOf(SvdNotConvergedException.class)
            .hasMessageContaining("not positive semi-definite: [0]");
      }
    }
  }

  /** What is not symmetric beyond rounding, with a good neighbour. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void refusesWhatIsNotHermitian(Device device, DataType type) {
    double small = 1e3 * type.epsilon();
    double[][] rows = {
      {1, 1, -1, 1}, {2, 1, 0, 2}, {2, 1, 0, 3}, {1, 0.1, -0.1, 1}, {1, 10, 0, 1}, {1, small, 0, 1}
    };
    for (double[] row : rows) {
      Host a = Host.real(2, 2, (i, j) -> row[2 * i + j]);
      Host good = Host.real(2, 2, (i, j) -> i == j ? 1 : type.epsilon() * i);
      try (EighPlan plan = EighPlan.create(device, new BatchShape(type, 2, 2, 2));
          OwnedMatrixBatch batch = Batch.upload(device, type, List.of(a, good));
          OwnedMatrixBatch values = Batch.poisoned(device, type.real(), 2, 2, 1);
          OwnedMatrixBatch vectors = Batch.poisoned(device, type, 2, 2, 2);
          SvdInfo info = device.allocateInfo(2)) {
        plan.forward(batch, new EighFactors(values, vectors), info, 0);
        assertThat(info.read(0))
            .as(Arrays.toString(row))
            .containsExactly(SvdInfo.NOT_HERMITIAN, SvdInfo.OK);
        double[] lambda = device.read(values);
        assertThat(Arrays.copyOf(lambda, 2)).containsOnly(Double.NaN);
        assertThat(lambda[3]).isCloseTo(1, within(4 * type.epsilon()));
        assertThatThrownBy(() -> info.check(0)).hasMessageContaining("not Hermitian: [0]");
      }
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void aDiagonalThatIsNotRealIsNotHermitian(Device device) {
    Host a = Host.diagonal(new double[] {1, 2});
    a.set(0, 0, 1, 0.5);
    try (Bench bench = Bench.of(device, DataType.COMPLEX128, a).forward()) {
      assertThat(bench.info.read(0)).containsOnly(SvdInfo.NOT_HERMITIAN);
    }
  }

  /**
   * A covariance of 64 channels over 49 positions has 15 eigenvalues that are rounding alone. The
   * functions that are steep at 0 take them for 0, and give the gradient of the exact matrix.
   */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void eigenvaluesThatAreRoundingCountAsZero(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    int n = 64;
    int rank = 49;
    double[] spectrum = new double[n];
    Arrays.setAll(spectrum, i -> i < rank ? 4 - 3.5 * i / rank : 0);
    Host u = Host.orthonormal(type, n, n, random);
    Host rounding = hermitian(Host.random(type, n, n, random)).scaled(8 * type.epsilon());
    Host a = u.scaled((i, j) -> spectrum[j]).times(u.adjoint()).plus(rounding).rounded(type);
    Host gy = Host.random(type, n, n, random);
    for (Function f : FUNCTIONS) {
      if (f.function.equals(SpectralFunction.power(1.7))) {
        continue;
      }
      Host expectedY = u.scaled((i, j) -> f.value.applyAsDouble(spectrum[j])).times(u.adjoint());
      Host expected =
          u.times(
                  u.adjoint()
                      .times(hermitian(gy))
                      .times(u)
                      .scaled((i, j) -> f.difference(spectrum[i], spectrum[j])))
              .times(u.adjoint());
      double tolerance = 1e4 * type.epsilon();
      try (Bench bench = Bench.of(device, type, a).forward()) {
        assertThat(bench.apply(f.function).minus(expectedY).norm())
            .as(f.function + " seed " + TestDevices.SEED)
            .isLessThan(tolerance * expectedY.norm());
        assertThat(bench.pullBack(f.function, gy).minus(expected).norm())
            .as("gradient of " + f.function + " seed " + TestDevices.SEED)
            .isLessThan(tolerance * expected.norm());
      }
    }
  }

  /** Against the formula, at ties and where the rank drops. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void functionsHaveExactGradients(Device device, DataType type) {
    boolean single = type.real() == DataType.FLOAT32;
    Random random = new Random(TestDevices.SEED);
    for (double[] spectrum : SPECTRA) {
      Host a = matrix(type, spectrum, random);
      Host gy = Host.random(type, 4, 4, random);
      for (Function f : FUNCTIONS) {
        Host u = Host.orthonormal(type, 4, 4, random).rounded(type);
        Host s = Host.real(4, 1, (i, j) -> spectrum[i]).rounded(type);
        try (Bench bench = Bench.of(device, type, a)) {
          Batch.write(device, bench.vectors, List.of(u));
          Batch.write(device, bench.values, List.of(s));
          Host expected =
              u.times(
                      u.adjoint()
                          .times(hermitian(gy))
                          .times(u)
                          .scaled((i, j) -> f.difference(s.re(i, 0), s.re(j, 0))))
                  .times(u.adjoint());
          Host actual = bench.pullBack(f.function, gy);
          assertThat(actual.minus(expected).norm())
              .as(f.function + " " + Arrays.toString(spectrum))
              .isLessThanOrEqualTo((single ? 2e-5 : 1e-12) * (expected.norm() + 1e-3 * gy.norm()));
          assertThat(actual.minus(actual.adjoint()).norm())
              .isLessThanOrEqualTo((single ? 1e-6 : 1e-14) * actual.norm());
        }
      }
    }
  }

  /** The loss Re⟨W, U diag(w) Uᴴ⟩ + ⟨g, λ⟩ of distinct eigenvalues. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void backwardMatchesDifferences(Device device, DataType type) {
    if (type.real() == DataType.FLOAT32) {
      return;
    }
    Random random = new Random(TestDevices.SEED);
    Host a = matrix(type, SPECTRA[0], random);
    Host direction = hermitian(Host.random(type, 4, 4, random));
    Host w = hermitian(Host.random(type, 4, 4, random));
    Host weights = Host.random(type.real(), 4, 1, random);
    Host gradient;
    try (Bench bench = Bench.of(device, type, a).forward();
        OwnedMatrixBatch gValues = Batch.upload(device, type.real(), List.of(weights));
        OwnedMatrixBatch gVectors =
            Batch.upload(
                device,
                type,
                List.of(w.times(bench.vectorsOnHost()).scaled((i, j) -> 2.0 * (j + 1))))) {
      bench.plan.backward(
          new EighFactors(bench.values, bench.vectors),
          new EighCotangents(gValues, gVectors),
          bench.a,
          0);
      gradient = Batch.download(device, bench.a)[0];
    }
    double h = 1e-6;
    double slope =
        (loss(device, type, a.plus(direction.scaled(h)), w, weights)
                - loss(device, type, a.minus(direction.scaled(h)), w, weights))
            / (2 * h);
    assertThat(gradient.dot(direction))
        .isCloseTo(slope, within(Tolerances.DIFFERENCES * (1 + Math.abs(slope))));
    assertThat(gradient.minus(gradient.adjoint()).norm()).isLessThan(1e-13 * gradient.norm());
  }

  private static double loss(Device device, DataType type, Host a, Host w, Host weights) {
    try (Bench bench = Bench.of(device, type, a).forward()) {
      Host u = bench.vectorsOnHost();
      double[] values = device.read(bench.values);
      double sum = u.scaled((i, j) -> j + 1).times(u.adjoint()).dot(w);
      for (int i = 0; i < 4; i++) {
        sum += weights.re(i, 0) * values[i];
      }
      return sum;
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void mistakesAreNamedAndNothingIsAllRight(Device device) {
    DataType type = DataType.FLOAT64;
    try (Bench bench = Bench.of(device, type, Host.zeros(3, 3));
        OwnedMatrixBatch wrong = Batch.poisoned(device, type, 1, 3, 2)) {
      assertThatThrownBy(
              () ->
                  bench.plan.backward(
                      new EighFactors(bench.values, bench.vectors),
                      new EighCotangents(null, wrong),
                      bench.a,
                      0))
          .hasMessageStartingWith("cotangents.vectors: expected FLOAT64 1×3×3");
      bench.plan.close();
      assertThatThrownBy(
              () ->
                  bench.plan.backward(
                      new EighFactors(bench.values, bench.vectors),
                      new EighCotangents(null, bench.a),
                      bench.a,
                      0))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(
              () ->
                  bench.plan.backward(
                      new EighFactors(bench.values, bench.vectors),
                      SpectralFunction.sqrt(),
                      SpectralCotangents.of(bench.a),
                      bench.a,
                      null,
                      0))
          .isInstanceOf(IllegalStateException.class);
    }
    try (EighPlan plan = EighPlan.create(device, new BatchShape(type, 0, 3, 3));
        OwnedMatrixBatch a = device.allocate(new BatchShape(type, 0, 3, 3));
        OwnedMatrixBatch values = device.allocate(new BatchShape(type, 0, 3, 1));
        SvdInfo info = device.allocateInfo(0)) {
      plan.forward(a, new EighFactors(values, a), info, 0);
      plan.backward(new EighFactors(values, a), new EighCotangents(null, a), a, 0);
    }
  }
}
