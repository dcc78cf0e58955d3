package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;

/** The singular values of small matrices in vector lanes, svd_values_lanes.cu. */
final class LanesValues implements ValuesPass {
  private static final int MOST_COLUMNS = 128;

  /** Beyond these sums over rows would round too much, and there are blocks in svd_jacobi.cu. */
  static final int MOST_ROWS = 256;

  private final Tall tall;
  private final KernelLaunch kernel;

  static boolean suits(Backend.Limits limits, BatchShape shape) {
    Tall tall = Tall.of(shape);
    return limits.wideBytes() > 0 && tall.n() <= MOST_COLUMNS && tall.m() <= MOST_ROWS;
  }

  LanesValues(Lease lease, BatchShape shape) {
    tall = Tall.of(shape);
    kernel =
        lease.prepare(
            Kernel.SVD_VALUES_LANES,
            shape.type(),
            LaunchShape.forLanes(lease.limits(), shape.type(), shape.batch(), elements(tall)));
  }

  /**
   * Scratch: the matrix, four rows, q, e, where the next of both go, two numbers of blocks, the
   * values.
   */
  static long elements(Tall tall) {
    long n = tall.n();
    return (tall.m() + 4L) * n + 6 * (n + 1L) + n;
  }

  @Override
  public long workspaceBytes() {
    return kernel.workspaceBytes();
  }

  @Override
  public void bind(long workspace) {
    kernel.bind(workspace);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    kernel.arguments().reset().put(tall.matrices(a)).put(s).put(info);
    kernel.arguments().put((long) tall.batch()).put((long) tall.m()).put((long) tall.n());
    kernel.start(stream);
  }

  @Override
  public String toString() {
    return Kernel.SVD_VALUES_LANES.symbol(tall.type());
  }
}
