package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.Lease;

/** One kernel each way: spectral_forward_tiles.cu and spectral_backward_tiles.cu. */
final class FusedSpectral implements SpectralPass {
  private final Tall tall;
  private final KernelLaunch forward;
  private final KernelLaunch backward;

  FusedSpectral(Lease lease, BatchShape shape) {
    tall = Tall.of(shape);
    forward = RegisterTiles.prepare(lease, Kernel.Sized.SPECTRAL_FORWARD_TILES, tall);
    backward = RegisterTiles.prepare(lease, Kernel.Sized.SPECTRAL_BACKWARD_TILES, tall);
  }

  @Override
  public void compose(SvdFactors factors, SpectralTable f, MatrixBatch y, long stream) {
    forward.arguments().reset().put(tall.left(factors)).put(tall.right(factors));
    f.put(forward.arguments(), factors.s());
    forward.arguments().put(tall.matrices(y));
    forward.arguments().put((long) tall.batch()).put((long) tall.m()).put((long) tall.n());
    forward.arguments().put(tall.conjugates());
    forward.start(stream);
  }

  @Override
  public void pullBack(
      SvdFactors factors,
      SpectralTable f,
      SpectralCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      boolean hermitian,
      long stream) {
    backward.arguments().reset().put(tall.left(factors)).put(tall.right(factors));
    f.put(backward.arguments(), factors.s());
    backward.arguments().put(tall.matrices(cotangents.y())).put(cotangents.s());
    backward.arguments().put(tall.matrices(gradient)).put(parameterGradient);
    backward.arguments().put((long) tall.batch()).put((long) tall.m()).put((long) tall.n());
    backward.arguments().put(tall.conjugates()).put(hermitian);
    backward.start(stream);
  }
}
