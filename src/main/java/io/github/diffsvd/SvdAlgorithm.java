package io.github.diffsvd;

/**
 * How the forward pass is computed. A device that does not have the one asked for says so when the
 * plan is made.
 */
public enum SvdAlgorithm {
  /**
   * CPU with AVX2 or more, min(m, n) ≤ 64 and max(m, n) ≤ 256 and ≤ 3·min(m, n): each matrix by
   * itself goes to {@link #GOLUB_KAHAN} where the largest elements of its columns, and of its rows
   * if it is square, are within a factor of 64 of each other, else to {@link #JACOBI}; of small
   * singular values no more than that factor is given up. Taller ones go to JACOBI up to min(m, n)
   * = 64, with AVX2 alone 48 for float64 and complex64, for complex128 48 and 32, and without AVX2
   * all up to 8; the others, and those for which JACOBI's scratch would take more than 256 MiB a
   * thread, to {@link #GESDD}. CUDA: {@link #JACOBI} up to min(m, n) = 64, {@link #GESVD} above.
   * The batch plays no part in the choice: from this library's own kernels a matrix has the same
   * factors alone, to the last bit; LAPACK gives one large matrix alone all threads, and others
   * round another way.
   */
  AUTO,
  /**
   * This library's own kernel, QR decompositions and one-sided Jacobi on the triangle (Drmač and
   * Veselić, SIAM J. Matrix Anal. Appl. 29, 2008), for min(m, n) ≤ 64. Small singular values come
   * out with a small relative error where the columns are well conditioned but for their scale,
   * which no other algorithm here has.
   */
  JACOBI,
  /**
   * CPU: this library's own kernel, bidiagonalisation and QR iteration (Golub and Reinsch, Numer.
   * Math. 14, 1970) of a matrix in each vector lane, for min(m, n) ≤ 64 and max(m, n) ≤ 256. Two to
   * three times the speed of JACOBI where the batch fills the lanes, 4 to 16 of them; fewer
   * matrices are decomposed one by one, with the same factors to the last bit. Singular values are
   * right to eps·s₁, and zero below that.
   */
  GOLUB_KAHAN,
  /** CPU: LAPACK's divide and conquer; a matrix on which it fails is given to gesvd. */
  GESDD,
  /**
   * LAPACK's or cuSOLVER's QR iteration, matrix by matrix. On CUDA every one waits for the device,
   * so it cannot be captured into a graph.
   */
  GESVD,
  /**
   * CUDA: cuSOLVER's Jacobi iteration, matrix by matrix, each of which waits for the device. A half
   * to a third of GESVD's time, for ‖UᴴU − I‖ of up to 1.5 · 16 · max(m, n) · eps as measured on an
   * H100, and no decomposition of denormal matrices. A matrix that it gives up is marked with n + 1
   * in {@link SvdInfo}, and not given to another algorithm.
   */
  GESVDJ,
  /**
   * CUDA: cuSOLVER's batched Jacobi iteration, for m, n ≤ 32. A matrix that it gives up is marked
   * as {@link #GESVDJ} marks it.
   */
  GESVDJ_BATCHED,
  /**
   * CUDA: cuSOLVER's batched approximation for tall matrices. It squares the condition κ: ‖UᴴU − I‖
   * is about eps·κ², singular values below √eps·s₁ are lost, and a matrix of lower rank, zero among
   * them, has no decomposition: NaN in U, which {@link SvdInfo} does not tell of.
   */
  GESVDA_BATCHED
}
