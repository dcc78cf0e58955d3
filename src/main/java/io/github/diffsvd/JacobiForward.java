package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;

/**
 * The SVD by QR and one-sided Jacobi in one kernel, svd_jacobi.cu, or the singular values alone. A
 * wide matrix is solved as its adjoint.
 */
final class JacobiForward implements ForwardPass {
  static final int MOST_COLUMNS = 64;

  private static final int WARP = 32;

  /** Of all warps: of a tall matrix fewer work at a time, so that this is not exceeded. */
  private static final long MOST_WORKSPACE_BYTES = 1L << 28;

  /** A matrix with more has several lanes where lanes can exchange numbers. */
  private static final int ROWS_OF_LANE = 4096;

  /** Of the build whose lanes cannot exchange numbers: there a matrix has one lane in any case. */
  static final int BASELINE_WIDE_BYTES = 16;

  private final Tall tall;
  private final boolean leftAlone;

  /** On a GPU; 0 on a CPU, whose blocks have all of it as scratch. */
  private final long workspaceBytes;

  private final KernelLaunch kernel;
  private long workspace;

  /**
   * @param leftAlone whether only those matrices are decomposed that {@link LanesForward} has left
   */
  JacobiForward(Lease lease, BatchShape shape, boolean leftAlone) {
    this.leftAlone = leftAlone;
    tall = Tall.of(shape);
    int m = tall.m();
    int n = tall.n();
    DataType type = tall.type();
    Backend.Limits limits = lease.limits();
    if (n > MOST_COLUMNS) {
      throw new IllegalArgumentException(
          "algorithm: JACOBI takes min(rows, columns) up to "
              + MOST_COLUMNS
              + ", got "
              + shape.rows()
              + "×"
              + shape.columns());
    }
    long scratch = scratchBytes(limits, tall);
    if (scratch > limits.scratchBytes()) {
      throw new IllegalArgumentException(
          "algorithm: JACOBI of "
              + shape.rows()
              + "×"
              + shape.columns()
              + " needs "
              + scratch
              + " bytes of scratch, there are "
              + limits.scratchBytes());
    }
    int lanes = limits.wideBytes() > 0 ? limits.lanes(type) : WARP;
    int team =
        n <= columnsOfLane(limits, m)
            ? 1
            : Math.max(limits.wideBytes() > 0 ? 8 : 4, powerOfTwo((n + 1) / 2));
    long atOnce = Math.max(1, lanes / team);
    LaunchShape launch =
        LaunchShape.forUnits(limits, (shape.batch() + atOnce - 1L) / atOnce, scratch);
    if (limits.wideBytes() == 0) {
      // A block is one warp. Its workspace is in global memory, so there is none that has to wait.
      int most = lease.residentBlocks(Kernel.SVD_JACOBI, type, WARP, launch.scratchBytes());
      long workspace = bytesAtOnce(limits, tall);
      long blocks = Math.min(Math.min(most, launch.blocks()), MOST_WORKSPACE_BYTES / workspace);
      launch = new LaunchShape((int) Math.max(1, blocks), WARP, launch.scratchBytes());
      workspaceBytes = launch.blocks() * workspace;
    } else {
      workspaceBytes = 0;
    }
    kernel = lease.prepare(Kernel.SVD_JACOBI, type, launch);
  }

  /** Up to so many columns a lane has a whole matrix. */
  private static int columnsOfLane(Backend.Limits limits, long m) {
    boolean exchanges = limits.wideBytes() > BASELINE_WIDE_BYTES;
    return limits.wideBytes() == 0 ? 4 : exchanges && m > ROWS_OF_LANE ? 2 : 8;
  }

  private static int powerOfTwo(int least) {
    return Integer.highestOneBit(2 * least - 1);
  }

  /**
   * Of at most {@link #MOST_COLUMNS} columns, the scratch of one vector of lanes: on a GPU
   * rows_of_stage in svd_jacobi.cu, else all of rows_of_workspace.
   */
  static long scratchBytes(Backend.Limits limits, Tall tall) {
    long m = tall.m();
    int n = tall.n();
    long sum = limits.wideBytes() == 0 ? rowsOfStage(limits, m, n) : rowsOfWorkspace(limits, m, n);
    return Math.multiplyExact(sum, rowBytes(limits, tall.type(), m, n));
  }

  /** Of one vector of lanes, all that it works in, in scratch or on a GPU in global memory. */
  static long bytesAtOnce(Backend.Limits limits, Tall tall) {
    long m = tall.m();
    int n = tall.n();
    return Math.multiplyExact(rowsOfWorkspace(limits, m, n), rowBytes(limits, tall.type(), m, n));
  }

  private static long rowBytes(Backend.Limits limits, DataType type, long m, int n) {
    int pairs = (n + 1) / 2;
    int parts = type.isComplex() ? 2 : 1;
    if (limits.wideBytes() == 0) {
      return (2L * WARP * (n <= columnsOfLane(limits, m) ? 2 : 1) + 1) * type.bytes();
    }
    if (n <= columnsOfLane(limits, m)) {
      // The build whose lanes cannot exchange numbers is compiled for two pairs and for four.
      int compiled = limits.wideBytes() == BASELINE_WIDE_BYTES && pairs > 2 ? 4 : pairs;
      return 2L * Math.max(2, compiled) * limits.wideBytes() * parts;
    }
    if (limits.wideBytes() == BASELINE_WIDE_BYTES) {
      return (long) MOST_COLUMNS * limits.wideBytes() * parts;
    }
    return 2L * limits.wideBytes() * vectors(pairs, limits.lanes(type)) * parts;
  }

  private static int rowsOfBlock(Backend.Limits limits, int n) {
    if (limits.wideBytes() == 0) {
      return n > 21 ? n + n / 2 : 32;
    }
    return n > 32 ? 8 * n : 256;
  }

  private static long rowsOfWorkspace(Backend.Limits limits, long m, int n) {
    int block = rowsOfBlock(limits, n);
    long sum = m + 2L * n + Math.min(m, 2L * block);
    for (long left = m; left > 2L * block; left = left / block * n) {
      sum += left / block * (1 + 2L * n);
    }
    return sum;
  }

  private static long rowsOfStage(Backend.Limits limits, long m, int n) {
    int block = rowsOfBlock(limits, n);
    long left = m;
    while (left > 2L * block) {
      left = left / block * n;
    }
    return left;
  }

  /** As svd_jacobi.cu is compiled for: up to four, or an even number. */
  private static int vectors(int pairs, int lanes) {
    int least = (pairs + lanes - 1) / lanes;
    return least <= 4 ? least : least + least % 2;
  }

  @Override
  public long workspaceBytes() {
    return workspaceBytes + kernel.workspaceBytes();
  }

  @Override
  public void bind(long workspace) {
    this.workspace = workspace;
    kernel.bind(workspace);
  }

  @Override
  public void run(MatrixBatch a, SvdFactors factors, long info, long stream) {
    start(a, tall.left(factors), factors.s(), tall.right(factors), info, stream);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    start(a, null, s, null, info, stream);
  }

  private void start(
      MatrixBatch a, MatrixBatch u, MatrixBatch s, MatrixBatch v, long info, long stream) {
    kernel.arguments().reset().put(tall.matrices(a)).put(u).put(s).put(v).put(info);
    kernel.arguments().put(workspace).put((long) tall.batch());
    kernel.arguments().put((long) tall.m()).put((long) tall.n());
    kernel.arguments().put(tall.conjugates()).put(leftAlone);
    kernel.start(stream);
  }

  @Override
  public String toString() {
    return Kernel.SVD_JACOBI.symbol(tall.type());
  }
}
