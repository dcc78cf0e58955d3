package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;

/** The SVD of small matrices in vector lanes, svd_lanes.cu. A wide one is solved as its adjoint. */
final class LanesForward implements ForwardPass {
  private static final int MOST_COLUMNS = 64;

  private final Tall tall;
  private final boolean leaves;
  private final KernelLaunch kernel;
  private final LanesValues values;

  private static boolean suits(Tall tall) {
    return tall.n() <= MOST_COLUMNS && tall.m() <= LanesValues.MOST_ROWS;
  }

  /**
   * Whether it is faster than the other ways. Measured with AVX2 and AVX-512: taller matrices are
   * for JACOBI.
   */
  static boolean isFastest(Backend.Limits limits, BatchShape shape) {
    Tall tall = Tall.of(shape);
    return limits.wideBytes() > JacobiForward.BASELINE_WIDE_BYTES
        && suits(tall)
        && tall.m() <= 3 * tall.n();
  }

  /** Where it leaves some to JACOBI, matrices of columns of very different size are marked. */
  LanesForward(Lease lease, BatchShape shape, boolean leaves) {
    this.leaves = leaves;
    tall = Tall.of(shape);
    if (!suits(tall)) {
      throw new IllegalArgumentException(
          "algorithm: GOLUB_KAHAN takes up to "
              + MOST_COLUMNS
              + " columns and "
              + LanesValues.MOST_ROWS
              + " rows, or the other way round, got "
              + shape.rows()
              + "×"
              + shape.columns());
    }
    kernel =
        lease.prepare(
            Kernel.SVD_LANES,
            shape.type(),
            LaunchShape.forLanes(lease.limits(), shape.type(), shape.batch(), elements(tall)));
    values = new LanesValues(lease, shape);
  }

  /** Scratch: the matrix, U, V, six rows and one number more, and nine rows of reals. */
  static long elements(Tall tall) {
    return (2L * tall.m() + tall.n() + 6) * tall.n() + 1 + 9L * tall.n();
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
    kernel.arguments().reset().put(tall.matrices(a));
    kernel.arguments().put(tall.left(factors)).put(factors.s()).put(tall.right(factors)).put(info);
    kernel.arguments().put((long) tall.batch()).put((long) tall.m()).put((long) tall.n());
    kernel.arguments().put(tall.conjugates()).put(leaves);
    kernel.start(stream);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    values.runValues(a, s, info, stream);
  }

  @Override
  public String toString() {
    return Kernel.SVD_LANES.symbol(tall.type());
  }
}
