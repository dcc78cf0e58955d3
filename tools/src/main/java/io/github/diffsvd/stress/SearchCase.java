package io.github.diffsvd.stress;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A batch of the random search and what is done with it. Everything that is still drawn later comes
 * from the seed.
 *
 * @param rule of the backward pass and the pushforward
 * @param function for the stage SPECTRAL
 * @param again members that are decomposed a second time, in this order; NEIGHBOUR stands for a
 *     matrix that is not finite
 */
record SearchCase(
    long seed,
    DataType type,
    int rows,
    int columns,
    SvdOptions options,
    Stage stage,
    GradientRule rule,
    SpectralFunction function,
    List<Member> members,
    int[] again) {
  static final int NEIGHBOUR = -1;

  /** What follows the factors. */
  enum Stage {
    FACTORS,
    BACKWARD,
    VALUES,
    SPECTRAL,
    PUSHFORWARD
  }

  /**
   * A matrix.
   *
   * @param values row-major, (real, imaginary) where complex
   * @param seed of its cotangents, which are the same wherever it stands
   */
  record Member(MatrixKind kind, double[] values, long seed) {
    boolean isFinite() {
      return Measures.isFinite(values);
    }
  }

  /** Multiplications of a product of U and V, the unit of what a case may cost. */
  private static long operations(DataType type, int rows, int columns) {
    return (long) rows * columns * Math.min(rows, columns) * (type.isComplex() ? 4 : 1);
  }

  /** Of a batch, so that a search takes a few hundred MiB a thread. */
  private static long mostElements(DataType type) {
    return 1L << (type.isComplex() ? 22 : 23);
  }

  /** Draws one. The same seed and device give the same. */
  static SearchCase draw(Device device, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    DataType type = any(DataType.values(), random);
    int rarity = random.nextInt(10_000);
    long most = 1L << (rarity < 2 ? 30 : rarity < 100 ? 26 : rarity < 2000 ? 22 : 20);
    double longest = rarity < 2 ? 2e6 : rarity < 100 ? 2e5 : rarity < 2000 ? 4000 : 40;
    int rows;
    int columns;
    do {
      boolean thin = random.nextInt(3) == 0;
      boolean square = !thin && random.nextInt(3) == 0;
      rows = logUniform(thin ? longest : Math.min(longest, 1000), random);
      columns = square ? rows : logUniform(Math.min(longest, thin ? 64 : 1000), random);
    } while (operations(type, rows, columns) > most || (long) rows * columns > mostElements(type));
    if (random.nextBoolean()) {
      int exchanged = rows;
      rows = columns;
      columns = exchanged;
    }
    long operations = operations(type, rows, columns);
    long largest = Math.min(most / operations, mostElements(type) / ((long) rows * columns));
    int batch = logUniform((double) Math.max(1, Math.min(300, largest)), random);
    SvdAlgorithm algorithm = algorithm(device, type, batch, rows, columns, random);
    Stage stage = any(Stage.values(), random);
    if (algorithm != SvdAlgorithm.AUTO && (stage == Stage.SPECTRAL || stage == Stage.VALUES)) {
      stage = Stage.BACKWARD;
    }
    List<Member> members = members(type, batch, rows, columns, operations, random);
    List<String> rules = List.of(GradientRule.names().split(", "));
    return new SearchCase(
        seed,
        type,
        rows,
        columns,
        SvdOptions.defaults()
            .withAlgorithm(algorithm)
            .withCanonicalGauge(stage != Stage.SPECTRAL && random.nextInt(8) == 0),
        stage,
        GradientRule.parse(rules.get(random.nextInt(rules.size()))),
        function(type, members.get(0), random),
        members,
        isLibrary(device, algorithm, rows, columns)
            ? new int[0]
            : again(batch, (long) rows * columns, random));
  }

  private static <T> T any(T[] all, SplittableRandom random) {
    return all[random.nextInt(all.length)];
  }

  private static int logUniform(double most, SplittableRandom random) {
    return (int) Math.exp(random.nextDouble() * Math.log(most + 0.999));
  }

  private static SvdAlgorithm algorithm(
      Device device, DataType type, int batch, int rows, int columns, SplittableRandom random) {
    SvdAlgorithm drawn =
        switch (random.nextInt(8)) {
          case 0, 1 -> SvdAlgorithm.JACOBI;
          case 2 -> SvdAlgorithm.GOLUB_KAHAN;
          case 3 -> any(SvdAlgorithm.values(), random);
          default -> SvdAlgorithm.AUTO;
        };
    // This one is an approximation, and says so.
    if (drawn == SvdAlgorithm.GESVDA_BATCHED) {
      return SvdAlgorithm.AUTO;
    }
    try {
      SvdPlan.workspaceBytes(
          device,
          new BatchShape(type, batch, rows, columns),
          SvdOptions.defaults().withAlgorithm(drawn));
      return drawn;
    } catch (IllegalArgumentException e) {
      return SvdAlgorithm.AUTO; // the device does not have it for this shape
    }
  }

  private static List<Member> members(
      DataType type, int batch, int rows, int columns, long operations, SplittableRandom random) {
    MatrixKind[] kinds =
        Arrays.stream(MatrixKind.values())
            .filter(kind -> kind.isCheap() || operations < 1 << 22)
            .toArray(MatrixKind[]::new);
    MatrixKind kind = random.nextBoolean() ? any(kinds, random) : null;
    boolean disturbed = random.nextInt(4) == 0;
    List<Member> members = new ArrayList<>();
    for (int b = 0; b < batch; b++) {
      MatrixKind drawn = kind == null ? any(kinds, random) : kind;
      double[] values = drawn.draw(type, rows, columns, random);
      if (disturbed && random.nextInt(8) == 0) {
        disturb(values, random);
      }
      members.add(new Member(drawn, values, random.nextLong()));
    }
    return members;
  }

  private static void disturb(double[] values, SplittableRandom random) {
    double[] intruders = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    values[random.nextInt(values.length)] = intruders[random.nextInt(intruders.length)];
  }

  private static SpectralFunction function(DataType type, Member first, SplittableRandom random) {
    double size = Measures.largest(first.values);
    double threshold = first.isFinite() ? Spectra.rounded(type, size / 2) : 1;
    return switch (random.nextInt(6)) {
      case 0 -> SpectralFunction.identity();
      case 1 -> SpectralFunction.softThreshold(threshold);
      case 2 -> SpectralFunction.hardThreshold(threshold);
      case 3 -> SpectralFunction.log1p();
      case 4 -> SpectralFunction.polar(0.125);
      default -> SpectralFunction.clip(threshold);
    };
  }

  /** One alone, or some in another order with neighbours of NaN. */
  private static int[] again(int batch, long elements, SplittableRandom random) {
    if (elements > 1 << 18) {
      return new int[0];
    }
    if (batch > 1 && random.nextBoolean()) {
      return new int[] {random.nextInt(batch)};
    }
    int size = random.nextInt(1, Math.min(batch, 40) + 1);
    return IntStream.range(0, 2 * size)
        .map(i -> random.nextInt(4) == 0 ? NEIGHBOUR : random.nextInt(batch))
        .limit(size + 1)
        .toArray();
  }

  /** What is given besides the matrices: gA or dA, gU, gS, gV. */
  enum Given {
    A,
    U,
    S,
    V
  }

  int rows(Given which) {
    return which == Given.S ? Math.min(rows, columns) : which == Given.V ? columns : rows;
  }

  int columns(Given which) {
    return which == Given.A ? columns : which == Given.S ? 1 : Math.min(rows, columns);
  }

  /** Normally distributed, the same for a member wherever it stands. */
  double[] given(Given which, Member member) {
    SplittableRandom random = new SplittableRandom(member.seed + which.name().charAt(0));
    int parts = type.isComplex() && which != Given.S ? 2 : 1;
    double[] values = new double[rows(which) * columns(which) * parts];
    for (int t = 0; t < values.length; t++) {
      values[t] = Spectra.rounded(type, random.nextGaussian());
    }
    return values;
  }

  /** Whether small values of graded columns keep their digits: in the Jacobi kernel alone. */
  boolean keepsSmallValues(Device device) {
    return !isLibrary(device) && options.algorithm() != SvdAlgorithm.GOLUB_KAHAN;
  }

  /** Whether another library does it: asked for by name, or what AUTO takes on a GPU. */
  boolean isLibrary(Device device) {
    return isLibrary(device, options.algorithm(), rows, columns);
  }

  private static boolean isLibrary(Device device, SvdAlgorithm algorithm, int rows, int columns) {
    return algorithm == SvdAlgorithm.AUTO
        ? !device.name().equals("cpu") && isLarge(rows, columns)
        : algorithm != SvdAlgorithm.JACOBI && algorithm != SvdAlgorithm.GOLUB_KAHAN;
  }

  /** Whether our kernels do it: LAPACK and cuSOLVER need a workspace of another size. */
  boolean isOurs(Device device) {
    return !isLarge(rows, columns)
        && workspaceBytes(device, options.algorithm())
            == workspaceBytes(device, SvdAlgorithm.JACOBI);
  }

  private long workspaceBytes(Device device, SvdAlgorithm algorithm) {
    return SvdPlan.workspaceBytes(
        device,
        new BatchShape(type, members.size(), rows, columns),
        options.withAlgorithm(algorithm));
  }

  private static boolean isLarge(int rows, int columns) {
    return Math.min(rows, columns) > 64;
  }

  /** A random matrix with one element that is not finite. */
  Member neighbour() {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = MatrixKind.GAUSSIAN.draw(type, rows, columns, random);
    disturb(values, random);
    return new Member(MatrixKind.GAUSSIAN, values, seed);
  }

  /** The batch of the second run. */
  List<Member> second() {
    return Arrays.stream(again).mapToObj(b -> b < 0 ? neighbour() : members.get(b)).toList();
  }

  /** With these members alone; the second run loses the others. */
  SearchCase keeping(int[] kept) {
    int[] place = new int[members.size()];
    Arrays.fill(place, -2);
    for (int i = 0; i < kept.length; i++) {
      place[kept[i]] = i;
    }
    return with(
        rows,
        columns,
        Arrays.stream(kept).mapToObj(members::get).toList(),
        Arrays.stream(again).map(b -> b < 0 ? b : place[b]).filter(b -> b >= -1).toArray());
  }

  /** With these of the second run. */
  SearchCase again(int[] kept) {
    return with(rows, columns, members, Arrays.stream(kept).map(i -> again[i]).toArray());
  }

  /** With these rows and columns alone. */
  SearchCase part(int[] keptRows, int[] keptColumns) {
    int parts = type.isComplex() ? 2 : 1;
    List<Member> smaller = new ArrayList<>();
    for (Member member : members) {
      double[] values = new double[keptRows.length * keptColumns.length * parts];
      for (int i = 0, t = 0; i < keptRows.length; i++) {
        for (int column : keptColumns) {
          for (int part = 0; part < parts; part++) {
            values[t++] = member.values[(keptRows[i] * columns + column) * parts + part];
          }
        }
      }
      smaller.add(new Member(member.kind, values, member.seed));
    }
    return with(keptRows.length, keptColumns.length, smaller, again);
  }

  private SearchCase with(int rows, int columns, List<Member> members, int[] again) {
    return new SearchCase(
        seed, type, rows, columns, options, stage, rule, function, members, again);
  }

  @Override
  public String toString() {
    String what =
        switch (stage) {
          case BACKWARD, PUSHFORWARD -> stage + " " + rule;
          case SPECTRAL -> stage + " " + function;
          default -> stage.toString();
        };
    return String.format(
        "%s %s %d×%d×%d, %s", type, options.algorithm(), members.size(), rows, columns, what);
  }
}
