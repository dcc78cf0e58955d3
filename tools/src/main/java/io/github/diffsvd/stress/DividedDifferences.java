package io.github.diffsvd.stress;

import static io.github.diffsvd.stress.Precise.DIGITS;
import static java.math.BigDecimal.ONE;
import static java.math.BigDecimal.ZERO;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.EighFactors;
import io.github.diffsvd.EighPlan;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * (f(a) − f(b))/(a − b) as the kernels compute it, against 40 digits: for every function, over the
 * whole range of the type, at ratios from 1 to the smallest there is and at 0, in both orders. They
 * are read off the gradient of a function of diag(a, b), where every product is exact.
 */
final class DividedDifferences {
  /** Powers are for p, thresholds among the values. */
  private static final List<SpectralFunction> FUNCTIONS =
      Stream.concat(
              Stream.of(
                  SpectralFunction.identity(),
                  SpectralFunction.softThreshold(1.3),
                  SpectralFunction.softThreshold(1e-5),
                  SpectralFunction.hardThreshold(1.3),
                  SpectralFunction.log1p(),
                  SpectralFunction.sqrt().withCut(0),
                  SpectralFunction.reciprocal(0),
                  SpectralFunction.polar(0),
                  SpectralFunction.clip(1.3),
                  SpectralFunction.clip(0),
                  SpectralFunction.log().withCut(0)),
              DoubleStream.of(-2, -1, -0.5, -1e-3, 0, 1e-3, 0.3, 0.5, 0.7, 1, 1.7, 2, 3)
                  .mapToObj(p -> SpectralFunction.power(p).withCut(0)))
          .toList();

  /**
   * What became of a function.
   *
   * @param pairs of a and b whose differences and slopes are in the type's range
   * @param worst relative error in units of the type's epsilon
   * @param a where it is
   * @param b with it
   */
  record Row(DataType type, String function, int pairs, double worst, double a, double b) {}

  private final DataType type;
  private final double[][] pairs;
  private final Map<BigDecimal, BigDecimal> logarithms = new HashMap<>();

  private DividedDifferences(DataType type, SplittableRandom random) {
    this.type = type;
    pairs = pairs(type, random);
  }

  /** A row for each function. */
  static List<Row> sweep(Device device, DataType type, SplittableRandom random) {
    DividedDifferences differences = new DividedDifferences(type, random);
    int batch = differences.pairs.length;
    double[] identity = new double[4 * batch];
    double[] ones = new double[4 * batch];
    Arrays.fill(ones, 1);
    Arrays.setAll(identity, t -> t % 4 % 3 == 0 ? 1 : 0);
    double[] flat = Arrays.stream(differences.pairs).flatMapToDouble(DoubleStream::of).toArray();
    try (EighPlan plan = EighPlan.create(device, new BatchShape(type, batch, 2, 2));
        OwnedMatrixBatch values = device.allocate(new BatchShape(type, batch, 2, 1));
        OwnedMatrixBatch vectors = device.allocate(new BatchShape(type, batch, 2, 2));
        OwnedMatrixBatch gy = device.allocate(new BatchShape(type, batch, 2, 2));
        OwnedMatrixBatch gradient = device.allocate(new BatchShape(type, batch, 2, 2))) {
      device.write(values, flat);
      device.write(vectors, identity);
      device.write(gy, ones);
      return FUNCTIONS.stream()
          .map(
              function -> {
                plan.backward(
                    new EighFactors(values, vectors),
                    function,
                    SpectralCotangents.of(gy),
                    gradient,
                    null,
                    0);
                return differences.judge(function, device.read(gradient));
              })
          .toList();
    }
  }

  /** Larger values over the range, each with smaller ones at every ratio. */
  private static double[][] pairs(DataType type, SplittableRandom random) {
    boolean single = type == DataType.FLOAT32;
    int least = single ? -149 : -1074;
    int most = single ? 127 : 1023;
    List<double[]> pairs = new ArrayList<>();
    List<Double> larger = new ArrayList<>();
    for (int step = 0; step <= 16; step++) {
      int exponent = least + 1 + (most - least - 1) * step / 16;
      larger.add(rounded(type, Math.scalb(1 + random.nextDouble(), exponent)));
    }
    for (double near : new double[] {0, 1, 1.3, 1e-5}) {
      larger.add(rounded(type, near));
      larger.add(rounded(type, near * (1 + 3 * type.epsilon())));
      larger.add(rounded(type, near * (1.5 + random.nextDouble())));
    }
    for (double a : larger) {
      List<Double> smaller = new ArrayList<>(List.of(0.0, a, Measures.smallest(type)));
      for (int ulps = 1; ulps < 1000; ulps *= 3) {
        smaller.add(rounded(type, a * (1 - ulps * 0.5 * type.epsilon())));
      }
      for (double gap = 1e-3; gap < 1; gap *= 2.5) {
        smaller.add(rounded(type, a * (1 - gap)));
      }
      for (int exponent = -1; exponent > least - most; exponent = exponent * 3 / 2 - 1) {
        smaller.add(rounded(type, Math.scalb(a * (1 - random.nextDouble() / 2), exponent)));
      }
      for (double b : smaller) {
        pairs.add(new double[] {a, b});
        pairs.add(new double[] {b, a});
      }
    }
    return pairs.toArray(double[][]::new);
  }

  private static double rounded(DataType type, double x) {
    return type == DataType.FLOAT32 ? (float) x : x;
  }

  private Row judge(SpectralFunction function, double[] gradient) {
    Exact exact = exact(function);
    int judged = 0;
    double worst = 0;
    double[] where = {0, 0};
    for (int b = 0; b < pairs.length; b++) {
      double[] pair = pairs[b];
      double[] expected = new double[4];
      Arrays.setAll(expected, t -> exact.difference(pair[t / 2], pair[t % 2]));
      // Where one is infinite the products make NaN of the others.
      if (Arrays.stream(expected).anyMatch(Double::isNaN)) {
        continue;
      }
      judged++;
      for (int t = 0; t < 4; t++) {
        double error = Math.abs(gradient[4 * b + t] - expected[t]);
        double relative = error == 0 ? 0 : error / Math.abs(expected[t]) / type.epsilon();
        if (!(relative <= worst)) {
          worst = Double.isNaN(relative) ? Double.POSITIVE_INFINITY : relative;
          where = pair;
        }
      }
    }
    return new Row(type, function.toString(), judged, worst, where[0], where[1]);
  }

  /** A function in 40 digits; values up to `zero` count as 0. */
  private final class Exact {
    private final UnaryOperator<BigDecimal> value;
    private final UnaryOperator<BigDecimal> slope;
    private final double zero;
    private final Map<Double, BigDecimal> values = new HashMap<>();

    Exact(UnaryOperator<BigDecimal> value, UnaryOperator<BigDecimal> slope, boolean invertible) {
      this.value = value;
      this.slope = slope;
      zero = invertible ? 256 * Measures.smallestNormal(type) : 0;
    }

    /** NaN where it, or the function, is not in the type's range. */
    double difference(double x, double y) {
      double a = x <= zero ? 0 : x;
      double b = y <= zero ? 0 : y;
      BigDecimal difference =
          a == b
              ? slope.apply(new BigDecimal(a))
              : at(a).subtract(at(b)).divide(new BigDecimal(a).subtract(new BigDecimal(b)), DIGITS);
      double size = Math.abs(difference.doubleValue());
      double most = Measures.largest(type) / 16;
      boolean inRange =
          isBelow(at(a), most)
              && isBelow(at(b), most)
              && (size == 0 ? difference.signum() == 0 : size >= 16 * Measures.smallestNormal(type))
              && size <= most;
      return inRange ? difference.doubleValue() : Double.NaN;
    }

    private static boolean isBelow(BigDecimal x, double most) {
      return Math.abs(x.doubleValue()) <= most;
    }

    private BigDecimal at(double x) {
      return values.computeIfAbsent(x, each -> value.apply(new BigDecimal(each)));
    }
  }

  private Exact exact(SpectralFunction function) {
    BigDecimal p = new BigDecimal(rounded(type, function.parameter()));
    return switch (function.name()) {
      case "identity" -> new Exact(s -> s, s -> ONE, false);
      case "soft-threshold" ->
          new Exact(s -> s.subtract(p).max(ZERO), s -> step(s.compareTo(p) > 0), false);
      case "hard-threshold" ->
          new Exact(s -> s.compareTo(p) > 0 ? s : ZERO, s -> step(s.compareTo(p) > 0), false);
      case "power" ->
          new Exact(
              s -> power(s, p),
              s ->
                  s.signum() == 0
                      ? step(p.compareTo(ONE) == 0)
                      : p.multiply(power(s, p)).divide(s, DIGITS),
              false);
      case "log1p" ->
          new Exact(s -> logarithm(s.add(ONE)), s -> ONE.divide(s.add(ONE), DIGITS), false);
      case "sqrt" ->
          new Exact(
              s -> s.sqrt(DIGITS),
              s ->
                  s.signum() == 0
                      ? ZERO
                      : ONE.divide(s.sqrt(DIGITS).multiply(BigDecimal.valueOf(2)), DIGITS),
              false);
      case "reciprocal" ->
          new Exact(
              s -> s.signum() == 0 ? ZERO : ONE.divide(s, DIGITS),
              s -> s.signum() == 0 ? ZERO : ONE.divide(s.multiply(s), DIGITS).negate(),
              true);
      case "polar" -> new Exact(s -> step(s.signum() > 0), s -> ZERO, true);
      case "clip" -> new Exact(s -> s.min(p), s -> step(s.compareTo(p) < 0), false);
      case "log" ->
          new Exact(
              s -> s.signum() == 0 ? ZERO : logarithm(s),
              s -> s.signum() == 0 ? ZERO : ONE.divide(s, DIGITS),
              true);
      default -> throw new IllegalArgumentException("no reference for " + function);
    };
  }

  private static BigDecimal step(boolean above) {
    return above ? ONE : ZERO;
  }

  private BigDecimal power(BigDecimal s, BigDecimal p) {
    if (s.signum() == 0) {
      return step(p.signum() == 0);
    }
    return Precise.exp(logarithm(s).multiply(p, DIGITS));
  }

  private BigDecimal logarithm(BigDecimal s) {
    return logarithms.computeIfAbsent(s, Precise::log);
  }

  /** The functions by name, each once. */
  static List<String> names() {
    return FUNCTIONS.stream().map(SpectralFunction::name).distinct().toList();
  }
}
