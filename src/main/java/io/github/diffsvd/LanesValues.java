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

  private final int batch;
  private final int m;
  private final int n;
  private final boolean wide;
  private final KernelLaunch kernel;

  static boolean suits(Backend.Limits limits, int rows, int columns) {
    return limits.wideBytes() > 0
        && Math.min(rows, columns) <= MOST_COLUMNS
        && Math.max(rows, columns) <= MOST_ROWS;
  }

  LanesValues(Lease lease, DataType type, int batch, int rows, int columns) {
    this.batch = batch;
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    kernel =
        lease.prepare(
            Kernel.SVD_VALUES_LANES,
            type,
            LaunchShape.forLanes(lease.limits(), type, batch, elements(m, n)));
  }

  /**
   * Scratch: the matrix, four rows, q, e, where the next of both go, two numbers of blocks, the
   * values.
   */
  static long elements(int m, int n) {
    return (m + 4L) * n + 6 * (n + 1L) + n;
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
    kernel.arguments().reset().put(wide ? a.transposed() : a).put(s).put(info);
    kernel.arguments().put((long) batch).put((long) m).put((long) n);
    kernel.start(stream);
  }
}
