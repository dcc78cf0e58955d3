package io.github.diffsvd;

/**
 * How the forward pass is computed. A device that does not have the one asked for says so when the
 * plan is made.
 */
public enum SvdAlgorithm {
  /**
   * CPU: {@link #GESDD}. CUDA: {@link #GESVDJ_BATCHED} up to 32×32, {@link #GESVDJ} up to 512
   * columns, {@link #GESVD} above.
   */
  AUTO,
  /** CPU: LAPACK's divide and conquer; a matrix on which it fails is given to gesvd. */
  GESDD,
  /** LAPACK's or cuSOLVER's QR iteration, matrix by matrix. */
  GESVD,
  /** CUDA: cuSOLVER's Jacobi iteration, matrix by matrix. */
  GESVDJ,
  /** CUDA: cuSOLVER's batched Jacobi iteration, for m, n ≤ 32. */
  GESVDJ_BATCHED,
  /**
   * CUDA: cuSOLVER's batched approximation for tall matrices. It squares the condition: singular
   * values below √eps·s₁ are lost.
   */
  GESVDA_BATCHED
}
