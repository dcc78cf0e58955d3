package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;

/**
 * One way to compute Y = U f(S) Vᴴ and its pullback from the factors; which one suits a shape is
 * decided when the plan is made.
 */
interface SpectralPass {
  /** Y = U f(S) Vᴴ. */
  void compose(SvdFactors factors, SpectralTable f, MatrixBatch y, long stream);

  /**
   * The pullback of compose.
   *
   * @param parameterGradient or null
   * @param hermitian whether U = V and the gradient is Hermitian, as A is
   */
  void pullBack(
      SvdFactors factors,
      SpectralTable f,
      SpectralCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      boolean hermitian,
      long stream);

  /**
   * One kernel each way, as far as there are some; products otherwise.
   *
   * @param workspace takes what the pass works in
   */
  static SpectralPass choose(Lease lease, BatchShape shape, Workspace workspace) {
    if (shape.isEmpty()) {
      return new NothingToDo(lease, shape);
    }
    return RegisterTiles.takes(lease.limits(), Tall.of(shape))
        ? new FusedSpectral(lease, shape)
        : new ProductSpectral(lease, shape, workspace);
  }
}
