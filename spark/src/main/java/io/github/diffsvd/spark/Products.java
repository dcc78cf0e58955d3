package io.github.diffsvd.spark;

/** Products of small matrices, row by row. */
final class Products {
  private Products() {}

  /** result += factor · row · matrix, with as many rows of the matrix as the row has elements. */
  static void add(double factor, double[] row, double[] matrix, double[] result) {
    for (int k = 0; k < row.length; k++) {
      add(factor * row[k], matrix, k * result.length, result);
    }
  }

  /** result += factor · the elements of the matrix from that one on. */
  private static void add(double factor, double[] matrix, int from, double[] result) {
    for (int j = 0; j < result.length; j++) {
      result[j] += factor * matrix[from + j];
    }
  }

  /** result += leftᵀ right, left and right being rows. */
  static void addOuter(double[] left, double[] right, double[] result) {
    for (int i = 0; i < left.length; i++) {
      for (int j = 0; j < right.length; j++) {
        result[i * right.length + j] += left[i] * right[j];
      }
    }
  }

  /** left += right; left. */
  static double[] sum(double[] left, double[] right) {
    for (int i = 0; i < left.length; i++) {
      left[i] += right[i];
    }
    return left;
  }

  static double[] transposed(double[] matrix, int columns) {
    int rows = columns == 0 ? 0 : matrix.length / columns;
    double[] result = new double[matrix.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        result[j * rows + i] = matrix[i * columns + j];
      }
    }
    return result;
  }
}
