package io.github.diffsvd.stress;

import java.util.SplittableRandom;

/** Random matrices with orthonormal columns. */
final class Orthonormal {
  private Orthonormal() {}

  /**
   * Gram–Schmidt, twice, on normally distributed columns.
   *
   * @param parts 1, or 2 for complex values as (real, imaginary)
   * @return rows × columns, row-major
   */
  static double[] random(int rows, int columns, int parts, SplittableRandom random) {
    double[] q = new double[rows * columns * parts];
    for (int t = 0; t < q.length; t++) {
      q[t] = random.nextGaussian();
    }
    orthonormalise(q, columns, parts);
    return q;
  }

  /** Rows 2i and 2i + 1 are equal in the first ⌈rows/2⌉ columns. */
  static double[] repeatingRows(int rows, int columns, int parts, SplittableRandom random) {
    double[] q = random(rows, columns, parts, random);
    int length = Math.min((rows + 1) / 2, columns) * parts;
    for (int row = 1; row < rows; row += 2) {
      System.arraycopy(q, (row - 1) * columns * parts, q, row * columns * parts, length);
    }
    orthonormalise(q, columns, parts);
    return q;
  }

  private static void orthonormalise(double[] q, int columns, int parts) {
    int stride = columns * parts;
    for (int j = 0; j < columns; j++) {
      for (int l = 0; l < 2 * j; l++) {
        subtractProjection(q, stride, j * parts, l % j * parts, parts);
      }
      double norm = 0;
      for (int t = j * parts; t < q.length; t += stride) {
        norm += q[t] * q[t] + (parts == 2 ? q[t + 1] * q[t + 1] : 0);
      }
      norm = Math.sqrt(norm);
      for (int t = j * parts; t < q.length; t += stride) {
        for (int part = 0; part < parts; part++) {
          q[t + part] /= norm;
        }
      }
    }
  }

  /** From the column at offset j the part along the one at offset l. */
  private static void subtractProjection(double[] q, int stride, int j, int l, int parts) {
    double re = 0;
    double im = 0;
    for (int row = 0; row < q.length; row += stride) {
      re += q[row + l] * q[row + j];
      if (parts == 2) {
        re += q[row + l + 1] * q[row + j + 1];
        im += q[row + l] * q[row + j + 1] - q[row + l + 1] * q[row + j];
      }
    }
    for (int row = 0; row < q.length; row += stride) {
      double x = q[row + l];
      q[row + j] -= re * x;
      if (parts == 2) {
        double y = q[row + l + 1];
        q[row + j] += im * y;
        q[row + j + 1] -= re * y + im * x;
      }
    }
  }
}
