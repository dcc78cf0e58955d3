package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Lease;

/**
 * Each matrix by the kernel that suits it: those whose columns are of about one size by
 * bidiagonalisation, which is faster, the others by Jacobi, which keeps the digits of their small
 * singular values.
 */
final class AutoForward implements ForwardPass {
  private final LanesForward even;
  private final JacobiForward others;

  AutoForward(Lease lease, BatchShape shape) {
    even = new LanesForward(lease, shape, true);
    others = new JacobiForward(lease, shape, true);
  }

  @Override
  public long workspaceBytes() {
    return Math.max(even.workspaceBytes(), others.workspaceBytes());
  }

  @Override
  public void bind(long workspace) {
    even.bind(workspace);
    others.bind(workspace);
  }

  @Override
  public void run(MatrixBatch a, SvdFactors factors, long info, long stream) {
    even.run(a, factors, info, stream);
    others.run(a, factors, info, stream);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    even.runValues(a, s, info, stream);
  }

  @Override
  public String toString() {
    return even + " and " + others;
  }
}
