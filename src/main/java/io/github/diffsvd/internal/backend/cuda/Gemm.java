package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.Layout;
import jcuda.jcublas.cublasOperation;

/**
 * The arguments of a strided-batched gemm, which knows column-major matrices only.
 *
 * <p>Row-major memory read as column-major is the transpose, so C = op(A)·op(B) is asked for as Cᵀ
 * = op(B)ᵀ·op(A)ᵀ: the factors change places and keep their operations, because (Bᴴ)ᵀ = (Bᵀ)ᴴ.
 *
 * @param bytes of an element
 * @param a address, as b and c are
 * @param strideA elements from one matrix of the batch to the next
 */
record Gemm(
    int bytes,
    int opA,
    int opB,
    int m,
    int n,
    int k,
    long a,
    int lda,
    long strideA,
    long b,
    int ldb,
    long strideB,
    long c,
    int ldc,
    long strideC,
    int batch) {
  private static final int NONE = cublasOperation.CUBLAS_OP_N;

  static Gemm of(
      Layout layout,
      MatrixBatch a,
      boolean adjointA,
      MatrixBatch b,
      boolean adjointB,
      MatrixBatch c) {
    boolean swapped = layout == Layout.ROW_MAJOR;
    MatrixBatch first = swapped ? b : a;
    MatrixBatch second = swapped ? a : b;
    return new Gemm(
        c.type().bytes(),
        operation(swapped ? adjointB : adjointA),
        operation(swapped ? adjointA : adjointB),
        swapped ? c.columns() : c.rows(),
        swapped ? c.rows() : c.columns(),
        adjointA ? a.rows() : a.columns(),
        first.address(),
        layout.leadingDimension(first),
        first.batchStride(),
        second.address(),
        layout.leadingDimension(second),
        second.batchStride(),
        c.address(),
        layout.leadingDimension(c),
        c.batchStride(),
        c.batch());
  }

  private static int operation(boolean adjoint) {
    return adjoint ? cublasOperation.CUBLAS_OP_C : NONE;
  }

  /**
   * The sum of the columns of each rows × columns matrix of a batch, as a product with ones.
   *
   * @param ones as many as columns at least
   * @param strideC rows at least
   */
  static Gemm sumOfColumns(
      int bytes,
      int rows,
      int columns,
      long a,
      int lda,
      long strideA,
      long ones,
      long c,
      int strideC,
      int batch) {
    return new Gemm(
        bytes, NONE, NONE, rows, 1, columns, a, lda, strideA, ones, columns, 0, c, strideC, strideC,
        batch);
  }

  /** The product of one matrix of the batch. */
  Gemm matrix(int i) {
    return new Gemm(
        bytes,
        opA,
        opB,
        m,
        n,
        k,
        a + i * strideA * bytes,
        lda,
        strideA,
        b + i * strideB * bytes,
        ldb,
        strideB,
        c + i * strideC * bytes,
        ldc,
        strideC,
        1);
  }

  /** What so many terms of the sums give, from the first on. */
  Gemm terms(long first, int count) {
    return new Gemm(
        bytes,
        opA,
        opB,
        m,
        n,
        count,
        a + first * stepA() * bytes,
        lda,
        strideA,
        b + first * stepB() * bytes,
        ldb,
        strideB,
        c,
        ldc,
        strideC,
        batch);
  }

  /** What the next k terms give, and so on, one behind the other at an address. */
  Gemm pieces(int count, long address) {
    return new Gemm(
        bytes,
        opA,
        opB,
        m,
        n,
        k,
        a,
        lda,
        k * stepA(),
        b,
        ldb,
        k * stepB(),
        address,
        m,
        (long) m * n,
        count);
  }

  private long stepA() {
    return opA == NONE ? lda : 1;
  }

  private long stepB() {
    return opB == NONE ? 1 : ldb;
  }
}
