package io.github.diffsvd.contract;

import static io.github.diffsvd.contract.Tolerances.rounding;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.FMatrix;
import io.github.diffsvd.GradientRule;
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
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What every {@link GradientRule} does, against the formulas as they were published. */
@Tag("gpu")
class RulesContractTest {
  private static final List<String> NAMES = List.of(GradientRule.names().split(", "));

  /** Square, tall and wide, in both tiers on every device. */
  private static final List<Shape> SHAPES =
      List.of(
          new Shape(1, 1), new Shape(6, 6), new Shape(9, 5), new Shape(5, 9), new Shape(70, 66));

  private static final List<Spectrum> SPECTRA =
      List.of(
          Spectrum.DISTINCT,
          Spectrum.PAIR,
          Spectrum.TRIPLE,
          Spectrum.ALL_EQUAL,
          Spectrum.RANK_HALF,
          Spectrum.GAP_1E3,
          Spectrum.GAP_1E5);

  static Stream<Arguments> rules() {
    return TestDevices.devicesAndTypes()
        .flatMap(
            pair -> NAMES.stream().map(name -> Arguments.of(pair.get()[0], pair.get()[1], name)));
  }

  @ParameterizedTest(name = "{0} {1} {2}", autoCloseArguments = false)
  @MethodSource("rules")
  void backwardFollowsThePublishedFormula(Device device, DataType type, String name) {
    boolean single = type.real() == DataType.FLOAT32;
    for (Shape shape : SHAPES) {
      for (Spectrum spectrum : SPECTRA) {
        boolean ties = spectrum != Spectrum.DISTINCT;
        // Single precision cannot have the squares that the reference is written with; at a tie
        // `exact` has no value.
        if (name.equals("moore-penrose") || (ties && (single || name.equals("exact")))) {
          continue;
        }
        assertFormula(device, type, name, shape, spectrum);
      }
    }
  }

  private static void assertFormula(
      Device device, DataType type, String name, Shape shape, Spectrum spectrum) {
    Random random = new Random(TestDevices.SEED);
    int k = shape.k();
    Host u = Host.orthonormal(type, shape.rows(), k, random).rounded(type);
    Host v = Host.orthonormal(type, shape.columns(), k, random).rounded(type);
    double[] s = spectrum.values(type, k, random);
    Host gu = Host.random(type, shape.rows(), k, random);
    Host gv = Host.random(type, shape.columns(), k, random);
    double[] gs = Host.random(type.real(), k, 1, random).realParts();
    Reference.Rule rule = Reference.rule(name, s);
    Host expected = Reference.pullback(u, s, v, gu, gs, gv, rule);
    try (SvdFactors factors =
            new SvdFactors(
                Batch.upload(device, type, List.of(u)),
                Batch.upload(device, type.real(), List.of(Host.real(k, 1, (i, j) -> s[i]))),
                Batch.upload(device, type, List.of(v)));
        OwnedMatrixBatch guBatch = Batch.upload(device, type, List.of(gu));
        OwnedMatrixBatch gvBatch = Batch.upload(device, type, List.of(gv));
        OwnedMatrixBatch gsBatch =
            Batch.upload(device, type.real(), List.of(Host.real(k, 1, (i, j) -> gs[i])));
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 1, shape.rows(), shape.columns());
        SvdPlan plan =
            SvdPlan.create(
                device,
                new BatchShape(type, 1, shape.rows(), shape.columns()),
                SvdOptions.defaults().withRule(ruleInDouble(name)))) {
      plan.backward(factors, new SvdCotangents(guBatch, gsBatch, gvBatch), gradient, 0);
      Host actual = Batch.download(device, gradient)[0];
      double scale = rule.largest(s) * (gu.norm() + gv.norm()) + Host.diagonal(gs).norm();
      // A square loses the digits of a small gap that the reference squares too.
      double lost = spectrum == Spectrum.DISTINCT ? 16 : 1e6;
      assertThat(actual.minus(expected).norm())
          .as(name + " " + shape + " " + spectrum)
          .isLessThanOrEqualTo(
              lost * rounding(type, Math.max(shape.rows(), shape.columns())) * scale);
    }
  }

  /** The rule with the parameter that the reference has, whatever the type. */
  private static GradientRule ruleInDouble(String name) {
    return name.equals("lorentzian")
        ? GradientRule.lorentzian(Math.pow(Math.ulp(1.0), 0.75))
        : GradientRule.parse(name);
  }

  /** A code that a kernel does not know gives NaN. */
  @ParameterizedTest(name = "{0} {1} {2}", autoCloseArguments = false)
  @MethodSource("rules")
  void everyRuleHasACaseInTheKernels(Device device, DataType type, String name) {
    DataType real = type.real();
    try (OwnedMatrixBatch s =
            Batch.upload(device, real, List.of(Host.real(2, 1, (i, j) -> 2 - i)));
        OwnedMatrixBatch gap = Batch.poisoned(device, real, 1, 2, 2)) {
      FMatrix.create(device, new BatchShape(real, 1, 2, 2), GradientRule.parse(name)).gap(s, gap);
      assertThat(device.read(gap)[1])
          .as("with_rule in gradient_rules.cuh has no case for the code of " + name)
          .isNotNaN();
    }
  }

  @ParameterizedTest(name = "{0} {1} {2}", autoCloseArguments = false)
  @MethodSource("rules")
  void factorsAreFiniteForEveryFiniteSpectrum(Device device, DataType type, String name) {
    if (type.isComplex() || name.equals("exact")) {
      return;
    }
    boolean single = type == DataType.FLOAT32;
    double largest = single ? Float.MAX_VALUE : Double.MAX_VALUE;
    double normal = single ? Float.MIN_NORMAL : Double.MIN_NORMAL;
    double least = single ? Float.MIN_VALUE : Double.MIN_VALUE;
    double[] values = {
      largest,
      largest / 2,
      1e30,
      1e20,
      3,
      1,
      1,
      1 - type.epsilon(),
      1e-8,
      1e-15,
      1e-16,
      1e-30,
      2 * normal,
      normal,
      normal / 2,
      3 * least,
      least,
      0,
      0
    };
    List<Host> spectra = new ArrayList<>();
    for (int from = 0; from < values.length; from++) {
      for (int to = from; to < values.length; to++) {
        double[] three = {values[from], values[(from + to) / 2], values[to]};
        spectra.add(Host.real(3, 1, (i, j) -> three[i]).rounded(type));
      }
    }
    int batch = spectra.size();
    try (OwnedMatrixBatch s = Batch.upload(device, type, spectra);
        OwnedMatrixBatch gap = Batch.poisoned(device, type, batch, 3, 3);
        OwnedMatrixBatch sum = Batch.poisoned(device, type, batch, 3, 3)) {
      FMatrix matrix =
          FMatrix.create(device, new BatchShape(type, batch, 3, 3), GradientRule.parse(name));
      matrix.gap(s, gap);
      matrix.sum(s, sum);
      for (OwnedMatrixBatch factor : List.of(gap, sum)) {
        double[] actual = device.read(factor);
        for (int i = 0; i < actual.length; i++) {
          assertThat(actual[i])
              .as(name + " for " + Arrays.toString(spectra.get(i / 9).realParts()))
              .isFinite();
        }
      }
    }
  }

  /**
   * The published example, L = sum(U (S + 0.1) Vᵀ) of [[2, 4], [−4, 2]], with values that are equal
   * bit for bit, as they were in single precision there; the true gradient is 1.01789, 0.99106,
   * 1.00894, 1.01789.
   */
  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void svdInvGivesThePublishedNumbers(Device device) {
    double r = Math.sqrt(20);
    Host v = Host.real(2, 2, (i, j) -> i == j ? 1 : 0);
    Host u = Host.real(2, 2, (i, j) -> new double[] {2, 4, -4, 2}[2 * i + j] / r);
    Host ones = Host.real(2, 2, (i, j) -> 1);
    double[] s = {r, r};
    // gU = G V (S + 0.1), gV = Gᴴ U (S + 0.1), gS = diag(Uᴴ G V).
    Host gu = ones.times(v).scaled(r + 0.1);
    Host gv = ones.adjoint().times(u).scaled(r + 0.1);
    Host p = u.adjoint().times(ones).times(v);
    assertThat(svdInvGradient(device, u, s, v, new Host[] {gu, p, gv}))
        .containsExactly(new double[] {1.02683, 0.99553, 1.01342, 1.00894}, within(1e-5));
  }

  /**
   * The same with the factors that NumPy gives in double precision, whose values differ in the last
   * bit. F is then 1e14, and the published numbers are what rounding leaves: of every product of
   * the formula, and of P, which has a fused multiply-add where the processor has one.
   */
  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void svdInvRoundsAsPublished(Device device) {
    double[] s = {0x1.1e3779b97f4a8p+2, 0x1.1e3779b97f4a7p+2};
    double[] uElements = {
      -0x1.c9f25c5bfedd8p-2, 0x1.c9f25c5bfedd8p-1, 0x1.c9f25c5bfedd8p-1, 0x1.c9f25c5bfeddcp-2
    };
    Host u = Host.real(2, 2, (i, j) -> uElements[2 * i + j]);
    Host v = Host.diagonal(new double[] {-1, 1});
    Host ones = Host.real(2, 2, (i, j) -> 1);
    Host gu = ones.times(v).scaled((i, j) -> s[j] + 0.1);
    Host gv = ones.times(u).scaled((i, j) -> s[j] + 0.1);
    Host gs = u.adjoint().times(ones).times(v);
    double f = 1 / (s[1] * s[1] - s[0] * s[0]);
    List<double[]> published = new ArrayList<>();
    for (boolean fused : new boolean[] {true, false}) {
      Host p =
          Host.real(
              2,
              2,
              (i, j) ->
                  fused
                      ? Math.fma(u.re(1, i), gu.re(1, j), u.re(0, i) * gu.re(0, j))
                      : u.re(1, i) * gu.re(1, j) + u.re(0, i) * gu.re(0, j));
      Host q = v.times(gv);
      double dp = p.re(0, 1) - p.re(1, 0);
      double dq = q.re(0, 1) - q.re(1, 0);
      double above = f * dp * s[1] + s[0] * (f * dq);
      double below = f * dp * s[0] + s[1] * (f * dq);
      double[] m = {gs.re(0, 0), above, below, gs.re(1, 1)};
      published.add(u.times(Host.real(2, 2, (i, j) -> m[2 * i + j])).times(v).realParts());
    }
    assertThat(published.get(0))
        .containsExactly(new double[] {0.24721, 0.97639, 0.62361, 1.04721}, within(1e-5));
    double[] actual = svdInvGradient(device, u, s, v, new Host[] {gu, gs, gv});
    assertThat(published)
        .as(Arrays.toString(actual))
        .anySatisfy(expected -> assertThat(actual).containsExactly(expected, within(1e-9)));
  }

  /**
   * Of one 2×2 matrix.
   *
   * @param cotangents of U, of S on a diagonal, and of V
   */
  private static double[] svdInvGradient(
      Device device, Host u, double[] s, Host v, Host[] cotangents) {
    DataType type = DataType.FLOAT64;
    Host gs = Host.real(2, 1, (i, j) -> cotangents[1].re(i, i));
    try (SvdFactors factors =
            new SvdFactors(
                Batch.upload(device, type, List.of(u)),
                Batch.upload(device, type, List.of(Host.real(2, 1, (i, j) -> s[i]))),
                Batch.upload(device, type, List.of(v)));
        OwnedMatrixBatch guBatch = Batch.upload(device, type, List.of(cotangents[0]));
        OwnedMatrixBatch gsBatch = Batch.upload(device, type, List.of(gs));
        OwnedMatrixBatch gvBatch = Batch.upload(device, type, List.of(cotangents[2]));
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 1, 2, 2);
        SvdPlan plan =
            SvdPlan.create(
                device,
                new BatchShape(type, 1, 2, 2),
                SvdOptions.defaults().withRule(GradientRule.svdInv()))) {
      plan.backward(factors, new SvdCotangents(guBatch, gsBatch, gvBatch), gradient, 0);
      return device.read(gradient);
    }
  }

  /** Moore–Penrose is the pseudoinverse of each pair's 2×2 system, nothing else. */
  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void moorePenroseIsThePseudoinverseOfThePairEquations(Device device) {
    Random random = new Random(TestDevices.SEED);
    List<Host> spectra = new ArrayList<>();
    for (int b = 0; b < 200; b++) {
      double first = 1 + random.nextDouble();
      double second = b % 4 == 0 ? first : b % 4 == 1 ? 0 : first * random.nextDouble();
      spectra.add(Host.real(2, 1, (i, j) -> i == 0 ? first : second));
    }
    try (OwnedMatrixBatch s = Batch.upload(device, DataType.FLOAT64, spectra);
        OwnedMatrixBatch gap = Batch.poisoned(device, DataType.FLOAT64, 200, 2, 2);
        OwnedMatrixBatch sum = Batch.poisoned(device, DataType.FLOAT64, 200, 2, 2)) {
      FMatrix matrix =
          FMatrix.create(
              device, new BatchShape(DataType.FLOAT64, 200, 2, 2), GradientRule.moorePenrose());
      matrix.gap(s, gap);
      matrix.sum(s, sum);
      double[] g = device.read(gap);
      double[] h = device.read(sum);
      for (int b = 0; b < 200; b++) {
        double si = spectra.get(b).re(0, 0);
        double sj = spectra.get(b).re(1, 0);
        double determinant = (sj - si) * (sj + si);
        // The inverse, or for the symmetric matrix of rank one A/‖A‖².
        double norm = 2 * (si * si + sj * sj);
        double diagonal = si == sj ? sj / norm : sj / determinant;
        double other = si == sj ? -si / norm : si / determinant;
        // With the eigenvectors (1, 1) and (1, −1).
        double scale = Math.abs(diagonal) + Math.abs(other);
        assertThat((g[4 * b + 1] + h[4 * b + 1]) / 2).isCloseTo(diagonal, within(1e-13 * scale));
        assertThat((g[4 * b + 1] - h[4 * b + 1]) / 2).isCloseTo(other, within(1e-13 * scale));
      }
    }
  }

  @Test
  void namesAndParametersAreRead() {
    for (String name : NAMES) {
      assertThat(GradientRule.parse(name)).hasToString(name);
    }
    assertThat(GradientRule.parse("clip=100")).hasToString("clip=100.0");
    assertThat(GradientRule.parse("taylor=3")).hasToString(GradientRule.taylor(3).toString());
    assertThatThrownBy(() -> GradientRule.parse("taylor=2.5"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> GradientRule.parse("svd-inv=1"))
        .hasMessage("rule: svd-inv has no parameter, got svd-inv=1");
    assertThatThrownBy(() -> GradientRule.clip(-1)).hasMessageStartingWith("limit: expected");
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void aMatrixOfNaNHasNoFiniteGradientUnderAnyRule(Device device) {
    for (String name : NAMES) {
      try (OwnedMatrixBatch a =
              Batch.upload(
                  device, DataType.FLOAT64, List.of(Host.real(3, 3, (i, j) -> Double.NaN)));
          SvdInfo info = device.allocateInfo(1);
          OwnedMatrixBatch gradient = Batch.poisoned(device, DataType.FLOAT64, 1, 3, 3);
          SvdPlan plan =
              SvdPlan.create(
                  device,
                  new BatchShape(DataType.FLOAT64, 1, 3, 3),
                  SvdOptions.defaults().withRule(GradientRule.parse(name)));
          SvdFactors factors = plan.allocateFactors()) {
        plan.forward(a, factors, info, 0);
        plan.backward(
            factors, new SvdCotangents(factors.u(), factors.s(), factors.v()), gradient, 0);
        assertThat(device.read(gradient)).as(name).containsOnly(Double.NaN);
      }
    }
  }
}
