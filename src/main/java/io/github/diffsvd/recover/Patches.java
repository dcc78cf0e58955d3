package io.github.diffsvd.recover;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The overlapping square patches of a picture, each unfolded into a matrix of {@link #SIDE} ×
 * 3·{@link #SIDE}, and their way back.
 *
 * <p>A picture is the packed array of its values, element (y, x, c) at (y·width + x)·3 + c. Patches
 * stand on a grid of the given stride, at most {@link #SIDE} so that nothing is left out, with the
 * last ones moved inwards to end at the border. The unfolding along rows has the patch's row as its
 * row; the one along columns has the patch's column as its row.
 */
final class Patches {
  /** Pixels along the side of a patch, which are also the rows of its unfolding. */
  static final int SIDE = 32;

  /** Columns of an unfolding. */
  static final int COLUMNS = 3 * SIDE;

  /** Values of a patch. */
  static final int SIZE = SIDE * COLUMNS;

  private final int width;
  private final int[] lefts;
  private final int[] tops;

  /** For every value of the picture, one over the number of patches that hold it. */
  private final double[] weights;

  Patches(int width, int height, int stride) {
    this.width = width;
    lefts = starts(width, stride);
    tops = starts(height, stride);
    double[] counts = new double[width * height * 3];
    double[] ones = new double[SIZE];
    Arrays.fill(ones, 1);
    for (int p = 0; p < count(); p++) {
      scatter(ones, false, p, 1, counts);
    }
    weights = Arrays.stream(counts).map(n -> 1 / n).toArray();
  }

  private static int[] starts(int length, int stride) {
    if (length < SIDE) {
      throw new IllegalArgumentException(
          "picture: expected at least " + SIDE + " pixels on each side, got " + length);
    }
    int steps = (length - SIDE + stride - 1) / stride;
    return IntStream.rangeClosed(0, steps).map(i -> Math.min(i * stride, length - SIDE)).toArray();
  }

  int count() {
    return lefts.length * tops.length;
  }

  /**
   * Unfolds the patches first … first + count − 1 of a picture.
   *
   * @param patches count × SIDE × COLUMNS at its start, overwritten
   */
  void gather(double[] picture, boolean alongColumns, int first, int count, double[] patches) {
    for (int p = 0; p < count; p++) {
      int origin = origin(first + p);
      for (int y = 0; y < SIDE; y++) {
        int row = origin + y * width * 3;
        if (alongColumns) {
          for (int x = 0; x < SIDE; x++) {
            System.arraycopy(picture, row + x * 3, patches, p * SIZE + x * COLUMNS + y * 3, 3);
          }
        } else {
          System.arraycopy(picture, row, patches, p * SIZE + y * COLUMNS, COLUMNS);
        }
      }
    }
  }

  /** The adjoint of {@link #gather}: adds every patch to the picture where it came from. */
  void scatter(double[] patches, boolean alongColumns, int first, int count, double[] picture) {
    for (int p = 0; p < count; p++) {
      int origin = origin(first + p);
      for (int y = 0; y < SIDE; y++) {
        int row = origin + y * width * 3;
        for (int x = 0; x < SIDE; x++) {
          int from = p * SIZE + (alongColumns ? x * COLUMNS + y * 3 : y * COLUMNS + x * 3);
          int to = row + x * 3;
          picture[to] += patches[from];
          picture[to + 1] += patches[from + 1];
          picture[to + 2] += patches[from + 2];
        }
      }
    }
  }

  /** Turns the sums of {@link #scatter} into means, in place; its own adjoint. */
  void average(double[] picture) {
    for (int i = 0; i < picture.length; i++) {
      picture[i] *= weights[i];
    }
  }

  private int origin(int patch) {
    return (tops[patch / lefts.length] * width + lefts[patch % lefts.length]) * 3;
  }
}
