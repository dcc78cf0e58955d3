package io.github.diffsvd.stress;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.stress.Spectra.Point;
import io.github.diffsvd.stress.Spectra.Sweep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;

/**
 * Sweeps every way to a gradient over types, shapes, spectra and losses, and judges it by {@link
 * Loss#gradient}. The same seed and device give the same results.
 */
public final class StressSuite {
  private static final int[][] SHAPES = {{6, 6}, {7, 5}, {5, 7}};

  private static final int[][] FUZZ_SHAPES = {{8, 8}, {9, 6}, {3, 5}};

  /** Exponents p of tolerances eps^p of moore-penrose. */
  private static final double[] EXPONENTS =
      DoubleStream.iterate(0.3, p -> p < 1.06, p -> p + 0.05).toArray();

  private final Device device;
  private final long seed;
  private final int matrices;
  private final int fuzzMatrices;
  private final Progress progress;
  private final List<StressRow> rows = new ArrayList<>();
  private final List<Tolerance> tolerances = new ArrayList<>();
  private final List<Finiteness> finiteness = new ArrayList<>();
  private final List<DividedDifferences.Row> differences = new ArrayList<>();
  private int done;

  /** Hears how far the suite is. */
  public interface Progress {
    /** Of so many steps so many are done. */
    void step(int done, int steps, String what);
  }

  /**
   * moore-penrose with a tolerance of eps^exponent: geometric means of the worst relative errors.
   *
   * @param gaps over the gap sweep, of soft threshold and projector
   * @param conditions over matrices of geometric spectra with conditions from 10 to 1/eps, of the
   *     polar factor, where a tolerance that is too large loses small values
   * @param worst over the gap sweep, of the projector, which moore-penrose can be right for
   */
  record Tolerance(DataType type, double exponent, double gaps, double conditions, double worst) {
    double mean() {
      return Math.sqrt(gaps * conditions);
    }
  }

  /**
   * Random matrices of every kind.
   *
   * @param nonFinite of them with NaN or infinity in the gradient
   * @param silent members given as NaN or infinity whose gradient was finite
   * @param disturbed members whose gradient changed when others became NaN
   */
  record Finiteness(
      DataType type, String method, int matrices, int nonFinite, int silent, int disturbed) {}

  /**
   * What was found.
   *
   * @param matrices that the methods which promise finite gradients were given
   */
  public record Result(
      String device,
      long seed,
      int matrices,
      List<StressRow> rows,
      List<Tolerance> tolerances,
      List<Finiteness> finiteness,
      List<DividedDifferences.Row> differences) {}

  private StressSuite(Device device, long seed, boolean quick, Progress progress) {
    this.device = device;
    this.seed = seed;
    this.progress = progress;
    matrices = quick ? 8 : 64;
    fuzzMatrices = quick ? 10_000 : 100_000;
  }

  /**
   * Runs it.
   *
   * @param quick with 8 matrices for each point, type, shape and loss, and a million random ones;
   *     otherwise 64 and ten million
   */
  public static Result run(Device device, long seed, boolean quick, Progress progress) {
    return new StressSuite(device, seed, quick, progress).run();
  }

  private Result run() {
    for (DataType type : DataType.values()) {
      SplittableRandom random = new SplittableRandom(seed);
      List<Trial> trials = new ArrayList<>();
      try {
        for (int[] shape : SHAPES) {
          trials.add(new Trial(device, type, matrices, shape[0], shape[1], random.split()));
        }
        for (Point point : Spectra.of(type)) {
          sweep(type, trials, point);
        }
        if (!type.isComplex()) {
          chooseTolerance(type, trials);
          differences.addAll(DividedDifferences.sweep(device, type, new SplittableRandom(seed)));
        }
      } finally {
        trials.forEach(Trial::close);
      }
      for (int[] shape : FUZZ_SHAPES) {
        fuzz(type, shape, random.split());
      }
    }
    int finite =
        rows.stream().filter(StressRow::promisesFinite).mapToInt(StressRow::matrices).sum();
    finite += finiteness.stream().mapToInt(Finiteness::matrices).sum();
    return new Result(device.toString(), seed, finite, rows, tolerances, finiteness, differences);
  }

  private void step(String what) {
    int points = 0;
    for (DataType type : DataType.values()) {
      points += Spectra.of(type).size() + FUZZ_SHAPES.length;
    }
    progress.step(++done, points, what);
  }

  private static double smallest(DataType type) {
    return 1e4 * (type.real() == DataType.FLOAT32 ? Float.MIN_NORMAL : Double.MIN_NORMAL);
  }

  /** Every loss and method at one point. */
  private void sweep(DataType type, List<Trial> trials, Point point) {
    for (Loss loss : Loss.values()) {
      List<GradientMethod> methods = GradientMethod.all();
      List<Scores> scores = new ArrayList<>();
      methods.forEach(method -> scores.add(new Scores()));
      for (Trial trial : trials) {
        double[] s = set(type, trial, point);
        double[][] reference = loss.hasGradient(s, smallest(type)) ? trial.reference(loss) : null;
        for (boolean resolved : new boolean[] {false, true}) {
          GradientMethod first = resolved ? GradientMethod.RESOLVE_TIES : methods.get(0);
          trial.decompose(first);
          trial.cotangents(loss);
          double[][] gradients = new double[methods.size()][];
          for (int i = 0; i < gradients.length; i++) {
            GradientMethod method = methods.get(i);
            if (method.resolvesTies() == resolved && loss.accepts(method)) {
              gradients[i] = trial.gradient(method, loss);
              // Ties are resolved into values above 0, where the polar factor is another one.
              boolean other = resolved && loss == Loss.POLAR && s[s.length - 1] == 0;
              scores.get(i).add(trial, gradients[i], other ? null : reference);
            }
          }
          trial.turnColumns();
          for (int i = 0; i < gradients.length; i++) {
            if (gradients[i] != null) {
              scores.get(i).compare(trial, gradients[i], trial.gradient(methods.get(i), loss));
            }
          }
        }
      }
      for (int i = 0; i < methods.size(); i++) {
        if (loss.accepts(methods.get(i))) {
          rows.add(scores.get(i).row(point, type, methods.get(i), loss));
        }
      }
    }
    step(type + " " + point.sweep() + " " + point.name());
  }

  private static double[] set(DataType type, Trial trial, Point point) {
    double[] s = point.values(type, trial.k());
    double[] all = new double[trial.batch() * s.length];
    for (int t = 0; t < all.length; t++) {
      all[t] = s[t % s.length];
    }
    trial.set(all, point.scale(), point.repeatsRows());
    return s;
  }

  private void chooseTolerance(DataType type, List<Trial> trials) {
    List<Point> gaps = Spectra.of(type).stream().filter(p -> p.sweep() == Sweep.GAP).toList();
    for (double exponent : EXPONENTS) {
      GradientMethod method =
          GradientMethod.of(GradientRule.moorePenrose(Math.pow(type.epsilon(), exponent)));
      double[] soft = worst(type, trials, method, Loss.SOFT_THRESHOLD, gaps);
      double[] projector = worst(type, trials, method, Loss.PROJECTOR, gaps);
      double[] polar = worst(type, trials, method, Loss.POLAR, Spectra.conditions(type));
      tolerances.add(
          new Tolerance(
              type,
              exponent,
              Math.sqrt(mean(type, soft) * mean(type, projector)),
              mean(type, polar),
              Arrays.stream(projector).max().orElseThrow()));
    }
  }

  /** The worst relative error at each point. */
  private double[] worst(
      DataType type, List<Trial> trials, GradientMethod method, Loss loss, List<Point> points) {
    double[] errors = new double[points.size()];
    for (int i = 0; i < errors.length; i++) {
      Scores scores = new Scores();
      for (Trial trial : trials) {
        set(type, trial, points.get(i));
        trial.decompose(method);
        trial.cotangents(loss);
        scores.add(trial, trial.gradient(method, loss), trial.reference(loss));
      }
      errors[i] = scores.worst();
    }
    return errors;
  }

  private static double mean(DataType type, double[] errors) {
    return Math.exp(
        Arrays.stream(errors)
            .map(error -> Math.log(Math.max(error, type.epsilon())))
            .average()
            .orElseThrow());
  }

  /** Random spectra, and neighbours of NaN. */
  private void fuzz(DataType type, int[] shape, SplittableRandom random) {
    try (Trial trial = new Trial(device, type, fuzzMatrices, shape[0], shape[1], random)) {
      double[] s = new double[fuzzMatrices * trial.k()];
      for (int b = 0; b < fuzzMatrices; b++) {
        double[] values = Spectra.random(type, trial.k(), random);
        System.arraycopy(values, 0, s, b * trial.k(), trial.k());
      }
      trial.set(s, 1, false);
      for (GradientMethod method : GradientMethod.all()) {
        if (!method.promisesFinite()) {
          continue;
        }
        trial.randomCotangents(method, false);
        double[] gradient = trial.gradient(method, Loss.SOFT_THRESHOLD);
        trial.randomCotangents(method, true);
        double[] poisoned = trial.gradient(method, Loss.SOFT_THRESHOLD);
        int nonFinite = 0;
        int silent = 0;
        int disturbed = 0;
        for (int b = 0; b < fuzzMatrices; b++) {
          double[] before = member(gradient, trial.size(), b);
          double[] after = member(poisoned, trial.size(), b);
          nonFinite += isFinite(before) ? 0 : 1;
          if (Trial.isPoisoned(b)) {
            silent += isFinite(after) ? 1 : 0;
          } else {
            disturbed += Arrays.equals(before, after) ? 0 : 1;
          }
        }
        finiteness.add(
            new Finiteness(type, method.name(), fuzzMatrices, nonFinite, silent, disturbed));
      }
    }
    step(type + " random");
  }

  private static double[] member(double[] values, int size, int b) {
    return Arrays.copyOfRange(values, b * size, (b + 1) * size);
  }

  private static boolean isFinite(double[] values) {
    return Arrays.stream(values).allMatch(Double::isFinite);
  }

  /** Collects what {@link StressRow} says. */
  private static final class Scores {
    private final List<Double> errors = new ArrayList<>();
    private int matrices;
    private int nonFinite;
    private double largest;
    private double asymmetry;

    void add(Trial trial, double[] gradient, double[][] reference) {
      for (int b = 0; b < trial.batch(); b++) {
        double[] actual = member(gradient, trial.size(), b);
        matrices++;
        boolean finite = isFinite(actual);
        nonFinite += finite ? 0 : 1;
        largest = Math.max(largest, largest(actual));
        if (reference != null) {
          errors.add(finite ? distance(actual, reference[b]) : Double.POSITIVE_INFINITY);
        }
      }
    }

    void compare(Trial trial, double[] gradient, double[] turned) {
      for (int b = 0; b < trial.batch(); b++) {
        double[] before = member(gradient, trial.size(), b);
        if (isFinite(before)) {
          asymmetry = Math.max(asymmetry, distance(member(turned, trial.size(), b), before));
        }
      }
    }

    double worst() {
      return errors.stream().mapToDouble(x -> x).max().orElse(Double.NaN);
    }

    StressRow row(Point point, DataType type, GradientMethod method, Loss loss) {
      double[] sorted = errors.stream().mapToDouble(x -> x).sorted().toArray();
      double median = sorted.length == 0 ? Double.NaN : sorted[sorted.length / 2];
      return new StressRow(
          point.sweep(),
          type,
          method.name(),
          loss,
          point.name(),
          point.x(),
          matrices,
          nonFinite,
          worst(),
          median,
          largest,
          asymmetry);
    }

    /** ‖x − y‖/‖y‖, without overflow; of y = 0, ‖x‖. */
    private static double distance(double[] x, double[] y) {
      double scale = largest(y) == 0 ? 1 : largest(y);
      double difference = 0;
      double norm = 0;
      for (int t = 0; t < x.length; t++) {
        difference = Math.hypot(difference, (x[t] - y[t]) / scale);
        norm = Math.hypot(norm, y[t] / scale);
      }
      return difference / (norm == 0 ? 1 : norm);
    }

    private static double largest(double[] values) {
      return Arrays.stream(values).map(Math::abs).max().orElse(0);
    }
  }
}
