package io.github.diffsvd.spark;

import java.io.Serializable;
import org.apache.spark.sql.Row;

/**
 * What is decomposed of every row a: itself, or a·Ω with n×l normal numbers or a given matrix.
 *
 * @param column that holds the rows
 * @param columns l, or n for the rows themselves
 * @param seed of the normal numbers
 * @param given null where they are the rows themselves or Ω comes from the seed
 */
record Sketch(RowColumn column, int columns, Long seed, double[] given) implements Serializable {
  static Sketch none(RowColumn column) {
    return new Sketch(column, column.length(), null, null);
  }

  static Sketch random(RowColumn column, int columns, long seed) {
    return new Sketch(column, columns, seed, null);
  }

  /**
   * @param matrix n × l
   */
  static Sketch along(RowColumn column, double[] matrix) {
    return new Sketch(column, matrix.length / column.length(), null, matrix);
  }

  /** Ω, made where it is needed and not sent there. */
  double[] matrix() {
    return seed == null ? given : Philox.normals(seed, column.length() * columns);
  }

  double[] of(Row row, double[] matrix) {
    double[] a = column.read(row);
    if (matrix == null) {
      return a;
    }
    double[] result = new double[columns];
    Products.add(1, a, matrix, result);
    return result;
  }
}
