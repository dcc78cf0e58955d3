package io.github.diffsvd.stress;

import io.github.diffsvd.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** The singular values of the sweeps, descending, exact in the type. */
final class Spectra {
  /**
   * One point of a sweep.
   *
   * @param sweep gap, spectrum or scale
   * @param name of the point
   * @param x where it stands on the axis of its sweep
   * @param scale the largest value, or what it would be
   */
  record Point(Sweep sweep, String name, double x, double scale, Values values) {
    /** Whether the matrices have every row twice; half of their values are 0 then. */
    boolean repeatsRows() {
      return name.equals(REPEATED_ROWS);
    }

    double[] values(DataType type, int k) {
      double[] s = values.of(k);
      return IntStream.range(0, k).mapToDouble(i -> rounded(type, s[i] * scale)).toArray();
    }
  }

  enum Sweep {
    GAP,
    SPECTRUM,
    SCALE
  }

  private static final String REPEATED_ROWS = "repeated rows";

  interface Values {
    double[] of(int k);
  }

  private Spectra() {}

  static double rounded(DataType type, double value) {
    return type.real() == DataType.FLOAT32 ? (float) value : value;
  }

  /** Every sweep, for a type. */
  static List<Point> of(DataType type) {
    boolean single = type.real() == DataType.FLOAT32;
    List<Point> points = new ArrayList<>();
    points.add(gap("tie", 0));
    for (int e = 16; e >= 1; e--) {
      points.add(gap("1e-" + e, Math.pow(10, -e)));
    }
    points.add(spectrum("distinct", i -> 1 / (1 + 0.37 * i)));
    points.add(geometric(2));
    points.add(geometric(6));
    points.add(geometric(12));
    points.add(spectrum("arithmetic", i -> 1 - i / 8.0));
    points.add(spectrum("cluster at top", i -> i < 3 ? 1 - 1e-9 * i : 1.0 / (i + 1)));
    points.add(spectrum("cluster at bottom", i -> i < 2 ? 1 - 0.25 * i : 0.1 + 1e-9 * (8 - i)));
    points.add(spectrum("pair", i -> i < 2 ? 1 : 0.6 / i));
    points.add(spectrum("triple", i -> i < 3 ? 1 : 1.5 / i));
    points.add(spectrum("all equal", i -> 1));
    points.add(spectrum("rank 1", i -> i == 0 ? 1 : 0));
    points.add(
        new Point(
            Sweep.SPECTRUM,
            "rank k/2",
            0,
            1,
            k -> each(k, i -> i < (k + 1) / 2 ? 1 - 0.2 * i : 0)));
    points.add(
        new Point(
            Sweep.SPECTRUM,
            REPEATED_ROWS,
            0,
            1,
            k -> each(k, i -> i < (k + 1) / 2 ? 1 / (1 + 0.37 * i) : 0)));
    points.add(spectrum("zero", i -> 0));
    double tiny = single ? Float.MIN_VALUE : Double.MIN_VALUE;
    points.add(new Point(Sweep.SPECTRUM, "denormal", 0, tiny, k -> each(k, i -> 64.0 * (8 - i))));
    int step = single ? 10 : 50;
    int last = single ? 30 : 200;
    points.add(
        new Point(
            Sweep.SPECTRUM,
            "mixed sizes",
            0,
            1,
            k -> each(k, i -> Math.pow(10, last * (1 - 2.0 * i / Math.max(1, k - 1))))));
    for (int e = -last; e <= last; e += step) {
      points.add(
          new Point(
              Sweep.SCALE,
              "1e" + e,
              Math.pow(10, e),
              Math.pow(10, e),
              k -> each(k, i -> i < 2 ? 1 : 0.6 / i)));
    }
    return points;
  }

  /** Geometric spectra with conditions from 10 to 1/eps. */
  static List<Point> conditions(DataType type) {
    return IntStream.rangeClosed(1, (int) -Math.log10(type.epsilon()))
        .mapToObj(Spectra::geometric)
        .toList();
  }

  private static Point geometric(int e) {
    return new Point(
        Sweep.SPECTRUM,
        "geometric 1e" + e,
        0,
        1,
        k -> each(k, i -> Math.pow(10, -e * (double) i / Math.max(1, k - 1))));
  }

  private static Point gap(String name, double gap) {
    return new Point(
        Sweep.GAP, name, gap, 1, k -> each(k, i -> i == 0 ? 1 : i == 1 ? 1 - gap : 0.6 / i));
  }

  private static Point spectrum(String name, IntToDoubleFunction value) {
    return new Point(Sweep.SPECTRUM, name, 0, 1, k -> each(k, value));
  }

  private static double[] each(int k, IntToDoubleFunction value) {
    return IntStream.range(0, k).mapToDouble(value).toArray();
  }

  /** Any of what is above at random: ties, neighbours, gaps of every size, zeros, every scale. */
  static double[] random(DataType type, int k, SplittableRandom random) {
    boolean single = type.real() == DataType.FLOAT32;
    int range = single ? 30 : 200;
    double scale = Math.pow(10, random.nextInt(4) == 0 ? random.nextInt(-range, range + 1) : 0);
    double[] s = new double[k];
    double value = rounded(type, scale * (0.5 + random.nextDouble()));
    for (int i = 0; i < k; i++) {
      s[i] = value;
      value =
          switch (random.nextInt(8)) {
            case 0, 1 -> value;
            case 2 -> single ? Math.nextDown((float) value) : Math.nextDown(value);
            case 3 -> value * (1 - Math.pow(10, -16 * random.nextDouble()));
            case 4 -> value * Math.pow(10, -12 * random.nextDouble());
            case 5 -> random.nextInt(4) == 0 ? 0 : value;
            default -> value * random.nextDouble();
          };
      value = Math.max(0, rounded(type, value));
    }
    if (random.nextInt(64) == 0) {
      double tiny = single ? Float.MIN_VALUE : Double.MIN_VALUE;
      return Arrays.stream(s).map(x -> Math.rint(Math.min(1, x / s[0]) * 1000) * tiny).toArray();
    }
    return s;
  }
}
