package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;
import java.util.Objects;

/**
 * The thin SVD of batches of one shape and type on one device, forward and backward.
 *
 * <p>Making a plan allocates its workspace and chooses algorithm and launch shapes; {@link
 * #forward} and {@link #backward} allocate no device memory and never wait for the device. All
 * their work is ordered on the stream that the caller gives. A plan is for one thread and one
 * stream at a time, and refuses a second thread with an IllegalStateException; a device may be
 * shared. The same input on the same device gives the same bits.
 *
 * <p>With m×n matrices, k = min(m, n): A = U diag(S) Vᴴ, U m×k, V n×k (not Vᴴ), S real, descending,
 * ≥ 0. U and V are unique up to a phase per column, and up to a unitary matrix per group of equal
 * singular values; a loss should not depend on that choice (its gauge).
 */
public final class SvdPlan implements AutoCloseable {
  private final Device device;
  private final Lease lease;
  private final Call forwardCall;
  private final Call backwardCall;
  private final DataType type;
  private final int batch;
  private final int rows;
  private final int columns;
  private final int k;
  private final SvdOptions options;

  /** Null where a dimension is 0 and there is nothing to do. */
  private final ForwardPass forward;

  private final BackwardPass backward;

  /** Null where ties are left as they are. */
  private final KernelLaunch resolveTies;

  /** Null where phases are left as they are. */
  private final KernelLaunch canonicalGauge;

  private final long workspaceBytes;

  private SvdPlan(
      Lease lease,
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      SvdOptions options) {
    this.lease = lease;
    this.device = device;
    forwardCall = new Call(lease);
    backwardCall = new Call(lease);
    this.type = Objects.requireNonNull(type, "type");
    this.batch = Checks.atLeast("batch", 0, batch);
    this.rows = Checks.atLeast("rows", 0, rows);
    this.columns = Checks.atLeast("columns", 0, columns);
    this.options = Objects.requireNonNull(options, "options");
    k = Math.min(rows, columns);
    if (batch == 0 || k == 0) {
      forward = null;
      backward = null;
      resolveTies = null;
      canonicalGauge = null;
      workspaceBytes = 0;
      return;
    }
    forward = ForwardPass.choose(lease, type, batch, rows, columns, options.algorithm());
    backward = BackwardPass.choose(lease, type, batch, rows, columns, options.rule());
    resolveTies = options.resolveTies() ? prepare(Kernel.RESOLVE_TIES, type.real(), batch) : null;
    canonicalGauge =
        options.canonicalGauge() ? prepare(Kernel.CANONICAL_GAUGE, type, (long) batch * k) : null;
    // The passes follow one another on one stream, so they share one workspace.
    workspaceBytes = Math.max(forward.workspaceBytes(), backward.workspaceBytes());
  }

  private KernelLaunch prepare(Kernel kernel, DataType type, long units) {
    return lease.prepare(kernel, type, LaunchShape.forUnits(lease.limits(), units, 0));
  }

  /** A plan with {@link SvdOptions#defaults()}. */
  public static SvdPlan create(Device device, DataType type, int batch, int rows, int columns) {
    return create(device, type, batch, rows, columns, SvdOptions.defaults());
  }

  /**
   * A plan that allocates its own workspace.
   *
   * @param batch number of matrices, ≥ 0
   * @param rows m ≥ 0
   * @param columns n ≥ 0
   * @throws IllegalArgumentException if the device does not have the algorithm for this shape
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static SvdPlan create(
      Device device, DataType type, int batch, int rows, int columns, SvdOptions options) {
    return Objects.requireNonNull(device, "device")
        .plan(
            "SvdPlan",
            type,
            batch,
            rows,
            columns,
            lease -> within(lease, device, type, batch, rows, columns, options));
  }

  /** A part of another plan, closed with that one's lease. */
  static SvdPlan within(
      Lease lease,
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      SvdOptions options) {
    SvdPlan plan = new SvdPlan(lease, device, type, batch, rows, columns, options);
    plan.bind(lease.allocate(plan.workspaceBytes));
    return plan;
  }

  /**
   * A plan in the caller's workspace, borrowed until the plan is closed.
   *
   * @param workspace device address of at least {@link #workspaceBytes(Device, DataType, int, int,
   *     int, SvdOptions)} bytes, a multiple of 256
   * @param bytes what is there
   */
  public static SvdPlan create(
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      SvdOptions options,
      long workspace,
      long bytes) {
    return Objects.requireNonNull(device, "device")
        .plan(
            "SvdPlan",
            type,
            batch,
            rows,
            columns,
            lease -> {
              SvdPlan plan = new SvdPlan(lease, device, type, batch, rows, columns, options);
              plan.checkWorkspace(workspace, bytes);
              plan.bind(workspace);
              return plan;
            });
  }

  private void checkWorkspace(long workspace, long bytes) {
    if (bytes < workspaceBytes) {
      throw new IllegalArgumentException(
          "workspace: expected at least " + workspaceBytes + " bytes, got " + bytes);
    }
    if (workspace % Workspace.ALIGNMENT != 0 || (workspace == 0 && workspaceBytes > 0)) {
      throw new IllegalArgumentException(
          "workspace: expected an address that is a multiple of "
              + Workspace.ALIGNMENT
              + ", got 0x"
              + Long.toHexString(workspace));
    }
  }

  /** The bytes of device memory that such a plan needs. */
  public static long workspaceBytes(
      Device device, DataType type, int batch, int rows, int columns, SvdOptions options) {
    try (Lease lease = Objects.requireNonNull(device, "device").backend().lease()) {
      return new SvdPlan(lease, device, type, batch, rows, columns, options).workspaceBytes;
    }
  }

  private void bind(long workspace) {
    if (forward != null) {
      forward.bind(workspace);
      backward.bind(workspace);
    }
  }

  /**
   * Memory for the factors of this plan's batch: packed row-major, uninitialised, freed by {@link
   * SvdFactors#close()}.
   *
   * @throws IllegalStateException if the plan or its device is closed
   */
  public SvdFactors allocateFactors() {
    lease.checkOpen();
    OwnedMatrixBatch u = device.allocate(type, batch, rows, k);
    try {
      OwnedMatrixBatch s = device.allocate(type.real(), batch, k, 1);
      try {
        return new SvdFactors(u, s, device.allocate(type, batch, columns, k));
      } catch (RuntimeException | Error e) {
        s.close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      u.close();
      throw e;
    }
  }

  /** The bytes of device memory that this plan works in. */
  public long workspaceBytes() {
    return workspaceBytes;
  }

  public SvdOptions options() {
    return options;
  }

  /**
   * A = U diag(S) Vᴴ for every matrix of the batch; S moved by {@link SvdOptions#resolveTies},
   * phases chosen by {@link SvdOptions#canonicalGauge}, where that is asked for.
   *
   * @param a batch × m × n, any strides; not changed
   * @param factors U (batch × m × k), S (batch × k × 1, real), V (batch × n × k), any strides that
   *     keep elements apart; overwritten. None may overlap another or a
   * @param info batch numbers, overwritten; may not overlap the others. A matrix that holds NaN or
   *     infinity, or does not converge, is marked there and its factors are NaN, while its
   *     neighbours are as they would be without it
   * @param stream raw handle, 0 for the device's own
   * @throws IllegalArgumentException if a shape, type or device differs from the plan's, or
   *     arguments overlap that may not; nothing is queued then
   * @throws IllegalStateException if the plan, its device or an argument is closed, or another
   *     thread is in the plan; nothing is queued then
   * @throws CudaStatusException if a CUDA call fails
   */
  public void forward(MatrixBatch a, SvdFactors factors, SvdInfo info, long stream) {
    forwardCall.begin();
    try {
      forwardCall.reads("a", a, type, batch, rows, columns);
      forwardCall.writes(factors, type, batch, rows, columns, k);
      forwardCall.writes(info, batch);
      forwardCall.check();
      if (forward == null) {
        lease.fill(info.address(), (byte) 0, (long) batch * Integer.BYTES, stream);
        return;
      }
      forward.run(a, factors, info.address(), stream);
      if (resolveTies != null) {
        resolveTies.arguments().reset().put(factors.s()).put((long) batch).put((long) k);
        resolveTies.start(stream);
      }
      if (canonicalGauge != null) {
        canonicalGauge.arguments().reset().put(factors.u()).put(factors.v()).put((long) batch);
        canonicalGauge.arguments().put((long) rows).put((long) columns).put((long) k);
        canonicalGauge.start(stream);
      }
    } finally {
      forwardCall.end();
    }
  }

  /**
   * The pullback: from the derivatives of a real loss with respect to U, S and V to the one with
   * respect to A, ∂L/∂Re + i·∂L/∂Im, under the plan's {@link GradientRule}. The formula is that of
   * docs/numerics.md.
   *
   * @param factors what {@link #forward} gave, or any factors with orthonormal columns; not changed
   * @param cotangents of the shapes of the factors, or of their first r columns; any strides; an
   *     absent one counts as zero and costs nothing; not changed
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten. May not
   *     overlap factors or cotangents
   * @param stream raw handle, 0 for the device's own
   * @throws IllegalArgumentException if a shape, type or device differs from the plan's, or
   *     arguments overlap that may not; nothing is queued then
   * @throws IllegalStateException if the plan, its device or an argument is closed, or another
   *     thread is in the plan; nothing is queued then
   * @throws CudaStatusException if a CUDA call fails
   */
  public void backward(
      SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream) {
    backwardCall.begin();
    try {
      int rank = cotangents.rank(k);
      backwardCall.reads(factors, type, batch, rows, columns, k);
      backwardCall.reads(cotangents, type, batch, rows, columns, rank);
      backwardCall.writes("gradient", gradient, type, batch, rows, columns);
      backwardCall.check();
      if (backward != null) {
        backward.run(factors, rank == 0 ? SvdCotangents.NONE : cotangents, gradient, stream);
      }
    } finally {
      backwardCall.end();
    }
  }

  /**
   * Frees the workspace, once the work on it is done; the caller makes sure of that. Waits for the
   * call that another thread is in. A second call does nothing.
   */
  @Override
  public void close() {
    lease.close();
  }
}
