package io.github.diffsvd.stress;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.stress.SearchCase.Given;
import io.github.diffsvd.stress.SearchCase.Member;
import io.github.diffsvd.stress.SearchCase.Stage;
import io.github.diffsvd.stress.SearchRun.Results;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Runs a case and says of every member what holds and what does not. */
final class SearchJudge {
  /** In units of eps·√k. */
  static final double BAR = 30;

  /** The same for LAPACK's and cuSOLVER's algorithms, as {@link SearchCase#isLibrary} says. */
  static final double LIBRARY_BAR = 100;

  /** In units of eps·n. */
  static final double SMALL_VALUES_BAR = 50;

  /** What AUTO gives up of small values where columns differ by no more than this. */
  static final double EVEN_FACTOR = 64;

  /** In units of eps·k·((‖gU‖ + ‖gV‖)/gap + ‖gS‖), the gap that to 0 too. */
  static final double GRADIENT_BAR = 10;

  /** In units of eps·√(m·n). */
  static final double TRANSPOSED_BAR = 30;

  /** What stands where nobody wrote: two numbers, since a result may be one of them. */
  private static final double POISON = -8192 - 0x1p-7;

  private static final double OTHER_POISON = 4096 + 0x1p-7;

  /** Rules whose result, where values are well apart and near 1, is the exact one. */
  private static final Set<String> EXACT_RULES =
      Set.of("moore-penrose", "exact", "lorentzian", "pade");

  /** Hears the verdicts. */
  interface Listener {
    /**
     * One verdict.
     *
     * @param value what was measured, in the unit of the bar; 0 or 1 where there is no measure
     * @param bar what it may be
     */
    void judged(Check check, int member, double value, double bar);

    /** Follows the verdict that a case was not accepted. */
    void refused(Throwable reason);

    /** A member with its residual and orthogonality, in units of eps·√k. */
    void measured(int member, double residual, double orthogonality);
  }

  private final Device device;
  private final SearchCase test;
  private final Listener listener;
  private final DataType type;
  private final int rows;
  private final int columns;
  private final int k;
  private final int parts;
  private final boolean library;
  private final SplittableRandom random;

  private SearchJudge(Device device, SearchCase test, Listener listener) {
    this.device = device;
    this.test = test;
    this.listener = listener;
    type = test.type();
    rows = test.rows();
    columns = test.columns();
    k = Math.min(rows, columns);
    parts = type.isComplex() ? 2 : 1;
    library = test.isLibrary(device);
    random = new SplittableRandom(~test.seed());
  }

  static void judge(Device device, SearchCase test, Listener listener) {
    SearchJudge judge = new SearchJudge(device, test, listener);
    try {
      judge.judge();
      judge.verdict(Check.ACCEPTED, 0, true);
    } catch (RuntimeException | Error e) {
      judge.verdict(Check.ACCEPTED, 0, false);
      listener.refused(e);
    }
  }

  private void judge() {
    Results first = SearchRun.run(device, test, test.members(), POISON);
    verdict(Check.UNTOUCHED, 0, !first.touched());
    for (int b = 0; b < test.members().size(); b++) {
      judge(b, test.members().get(b), first);
    }
    if (test.again().length > 0) {
      compare(first, SearchRun.run(device, test, test.second(), POISON));
    }
  }

  private void compare(Results first, Results second) {
    boolean isOurs = test.isOurs(device);
    for (int i = 0; i < test.again().length; i++) {
      int b = test.again()[i];
      if (b != SearchCase.NEIGHBOUR) {
        double[][] x = first.factors(b);
        double[][] y = second.factors(i);
        verdict(Check.SAME_FACTORS, b, isOurs ? sameBits(x, y) : near(x[1], y[1]));
        if (isOurs && test.stage() == Stage.VALUES) {
          boolean same = Arrays.equals(first.further()[b][2], second.further()[i][2]);
          verdict(Check.SAME_FACTORS, b, same);
        }
      }
    }
  }

  private void verdict(Check check, int b, boolean holds) {
    listener.judged(check, b, holds ? 0 : 1, 0);
  }

  private static boolean sameBits(double[][] x, double[][] y) {
    return IntStream.range(0, x.length).allMatch(i -> Arrays.equals(x[i], y[i]));
  }

  /**
   * Whether singular values agree to what the algorithm rounds. LAPACK gives one large matrix alone
   * all threads, and each number of threads sums in another order.
   */
  private boolean near(double[] s, double[] other) {
    double allowed =
        Math.max(
            bar() * Math.sqrt(k) * type.epsilon() * s[0], Math.sqrt(k) * Measures.smallest(type));
    return IntStream.range(0, s.length)
        .allMatch(i -> Math.abs(s[i] - other[i]) <= allowed || Double.compare(s[i], other[i]) == 0);
  }

  private void judge(int b, Member member, Results results) {
    int info = results.info()[b];
    double[][] factors = results.factors(b);
    double[][] further = results.further()[b];
    verdict(Check.WRITTEN, b, isWritten(b, results) && isStatus(info));
    boolean nothing = isNaN(factors) && isNaN(further);
    if (!member.isFinite()) {
      verdict(Check.REFUSED, b, info == SvdInfo.NOT_FINITE && nothing);
      return;
    }
    double[] s = factors[1];
    double norm = Measures.norm(member.values());
    double slack = 1 - bar() * type.epsilon() * Math.sqrt(k);
    if (norm > slack * Measures.largest(type)) {
      boolean beyond = info == SvdInfo.NOT_REPRESENTABLE || !Measures.isFinite(s);
      if (beyond || norm / Math.sqrt(k) > Measures.largest(type) / slack) {
        // Just there values without vectors may round to the other side.
        boolean alone = test.stage() == Stage.VALUES;
        nothing = isNaN(factors) && isNaN(alone ? Arrays.copyOf(further, 2) : further);
        verdict(
            Check.NOT_REPRESENTABLE,
            b,
            info == SvdInfo.NOT_REPRESENTABLE && nothing && isBeyond(member, slack));
        return;
      }
    }
    verdict(Check.DECOMPOSED, b, info == SvdInfo.OK);
    if (info != SvdInfo.OK) {
      return;
    }
    verdict(Check.ORDERED, b, isOrdered(s));
    double root = Math.sqrt(k);
    double residual =
        Measures.residual(type, member.values(), factors[0], s, factors[2], rows, columns) / root;
    double orthogonality =
        Math.max(
                Measures.orthogonality(factors[0], rows, k, parts),
                Measures.orthogonality(factors[2], columns, k, parts))
            / type.epsilon()
            / root;
    listener.judged(Check.RESIDUAL, b, residual, bar());
    listener.judged(Check.ORTHOGONALITY, b, orthogonality, bar());
    listener.measured(b, residual, orthogonality);
    boolean sound = residual <= bar() && orthogonality <= bar() && isOrdered(s);
    if (test.keepsSmallValues(device)
        && member.kind().isGraded(rows, columns)
        && random.nextInt(sizeOfSample()) == 0) {
      smallValues(b, member, s);
    }
    if (sound) {
      judgeStage(b, member, factors, further);
    }
  }

  private double bar() {
    return library ? LIBRARY_BAR : BAR;
  }

  private static boolean isStatus(int info) {
    return info >= SvdInfo.NOT_REPRESENTABLE && info < 1 << 20;
  }

  private boolean isWritten(int b, Results results) {
    return isFree(b, results, POISON)
        || isFree(b, SearchRun.run(device, test, test.members(), OTHER_POISON), OTHER_POISON);
  }

  private static boolean isFree(int b, Results results, double poison) {
    return Stream.of(results.factors(b), results.further()[b])
        .flatMap(Arrays::stream)
        .flatMapToDouble(Arrays::stream)
        .noneMatch(value -> value == poison);
  }

  private static boolean isNaN(double[][] results) {
    return Arrays.stream(results).allMatch(Measures::isNaN);
  }

  private static boolean isFinite(double[][] results) {
    return Arrays.stream(results).allMatch(Measures::isFinite);
  }

  private static boolean isOrdered(double[] s) {
    for (int i = 0; i < s.length; i++) {
      if (!(s[i] >= 0 && s[i] <= (i == 0 ? Double.MAX_VALUE : s[i - 1]))) {
        return false;
      }
    }
    return true;
  }

  /** Whether the largest value of a small multiple of the matrix says so. */
  private boolean isBeyond(Member member, double slack) {
    double part = 0x1p-20;
    double[] smaller = Arrays.stream(member.values()).map(x -> part * x).toArray();
    List<Member> alone = List.of(new Member(member.kind(), smaller, member.seed()));
    return SearchRun.run(device, test, alone, POISON).s()[0][0]
        > slack * (part * Measures.largest(type));
  }

  /** One in so many, because the reference takes its time. */
  private int sizeOfSample() {
    return 1 + test.members().size() * parts * k * k * Math.max(rows, columns) / 4096;
  }

  private void smallValues(int b, Member member, double[] s) {
    if (k > 32 || Math.max(rows, columns) > 64) {
      return;
    }
    PreciseMatrix a = PreciseMatrix.of(rows, columns, parts == 2, member.values(), 0);
    boolean byRows = member.kind() == MatrixKind.GRADED_ROWS;
    double[] reference = PreciseJacobi.singularValues(byRows ? a.adjoint() : a);
    double worst = 0;
    for (int i = 0; i < k; i++) {
      if (reference[i] >= Measures.smallestNormal(type)) {
        double error = Math.abs(s[i] - reference[i]) / reference[i];
        worst = Math.max(worst, error / type.epsilon() / k);
      }
    }
    boolean even = test.options().algorithm() == SvdAlgorithm.AUTO && isEven(member);
    listener.judged(
        Check.SMALL_VALUES, b, worst, even ? EVEN_FACTOR * SMALL_VALUES_BAR : SMALL_VALUES_BAR);
  }

  /** Whether AUTO may take such columns, or rows of a square matrix, for ones of about one size. */
  private boolean isEven(Member member) {
    double[] across = new double[columns];
    double[] down = new double[rows];
    for (int t = 0; t < rows * columns * parts; t++) {
      double size = Math.abs(member.values()[t]);
      int i = t / parts / columns;
      int j = t / parts % columns;
      down[i] = Math.max(down[i], size);
      across[j] = Math.max(across[j], size);
    }
    double[] sizes =
        rows == columns
            ? DoubleStream.concat(Arrays.stream(across), Arrays.stream(down)).toArray()
            : rows > columns ? across : down;
    double most = Arrays.stream(sizes).max().orElse(0);
    return most <= EVEN_FACTOR * Arrays.stream(sizes).filter(x -> x > 0).min().orElse(0);
  }

  private void judgeStage(int b, Member member, double[][] factors, double[][] further) {
    switch (test.stage()) {
      case FACTORS -> {}
      case BACKWARD, PUSHFORWARD -> {
        boolean finite = isFinite(further);
        if (!test.rule().name().equals("exact")) {
          verdict(Check.FINITE_GRADIENT, b, finite);
        }
        if (test.stage() == Stage.PUSHFORWARD && finite) {
          transposed(b, member, factors[1][0], further);
        } else if (random.nextInt(sizeOfSample()) == 0) {
          gradient(b, member, factors);
        }
      }
      case VALUES -> values(b, member, factors[1], further);
      case SPECTRAL -> spectral(b, factors, further);
    }
  }

  /**
   * ⟨gA, dA⟩ against the others, relative to the norms of all of them and to what gU and gV make of
   * dA before anything cancels: beside a column of U or V both a cotangent and a tangent can lie
   * almost along it, and rounding is all that their projections leave.
   */
  private void transposed(int b, Member member, double largest, double[][] further) {
    double sum = 0;
    double vectors = norm(member, Given.U) + norm(member, Given.V);
    double scale = largest > 0 ? vectors * norm(member, Given.A) / largest : 0;
    Given[] all = Given.values();
    for (int which = 0; which < all.length; which++) {
      double[] given = test.given(all[which], member);
      double[] found = further[which];
      double product = 0;
      for (int t = 0; t < given.length; t++) {
        product += given[t] * found[t];
      }
      sum += which == 0 ? product : -product;
      scale += Measures.norm(given) * Measures.norm(found);
    }
    if (scale < 1e250 && scale > 1e-250) {
      double value = Math.abs(sum) / scale / type.epsilon() / Math.sqrt((double) rows * columns);
      listener.judged(Check.TRANSPOSED, b, value, TRANSPOSED_BAR);
    }
  }

  private double norm(Member member, Given which) {
    return Measures.norm(test.given(which, member));
  }

  /** S again, with vectors and without, and gA = U diag(gS) Vᴴ has the norm of gS. */
  private void values(int b, Member member, double[] s, double[][] further) {
    double unit = type.epsilon() * Math.sqrt(k);
    double smallest = Math.max(s[0] * unit, Measures.smallest(type) * Math.sqrt(k));
    boolean isAlone = s[0] < (1 - BAR * unit) * Measures.largest(type);
    double worst = 0;
    for (int i = 0; i < k; i++) {
      worst = worse(worst, Math.abs(further[0][i] - s[i]) / smallest);
      worst = isAlone ? worse(worst, Math.abs(further[2][i] - s[i]) / smallest) : worst;
    }
    double norm = norm(member, Given.S);
    double change = Math.abs(Measures.norm(further[1]) - norm) / norm / unit;
    listener.judged(Check.VALUES, b, worse(worst, change), BAR);
  }

  private static double worse(double x, double y) {
    return Double.isNaN(y) ? Double.POSITIVE_INFINITY : Math.max(x, y);
  }

  private void spectral(int b, double[][] factors, double[][] further) {
    double[] s = factors[1];
    // Reciprocals that the type cannot hold count as 0, and the polar factor goes through them.
    if (test.function().name().equals("polar") && s[0] <= 1e4 * Measures.smallestNormal(type)) {
      return;
    }
    double[] f = Arrays.stream(s).map(x -> valueOf(test.function(), x, s[0])).toArray();
    double residual =
        Measures.residualOfProduct(type, further[0], factors[0], f, factors[2], rows, columns);
    listener.judged(Check.SPECTRAL, b, residual / Math.sqrt(k), BAR);
    verdict(Check.FINITE_GRADIENT, b, Measures.isFinite(further[1]));
  }

  private static double valueOf(SpectralFunction function, double s, double largest) {
    double parameter = function.parameter();
    return switch (function.name()) {
      case "identity" -> s;
      case "soft-threshold" -> Math.max(s - parameter, 0);
      case "hard-threshold" -> s > parameter ? s : 0;
      case "log1p" -> Math.log1p(s);
      case "polar" -> s > parameter * largest ? 1 : 0;
      case "clip" -> Math.min(s, parameter);
      default -> throw new AssertionError(function);
    };
  }

  /** The gradient of a loss whose cotangents and gradient are known to twice the digits. */
  private void gradient(int b, Member member, double[][] factors) {
    double[] s = factors[1];
    double gap = s[k - 1];
    for (int i = 1; i < k; i++) {
      gap = Math.min(gap, s[i - 1] - s[i]);
    }
    boolean apart = s[0] > 0.1 && s[0] < 100 && gap > 0.02 * s[0];
    if (k < 2 || !apart || !EXACT_RULES.contains(test.rule().name())) {
      return;
    }
    Loss loss = List.of(Loss.SOFT_THRESHOLD, Loss.POLAR, Loss.PROJECTOR).get(random.nextInt(3));
    int cut = random.nextInt(1, k);
    Loss.Factors x =
        new Loss.Factors(
            PreciseMatrix.of(rows, k, parts == 2, factors[0], 0),
            s,
            PreciseMatrix.of(columns, k, parts == 2, factors[2], 0),
            (s[cut - 1] + s[cut]) / 2);
    PreciseMatrix g = PreciseMatrix.of(rows, columns, parts == 2, test.given(Given.A, member), 0);
    double[] expected = new double[rows * columns * parts];
    loss.gradient(x, g).store(parts == 2, expected, 0);
    Loss.Cotangents cotangents = loss.cotangents(x, g);
    // Many copies take another way than one.
    double[] found = gradient(factors, cotangents, random.nextBoolean() ? 1 : 20);
    double[] difference = new double[expected.length];
    Arrays.setAll(difference, t -> found[t] - expected[t]);
    double size =
        (Measures.norm(stored(cotangents.u())) + Measures.norm(stored(cotangents.v()))) / gap
            + Measures.norm(values(cotangents));
    double error = Measures.norm(difference) / size;
    listener.judged(Check.GRADIENT, b, error / type.epsilon() / k, GRADIENT_BAR);
  }

  private double[] values(Loss.Cotangents cotangents) {
    double[] gs = new double[k];
    Arrays.setAll(gs, i -> cotangents.s().re(i, i).hi());
    return gs;
  }

  private double[] gradient(double[][] factors, Loss.Cotangents cotangents, int copies) {
    try (Placed u = placed(copies, rows, factors[0]);
        Placed s = placed(copies, 0, factors[1]);
        Placed v = placed(copies, columns, factors[2]);
        Placed gu = placed(copies, rows, stored(cotangents.u()));
        Placed gS = placed(copies, 0, values(cotangents));
        Placed gv = placed(copies, columns, stored(cotangents.v()));
        Placed gradient = new Placed(device, type, copies, rows, columns, POISON, random);
        SvdPlan plan =
            SvdPlan.create(
                device,
                new BatchShape(type, copies, rows, columns),
                test.options().withRule(test.rule()))) {
      plan.backward(
          new SvdFactors(u.view, s.view, v.view),
          new SvdCotangents(gu.view, gS.view, gv.view),
          gradient.send().view,
          0);
      return gradient.read()[copies - 1];
    }
  }

  private double[] stored(PreciseMatrix x) {
    double[] values = new double[x.rows * x.columns * parts];
    x.store(parts == 2, values, 0);
    return values;
  }

  /** A factor of so many rows, or, of none, k real numbers. */
  private Placed placed(int copies, int rows, double[] values) {
    Placed placed =
        rows == 0
            ? new Placed(device, type.real(), copies, k, 1, POISON, random)
            : new Placed(device, type, copies, rows, k, POISON, random);
    for (int copy = 0; copy < copies; copy++) {
      placed.put(copy, values);
    }
    return placed.send();
  }
}
