package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.TruncatedPullbackPlan;
import io.github.diffsvd.Truncation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link TruncatedPullbackPlan} against the pullback that knows all factors. */
@Tag("gpu")
class TruncatedContractTest {
  private static final GradientRule RULE = GradientRule.moorePenrose();

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void agreesWithThePullbackThatKnowsTheRest(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    boolean single = type.real() == DataType.FLOAT32;
    for (Shape shape : new Shape[] {new Shape(9, 9), new Shape(12, 7), new Shape(6, 11)}) {
      for (int rank : new int[] {1, 3, shape.k()}) {
        for (double tail : new double[] {0.8, 0}) {
          // Kept: 2 … 1; the rest falls from `tail`.
          double[] s = new double[shape.k()];
          Arrays.setAll(s, i -> i < rank ? 2 - i / (double) rank : tail / (1 + i - rank));
          Host u = Host.orthonormal(type, shape.rows(), shape.k(), random);
          Host v = Host.orthonormal(type, shape.columns(), shape.k(), random);
          Host a = u.scaled((i, j) -> s[j]).times(v.adjoint()).rounded(type);
          for (int subset : new int[] {1, 4, 7}) {
            agrees(device, type, a, rank, subset, random, single ? 1e-4 : 1e-11);
          }
        }
      }
    }
  }

  /** 2^±80 in single precision, where squares of what has A's scale are not representable. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void doesNotDependOnTheScale(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    boolean single = type.real() == DataType.FLOAT32;
    double[] s = {2, 1.5, 0.7, 0.3, 0.1};
    Host a =
        Host.orthonormal(type, 7, 5, random)
            .scaled((i, j) -> s[j])
            .times(Host.orthonormal(type, 5, 5, random).adjoint());
    for (double scale : new double[] {0x1p-80, 0x1p80}) {
      agrees(device, type, a.scaled(scale).rounded(type), 2, 5, random, single ? 1e-4 : 1e-11);
    }
  }

  /** Cotangents whose squares are not representable. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void isLinearInTheCotangents(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    double scale = type.real() == DataType.FLOAT32 ? 0x1p-90 : 0x1p-700;
    Host a = matrix(type, new double[] {2, 1.5, 0.7, 0.3, 0.1}, random);
    Host gu = Host.random(type, 7, 2, random);
    Host gv = Host.random(type, 5, 2, random);
    Host expected = gradients(device, type, List.of(a), List.of(gu), List.of(gv), 40)[0];
    List<Host> smallU = List.of(gu.scaled(scale).rounded(type));
    List<Host> smallV = List.of(gv.scaled(scale).rounded(type));
    Host actual = gradients(device, type, List.of(a), smallU, smallV, 40)[0];
    assertThat(actual.scaled(1 / scale).minus(expected).norm())
        .as("seed " + TestDevices.SEED)
        .isLessThan(100 * type.epsilon() * expected.norm());
  }

  /**
   * Conjugate gradients that run on after they have converged diverge, for some of these matrices
   * within 1000 steps. The seed is theirs.
   */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void moreStepsThanAreNeededChangeNothing(Device device, DataType type) {
    Random random = new Random(2);
    List<Host> a = new ArrayList<>();
    List<Host> gu = new ArrayList<>();
    List<Host> gv = new ArrayList<>();
    for (int b = 0; b < 100; b++) {
      a.add(Host.random(type, 8, 8, random));
      gu.add(Host.random(type, 8, 2, random));
      gv.add(Host.random(type, 8, 2, random));
    }
    Host[] few = gradients(device, type, a, gu, gv, 25);
    for (int iterations : new int[] {100, 1000}) {
      Host[] more = gradients(device, type, a, gu, gv, iterations);
      for (int b = 0; b < more.length; b++) {
        assertThat(more[b].minus(few[b]).norm())
            .as(iterations + " steps, matrix " + b)
            .isLessThan((type.real() == DataType.FLOAT32 ? 1e-3 : 1e-8) * few[b].norm());
      }
    }
  }

  private static Host matrix(DataType type, double[] s, Random random) {
    return Host.orthonormal(type, 7, 5, random)
        .scaled((i, j) -> s[j])
        .times(Host.orthonormal(type, 5, 5, random).adjoint())
        .rounded(type);
  }

  /** Those of a loss of the leading columns, as many as gu has. */
  private static Host[] gradients(
      Device device, DataType type, List<Host> a, List<Host> gu, List<Host> gv, int iterations) {
    int count = a.size();
    int rows = a.get(0).rows();
    int columns = a.get(0).columns();
    int rank = gu.get(0).columns();
    try (OwnedMatrixBatch batch = Batch.upload(device, type, a);
        SvdPlan svd = SvdPlan.create(device, new BatchShape(type, count, rows, columns));
        SvdFactors factors = svd.allocateFactors();
        SvdInfo info = device.allocateInfo(count);
        OwnedMatrixBatch left = Batch.upload(device, type, gu);
        OwnedMatrixBatch right = Batch.upload(device, type, gv);
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, count, rows, columns);
        TruncatedPullbackPlan plan =
            TruncatedPullbackPlan.create(
                device,
                new BatchShape(type, count, rows, columns),
                rank,
                SvdOptions.defaults().withRule(RULE),
                iterations)) {
      svd.forward(batch, factors, info, 0);
      SvdCotangents cotangents = new SvdCotangents(left, null, right);
      plan.backward(batch, factors.leading(rank), cotangents, gradient, null, 0);
      return Batch.download(device, gradient);
    }
  }

  /** Nothing is kept, so nothing depends on A. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void rankZeroHasAGradientOfZero(Device device, DataType type) {
    for (Shape shape : new Shape[] {new Shape(6, 5), new Shape(5, 6), new Shape(90, 80)}) {
      try (SvdPlan svd =
              SvdPlan.create(device, new BatchShape(type, 2, shape.rows(), shape.columns()));
          SvdFactors factors = Batch.poisonedFactors(device, type, 2, shape);
          OwnedMatrixBatch a = Batch.poisoned(device, type, 2, shape.rows(), shape.columns());
          OwnedMatrixBatch full = Batch.poisoned(device, type, 2, shape.rows(), shape.columns());
          SvdInfo info = device.allocateInfo(2);
          TruncatedPullbackPlan plan =
              TruncatedPullbackPlan.create(
                  device,
                  new BatchShape(type, 2, shape.rows(), shape.columns()),
                  0,
                  SvdOptions.defaults().withRule(RULE),
                  25)) {
        Batch.write(
            device,
            a,
            List.of(
                Host.real(shape.rows(), shape.columns(), (i, j) -> i + 2 * j),
                Host.real(shape.rows(), shape.columns(), (i, j) -> i - j)));
        svd.forward(a, factors, info, 0);
        SvdFactors none = factors.leading(0);
        SvdCotangents cotangents = new SvdCotangents(none.u(), none.s(), none.v());
        svd.backward(factors, cotangents, full, 0);
        assertThat(Arrays.stream(device.read(full))).as("full " + shape).allMatch(x -> x == 0);
        plan.backward(a, none, cotangents, a, null, 0);
        assertThat(Arrays.stream(device.read(a))).as("truncated " + shape).allMatch(x -> x == 0);
      }
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void ranksAreChosenByToleranceAndByEnergy(Device device) {
    double nan = Double.NaN;
    double[] huge = {1e300, 1e300, 1e299, 0};
    List<Host> spectra = new ArrayList<>();
    for (double[] s :
        new double[][] {{4, 2, 1, 0.5}, {3, 3, 0.1, 0}, {nan, nan, nan, nan}, {0, 0, 0, 0}, huge}) {
      spectra.add(Host.real(4, 1, (i, j) -> s[i]));
    }
    try (OwnedMatrixBatch s = Batch.upload(device, DataType.FLOAT64, spectra)) {
      Truncation loose = Truncation.byTolerance(device, s, 0.3, 0);
      assertThat(loose.rank()).isEqualTo(2);
      assertThat(loose.errors())
          .usingComparatorWithPrecision(1e-14)
          .containsExactly(Math.sqrt(1.25), 0.1, nan, 0, 1e299);
      assertThat(Truncation.byTolerance(device, s, 0, 0).rank()).isEqualTo(4);
      assertThat(Truncation.byTolerance(device, s, 1, 0).rank()).isZero();
      // 20/21.25 of the first matrix, 18/18.01 of the second.
      assertThat(Truncation.byEnergy(device, s, 0.94, 0).rank()).isEqualTo(2);
      assertThat(Truncation.byEnergy(device, s, 0.95, 0).rank()).isEqualTo(3);
      assertThat(Truncation.byEnergy(device, s, 1, 0).rank()).isEqualTo(4);
      assertThat(Truncation.byEnergy(device, s, 0, 0).rank()).isZero();
      assertThat(Truncation.toRank(device, s, 4, 0).errors()).containsExactly(0, 0, nan, 0, 0);
      assertThatThrownBy(() -> Truncation.toRank(device, s, 5, 0))
          .hasMessage("rank: expected 0 … 4, got 5");
      assertThatThrownBy(() -> Truncation.byEnergy(device, s, 1.5, 0))
          .hasMessage("share: expected 0 … 1, got 1.5");
      assertThatThrownBy(() -> Truncation.byTolerance(device, s, Double.NaN, 0))
          .hasMessage("tolerance: expected a number of at least 0, got NaN");
    }
  }

  private static void agrees(
      Device device, DataType type, Host a, int rank, int subset, Random random, double tolerance) {
    int rows = a.rows();
    int columns = a.columns();
    try (OwnedMatrixBatch batch =
            Batch.upload(device, type, List.of(a, a.scaled(2).rounded(type)));
        SvdPlan svd = SvdPlan.create(device, new BatchShape(type, 2, rows, columns));
        SvdFactors factors = svd.allocateFactors();
        SvdInfo info = device.allocateInfo(2);
        OwnedMatrixBatch gu = upload(device, type, rows, rank, random);
        OwnedMatrixBatch gs = upload(device, type.real(), rank, 1, random);
        OwnedMatrixBatch gv = upload(device, type, columns, rank, random);
        OwnedMatrixBatch expected = Batch.poisoned(device, type, 2, rows, columns);
        OwnedMatrixBatch actual = Batch.poisoned(device, type, 2, rows, columns);
        OwnedMatrixBatch residuals = Batch.poisoned(device, type.real(), 2, rank, 1);
        TruncatedPullbackPlan plan =
            TruncatedPullbackPlan.create(
                device,
                new BatchShape(type, 2, rows, columns),
                rank,
                SvdOptions.defaults().withRule(RULE),
                25)) {
      svd.forward(batch, factors, info, 0);
      SvdCotangents cotangents =
          new SvdCotangents(
              (subset & 1) == 0 ? null : gu,
              (subset & 2) == 0 ? null : gs,
              (subset & 4) == 0 ? null : gv);
      svd.backward(factors, cotangents, expected, 0);
      plan.backward(batch, factors.leading(rank), cotangents, actual, residuals, 0);
      assertThat(Arrays.stream(device.read(residuals)).max().orElseThrow()).isLessThan(tolerance);
      Host[] right = Batch.download(device, expected);
      Host[] ours = Batch.download(device, actual);
      for (int b = 0; b < 2; b++) {
        assertThat(ours[b].minus(right[b]).norm())
            .as(rows + "×" + columns + " rank " + rank + " cotangents " + subset)
            .isLessThan(tolerance * (Math.min(1, right[b].norm()) + right[b].norm()));
      }
    }
  }

  private static OwnedMatrixBatch upload(
      Device device, DataType type, int rows, int columns, Random random) {
    return Batch.upload(
        device,
        type,
        List.of(
            Host.random(type, rows, columns, random), Host.random(type, rows, columns, random)));
  }

  /** Where the first discarded value equals the last kept one there is no gradient. */
  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void residualsTellWhereTheCutIsThroughATie(Device device) {
    DataType type = DataType.FLOAT64;
    Random random = new Random(TestDevices.SEED);
    Host u = Host.orthonormal(type, 6, 5, random);
    Host v = Host.orthonormal(type, 5, 5, random);
    Host a = u.scaled((i, j) -> j < 3 ? 2 : 1).times(v.adjoint());
    // Outside the two kept vectors it lies along the third that is tied with them.
    Host g = u.times(Host.real(5, 2, (i, j) -> i < 3 ? random.nextGaussian() : 0));
    try (OwnedMatrixBatch batch = Batch.upload(device, type, List.of(a));
        SvdPlan svd = SvdPlan.create(device, new BatchShape(type, 1, 6, 5));
        SvdFactors factors = svd.allocateFactors();
        SvdInfo info = device.allocateInfo(1);
        OwnedMatrixBatch gu = Batch.upload(device, type, List.of(g));
        OwnedMatrixBatch residuals = Batch.poisoned(device, type, 1, 2, 1);
        TruncatedPullbackPlan plan =
            TruncatedPullbackPlan.create(
                device,
                new BatchShape(type, 1, 6, 5),
                2,
                SvdOptions.defaults().withRule(RULE),
                30)) {
      svd.forward(batch, factors, info, 0);
      SvdCotangents cotangents = new SvdCotangents(gu, null, null);
      plan.backward(batch, factors.leading(2), cotangents, batch, residuals, 0);
      // What the smallest curvature that a step is taken for allows.
      assertThat(Batch.download(device, batch)[0].norm())
          .isLessThan(1 / Math.pow(type.epsilon(), 0.75));
      assertThat(Arrays.stream(device.read(residuals)).max().orElseThrow()).isGreaterThan(0.5);
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void mistakesAreNamed(Device device) {
    DataType type = DataType.FLOAT64;
    assertThatThrownBy(
            () ->
                TruncatedPullbackPlan.create(
                    device,
                    new BatchShape(type, 1, 4, 3),
                    4,
                    SvdOptions.defaults().withRule(RULE),
                    1))
        .hasMessage("rank: expected at most 3, got 4");
    try (TruncatedPullbackPlan plan =
            TruncatedPullbackPlan.create(
                device, new BatchShape(type, 1, 4, 3), 2, SvdOptions.defaults().withRule(RULE), 1);
        OwnedMatrixBatch a = Batch.poisoned(device, type, 1, 4, 3);
        SvdFactors factors = Batch.poisonedFactors(device, type, 1, new Shape(4, 3))) {
      SvdCotangents none = new SvdCotangents(null, null, null);
      assertThatThrownBy(() -> plan.backward(a, factors, none, a, null, 0))
          .hasMessageStartingWith("factors.u: expected FLOAT64 1×4×2");
      SvdCotangents wrong = new SvdCotangents(factors.u(), null, null);
      assertThatThrownBy(() -> plan.backward(a, factors.leading(2), wrong, a, null, 0))
          .hasMessageStartingWith("cotangents.u: expected FLOAT64 1×4×2");
    }
  }
}
