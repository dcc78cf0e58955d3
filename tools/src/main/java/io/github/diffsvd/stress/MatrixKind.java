package io.github.diffsvd.stress;

import io.github.diffsvd.DataType;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;

/** The kinds of matrices that the random search draws. */
enum MatrixKind {
  CONSTANT(MatrixKind::constant),
  UNIFORM((a, r) -> a.fill((i, j) -> 2 * r.nextDouble() - 1)),
  SMALL_INTEGERS((a, r) -> a.fill((i, j) -> r.nextInt(-2, 3))),
  GAUSSIAN((a, r) -> a.fill((i, j) -> r.nextGaussian())),
  /** B·D, B well conditioned and D diagonal; its adjoint where m &lt; n. */
  GRADED_COLUMNS((a, r) -> graded(a, a.rows < a.columns, r)),
  /** D·B, and B·D where m &lt; n. */
  GRADED_ROWS((a, r) -> graded(a, a.rows >= a.columns, r)),
  GRADED_BOTH(MatrixKind::gradedBoth),
  LOW_RANK_PRODUCT(MatrixKind::product),
  REPEATED_ROWS((a, r) -> enlarged(a, 1 + r.nextInt(1, 4), 1, r)),
  REPEATED_COLUMNS((a, r) -> enlarged(a, 1, 1 + r.nextInt(1, 4), r)),
  ENLARGED(MatrixKind::enlarged),
  DUPLICATES(MatrixKind::duplicates),
  ZERO_BLOCKS(MatrixKind::zeroBlocks),
  ZERO_ROWS_AND_COLUMNS(MatrixKind::zeroRowsAndColumns),
  ZERO((a, r) -> {}),
  PERMUTATION(MatrixKind::permutation),
  ORTHONORMAL((a, r) -> orthonormal(a, r)),
  SPECTRUM(MatrixKind::spectrum),
  POINT_CLOUD(MatrixKind::pointCloud),
  PIXELS((a, r) -> a.fillReal((i, j) -> r.nextInt(256))),
  CHIRPS(MatrixKind::chirps),
  DENORMAL((a, r) -> a.fill((i, j) -> r.nextInt(-40, 41) * Measures.smallest(a.type))),
  MIXED_SIZES((a, r) -> a.fill((i, j) -> anySize(a.type, r))),
  LEADING_TINY(MatrixKind::leadingTiny),
  SCALED(MatrixKind::scaled),
  LARGEST((a, r) -> a.fill((i, j) -> (r.nextBoolean() ? 1 : -1) * Measures.largest(a.type))),
  COMPANION(MatrixKind::companion),
  KAHAN(MatrixKind::kahan),
  HILBERT((a, r) -> a.fillReal((i, j) -> 1.0 / (i + j + 1))),
  SINGLE_ENTRY((a, r) -> a.set(r.nextInt(a.rows), r.nextInt(a.columns), anySize(a.type, r), 0)),
  IDENTITY((a, r) -> diagonal(a, r.nextBoolean() ? 1 : r.nextGaussian())),
  TRIANGULAR((a, r) -> a.fill((i, j) -> i <= j ? r.nextGaussian() : 0)),
  IDENTITY_ROUNDED(MatrixKind::identityRounded);

  private interface Fill {
    void fill(Entries a, SplittableRandom random);
  }

  private interface Entry {
    double at(int i, int j);
  }

  @SuppressWarnings("ImmutableEnumChecker") // lambdas without state
  private final Fill fill;

  MatrixKind(Fill fill) {
    this.fill = fill;
  }

  /** Lower case, with spaces. */
  String title() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }

  /**
   * Whether each singular value is well determined: columns are well conditioned but for their
   * size, or rows are. A square matrix may be either.
   */
  boolean isGraded(int rows, int columns) {
    return this == GRADED_COLUMNS || (this == GRADED_ROWS && rows == columns);
  }

  /** Whether large ones take little time to draw. */
  boolean isCheap() {
    return switch (this) {
      case GRADED_COLUMNS, GRADED_ROWS, ORTHONORMAL, SPECTRUM -> false;
      default -> true;
    };
  }

  /** Row-major values, (real, imaginary) where complex, exact in the type and finite. */
  double[] draw(DataType type, int rows, int columns, SplittableRandom random) {
    Entries a = new Entries(type, rows, columns);
    fill.fill(a, random);
    if (this != GRADED_COLUMNS && this != GRADED_ROWS) {
      vary(a, random);
    }
    double largest = Measures.largest(type);
    for (int t = 0; t < a.values.length; t++) {
      double value = Math.max(-largest, Math.min(largest, a.values[t]));
      a.values[t] = Spectra.rounded(type, value);
    }
    return a.values;
  }

  /** Scales some, exchanges rows or columns of some, makes some real. */
  private static void vary(Entries a, SplittableRandom random) {
    if (random.nextInt(8) == 0) {
      double factor = Math.pow(2, random.nextInt(-50, 51));
      Arrays.setAll(a.values, t -> a.values[t] * factor);
    }
    if (random.nextInt(8) == 0) {
      for (int i = a.rows - 1; i > 0; i--) {
        a.exchange(i * a.columns, random.nextInt(i + 1) * a.columns, 1, a.columns);
      }
    }
    if (random.nextInt(8) == 0) {
      for (int j = a.columns - 1; j > 0; j--) {
        a.exchange(j, random.nextInt(j + 1), a.columns, a.rows);
      }
    }
    if (a.parts == 2 && random.nextInt(16) == 0) {
      for (int t = 1; t < a.values.length; t += 2) {
        a.values[t] = 0;
      }
    }
  }

  /** A matrix that is being filled. */
  private static final class Entries {
    final DataType type;
    final int rows;
    final int columns;
    final int parts;
    final double[] values;

    Entries(DataType type, int rows, int columns) {
      this.type = type;
      this.rows = rows;
      this.columns = columns;
      parts = type.isComplex() ? 2 : 1;
      values = new double[rows * columns * parts];
    }

    void set(int i, int j, double re, double im) {
      int at = (i * columns + j) * parts;
      values[at] = re;
      if (parts == 2) {
        values[at + 1] = im;
      }
    }

    /** Both parts, one after the other. */
    void fill(Entry entry) {
      for (int t = 0; t < values.length; t++) {
        values[t] = entry.at(t / parts / columns, t / parts % columns);
      }
    }

    void fillReal(Entry entry) {
      for (int t = 0; t < values.length; t += parts) {
        values[t] = entry.at(t / parts / columns, t / parts % columns);
      }
    }

    void scale(Entry factor) {
      for (int t = 0; t < values.length; t++) {
        values[t] *= factor.at(t / parts / columns, t / parts % columns);
      }
    }

    /** Elements x, x + stride, … with y, y + stride, …. */
    void exchange(int x, int y, int stride, int count) {
      for (int l = 0; l < count; l++) {
        for (int part = 0; part < parts; part++) {
          int from = (x + l * stride) * parts + part;
          int to = (y + l * stride) * parts + part;
          double value = values[from];
          values[from] = values[to];
          values[to] = value;
        }
      }
    }
  }

  /** Decimal exponents that normal numbers of the type have on both sides of 1. */
  private static int range(DataType type) {
    return type.real() == DataType.FLOAT32 ? 37 : 307;
  }

  private static double anySize(DataType type, SplittableRandom random) {
    double exponent = range(type) * (2 * random.nextDouble() - 1);
    return random.nextInt(8) == 0 ? 0 : (random.nextBoolean() ? 1 : -1) * Math.pow(10, exponent);
  }

  private static void constant(Entries a, SplittableRandom random) {
    double re = random.nextInt(4) == 0 ? 1 : random.nextGaussian();
    double im = random.nextBoolean() ? re : random.nextGaussian();
    for (int t = 0; t < a.rows * a.columns; t++) {
      a.set(0, t, re, im);
    }
  }

  private static void diagonal(Entries a, double value) {
    for (int i = 0; i < Math.min(a.rows, a.columns); i++) {
      a.set(i, i, value, 0);
    }
  }

  /** Columns of Q(I + E), ‖E‖ ≤ 1/2, or rows, times powers of ten. */
  private static void graded(Entries a, boolean byRows, SplittableRandom random) {
    int length = byRows ? a.columns : a.rows;
    int count = byRows ? a.rows : a.columns;
    int k = Math.min(length, count);
    double[] q = Orthonormal.random(length, k, a.parts, random);
    int range = random.nextBoolean() ? range(a.type) : random.nextInt(1, range(a.type) + 1);
    double[] sizes = random.doubles(count, -range, range).toArray();
    if (random.nextBoolean()) {
      Arrays.sort(sizes);
    }
    for (int j = 0; j < count; j++) {
      double size = Math.pow(10, sizes[j]);
      int other = random.nextInt(k);
      double mixed = random.nextDouble() - 0.5;
      for (int i = 0; i < length; i++) {
        int from = (i * k + j % k) * a.parts;
        int and = (i * k + other) * a.parts;
        double re = size * (q[from] + mixed / k * q[and]);
        double im = a.parts == 1 ? 0 : size * (q[from + 1] + mixed / k * q[and + 1]);
        a.set(byRows ? j : i, byRows ? i : j, re, im);
      }
    }
  }

  private static void gradedBoth(Entries a, SplittableRandom random) {
    int range = random.nextInt(1, range(a.type) / 2);
    double[] rows = random.doubles(a.rows, -range, range).toArray();
    double[] columns = random.doubles(a.columns, -range, range).toArray();
    a.fill((i, j) -> random.nextGaussian());
    a.scale((i, j) -> Math.pow(10, rows[i] + columns[j]));
  }

  private static void product(Entries a, SplittableRandom random) {
    int k = Math.min(a.rows, a.columns);
    int rank = random.nextInt(3) == 0 ? 1 : random.nextInt(1, k + 1);
    Entries left = new Entries(a.type, a.rows, Math.min(rank, 8));
    Entries right = new Entries(a.type, left.columns, a.columns);
    left.fill((i, j) -> random.nextGaussian());
    right.fill((i, j) -> random.nextGaussian());
    multiply(left, right, a);
  }

  private static void multiply(Entries left, Entries right, Entries product) {
    for (int i = 0; i < product.rows; i++) {
      for (int j = 0; j < product.columns; j++) {
        double re = 0;
        double im = 0;
        for (int l = 0; l < left.columns; l++) {
          int x = (i * left.columns + l) * left.parts;
          int y = (l * right.columns + j) * left.parts;
          re += left.values[x] * right.values[y];
          if (left.parts == 2) {
            re -= left.values[x + 1] * right.values[y + 1];
            im += left.values[x] * right.values[y + 1] + left.values[x + 1] * right.values[y];
          }
        }
        product.set(i, j, re, im);
      }
    }
  }

  private static void enlarged(Entries a, SplittableRandom random) {
    int factor = random.nextInt(2, 6);
    enlarged(a, factor, factor, random);
  }

  /** Every entry of a smaller matrix written so many times, downwards and to the right. */
  private static void enlarged(Entries a, int down, int right, SplittableRandom random) {
    Entries small = new Entries(a.type, (a.rows - 1) / down + 1, (a.columns - 1) / right + 1);
    boolean pixels = random.nextInt(3) == 0;
    small.fill((i, j) -> pixels ? random.nextInt(256) : random.nextGaussian());
    copy(small, a, i -> i / down, j -> j / right);
  }

  private static void duplicates(Entries a, SplittableRandom random) {
    Entries small =
        new Entries(a.type, random.nextInt(1, a.rows + 1), random.nextInt(1, a.columns + 1));
    small.fill((i, j) -> random.nextGaussian());
    int[] rows = random.ints(a.rows, 0, small.rows).toArray();
    int[] columns = random.ints(a.columns, 0, small.columns).toArray();
    copy(small, a, i -> rows[i], j -> columns[j]);
  }

  private static void copy(
      Entries from, Entries to, IntUnaryOperator row, IntUnaryOperator column) {
    for (int i = 0; i < to.rows; i++) {
      for (int j = 0; j < to.columns; j++) {
        int at = (row.applyAsInt(i) * from.columns + column.applyAsInt(j)) * from.parts;
        to.set(i, j, from.values[at], from.parts == 2 ? from.values[at + 1] : 0);
      }
    }
  }

  private static void zeroBlocks(Entries a, SplittableRandom random) {
    int row = random.nextInt(a.rows + 1);
    int column = random.nextInt(a.columns + 1);
    boolean both = random.nextBoolean();
    a.fill((i, j) -> random.nextGaussian());
    a.scale((i, j) -> i < row && j < column ? 1 : both && i >= row && j >= column ? 1 : 0);
  }

  private static void zeroRowsAndColumns(Entries a, SplittableRandom random) {
    int share = random.nextInt(1, 5);
    boolean[] rows = new boolean[a.rows];
    boolean[] columns = new boolean[a.columns];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = random.nextInt(share + 1) > 0;
    }
    for (int j = 0; j < columns.length; j++) {
      columns[j] = random.nextInt(share + 1) > 0;
    }
    a.fill((i, j) -> random.nextGaussian());
    a.scale((i, j) -> rows[i] && columns[j] ? 1 : 0);
  }

  private static void permutation(Entries a, SplittableRandom random) {
    boolean wide = a.rows < a.columns;
    int[] order = new int[Math.max(a.rows, a.columns)];
    for (int i = 0; i < order.length; i++) {
      int other = random.nextInt(i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    for (int l = 0; l < Math.min(a.rows, a.columns); l++) {
      a.set(wide ? l : order[l], wide ? order[l] : l, random.nextInt(4) == 0 ? -1 : 1, 0);
    }
  }

  private static void orthonormal(Entries a, SplittableRandom random) {
    boolean wide = a.rows < a.columns;
    int k = Math.min(a.rows, a.columns);
    double[] q = Orthonormal.random(Math.max(a.rows, a.columns), k, a.parts, random);
    for (int i = 0; i < a.rows; i++) {
      for (int j = 0; j < a.columns; j++) {
        int at = (wide ? j * k + i : i * k + j) * a.parts;
        a.set(i, j, q[at], a.parts == 2 ? q[at + 1] : 0);
      }
    }
  }

  private static void spectrum(Entries a, SplittableRandom random) {
    int k = Math.min(a.rows, a.columns);
    double[] s = Spectra.random(a.type, k, random);
    Entries left = new Entries(a.type, a.rows, k);
    Entries right = new Entries(a.type, k, a.columns);
    orthonormal(left, random);
    orthonormal(right, random);
    left.scale((i, j) -> s[j]);
    multiply(left, right, a);
  }

  private static void pointCloud(Entries a, SplittableRandom random) {
    double[] offset = random.doubles(a.columns, -1, 1).toArray();
    double distance = Math.pow(10, random.nextInt(5));
    a.fill((i, j) -> distance * offset[j] + random.nextGaussian());
  }

  /** Windowed signals of rising frequency in the columns: long tails of tiny numbers. */
  private static void chirps(Entries a, SplittableRandom random) {
    double width = 0.02 + 0.2 * random.nextDouble();
    double rate = 40 * random.nextDouble();
    for (int j = 0; j < a.columns; j++) {
      double centre = random.nextDouble();
      double frequency = 20 * random.nextDouble();
      for (int i = 0; i < a.rows; i++) {
        double t = (i + 0.5) / a.rows - centre;
        double size = Math.exp(-t * t / (2 * width * width));
        double phase = 2 * Math.PI * (frequency + rate * t) * t;
        a.set(i, j, size * Math.cos(phase), size * Math.sin(phase));
      }
    }
  }

  /** Columns that begin with an element of any size below the others'. */
  private static void leadingTiny(Entries a, SplittableRandom random) {
    double tiny = Math.pow(10, -(range(a.type) + 7) * random.nextDouble());
    a.fill((i, j) -> (i == 0 ? tiny : 1) * random.nextGaussian());
  }

  private static void scaled(Entries a, SplittableRandom random) {
    double size = Math.pow(10, random.nextInt(-range(a.type), range(a.type) + 1));
    a.fill((i, j) -> size * random.nextGaussian());
  }

  private static void companion(Entries a, SplittableRandom random) {
    boolean factorials = random.nextBoolean();
    double coefficient = 1;
    for (int j = 0; j < a.columns; j++) {
      coefficient *= factorials ? -(j + 1) : 0;
      a.set(0, j, factorials ? coefficient : random.nextGaussian(), 0);
    }
    for (int i = 1; i < Math.min(a.rows, a.columns + 1); i++) {
      a.set(i, i - 1, 1, 0);
    }
  }

  private static void kahan(Entries a, SplittableRandom random) {
    double angle = 0.1 + 1.4 * random.nextDouble();
    double c = Math.cos(angle);
    double s = Math.sin(angle);
    a.fillReal((i, j) -> i > j ? 0 : Math.pow(s, i) * (i == j ? 1 : -c));
  }

  private static void identityRounded(Entries a, SplittableRandom random) {
    double noise = a.type.epsilon() * Math.pow(10, 3 * random.nextDouble() - 1);
    a.fill((i, j) -> noise * random.nextGaussian());
    double value = random.nextGaussian();
    for (int i = 0; i < Math.min(a.rows, a.columns); i++) {
      a.values[(i * a.columns + i) * a.parts] += value;
    }
  }
}
