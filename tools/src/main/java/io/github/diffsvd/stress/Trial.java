package io.github.diffsvd.stress;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.compare.GradientMethod;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.numbers.core.DD;

/**
 * Random matrices of one type and shape, whose singular values are set again and again: the
 * gradients that a {@link GradientMethod} gives for a {@link Loss}, and the true ones. Not for
 * several threads.
 */
final class Trial implements AutoCloseable {
  /** The threshold relative to the largest value; none of the sweeps has a value there. */
  private static final double THRESHOLD = 0.37;

  private final Device device;
  private final DataType type;
  private final int batch;
  private final int rows;
  private final int columns;
  private final int k;
  private final int parts;
  private final double[] randomU;
  private final double[] repeatingU;
  private final double[] v;
  private final double[] g;
  private final OwnedMatrixBatch a;
  private final OwnedMatrixBatch deviceG;
  private final SvdFactors factors;
  private final SvdFactors cotangents;
  private final OwnedMatrixBatch gradient;
  private final SvdInfo info;
  private final Map<SvdOptions, SvdPlan> plans = new HashMap<>();
  private double[] u;
  private double[] s;
  private double tau;

  Trial(Device device, DataType type, int batch, int rows, int columns, SplittableRandom random) {
    this.device = device;
    this.type = type;
    this.batch = batch;
    this.rows = rows;
    this.columns = columns;
    k = Math.min(rows, columns);
    parts = type.isComplex() ? 2 : 1;
    randomU = orthonormal(() -> Orthonormal.random(rows, k, parts, random));
    repeatingU = orthonormal(() -> Orthonormal.repeatingRows(rows, k, parts, random));
    v = orthonormal(() -> Orthonormal.random(columns, k, parts, random));
    u = randomU;
    g = new double[batch * rows * columns * parts];
    for (int t = 0; t < g.length; t++) {
      g[t] = Spectra.rounded(type, random.nextGaussian());
    }
    a = device.allocate(new BatchShape(type, batch, rows, columns));
    deviceG = device.allocate(new BatchShape(type, batch, rows, columns));
    gradient = device.allocate(new BatchShape(type, batch, rows, columns));
    info = device.allocateInfo(batch);
    factors = allocate();
    cotangents = allocate();
    device.write(deviceG, g);
  }

  private SvdFactors allocate() {
    return new SvdFactors(
        device.allocate(new BatchShape(type, batch, rows, k)),
        device.allocate(new BatchShape(type.real(), batch, k, 1)),
        device.allocate(new BatchShape(type, batch, columns, k)));
  }

  private double[] orthonormal(Supplier<double[]> draw) {
    return Stream.generate(draw)
        .limit(batch)
        .flatMapToDouble(Arrays::stream)
        .map(value -> Spectra.rounded(type, value))
        .toArray();
  }

  int batch() {
    return batch;
  }

  int k() {
    return k;
  }

  /** Doubles per matrix of the gradient. */
  int size() {
    return rows * columns * parts;
  }

  /**
   * Sets the singular values.
   *
   * @param values batch × k, exact in the type
   * @param scale what the threshold is relative to
   * @param repeatsRows whether every row stands twice; values from ⌈rows/2⌉ on are 0 then
   */
  void set(double[] values, double scale, boolean repeatsRows) {
    u = repeatsRows ? repeatingU : randomU;
    s = values;
    tau = Spectra.rounded(type, THRESHOLD * scale);
  }

  private Loss.Factors factors(double[] u, double[] s, double[] v, int b) {
    return new Loss.Factors(
        matrix(u, rows, k, b),
        Arrays.copyOfRange(s, b * k, (b + 1) * k),
        matrix(v, columns, k, b),
        tau);
  }

  private PreciseMatrix matrix(double[] values, int rows, int columns, int b) {
    return PreciseMatrix.of(rows, columns, parts == 2, values, b * rows * columns * parts);
  }

  /** The true gradients, each size() long. */
  double[][] reference(Loss loss) {
    return IntStream.range(0, batch)
        .parallel()
        .mapToObj(
            b -> {
              double[] result = new double[size()];
              loss.gradient(factors(u, s, v, b), matrix(g, rows, columns, b))
                  .store(parts == 2, result, 0);
              return result;
            })
        .toArray(double[][]::new);
  }

  /** Puts the factors on the device: the given ones, or the method's own of A = U S Vᴴ. */
  void decompose(GradientMethod method) {
    if (!method.resolvesTies()) {
      device.write(factors.u(), u);
      device.write(factors.s(), s);
      device.write(factors.v(), v);
      return;
    }
    double[] product = new double[batch * size()];
    IntStream.range(0, batch)
        .parallel()
        .forEach(
            b -> {
              Loss.Factors x = factors(u, s, v, b);
              x.u()
                  .scaled((i, j) -> DD.of(x.s()[j]))
                  .times(x.v().adjoint())
                  .store(parts == 2, product, b * size());
            });
    device.write(a, product);
    plan(method).forward(a, factors, info, 0);
    info.check(0);
  }

  /** Puts the cotangents of a loss, for the factors that are there, on the device. */
  void cotangents(Loss loss) {
    double[] left = device.read(factors.u());
    double[] values = device.read(factors.s());
    double[] right = device.read(factors.v());
    double[] gs = new double[values.length];
    IntStream.range(0, batch)
        .parallel()
        .forEach(
            b -> {
              Loss.Cotangents c =
                  loss.cotangents(factors(left, values, right, b), matrix(g, rows, columns, b));
              c.u().store(parts == 2, left, b * rows * k * parts);
              c.v().store(parts == 2, right, b * columns * k * parts);
              for (int i = 0; i < k; i++) {
                gs[b * k + i] = c.s().re(i, i).hi();
              }
            });
    device.write(cotangents.u(), left);
    device.write(cotangents.s(), gs);
    device.write(cotangents.v(), right);
  }

  /** Whether a member of a batch is made NaN by {@link #randomCotangents}. */
  static boolean isPoisoned(int b) {
    return b % 97 == 5;
  }

  /**
   * Puts factors and random cotangents on the device.
   *
   * @param poisoned with some members as the forward pass leaves them for matrices of NaN
   */
  void randomCotangents(GradientMethod method, boolean poisoned) {
    decompose(method);
    if (poisoned) {
      for (MatrixBatch factor : new MatrixBatch[] {factors.u(), factors.s(), factors.v()}) {
        double[] values = device.read(factor);
        for (int t = 0; t < values.length; t++) {
          values[t] = isPoisoned(t / (values.length / batch)) ? Double.NaN : values[t];
        }
        device.write(factor, values);
      }
    }
    device.write(cotangents.u(), Arrays.copyOf(g, u.length));
    device.write(cotangents.s(), Arrays.copyOfRange(g, g.length - s.length, g.length));
    device.write(cotangents.v(), Arrays.copyOfRange(g, g.length - v.length, g.length));
  }

  /** Multiplies column j of U and V, and of their cotangents, by (−1)ʲ, or iʲ where complex. */
  void turnColumns() {
    for (SvdFactors three : new SvdFactors[] {factors, cotangents}) {
      turnColumns(three.u());
      turnColumns(three.v());
    }
  }

  private void turnColumns(MatrixBatch matrix) {
    double[] values = device.read(matrix);
    for (int t = 0; t < values.length; t += parts) {
      int j = t / parts % k;
      if (parts == 1) {
        values[t] *= j % 2 == 0 ? 1 : -1;
      } else {
        for (int turn = 0; turn < j % 4; turn++) {
          double re = values[t];
          values[t] = -values[t + 1];
          values[t + 1] = re;
        }
      }
    }
    device.write(matrix, values);
  }

  /** The method's gradients, one matrix after the other. */
  double[] gradient(GradientMethod method, Loss loss) {
    if (method.isSpectral()) {
      SpectralFunction function =
          loss == Loss.POLAR ? SpectralFunction.polar(0) : SpectralFunction.softThreshold(tau);
      try (SpectralPlan plan =
          SpectralPlan.create(device, new BatchShape(type, batch, rows, columns))) {
        plan.backward(factors, function, SpectralCotangents.of(deviceG), gradient, null, 0);
      }
    } else {
      plan(method)
          .backward(
              factors,
              new SvdCotangents(cotangents.u(), cotangents.s(), cotangents.v()),
              gradient,
              0);
    }
    return device.read(gradient);
  }

  private SvdPlan plan(GradientMethod method) {
    return plans.computeIfAbsent(
        method.options(),
        options -> SvdPlan.create(device, new BatchShape(type, batch, rows, columns), options));
  }

  @Override
  public void close() {
    plans.values().forEach(SvdPlan::close);
    factors.close();
    cotangents.close();
    gradient.close();
    deviceG.close();
    a.close();
    info.close();
  }
}
