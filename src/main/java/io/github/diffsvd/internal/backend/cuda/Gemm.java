package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.Layout;
import jcuda.jcublas.cublasOperation;

/**
 * The arguments of a strided-batched gemm, which knows column-major matrices only.
 *
 * <p>Row-major memory read as column-major is the transpose, so C = op(A)·op(B) is asked for as Cᵀ
 * = op(B)ᵀ·op(A)ᵀ: the factors change places and keep their operations, because (Bᴴ)ᵀ = (Bᵀ)ᴴ.
 */
record Gemm(
    MatrixBatch a,
    MatrixBatch b,
    MatrixBatch c,
    int opA,
    int opB,
    int m,
    int n,
    int k,
    int lda,
    int ldb,
    int ldc) {
  static Gemm of(
      Layout layout,
      MatrixBatch a,
      boolean adjointA,
      MatrixBatch b,
      boolean adjointB,
      MatrixBatch c) {
    int opA = adjointA ? cublasOperation.CUBLAS_OP_C : cublasOperation.CUBLAS_OP_N;
    int opB = adjointB ? cublasOperation.CUBLAS_OP_C : cublasOperation.CUBLAS_OP_N;
    int m = c.rows();
    int n = c.columns();
    int k = adjointA ? a.rows() : a.columns();
    int lda = layout.leadingDimension(a);
    int ldb = layout.leadingDimension(b);
    int ldc = layout.leadingDimension(c);
    return layout == Layout.COLUMN_MAJOR
        ? new Gemm(a, b, c, opA, opB, m, n, k, lda, ldb, ldc)
        : new Gemm(b, a, c, opB, opA, n, m, k, ldb, lda, ldc);
  }
}
