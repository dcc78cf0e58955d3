package io.github.diffsvd.contract;

import static io.github.diffsvd.contract.Tolerances.denormal;
import static io.github.diffsvd.contract.Tolerances.rounding;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdNotConvergedException;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.contract.TestDevices.Case;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link SvdPlan#forward} promises, on every device. */
@Tag("gpu")
class ForwardContractTest {
  private static final int BATCH = 3;

  @ParameterizedTest(name = "{0}")
  @MethodSource("io.github.diffsvd.contract.TestDevices#cases")
  void decomposes(Case c) {
    decomposes(c, SvdAlgorithm.AUTO);
  }

  static Stream<Case> jacobiCases() {
    return TestDevices.cases().filter(c -> c.shape().k() <= 64);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("jacobiCases")
  void jacobiDecomposes(Case c) {
    assumeTrue(hasRoomForJacobi(c), "more scratch than the GPU's shared memory");
    decomposes(c, SvdAlgorithm.JACOBI);
  }

  static Stream<Case> golubKahanCases() {
    return jacobiCases()
        .filter(c -> c.device().name().startsWith("cpu"))
        .filter(c -> Math.max(c.shape().rows(), c.shape().columns()) <= 256);
  }

  @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
  @MethodSource("golubKahanCases")
  void golubKahanDecomposes(Case c) {
    decomposes(c, SvdAlgorithm.GOLUB_KAHAN);
  }

  /** Complex doubles of many columns have not on every GPU. */
  private static boolean hasRoomForJacobi(Case c) {
    if (c.type() != DataType.COMPLEX128 || c.device().name().startsWith("cpu")) {
      return true;
    }
    try {
      plan(c, SvdAlgorithm.JACOBI).close();
      return true;
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining("bytes of scratch");
      return false;
    }
  }

  private static SvdPlan plan(Case c, SvdAlgorithm algorithm) {
    return SvdPlan.create(
        c.device(),
        new BatchShape(c.type(), BATCH, c.shape().rows(), c.shape().columns()),
        SvdOptions.defaults().withAlgorithm(algorithm));
  }

  private static void decomposes(Case c, SvdAlgorithm algorithm) {
    decomposes(c, algorithm, 1);
  }

  /**
   * @param loss how many times more than rounding an algorithm may lose
   */
  private static void decomposes(Case c, SvdAlgorithm algorithm, double loss) {
    Random random = c.random();
    DataType type = c.type();
    int k = c.shape().k();
    List<double[]> spectra = new ArrayList<>();
    List<Host> matrices = new ArrayList<>();
    for (int b = 0; b < BATCH; b++) {
      double[] s = c.spectrum().values(type, k, random);
      Host u = Host.orthonormal(type, c.shape().rows(), k, random);
      Host v = Host.orthonormal(type, c.shape().columns(), k, random);
      spectra.add(s);
      matrices.add(u.scaled((i, j) -> s[j]).times(v.adjoint()).rounded(type));
    }
    try (OwnedMatrixBatch a = Batch.upload(c.device(), type, matrices);
        SvdFactors factors = Batch.poisonedFactors(c.device(), type, BATCH, c.shape());
        SvdInfo info = c.device().allocateInfo(BATCH);
        SvdPlan plan = plan(c, algorithm)) {
      plan.forward(a, factors, info, 0);
      info.check(0);
      Host[] u = Batch.download(c.device(), factors.u());
      Host[] s = Batch.download(c.device(), factors.s());
      Host[] v = Batch.download(c.device(), factors.v());
      Host[] after = Batch.download(c.device(), a);
      for (int b = 0; b < BATCH; b++) {
        assertThat(after[b].values())
            .as("the input is not changed")
            .isEqualTo(matrices.get(b).values());
        assertDecomposition(type, matrices.get(b), u[b], s[b].realParts(), v[b], loss);
        double tolerance = loss * rounding(type, k) * spectra.get(b)[0] + 4 * k * denormal(type);
        assertThat(s[b].realParts())
            .as("singular values")
            .containsExactly(spectra.get(b), within(tolerance));
      }
    }
  }

  static void assertDecomposition(DataType type, Host a, Host u, double[] s, Host v) {
    assertDecomposition(type, a, u, s, v, 1);
  }

  private static void assertDecomposition(
      DataType type, Host a, Host u, double[] s, Host v, double loss) {
    double tolerance = loss * rounding(type, Math.max(a.rows(), a.columns()));
    int k = s.length;
    Host identity = Host.real(k, k, (i, j) -> i == j ? 1 : 0);
    assertThat(u.adjoint().times(u).minus(identity).norm()).as("‖UᴴU − I‖").isLessThan(tolerance);
    assertThat(v.adjoint().times(v).minus(identity).norm()).as("‖VᴴV − I‖").isLessThan(tolerance);
    for (int i = 0; i < k; i++) {
      assertThat(s[i])
          .as("s is descending and not negative")
          .isBetween(0.0, i == 0 ? Double.MAX_VALUE : s[i - 1]);
    }
    double residual = u.scaled((i, j) -> s[j]).times(v.adjoint()).minus(a).norm();
    assertThat(residual)
        .as("‖A − U S Vᴴ‖")
        .isLessThanOrEqualTo(
            tolerance * a.norm() + 8 * k * a.rows() * a.columns() * denormal(type));
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void everyAlgorithmDecomposesOrSaysThatItIsNotThere(Device device, DataType type) {
    for (SvdAlgorithm algorithm : SvdAlgorithm.values()) {
      // It goes through AᴴA, and loses the square of the condition.
      double loss = algorithm == SvdAlgorithm.GESVDA_BATCHED ? 1e2 * 1e2 : 1;
      for (Shape shape :
          List.of(new Shape(3, 3), new Shape(20, 9), new Shape(9, 20), new Shape(40, 40))) {
        try {
          decomposes(new Case(device, type, shape, Spectrum.ALL_EQUAL), algorithm);
          decomposes(new Case(device, type, shape, Spectrum.GEOMETRIC_1E2), algorithm, loss);
        } catch (IllegalArgumentException e) {
          assertThat(e)
              .hasMessageStartingWith("algorithm: ")
              .hasMessageContaining(algorithm.name());
          assertThat(algorithm).isNotEqualTo(SvdAlgorithm.AUTO);
        }
      }
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void matrixThatIsNotFiniteIsMarkedAndItsNeighboursAreUntouched(Device device, DataType type) {
    double[] intruders = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    for (Shape shape :
        List.of(
            new Shape(1, 1),
            new Shape(4, 4),
            new Shape(7, 5),
            new Shape(5, 7),
            new Shape(40, 34))) {
      for (double intruder : intruders) {
        Random random = new Random(TestDevices.SEED);
        List<Host> clean = new ArrayList<>();
        for (int b = 0; b < 5; b++) {
          clean.add(Host.random(type, shape.rows(), shape.columns(), random));
        }
        List<Host> dirty = new ArrayList<>(clean);
        Host broken = clean.get(2).scaled(1);
        int at = random.nextInt(shape.rows() * shape.columns());
        broken.values()[2 * at + (type.isComplex() ? 1 : 0)] = intruder;
        dirty.set(2, broken);
        try (OwnedMatrixBatch a = Batch.upload(device, type, clean);
            SvdFactors expected = Batch.poisonedFactors(device, type, 5, shape);
            SvdFactors factors = Batch.poisonedFactors(device, type, 5, shape);
            SvdInfo info = device.allocateInfo(5);
            SvdPlan plan =
                SvdPlan.create(device, new BatchShape(type, 5, shape.rows(), shape.columns()))) {
          plan.forward(a, expected, info, 0);
          info.check(0);
          Batch.write(device, a, dirty);
          plan.forward(a, factors, info, 0);
          assertThat(info.read(0)).containsExactly(0, 0, SvdInfo.NOT_FINITE, 0, 0);
          assertThatThrownBy(() -> info.check(0))
              .isInstanceOfSatisfying(
                  SvdNotConvergedException.class,
                  e -> {
                    assertThat(e.notFinite()).containsExactly(2);
                    assertThat(e.notConverged()).isEmpty();
                  });
          assertNeighboursEqual(
              Batch.download(device, expected.u()), Batch.download(device, factors.u()), type);
          assertNeighboursEqual(
              Batch.download(device, expected.s()),
              Batch.download(device, factors.s()),
              type.real());
          assertNeighboursEqual(
              Batch.download(device, expected.v()), Batch.download(device, factors.v()), type);
        }
      }
    }
  }

  private static void assertNeighboursEqual(Host[] expected, Host[] actual, DataType type) {
    for (int b = 0; b < expected.length; b++) {
      if (b != 2) {
        assertThat(actual[b].values()).as("matrix " + b).isEqualTo(expected[b].values());
      }
    }
    double[] parts = type.isComplex() ? actual[2].values() : actual[2].realParts();
    assertThat(Arrays.stream(parts).allMatch(Double::isNaN)).as("all NaN").isTrue();
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void anyStridesGiveTheSameBits(Device device, DataType type) {
    Shape shape = new Shape(6, 4);
    Random random = new Random(TestDevices.SEED);
    List<Host> matrices = List.of(Host.random(type, 6, 4, random), Host.random(type, 6, 4, random));
    try (OwnedMatrixBatch packed = Batch.upload(device, type, matrices);
        OwnedMatrixBatch memory = Batch.poisoned(device, type, 1, 1, 200);
        OwnedMatrixBatch uMemory = Batch.poisoned(device, type, 1, 1, 200);
        OwnedMatrixBatch vMemory = Batch.poisoned(device, type, 1, 1, 200);
        OwnedMatrixBatch sMemory = Batch.poisoned(device, type.real(), 1, 1, 40);
        SvdFactors expected = Batch.poisonedFactors(device, type, 2, shape);
        SvdInfo info = device.allocateInfo(2);
        SvdPlan plan = SvdPlan.create(device, new BatchShape(type, 2, 6, 4))) {
      plan.forward(packed, expected, info, 0);
      MatrixBatch a = MatrixBatch.wrap(memory.address(), new BatchShape(type, 2, 6, 4), 3, 20, 100);
      Batch.write(device, a, matrices);
      SvdFactors factors =
          new SvdFactors(
              MatrixBatch.wrapColumnMajor(uMemory.address(), new BatchShape(type, 2, 6, 4)),
              MatrixBatch.wrap(sMemory.address(), new BatchShape(type.real(), 2, 4, 1), 3, 1, 15),
              MatrixBatch.wrap(vMemory.address(), new BatchShape(type, 2, 4, 4), 9, 2, 50));
      plan.forward(a, factors, info, 0);
      assertThat(device.read(factors.u())).isEqualTo(device.read(expected.u()));
      assertThat(device.read(factors.s())).isEqualTo(device.read(expected.s()));
      assertThat(device.read(factors.v())).isEqualTo(device.read(expected.v()));
      long written = Arrays.stream(device.read(sMemory)).filter(x -> !Double.isNaN(x)).count();
      assertThat(written).as("nothing is written between the strides").isEqualTo(8);
      written = Arrays.stream(device.read(vMemory)).filter(x -> !Double.isNaN(x)).count();
      assertThat(written)
          .as("nothing is written between the strides")
          .isEqualTo(32L * (type.isComplex() ? 2 : 1));
    }
  }
}
