package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Lease;

/** Every pass of a shape with an extent of 0: there are no factors, and the status is OK. */
final class NothingToDo implements ForwardPass, BackwardPass, SpectralPass {
  private final Lease lease;
  private final long infoBytes;

  NothingToDo(Lease lease, BatchShape shape) {
    this.lease = lease;
    infoBytes = (long) shape.batch() * Integer.BYTES;
  }

  @Override
  public long workspaceBytes() {
    return 0;
  }

  @Override
  public void bind(long workspace) {}

  @Override
  public void run(MatrixBatch a, SvdFactors factors, long info, long stream) {
    lease.fill(info, (byte) SvdInfo.OK, infoBytes, stream);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    lease.fill(info, (byte) SvdInfo.OK, infoBytes, stream);
  }

  @Override
  public void run(
      SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream) {}

  @Override
  public void compose(SvdFactors factors, SpectralTable f, MatrixBatch y, long stream) {}

  @Override
  public void pullBack(
      SvdFactors factors,
      SpectralTable f,
      SpectralCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      boolean hermitian,
      long stream) {}

  @Override
  public String toString() {
    return "nothing";
  }
}
