package io.github.diffsvd.recover;

import java.util.Arrays;

/**
 * Colour pictures from some of their values without learning. What is seen is not kept exactly by
 * every method; {@link Samples#completed} puts it back.
 */
final class Interpolation {
  /** Conjugate gradients end here, or when the residual has fallen to TOLERANCE of the first. */
  private static final int STEPS = 400;

  private static final double TOLERANCE = 1e-5;

  /** Standard deviations in pixels of Gaussian means. */
  private static final double DETAIL = 0.5;

  private static final double REST = 0.9;
  private static final double MIDDLE = 1.5;
  private static final double FAR = 4;

  /** Weights beyond so many standard deviations count as 0. */
  private static final int CUT = 8;

  private static final int FITS = 4;

  /** Added to the variances of the channels that a fit is made from. */
  private static final double RIDGE = 1e-4;

  /** How much detail and rest are drawn to 0 where little is seen. */
  private static final double DETAIL_TO_ZERO = 1e-3;

  private static final double REST_TO_ZERO = 0.1;

  private Interpolation() {}

  /**
   * The picture with the seen values that bends least: it minimises |ΔG|² + stiffness · |ΔC|², with
   * Δ the discrete Laplacian, G the grey part (the mean of the channels, in each of them) and C the
   * rest, the colour.
   *
   * @param stiffness 1 interpolates every channel alone; a larger one lets the channels share
   *     detail
   */
  static double[] thinPlate(Samples samples, double stiffness) {
    boolean[] seen = samples.seen();
    double[] x = samples.completed(means(samples)).values();
    double[] residual = bending(x, samples, stiffness);
    for (int i = 0; i < x.length; i++) {
      residual[i] = -residual[i];
    }
    double[] direction = residual.clone();
    double square = dot(residual, residual);
    double last = square * TOLERANCE * TOLERANCE;
    for (int step = 0; step < STEPS && square > last; step++) {
      double[] bent = bending(direction, samples, stiffness);
      double length = square / dot(direction, bent);
      double before = square;
      for (int i = 0; i < x.length; i++) {
        x[i] += seen[i] ? 0 : length * direction[i];
        residual[i] -= length * bent[i];
      }
      square = dot(residual, residual);
      for (int i = 0; i < x.length; i++) {
        direction[i] = residual[i] + square / before * direction[i];
      }
    }
    return x;
  }

  /** Half the gradient of what {@link #thinPlate} minimises, 0 at the seen values. */
  private static double[] bending(double[] x, Samples samples, double stiffness) {
    double[] result = laplacian(laplacian(x, samples.width()), samples.width());
    for (int i = 0; i < x.length; i += 3) {
      double grey = (result[i] + result[i + 1] + result[i + 2]) / 3;
      for (int c = i; c < i + 3; c++) {
        result[c] = samples.seen()[c] ? 0 : grey + stiffness * (result[c] - grey);
      }
    }
    return result;
  }

  /** The sum of the differences to the neighbours that there are. */
  private static double[] laplacian(double[] x, int width) {
    int row = 3 * width;
    double[] result = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      int column = i % row;
      double sum = 0;
      if (column >= 3) {
        sum += x[i - 3] - x[i];
      }
      if (column < row - 3) {
        sum += x[i + 3] - x[i];
      }
      if (i >= row) {
        sum += x[i - row] - x[i];
      }
      if (i < x.length - row) {
        sum += x[i + row] - x[i];
      }
      result[i] = sum;
    }
    return result;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /**
   * In the manner of demosaicing: local means; the detail that the seen values of all channels have
   * over theirs; then, some times over, every channel half as it is and half as the local linear
   * function of the two other channels that fits its seen values best.
   */
  static double[] acrossChannels(Samples samples) {
    double[] seen = weights(samples);
    double[] z = means(samples);
    double[] detail = blurred(over(z, samples), samples, DETAIL);
    double[] weight = blurred(seen, samples, DETAIL);
    for (int i = 0; i < z.length; i += 3) {
      double mean =
          (detail[i] + detail[i + 1] + detail[i + 2])
              / (weight[i] + weight[i + 1] + weight[i + 2] + DETAIL_TO_ZERO);
      for (int c = i; c < i + 3; c++) {
        z[c] += mean;
      }
    }
    addRest(z, samples);
    addRest(z, samples);
    for (int fit = 0; fit < FITS; fit++) {
      double[] fitted = fitted(samples.completed(z).values(), seen, samples);
      for (int i = 0; i < z.length; i++) {
        z[i] = (z[i] + fitted[i]) / 2;
      }
    }
    addRest(z, samples);
    addRest(z, samples);
    return z;
  }

  /** The local mean of the seen values, of a wide neighbourhood where there is none near. */
  private static double[] means(Samples samples) {
    double[] seen = weights(samples);
    double[] sums = blurred(samples.values(), samples, MIDDLE);
    double[] farSums = blurred(samples.values(), samples, FAR);
    double[] counts = blurred(seen, samples, MIDDLE);
    double[] farCounts = blurred(seen, samples, FAR);
    for (int i = 0; i < sums.length; i++) {
      sums[i] = (sums[i] + 1e-3 * farSums[i]) / (counts[i] + 1e-3 * farCounts[i] + 1e-12);
    }
    return sums;
  }

  /** What the seen values have over z, 0 elsewhere. */
  private static double[] over(double[] z, Samples samples) {
    double[] result = samples.values().clone();
    for (int i = 0; i < z.length; i++) {
      result[i] -= samples.seen()[i] ? z[i] : 0;
    }
    return result;
  }

  /** Adds what the seen values have over z, spread. */
  private static void addRest(double[] z, Samples samples) {
    double[] rest = blurred(over(z, samples), samples, REST);
    double[] weight = blurred(weights(samples), samples, REST);
    for (int i = 0; i < z.length; i++) {
      z[i] += rest[i] / (weight[i] + REST_TO_ZERO);
    }
  }

  /**
   * Around every pixel, each channel t as a function α + β g + γ h of the two others, by least
   * squares over where t is seen.
   */
  private static double[] fitted(double[] full, double[] seen, Samples samples) {
    double[][] products = new double[9][full.length];
    for (int i = 0; i < full.length; i++) {
      double t = full[i];
      double g = full[other(i, 1)];
      double h = full[other(i, 2)];
      double[] terms = {1, t, g, h, g * g, h * h, g * h, g * t, h * t};
      for (int k = 0; k < terms.length; k++) {
        products[k][i] = seen[i] * terms[k];
      }
    }
    double[][] sums =
        Arrays.stream(products)
            .parallel()
            .map(p -> blurred(p, samples, MIDDLE))
            .toArray(double[][]::new);
    double[] result = new double[full.length];
    for (int i = 0; i < full.length; i++) {
      double scale = 1 / (sums[0][i] + 1e-6);
      double t = sums[1][i] * scale;
      double g = sums[2][i] * scale;
      double h = sums[3][i] * scale;
      double gg = sums[4][i] * scale - g * g + RIDGE;
      double hh = sums[5][i] * scale - h * h + RIDGE;
      double gh = sums[6][i] * scale - g * h;
      double gt = sums[7][i] * scale - g * t;
      double ht = sums[8][i] * scale - h * t;
      double determinant = gg * hh - gh * gh;
      double beta = (hh * gt - gh * ht) / determinant;
      double gamma = (gg * ht - gh * gt) / determinant;
      result[i] = t + beta * (full[other(i, 1)] - g) + gamma * (full[other(i, 2)] - h);
    }
    return result;
  }

  /** The element of the same pixel that is so many channels further. */
  private static int other(int i, int channels) {
    return i - i % 3 + (i + channels) % 3;
  }

  private static double[] weights(Samples samples) {
    double[] ones = new double[samples.seen().length];
    for (int i = 0; i < ones.length; i++) {
      ones[i] = samples.seen()[i] ? 1 : 0;
    }
    return ones;
  }

  /** Sums with weights exp(−r²/2σ²), every channel alone. */
  private static double[] blurred(double[] picture, Samples samples, double sigma) {
    int width = samples.width();
    int height = samples.height();
    int reach = (int) Math.ceil(CUT * sigma);
    double[] kernel = new double[reach + 1];
    for (int d = 0; d <= reach; d++) {
      kernel[d] = Math.exp(-d * d / (2 * sigma * sigma));
    }
    double[] columns = new double[picture.length];
    double[] result = new double[picture.length];
    int row = width * 3;
    for (int y = 0; y < height; y++) {
      for (int d = Math.max(-reach, -y); d <= Math.min(reach, height - 1 - y); d++) {
        double weight = kernel[Math.abs(d)];
        for (int i = 0; i < row; i++) {
          columns[y * row + i] += weight * picture[(y + d) * row + i];
        }
      }
    }
    for (int y = 0; y < height; y++) {
      for (int d = -reach; d <= reach; d++) {
        double weight = kernel[Math.abs(d)];
        int last = Math.min(row, row - 3 * d);
        for (int i = Math.max(0, -3 * d); i < last; i++) {
          result[y * row + i] += weight * columns[y * row + i + 3 * d];
        }
      }
    }
    return result;
  }
}
