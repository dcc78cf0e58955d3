package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;

/** The SVD of small matrices in vector lanes, svd_lanes.cu. A wide one is solved as its adjoint. */
final class LanesForward implements ForwardPass {
  private static final int MOST_COLUMNS = 64;

  private final int batch;
  private final int m;
  private final int n;
  private final boolean wide;
  private final boolean conjugates;
  private final boolean leaves;
  private final KernelLaunch kernel;
  private final LanesValues values;

  private static boolean suits(int rows, int columns) {
    return Math.min(rows, columns) <= MOST_COLUMNS
        && Math.max(rows, columns) <= LanesValues.MOST_ROWS;
  }

  /**
   * Whether it is faster than the other ways. Measured with AVX2 and AVX-512: taller matrices are
   * for JACOBI.
   */
  static boolean isFastest(Backend.Limits limits, int rows, int columns) {
    return limits.wideBytes() > JacobiForward.BASELINE_WIDE_BYTES
        && suits(rows, columns)
        && Math.max(rows, columns) <= 3 * Math.min(rows, columns);
  }

  /** Where it leaves some to JACOBI, matrices of columns of very different size are marked. */
  LanesForward(Lease lease, DataType type, int batch, int rows, int columns, boolean leaves) {
    this.batch = batch;
    this.leaves = leaves;
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    conjugates = wide && type.isComplex();
    if (!suits(rows, columns)) {
      throw new IllegalArgumentException(
          "algorithm: GOLUB_KAHAN takes up to "
              + MOST_COLUMNS
              + " columns and "
              + LanesValues.MOST_ROWS
              + " rows, or the other way round, got "
              + rows
              + "×"
              + columns);
    }
    kernel =
        lease.prepare(
            Kernel.SVD_LANES,
            type,
            LaunchShape.forLanes(lease.limits(), type, batch, elements(m, n)));
    values = new LanesValues(lease, type, batch, rows, columns);
  }

  /** Scratch: the matrix, U, V, six rows and one number more, and nine rows of reals. */
  static long elements(int m, int n) {
    return (2L * m + n + 6) * n + 1 + 9L * n;
  }

  @Override
  public long workspaceBytes() {
    return Math.max(kernel.workspaceBytes(), values.workspaceBytes());
  }

  @Override
  public void bind(long workspace) {
    kernel.bind(workspace);
    values.bind(workspace);
  }

  @Override
  public void run(MatrixBatch a, SvdFactors factors, long info, long stream) {
    kernel.arguments().reset().put(wide ? a.transposed() : a);
    kernel.arguments().put(wide ? factors.v() : factors.u()).put(factors.s());
    kernel.arguments().put(wide ? factors.u() : factors.v()).put(info);
    kernel.arguments().put((long) batch).put((long) m).put((long) n).put(conjugates).put(leaves);
    kernel.start(stream);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    values.runValues(a, s, info, stream);
  }
}
