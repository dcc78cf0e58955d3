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

  private final int batch;
  private final int m;
  private final int n;
  private final boolean wide;
  private final boolean conjugates;
  private final boolean leftAlone;

  /** On a GPU; 0 on a CPU, whose blocks have all of it as scratch. */
  private final long workspaceBytes;

  private final KernelLaunch kernel;
  private long workspace;

  JacobiForward(Lease lease, DataType type, int batch, int rows, int columns) {
    this(lease, type, batch, rows, columns, false);
  }

  /** Of all matrices, or of those alone that {@link LanesForward} has left. */
  JacobiForward(Lease lease, DataType type, int batch, int rows, int columns, boolean leftAlone) {
    this.batch = batch;
    this.leftAlone = leftAlone;
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    conjugates = wide && type.isComplex();
    Backend.Limits limits = lease.limits();
    if (n > MOST_COLUMNS) {
      throw new IllegalArgumentException(
          "algorithm: JACOBI takes min(rows, columns) up to "
              + MOST_COLUMNS
              + ", got "
              + rows
              + "×"
              + columns);
    }
    long scratch = scratchBytes(limits, type, rows, columns);
    if (scratch > limits.scratchBytes()) {
      throw new IllegalArgumentException(
          "algorithm: JACOBI of "
              + rows
              + "×"
              + columns
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
    LaunchShape shape = LaunchShape.forUnits(limits, (batch + atOnce - 1L) / atOnce, scratch);
    if (limits.wideBytes() == 0) {
      // A block is one warp. Its workspace is in global memory, so there is none that has to wait.
      int most = lease.residentBlocks(Kernel.SVD_JACOBI, type, WARP, shape.scratchBytes());
      long workspace = rowsOfWorkspace(limits, m, n) * rowBytes(limits, type, m, n);
      long blocks = Math.min(Math.min(most, shape.blocks()), MOST_WORKSPACE_BYTES / workspace);
      shape = new LaunchShape((int) Math.max(1, blocks), WARP, shape.scratchBytes());
      workspaceBytes = shape.blocks() * workspace;
    } else {
      workspaceBytes = 0;
    }
    kernel = lease.prepare(Kernel.SVD_JACOBI, type, shape);
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
  static long scratchBytes(Backend.Limits limits, DataType type, int rows, int columns) {
    long m = Math.max(rows, columns);
    int n = Math.min(rows, columns);
    long sum = limits.wideBytes() == 0 ? rowsOfStage(limits, m, n) : rowsOfWorkspace(limits, m, n);
    return Math.multiplyExact(sum, rowBytes(limits, type, m, n));
  }

  private static long rowBytes(Backend.Limits limits, DataType type, long m, int n) {
    int pairs = (n + 1) / 2;
    int parts = type.isComplex() ? 2 : 1;
    if (limits.wideBytes() == 0) {
      return (2L * WARP * (n <= columnsOfLane(limits, m) ? 2 : 1) + 1) * type.bytes();
    }
    if (n <= columnsOfLane(limits, m)) {
      // The baseline is compiled for two, four and MOST_COLUMNS / 2 pairs.
      boolean three = pairs == 3 && limits.wideBytes() > BASELINE_WIDE_BYTES;
      int most = three ? 3 : pairs <= 2 ? 2 : 4;
      return 2L * most * limits.wideBytes() * parts;
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
    start(
        a,
        wide ? factors.v() : factors.u(),
        factors.s(),
        wide ? factors.u() : factors.v(),
        info,
        stream);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    start(a, null, s, null, info, stream);
  }

  private void start(
      MatrixBatch a, MatrixBatch u, MatrixBatch s, MatrixBatch v, long info, long stream) {
    kernel.arguments().reset().put(wide ? a.transposed() : a).put(u).put(s).put(v).put(info);
    kernel
        .arguments()
        .put(workspace)
        .put((long) batch)
        .put((long) m)
        .put((long) n)
        .put(conjugates)
        .put(leftAlone);
    kernel.start(stream);
  }
}
