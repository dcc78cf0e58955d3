package io.github.diffsvd.internal.backend;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.MatrixBatch;

/** The two orders of elements that BLAS libraries take. */
public enum Layout {
  ROW_MAJOR,
  COLUMN_MAJOR;

  /** Of products whose result, or largest operand, is the matrix: its own, or row-major. */
  public static Layout of(MatrixBatch matrix) {
    return COLUMN_MAJOR.holds(matrix) ? COLUMN_MAJOR : ROW_MAJOR;
  }

  /** Whether a matrix can be handed to BLAS as this layout. */
  public boolean holds(MatrixBatch matrix) {
    long inner = this == ROW_MAJOR ? matrix.columnStride() : matrix.rowStride();
    int innerExtent = this == ROW_MAJOR ? matrix.columns() : matrix.rows();
    int outerExtent = this == ROW_MAJOR ? matrix.rows() : matrix.columns();
    long outer = this == ROW_MAJOR ? matrix.rowStride() : matrix.columnStride();
    return (innerExtent <= 1 || inner == 1)
        && (outerExtent <= 1 || (outer >= innerExtent && outer <= Integer.MAX_VALUE))
        && matrix.batchStride() >= 0;
  }

  /**
   * The distance between rows (row-major) or columns (column-major), as BLAS wants it even where
   * there is only one.
   */
  public int leadingDimension(MatrixBatch matrix) {
    int innerExtent = this == ROW_MAJOR ? matrix.columns() : matrix.rows();
    int outerExtent = this == ROW_MAJOR ? matrix.rows() : matrix.columns();
    long outer = this == ROW_MAJOR ? matrix.rowStride() : matrix.columnStride();
    return outerExtent <= 1 ? Math.max(1, innerExtent) : Math.toIntExact(outer);
  }

  /** Packed matrices of this layout. */
  public MatrixBatch pack(long address, BatchShape shape) {
    return this == ROW_MAJOR
        ? MatrixBatch.wrap(address, shape)
        : MatrixBatch.wrapColumnMajor(address, shape);
  }
}
