package io.github.diffsvd.recover;

import java.util.SplittableRandom;

/**
 * What is known of a picture: some of its values, the others 0. Element (y, x, c) at (y·width +
 * x)·3 + c. The arrays are not copied.
 *
 * @param values the seen values, 0 elsewhere
 * @param seen which values these are
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
public record Samples(int width, int height, double[] values, boolean[] seen) {
  /** Standard deviation in pixels of the local mean that a recovery starts from. */
  private static final double BLUR = 0.7;

  /** How far the local mean looks for a seen value, in pixels. */
  private static final int REACH = 8;

  public Samples {
    if (values.length != width * height * 3 || seen.length != values.length) {
      throw new IllegalArgumentException(
          "values, seen: expected "
              + width * height * 3
              + " elements, got "
              + values.length
              + " and "
              + seen.length);
    }
  }

  /** Sees each value with probability rate, pixel by pixel and channel by channel. */
  public static Samples of(Picture picture, double rate, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    boolean[] seen = new boolean[picture.values().length];
    for (int i = 0; i < seen.length; i++) {
      seen[i] = random.nextDouble() < rate;
    }
    return new Samples(picture.width(), picture.height(), picture.values(), seen).masked();
  }

  private Samples masked() {
    double[] known = new double[values.length];
    for (int i = 0; i < known.length; i++) {
      known[i] = seen[i] ? values[i] : 0;
    }
    return new Samples(width, height, known, seen);
  }

  /** These samples as a picture, black where nothing is known. */
  public Picture picture() {
    return new Picture(width, height, values);
  }

  /** The picture with the seen values and, elsewhere, the given ones. */
  Picture completed(double[] others) {
    double[] result = values.clone();
    for (int i = 0; i < result.length; i++) {
      result[i] = seen[i] ? result[i] : others[i];
    }
    return new Picture(width, height, result);
  }

  Samples crop(int left, int top, int width, int height) {
    double[] croppedValues = new double[width * height * 3];
    boolean[] croppedSeen = new boolean[croppedValues.length];
    for (int y = 0; y < height; y++) {
      int from = ((top + y) * this.width + left) * 3;
      System.arraycopy(values, from, croppedValues, y * width * 3, width * 3);
      System.arraycopy(seen, from, croppedSeen, y * width * 3, width * 3);
    }
    return new Samples(width, height, croppedValues, croppedSeen);
  }

  /** These samples without a share of them, chosen at random. */
  Samples hide(double share, SplittableRandom random) {
    boolean[] kept = new boolean[seen.length];
    for (int i = 0; i < kept.length; i++) {
      kept[i] = seen[i] && random.nextDouble() >= share;
    }
    return new Samples(width, height, values, kept).masked();
  }

  /**
   * The Gaussian-weighted mean, at every place and in every channel, of the seen values around;
   * where there is none in reach, the middle between black and white.
   */
  double[] localMeans() {
    double[] ones = new double[values.length];
    for (int i = 0; i < ones.length; i++) {
      ones[i] = seen[i] ? 1 : 0;
    }
    double[] sums = blur(values);
    double[] weights = blur(ones);
    for (int i = 0; i < sums.length; i++) {
      sums[i] = weights[i] > 0 ? sums[i] / weights[i] : 0.5;
    }
    return sums;
  }

  private double[] blur(double[] picture) {
    double[] kernel = new double[REACH + 1];
    for (int d = 0; d <= REACH; d++) {
      kernel[d] = Math.exp(-d * d / (2 * BLUR * BLUR));
    }
    double[] columns = new double[picture.length];
    double[] result = new double[picture.length];
    int row = width * 3;
    for (int y = 0; y < height; y++) {
      for (int d = Math.max(-REACH, -y); d <= Math.min(REACH, height - 1 - y); d++) {
        double weight = kernel[Math.abs(d)];
        for (int i = 0; i < row; i++) {
          columns[y * row + i] += weight * picture[(y + d) * row + i];
        }
      }
    }
    for (int y = 0; y < height; y++) {
      for (int d = -REACH; d <= REACH; d++) {
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
