package io.github.diffsvd.contract;

import static io.github.diffsvd.contract.Tolerances.DIFFERENCES;
import static io.github.diffsvd.contract.Tolerances.rounding;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.contract.TestDevices.Case;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link SvdPlan#backward} promises, on every device. */
@Tag("gpu")
class BackwardContractTest {
  private static final int BATCH = 2;
  private static final double TOLERANCE = 1e-9;

  /** Factors with a chosen spectrum, exact up to rounding, and random cotangents. */
  private record Problem(Host u, double[] s, Host v, Host gu, double[] gs, Host gv) {
    static Problem random(Case c, Random random) {
      int k = c.shape().k();
      DataType type = c.type();
      return new Problem(
          Host.orthonormal(type, c.shape().rows(), k, random).rounded(type),
          c.spectrum().values(type, k, random),
          Host.orthonormal(type, c.shape().columns(), k, random).rounded(type),
          Host.random(type, c.shape().rows(), k, random),
          Host.random(type.real(), k, 1, random).realParts(),
          Host.random(type, c.shape().columns(), k, random));
    }
  }

  /**
   * The gradients that the cotangents of U, S and V give, each alone: those of several are their
   * sum. The sizes scale the tolerance.
   */
  private record Parts(Host byU, double sizeU, Host byS, double sizeS, Host byV, double sizeV) {
    /** Of the first {@code rank} columns of the cotangents. */
    static List<Parts> of(Case c, List<Problem> problems, int rank) {
      return problems.stream().map(x -> of(c, x, rank)).toList();
    }

    private static Parts of(Case c, Problem x, int rank) {
      var rule = new Reference.MoorePenrose(c.type(), TOLERANCE, x.s);
      Host.Entry kept = (i, j) -> j < rank ? 1 : 0;
      Host gu = x.gu.scaled(kept);
      Host gv = x.gv.scaled(kept);
      double[] gs = Arrays.copyOf(Arrays.copyOf(x.gs, rank), x.gs.length);
      return new Parts(
          Reference.pullback(x.u, x.s, x.v, gu, null, null, rule),
          rule.largest() * gu.norm(),
          Reference.pullback(x.u, x.s, x.v, null, gs, null, rule),
          Host.diagonal(gs).norm(),
          Reference.pullback(x.u, x.s, x.v, null, null, gv, rule),
          rule.largest() * gv.norm());
    }
  }

  /** U, S, V and their cotangents on the device. */
  private record Operands(
      SvdFactors factors, OwnedMatrixBatch gu, OwnedMatrixBatch gs, OwnedMatrixBatch gv)
      implements AutoCloseable {
    static Operands upload(Device device, DataType type, List<Problem> problems) {
      return new Operands(
          new SvdFactors(
              Batch.upload(device, type, problems.stream().map(Problem::u).toList()),
              column(device, type, problems.stream().map(Problem::s)),
              Batch.upload(device, type, problems.stream().map(Problem::v).toList())),
          Batch.upload(device, type, problems.stream().map(Problem::gu).toList()),
          column(device, type, problems.stream().map(Problem::gs)),
          Batch.upload(device, type, problems.stream().map(Problem::gv).toList()));
    }

    private static OwnedMatrixBatch column(Device device, DataType type, Stream<double[]> columns) {
      return Batch.upload(
          device, type.real(), columns.map(s -> Host.real(s.length, 1, (i, j) -> s[i])).toList());
    }

    @Override
    public void close() {
      factors.close();
      gu.close();
      gs.close();
      gv.close();
    }
  }

  private static SvdPlan plan(Case c, int batch) {
    SvdOptions options = SvdOptions.defaults().withRule(GradientRule.moorePenrose(TOLERANCE));
    return SvdPlan.create(
        c.device(),
        new BatchShape(c.type(), batch, c.shape().rows(), c.shape().columns()),
        options);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("io.github.diffsvd.contract.TestDevices#cases")
  void followsTheFormulaWithEverySubsetOfCotangents(Case c) {
    Random random = c.random();
    List<Problem> different =
        Stream.generate(() -> Problem.random(c, random)).limit(BATCH).toList();
    int k = c.shape().k();
    // The tier on the CPU depends on the batch: lanes for so many; the other tests have fewer.
    int batch = c.device().name().equals("cpu") ? Math.max(BATCH, (k + 3) / 4) : BATCH;
    List<Problem> problems =
        IntStream.range(0, batch).mapToObj(b -> different.get(b % BATCH)).toList();
    try (Operands operands = Operands.upload(c.device(), c.type(), problems);
        OwnedMatrixBatch gradient =
            c.device()
                .allocate(new BatchShape(c.type(), batch, c.shape().rows(), c.shape().columns()));
        SvdPlan plan = plan(c, batch)) {
      List<Parts> whole = Parts.of(c, different, k);
      // Only the first columns given: what stands behind them must not be read.
      int rank = 1 + random.nextInt(k);
      List<Parts> leading = Parts.of(c, different, rank);
      for (int subset = 0; subset < 8; subset++) {
        followsTheFormula(c, whole, operands, subset, k, plan, gradient);
        if (subset == 3 || subset == 4 || subset == 7) {
          followsTheFormula(c, leading, operands, subset, rank, plan, gradient);
        }
      }
    }
  }

  static Stream<Case> fewTallCases() {
    return TestDevices.devices()
        .flatMap(
            device ->
                Stream.of(DataType.values())
                    .flatMap(
                        type ->
                            Stream.of(new Shape(4200, 9), new Shape(9, 4200))
                                .map(shape -> new Case(device, type, shape, Spectrum.DISTINCT))));
  }

  /** Too few to fill a GPU with a team of threads each. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("fewTallCases")
  void followsTheFormulaForAFewTallMatrices(Case c) {
    followsTheFormulaWithEverySubsetOfCotangents(c);
  }

  private static void followsTheFormula(
      Case c,
      List<Parts> parts,
      Operands operands,
      int subset,
      int rank,
      SvdPlan plan,
      OwnedMatrixBatch gradient) {
    boolean hasU = (subset & 1) != 0;
    boolean hasS = (subset & 2) != 0;
    boolean hasV = (subset & 4) != 0;
    SvdFactors given = new SvdFactors(operands.gu, operands.gs, operands.gv).leading(rank);
    Batch.poison(c.device(), gradient);
    plan.backward(
        operands.factors,
        new SvdCotangents(
            hasU ? given.u() : null, hasS ? given.s() : null, hasV ? given.v() : null),
        gradient,
        0);
    Host[] actual = Batch.download(c.device(), gradient);
    for (int b = 0; b < BATCH; b++) {
      Parts x = parts.get(b);
      Host none = Host.zeros(c.shape().rows(), c.shape().columns());
      Host expected = (hasU ? x.byU : none).plus(hasS ? x.byS : none).plus(hasV ? x.byV : none);
      double scale = (hasU ? x.sizeU : 0) + (hasS ? x.sizeS : 0) + (hasV ? x.sizeV : 0);
      double tolerance =
          rounding(c.type(), Math.max(c.shape().rows(), c.shape().columns())) * scale;
      double worst =
          IntStream.iterate(b, copy -> copy < actual.length, copy -> copy + BATCH)
              .mapToDouble(copy -> actual[copy].minus(expected).norm())
              .reduce(0, Math::max);
      assertThat(worst)
          .as(
              "matrix "
                  + b
                  + ", "
                  + rank
                  + " columns of cotangents of "
                  + (hasU ? "U" : "")
                  + (hasS ? "S" : "")
                  + (hasV ? "V" : ""))
          .isLessThanOrEqualTo(tolerance);
    }
  }

  static Stream<Case> separatedCases() {
    return TestDevices.cases()
        .filter(c -> c.spectrum().isWellSeparated() && c.type().real() == DataType.FLOAT64);
  }

  /** ⟨gX, dX⟩ = ⟨gU, dU⟩ + ⟨gS, dS⟩ + ⟨gV, dV⟩ for any cotangents, gauge-invariant or not. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("separatedCases")
  void isTheAdjointOfThePushforward(Case c) {
    Random random = c.random();
    Problem x = Problem.random(c, random);
    Host dx = Host.random(c.type(), c.shape().rows(), c.shape().columns(), random);
    var forward = Reference.Pushforward.of(x.u, x.s, x.v, dx);
    double expected = x.gu.dot(forward.du()) + x.gv.dot(forward.dv());
    for (int i = 0; i < x.s.length; i++) {
      expected += x.gs[i] * forward.ds()[i];
    }
    try (Operands operands = Operands.upload(c.device(), c.type(), List.of(x));
        OwnedMatrixBatch gradient =
            Batch.poisoned(c.device(), c.type(), 1, c.shape().rows(), c.shape().columns());
        SvdPlan plan = plan(c, 1)) {
      plan.backward(
          operands.factors, new SvdCotangents(operands.gu, operands.gs, operands.gv), gradient, 0);
      Host gx = Batch.download(c.device(), gradient)[0];
      double scale = gx.norm() * dx.norm() * new Reference.MoorePenrose(c.type(), 0, x.s).largest();
      assertThat(gx.dot(dx))
          .isCloseTo(expected, within(rounding(c.type(), x.u.rows() + x.v.rows()) * (1 + scale)));
    }
  }

  /**
   * The loss Re⟨G, U f(S) Vᴴ⟩ does not depend on the gauge, so differences of the forward pass see
   * what the backward pass computes.
   */
  @ParameterizedTest(name = "{0}")
  @MethodSource("separatedCases")
  void matchesDifferencesOfTheForwardPass(Case c) {
    Random random = c.random();
    Shape shape = c.shape();
    double[] spectrum = c.spectrum().values(c.type(), shape.k(), random);
    Host u0 = Host.orthonormal(c.type(), shape.rows(), shape.k(), random);
    Host v0 = Host.orthonormal(c.type(), shape.columns(), shape.k(), random);
    Host x = u0.scaled((i, j) -> spectrum[j]).times(v0.adjoint());
    Host g = Host.random(c.type(), shape.rows(), shape.columns(), random);
    Host dx = Host.random(c.type(), shape.rows(), shape.columns(), random);
    dx = dx.scaled(1 / dx.norm());
    double step = 1e-5 * spectrum[spectrum.length - 1];
    DoubleUnaryOperator f = s -> Math.sqrt(1 + s * s) - 0.5;
    DoubleUnaryOperator derivative = s -> s / Math.sqrt(1 + s * s);
    List<Host> points = List.of(x, x.plus(dx.scaled(step)), x.minus(dx.scaled(step)));
    try (OwnedMatrixBatch a = Batch.upload(c.device(), c.type(), points);
        SvdFactors factors = Batch.poisonedFactors(c.device(), c.type(), 3, shape);
        SvdInfo info = c.device().allocateInfo(3);
        OwnedMatrixBatch gradient =
            Batch.poisoned(c.device(), c.type(), 3, shape.rows(), shape.columns());
        SvdPlan plan =
            SvdPlan.create(
                c.device(), new BatchShape(c.type(), 3, shape.rows(), shape.columns()))) {
      plan.forward(a, factors, info, 0);
      info.check(0);
      Host[] u = Batch.download(c.device(), factors.u());
      Host[] s = Batch.download(c.device(), factors.s());
      Host[] v = Batch.download(c.device(), factors.v());
      List<Host> gu = new ArrayList<>();
      List<Host> gs = new ArrayList<>();
      List<Host> gv = new ArrayList<>();
      double[] loss = new double[3];
      for (int b = 0; b < 3; b++) {
        double[] values = s[b].realParts();
        Host core = u[b].adjoint().times(g).times(v[b]);
        for (int i = 0; i < values.length; i++) {
          loss[b] += f.applyAsDouble(values[i]) * core.re(i, i);
        }
        gu.add(g.times(v[b]).scaled((i, j) -> f.applyAsDouble(values[j])));
        gv.add(g.adjoint().times(u[b]).scaled((i, j) -> f.applyAsDouble(values[j])));
        gs.add(
            Host.real(
                values.length, 1, (i, j) -> core.re(i, i) * derivative.applyAsDouble(values[i])));
      }
      try (OwnedMatrixBatch deviceGu = Batch.upload(c.device(), c.type(), gu);
          OwnedMatrixBatch deviceGs = Batch.upload(c.device(), c.type().real(), gs);
          OwnedMatrixBatch deviceGv = Batch.upload(c.device(), c.type(), gv)) {
        plan.backward(factors, new SvdCotangents(deviceGu, deviceGs, deviceGv), gradient, 0);
      }
      Host gx = Batch.download(c.device(), gradient)[0];
      double difference = (loss[1] - loss[2]) / (2 * step);
      double lossScale = Math.abs(loss[0]) + g.norm() * s[0].norm();
      assertThat(gx.dot(dx))
          .isCloseTo(difference, within(DIFFERENCES * gx.norm() + 1e-14 * lossScale / step));
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void anyStridesAndBroadcastCotangents(Device device, DataType type) {
    for (Shape shape :
        List.of(
            new Shape(6, 4),
            new Shape(4, 6),
            new Shape(5, 5),
            new Shape(70, 66),
            new Shape(66, 70))) {
      Case c = new Case(device, type, shape, Spectrum.ARITHMETIC);
      Random random = c.random();
      int m = shape.rows();
      int n = shape.columns();
      int k = shape.k();
      List<Problem> problems =
          Stream.generate(() -> Problem.random(c, random)).limit(BATCH).toList();
      try (Operands x = Operands.upload(device, type, problems);
          OwnedMatrixBatch expected = Batch.poisoned(device, type, BATCH, m, n);
          OwnedMatrixBatch memory = Batch.poisoned(device, type, 1, BATCH, 3 * m * n + 7);
          OwnedMatrixBatch uMemory = Batch.poisoned(device, type, 1, BATCH, 2 * m * k);
          SvdPlan plan = plan(c, BATCH)) {
        plan.backward(x.factors, new SvdCotangents(x.gu, x.gs, x.gv), expected, 0);
        Host[] reference = Batch.download(device, expected);
        MatrixBatch u =
            MatrixBatch.wrap(
                uMemory.address(), new BatchShape(type, BATCH, m, k), 2, 2L * m, 2L * m * k);
        Batch.write(device, u, problems.stream().map(Problem::u).toList());
        MatrixBatch[] gradients = {
          MatrixBatch.wrapColumnMajor(memory.address(), new BatchShape(type, BATCH, m, n)),
          MatrixBatch.wrap(
              memory.address(), new BatchShape(type, BATCH, m, n), n + 1, 1, (long) m * (n + 1)),
          MatrixBatch.wrap(
              memory.address(), new BatchShape(type, BATCH, m, n), 3L * n, 3, 3L * m * n + 7)
        };
        for (MatrixBatch gradient : gradients) {
          Batch.poison(device, memory);
          plan.backward(
              new SvdFactors(u, x.factors.s(), x.factors.v()),
              new SvdCotangents(x.gu, x.gs, x.gv),
              gradient,
              0);
          Host[] actual = Batch.download(device, gradient);
          for (int b = 0; b < BATCH; b++) {
            double tolerance = rounding(type, m + n) * (reference[b].norm() + k * k);
            assertThat(actual[b].minus(reference[b]).norm())
                .as(shape + " " + gradient)
                .isLessThan(tolerance);
          }
          long parts = type.isComplex() ? 2 : 1;
          long written =
              Arrays.stream(device.read(memory)).filter(value -> !Double.isNaN(value)).count();
          assertThat(written)
              .as("nothing is written between the strides")
              .isEqualTo(gradient.size() * parts);
        }

        // One value of gU for all, as the gradient of a sum is.
        MatrixBatch ones =
            MatrixBatch.wrap(x.gu.address(), new BatchShape(type, BATCH, m, k), 0, 0, 0);
        Host first = Batch.download(device, x.gu)[0];
        Host constant = Host.zeros(m, k);
        for (int i = 0; i < m; i++) {
          for (int j = 0; j < k; j++) {
            constant.set(i, j, first.re(0, 0), first.im(0, 0));
          }
        }
        plan.backward(x.factors, new SvdCotangents(ones, null, null), expected, 0);
        Problem p = problems.get(1);
        var rule = new Reference.MoorePenrose(type, TOLERANCE, p.s);
        Host wanted = Reference.pullback(p.u, p.s, p.v, constant, null, null, rule);
        assertThat(Batch.download(device, expected)[1].minus(wanted).norm())
            .isLessThan(rounding(type, m + n) * rule.largest() * (1 + constant.norm()));
      }
    }
  }

  /** The gradient of a matrix without a decomposition is NaN, its neighbours' are theirs. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void factorsThatAreNotNumbersStayWithTheirMatrix(Device device, DataType type) {
    for (Shape shape :
        List.of(new Shape(1, 1), new Shape(5, 3), new Shape(3, 5), new Shape(66, 70))) {
      Case c = new Case(device, type, shape, Spectrum.DISTINCT);
      Random random = c.random();
      List<Problem> problems = Stream.generate(() -> Problem.random(c, random)).limit(3).toList();
      try (Operands x = Operands.upload(device, type, problems);
          OwnedMatrixBatch gradient =
              Batch.poisoned(device, type, 3, shape.rows(), shape.columns());
          SvdPlan plan = plan(c, 3)) {
        plan.backward(x.factors, new SvdCotangents(x.gu, x.gs, x.gv), gradient, 0);
        Host[] expected = Batch.download(device, gradient);
        for (MatrixBatch factor : List.of(x.factors.u(), x.factors.s(), x.factors.v())) {
          Batch.poison(device, factor.slice(1, 1));
        }
        plan.backward(x.factors, new SvdCotangents(x.gu, x.gs, x.gv), gradient, 0);
        Host[] actual = Batch.download(device, gradient);
        assertThat(actual[0].values()).isEqualTo(expected[0].values());
        assertThat(actual[2].values()).isEqualTo(expected[2].values());
        double[] parts = type.isComplex() ? actual[1].values() : actual[1].realParts();
        assertThat(Arrays.stream(parts).allMatch(Double::isNaN)).as("all NaN").isTrue();
        plan.backward(x.factors, SvdCotangents.ofValues(x.gs), gradient, 0);
        Host valuesOnly = Batch.download(device, gradient)[1];
        parts = type.isComplex() ? valuesOnly.values() : valuesOnly.realParts();
        assertThat(Arrays.stream(parts).allMatch(Double::isNaN)).as("all NaN").isTrue();
      }
    }
  }
}
