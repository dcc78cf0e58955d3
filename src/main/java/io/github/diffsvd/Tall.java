package io.github.diffsvd;

/**
 * A batch as the kernels take it, m×n with m ≥ n: a wide matrix is solved as its adjoint, Aᴴ = V S
 * Uᴴ, which exchanges U and V.
 *
 * @param wide whether it is the adjoint
 */
record Tall(DataType type, int batch, int m, int n, boolean wide) {
  static Tall of(BatchShape shape) {
    return new Tall(
        shape.type(),
        shape.batch(),
        Math.max(shape.rows(), shape.columns()),
        shape.k(),
        shape.rows() < shape.columns());
  }

  /** Whether the elements of the caller's matrices are conjugated on the way. */
  boolean conjugates() {
    return wide && type.isComplex();
  }

  /** The caller's matrices, or a view of them whose conjugates are the adjoints. */
  MatrixBatch matrices(MatrixBatch a) {
    return wide ? a.transposed() : a;
  }

  /** U of the tall problem. */
  MatrixBatch left(SvdFactors factors) {
    return wide ? factors.v() : factors.u();
  }

  /** V of the tall problem. */
  MatrixBatch right(SvdFactors factors) {
    return wide ? factors.u() : factors.v();
  }

  MatrixBatch left(SvdCotangents cotangents) {
    return wide ? cotangents.v() : cotangents.u();
  }

  MatrixBatch right(SvdCotangents cotangents) {
    return wide ? cotangents.u() : cotangents.v();
  }

  MatrixBatch left(SvdTangents tangents) {
    return wide ? tangents.v() : tangents.u();
  }

  MatrixBatch right(SvdTangents tangents) {
    return wide ? tangents.u() : tangents.v();
  }

  /** The shape of m×n matrices of the tall problem. */
  BatchShape shape() {
    return shape(m, n);
  }

  BatchShape shape(int rows, int columns) {
    return new BatchShape(type, batch, rows, columns);
  }
}
