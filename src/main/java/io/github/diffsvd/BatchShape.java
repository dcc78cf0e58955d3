package io.github.diffsvd;

import java.util.Objects;

/**
 * The element type and the extents of a batch of matrices: what memory is allocated for, and what a
 * plan is made for.
 *
 * @param type of the elements
 * @param batch number of matrices, ≥ 0
 * @param rows m ≥ 0
 * @param columns n ≥ 0
 */
public record BatchShape(DataType type, int batch, int rows, int columns) {
  /**
   * @throws IllegalArgumentException if an extent is negative
   */
  public BatchShape {
    Objects.requireNonNull(type, "type");
    Checks.atLeast("batch", 0, batch);
    Checks.atLeast("rows", 0, rows);
    Checks.atLeast("columns", 0, columns);
  }

  // A record's own equals is put together at its first call, which takes as long as a small batch.
  @Override
  public boolean equals(Object other) {
    return other instanceof BatchShape shape
        && type == shape.type
        && batch == shape.batch
        && rows == shape.rows
        && columns == shape.columns;
  }

  @Override
  public int hashCode() {
    return Objects.hash(type, batch, rows, columns);
  }

  /** The shape of matrices that are there. */
  public static BatchShape of(MatrixBatch matrices) {
    return matrices.shape();
  }

  /** min(m, n), the number of singular values. */
  public int k() {
    return Math.min(rows, columns);
  }

  /** The shape with rows and columns exchanged. */
  public BatchShape transposed() {
    return new BatchShape(type, batch, /* rows= */ columns, /* columns= */ rows);
  }

  /** The number of elements. */
  public long size() {
    return (long) batch * rows * columns;
  }

  public boolean isEmpty() {
    return batch == 0 || rows == 0 || columns == 0;
  }

  /**
   * The bytes of packed matrices.
   *
   * @throws IllegalArgumentException if a long cannot hold them
   */
  public long bytes() {
    try {
      return Math.multiplyExact(
          Math.multiplyExact((long) rows * columns, (long) batch), (long) type.bytes());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "batch, rows, columns: "
              + extents()
              + " elements of "
              + type
              + " have more than 2^63 − 1 bytes",
          e);
    }
  }

  /** Matrices of other extents, as many and of the same type. */
  BatchShape with(int rows, int columns) {
    return new BatchShape(type, batch, rows, columns);
  }

  /** Columns of so many real numbers, as many. */
  BatchShape realColumn(int rows) {
    return new BatchShape(type.real(), batch, rows, 1);
  }

  private String extents() {
    return batch + "×" + rows + "×" + columns;
  }

  /** "FLOAT32 8×4×4", for example. */
  @Override
  public String toString() {
    return type + " " + extents();
  }
}
