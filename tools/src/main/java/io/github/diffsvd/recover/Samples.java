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
}
