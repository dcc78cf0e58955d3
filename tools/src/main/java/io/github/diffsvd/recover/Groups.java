package io.github.diffsvd.recover;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Groups of similar patches of a picture, each group a matrix with a patch in every column, and
 * their way back.
 *
 * <p>A picture is the packed array of its values, element (y, x, c) at (y·width + x)·3 + c; so are
 * the {@link #ROWS} values of a patch. Every patch of a grid without gaps has a group: itself and
 * the patches around it that differ least from it, which may overlap.
 */
final class Groups {
  /** Pixels along the side of a patch. */
  private static final int SIDE = 4;

  /** How far from its patch of the grid a member may be, in pixels. */
  private static final int REACH = 10;

  /** The least width and height of a picture. */
  static final int LEAST = SIDE + 2 * REACH;

  /** Values of a patch. */
  static final int ROWS = 3 * SIDE * SIDE;

  /** Patches of a group. */
  static final int COLUMNS = 32;

  static final int SIZE = ROWS * COLUMNS;

  private final int width;
  private final int height;

  /** Where the patches of the grid begin. */
  private final int[] lefts;

  private final int[] tops;

  /** The first element of every member, group by group. */
  private final int[] members;

  /** For every value of the picture, one over the number of members that hold it. */
  private final double[] weights;

  /** Groups of which no member is known yet. */
  Groups(int width, int height) {
    if (Math.min(width, height) < LEAST) {
      throw new IllegalArgumentException(
          "picture: expected at least "
              + LEAST
              + " pixels on each side, got "
              + Math.min(width, height));
    }
    this.width = width;
    this.height = height;
    lefts = starts(width);
    tops = starts(height);
    members = new int[count() * COLUMNS];
    weights = new double[width * height * 3];
  }

  private static int[] starts(int length) {
    int steps = (length + SIDE - 1) / SIDE;
    return IntStream.range(0, steps).map(i -> Math.min(i * SIDE, length - SIDE)).toArray();
  }

  int count() {
    return lefts.length * tops.length;
  }

  /** Chooses the members by the likeness that their patches have in a picture. */
  void find(double[] picture) {
    IntStream.range(0, count()).parallel().forEach(group -> find(picture, group));
    Arrays.fill(weights, 0);
    double[] ones = new double[SIZE];
    Arrays.fill(ones, 1);
    for (int group = 0; group < count(); group++) {
      add(ones, 0, group, weights);
    }
    for (int i = 0; i < weights.length; i++) {
      weights[i] = 1 / weights[i];
    }
  }

  private void find(double[] picture, int group) {
    int left = lefts[group % lefts.length];
    int top = tops[group / lefts.length];
    int own = (top * width + left) * 3;
    int firstX = Math.max(0, Math.min(left - REACH, width - LEAST));
    int firstY = Math.max(0, Math.min(top - REACH, height - LEAST));
    int places = 2 * REACH + 1;
    long[] found = new long[places * places];
    for (int i = 0; i < found.length; i++) {
      int other = ((firstY + i / places) * width + firstX + i % places) * 3;
      // Sorted by distance, then by place. The patch itself comes first.
      int distance = other == own ? -1 : Float.floatToIntBits(distance(picture, own, other));
      found[i] = (long) distance << Integer.SIZE | other;
    }
    Arrays.sort(found);
    for (int j = 0; j < COLUMNS; j++) {
      members[group * COLUMNS + j] = (int) found[j];
    }
  }

  private float distance(double[] picture, int first, int second) {
    double sum = 0;
    for (int y = 0; y < SIDE; y++) {
      int row = y * width * 3;
      for (int i = row; i < row + 3 * SIDE; i++) {
        double difference = picture[first + i] - picture[second + i];
        sum += difference * difference;
      }
    }
    return (float) sum;
  }

  /**
   * Fills the matrices of the groups first … first + count − 1.
   *
   * @param matrices count × ROWS × COLUMNS at its start, overwritten
   */
  void gather(double[] picture, int first, int count, double[] matrices) {
    IntStream.range(0, count)
        .parallel()
        .forEach(
            group -> {
              for (int e = 0; e < ROWS; e++) {
                int at = group * SIZE + e * COLUMNS;
                for (int j = 0; j < COLUMNS; j++) {
                  matrices[at + j] = picture[element(first + group, j, e)];
                }
              }
            });
  }

  /** The adjoint of {@link #gather}: adds every patch to the picture where it came from. */
  void scatter(double[] matrices, int first, int count, double[] picture) {
    for (int group = 0; group < count; group++) {
      add(matrices, group * SIZE, first + group, picture);
    }
  }

  private void add(double[] matrices, int offset, int group, double[] picture) {
    for (int e = 0; e < ROWS; e++) {
      for (int j = 0; j < COLUMNS; j++) {
        picture[element(group, j, e)] += matrices[offset + e * COLUMNS + j];
      }
    }
  }

  /** Turns the sums of {@link #scatter} into means, in place; its own adjoint. */
  void average(double[] picture) {
    for (int i = 0; i < picture.length; i++) {
      picture[i] *= weights[i];
    }
  }

  /** Where element e of a member is in the picture. */
  private int element(int group, int member, int e) {
    return members[group * COLUMNS + member] + e / (3 * SIDE) * width * 3 + e % (3 * SIDE);
  }
}
