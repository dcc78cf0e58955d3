package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What {@link SvdPlan#forward} promises, for matrices with a structure: repeated rows and columns,
 * entries of very different size, very tall ones.
 */
@Tag("gpu")
class StructuredContractTest {
  private interface Draw {
    Host of(DataType type, Random random);
  }

  private static Host gaussian(DataType type, int rows, int columns, Random random) {
    return Host.random(type, rows, columns, random);
  }

  /** Entry (i, j) of the result is entry (i / down, j / right). */
  private static Host enlarged(Host x, int down, int right) {
    Host result = Host.zeros(x.rows() * down, x.columns() * right);
    for (int i = 0; i < result.rows(); i++) {
      for (int j = 0; j < result.columns(); j++) {
        result.set(i, j, x.re(i / down, j / right), x.im(i / down, j / right));
      }
    }
    return result;
  }

  private static Host pixels(int rows, int columns, Random random) {
    return Host.real(rows, columns, (i, j) -> random.nextInt(256));
  }

  /** Rows in another order. */
  private static Host permuted(Host x, Random random) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, x.rows()).boxed().toList());
    Collections.shuffle(order, random);
    Host result = Host.zeros(x.rows(), x.columns());
    for (int i = 0; i < x.rows(); i++) {
      for (int j = 0; j < x.columns(); j++) {
        result.set(i, j, x.re(order.get(i), j), x.im(order.get(i), j));
      }
    }
    return result;
  }

  /** Entries of 10^±30 in single precision, 10^±250 in double. */
  private static Host mixedSizes(DataType type, int rows, int columns, Random random) {
    double range = type.real() == DataType.FLOAT32 ? 30 : 250;
    Host phases = Host.random(type, rows, columns, random);
    return phases
        .scaled((i, j) -> Math.pow(10, range * (2 * random.nextDouble() - 1)))
        .rounded(type);
  }

  /** [tiny·(0.6 + 0.8i), 1, 0]ᵀ. */
  private static Host leadingTiny(double tiny) {
    Host result = Host.zeros(3, 1);
    result.set(0, 0, 0.6 * tiny, 0.8 * tiny);
    result.set(1, 0, 1, 0);
    return result;
  }

  /** Of every complex number the part that the type has. */
  private static Host of(DataType type, Host x) {
    return type.isComplex()
        ? x.rounded(type)
        : Host.real(x.rows(), x.columns(), x::re).rounded(type);
  }

  private static Host constant(DataType type, int rows, int columns, double re, double im) {
    Host result = Host.zeros(rows, columns);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        result.set(i, j, re, im);
      }
    }
    return of(type, result);
  }

  private record Kind(String name, int batch, Draw draw) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final List<Kind> KINDS =
      List.of(
          new Kind("rows twice 24×24", 256, (t, r) -> enlarged(gaussian(t, 12, 24, r), 2, 1)),
          new Kind("rows twice 32×32", 256, (t, r) -> enlarged(gaussian(t, 16, 32, r), 2, 1)),
          new Kind("rows twice 36×40", 64, (t, r) -> enlarged(gaussian(t, 18, 40, r), 2, 1)),
          new Kind("columns twice 30×32", 256, (t, r) -> enlarged(gaussian(t, 30, 16, r), 1, 2)),
          new Kind("pictures 4 times 32×32", 256, (t, r) -> enlarged(pixels(8, 8, r), 4, 4)),
          new Kind(
              "permuted copies 32×32",
              256,
              (t, r) -> permuted(enlarged(gaussian(t, 8, 32, r), 4, 1), r)),
          new Kind("rows twice 64×64", 16, (t, r) -> enlarged(gaussian(t, 32, 64, r), 2, 1)),
          new Kind("ones 33000×2", 1, (t, r) -> constant(t, 33_000, 2, 1, 0)),
          new Kind("constant 20000×2", 1, (t, r) -> constant(t, 20_000, 2, 1.99, 1.99)),
          new Kind("tiny first 1e-29", 5, (t, r) -> of(t, leadingTiny(1e-29))),
          new Kind("tiny first 1e-220", 5, (t, r) -> of(t, leadingTiny(1e-220))),
          new Kind("mixed sizes 37×9", 64, (t, r) -> mixedSizes(t, 37, 9, r)),
          new Kind("mixed sizes 40×6", 64, (t, r) -> mixedSizes(t, 40, 6, r)),
          new Kind("mixed sizes 6×40", 64, (t, r) -> mixedSizes(t, 6, 40, r)),
          new Kind("companion 30 alone", 1, (t, r) -> of(t, companion())),
          new Kind("companion 30 in eight", 8, (t, r) -> of(t, companion())));

  static Stream<Arguments> cases() {
    return TestDevices.devicesAndTypes()
        .flatMap(
            both -> KINDS.stream().map(kind -> Arguments.of(both.get()[0], both.get()[1], kind)));
  }

  @ParameterizedTest(name = "{0} {1} {2}", autoCloseArguments = false)
  @MethodSource("cases")
  void decomposes(Device device, DataType type, Kind kind) {
    Random random = new Random(TestDevices.SEED);
    List<Host> matrices =
        Stream.generate(() -> kind.draw.of(type, random)).limit(kind.batch).toList();
    for (SvdAlgorithm algorithm :
        List.of(SvdAlgorithm.AUTO, SvdAlgorithm.JACOBI, SvdAlgorithm.GOLUB_KAHAN)) {
      try {
        decomposes(device, type, matrices, algorithm);
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageStartingWith("algorithm: ").hasMessageContaining(algorithm.name());
      }
    }
  }

  private static void decomposes(
      Device device, DataType type, List<Host> matrices, SvdAlgorithm algorithm) {
    int batch = matrices.size();
    Shape shape = new Shape(matrices.get(0).rows(), matrices.get(0).columns());
    try (OwnedMatrixBatch a = Batch.upload(device, type, matrices);
        SvdFactors factors = Batch.poisonedFactors(device, type, batch, shape);
        SvdInfo info = device.allocateInfo(batch);
        SvdPlan plan =
            SvdPlan.create(
                device,
                new BatchShape(type, batch, shape.rows(), shape.columns()),
                SvdOptions.defaults().withAlgorithm(algorithm))) {
      plan.forward(a, factors, info, 0);
      assertThat(info.read(0)).as(algorithm + " info").containsOnly(0);
      Host[] u = Batch.download(device, factors.u());
      Host[] s = Batch.download(device, factors.s());
      Host[] v = Batch.download(device, factors.v());
      double bound =
          type.epsilon() * Tolerances.decomposition(shape.k(), isLibrary(device, algorithm));
      for (int b = 0; b < batch; b++) {
        String what = algorithm + " matrix " + b + ": ";
        double[] values = s[b].realParts();
        Host all = matrices.get(b);
        assertThat(orthogonality(u[b])).as(what + "UᴴU − I").isLessThan(bound);
        assertThat(orthogonality(v[b])).as(what + "VᴴV − I").isLessThan(bound);
        Host rest = u[b].scaled((i, j) -> values[j]).times(v[b].adjoint()).minus(all);
        assertThat(rest.norm() / all.norm()).as(what + "‖A − U S Vᴴ‖").isLessThan(bound);
      }
    }
  }

  /** The largest entry of |QᴴQ − I|. */
  private static double orthogonality(Host q) {
    Host turned = q.scaled((i, j) -> 1);
    for (int i = 0; i < q.rows(); i++) {
      for (int j = 0; j < q.columns(); j++) {
        turned.set(i, j, q.im(i, j), -q.re(i, j));
      }
    }
    double worst = 0;
    for (int i = 0; i < q.columns(); i++) {
      for (int j = 0; j <= i; j++) {
        double re = columnProduct(q, i, q, j, i == j ? -1 : 0);
        double im = i == j ? 0 : columnProduct(q, i, turned, j, 0);
        worst = Math.max(worst, Math.hypot(re, im));
      }
    }
    return worst;
  }

  /**
   * start + Re ⟨x_i, y_j⟩, in twice the precision: a plain sum over 33,000 equal rows loses more
   * than the bound allows. Ogita, Rump and Oishi, Accurate sum and dot product, Dot2.
   */
  private static double columnProduct(Host x, int i, Host y, int j, double start) {
    double sum = start;
    double rest = 0;
    for (int row = 0; row < x.rows(); row++) {
      for (int part = 0; part < 2; part++) {
        double left = part == 0 ? x.re(row, i) : x.im(row, i);
        double right = part == 0 ? y.re(row, j) : y.im(row, j);
        double product = left * right;
        double next = sum + product;
        double back = next - sum;
        rest += Math.fma(left, right, -product) + ((sum - (next - back)) + (product - back));
        sum = next;
      }
    }
    return sum + rest;
  }

  /** AUTO is this library's own way on the CPU, and cuSOLVER on a GPU. */
  private static boolean isLibrary(Device device, SvdAlgorithm algorithm) {
    return algorithm == SvdAlgorithm.AUTO && !device.name().equals("cpu");
  }

  /** The companion matrix of the Taylor polynomial of exp: 28 of its 30 values are 1. */
  private static Host companion() {
    int n = 30;
    double[] c = new double[n + 1];
    c[n] = 1;
    for (int i = n - 1; i >= 0; i--) {
      c[i] = c[i + 1] / (n - i);
    }
    return Host.real(n, n, (i, j) -> i == 0 ? -c[j + 1] / c[0] : i == j + 1 ? 1 : 0);
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void companionHasItsValuesAloneAndInABatch(Device device) {
    for (SvdAlgorithm algorithm : List.of(SvdAlgorithm.JACOBI, SvdAlgorithm.AUTO)) {
      double[] alone = companionValues(device, 1, algorithm);
      if (alone.length > 0) {
        for (int i = 1; i < 29; i++) {
          assertThat(alone[i]).as(algorithm + " " + i).isCloseTo(1, within(1e-12));
        }
        assertThat(alone[29]).as(algorithm + " 29").isCloseTo(0.6623264148718884, within(1e-12));
        double[] eight = companionValues(device, 8, algorithm);
        assertThat(Arrays.copyOfRange(eight, 5 * 30, 6 * 30)).isEqualTo(alone);
      }
    }
  }

  /** Empty where AUTO is another library, which promises no digit of values that small. */
  private static double[] companionValues(Device device, int batch, SvdAlgorithm algorithm) {
    List<Host> matrices = Collections.nCopies(batch, companion());
    SvdOptions options = SvdOptions.defaults().withAlgorithm(algorithm);
    try (OwnedMatrixBatch a = Batch.upload(device, DataType.FLOAT64, matrices);
        SvdInfo info = device.allocateInfo(batch);
        SvdPlan plan =
            SvdPlan.create(device, new BatchShape(DataType.FLOAT64, batch, 30, 30), options);
        SvdFactors factors = plan.allocateFactors()) {
      if (algorithm == SvdAlgorithm.AUTO && !plan.toString().contains("forward svd_")) {
        return new double[0];
      }
      plan.forward(a, factors, info, 0);
      info.check(0);
      return device.read(factors.s());
    }
  }
}
