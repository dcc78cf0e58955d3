package io.github.diffsvd;

import io.github.diffsvd.backend.CheckedBackend;
import io.github.diffsvd.backend.Kernel;
import io.github.diffsvd.backend.KernelLaunch;
import io.github.diffsvd.backend.LaunchShape;
import io.github.diffsvd.backend.Workspace;
import java.util.Objects;

/**
 * The thin SVD of batches of one shape and type on one device, forward and backward.
 *
 * <p>Making a plan allocates its workspace and chooses algorithm and launch shapes; {@link
 * #forward} and {@link #backward} allocate no device memory and never wait for the device. All
 * their work is ordered on the stream that the caller gives. A plan is for one thread and one
 * stream at a time; a device may be shared. The same input on the same device gives the same bits.
 *
 * <p>With m×n matrices, k = min(m, n): A = U diag(S) Vᴴ, U m×k, V n×k (not Vᴴ), S real, descending,
 * ≥ 0. U and V are unique up to a phase per column, and up to a unitary matrix per group of equal
 * singular values; a loss should not depend on that choice (its gauge).
 */
public final class SvdPlan implements AutoCloseable {
  private final Device device;
  private final CheckedBackend backend;
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
  private long ownedWorkspace;
  private boolean closed;

  private SvdPlan(
      Device device, DataType type, int batch, int rows, int columns, SvdOptions options) {
    this.device = Objects.requireNonNull(device, "device");
    this.backend = device.backend();
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
    forward = ForwardPass.choose(backend, type, batch, rows, columns, options.algorithm());
    try {
      backward = BackwardPass.choose(backend, type, batch, rows, columns, options.rule());
      resolveTies =
          options.resolveTies()
              ? backend.prepare(
                  Kernel.RESOLVE_TIES,
                  type.real(),
                  LaunchShape.forUnits(backend.limits(), batch, 0))
              : null;
      canonicalGauge =
          options.canonicalGauge()
              ? backend.prepare(
                  Kernel.CANONICAL_GAUGE,
                  type,
                  LaunchShape.forUnits(backend.limits(), (long) batch * k, 0))
              : null;
    } catch (RuntimeException | Error e) {
      forward.close();
      throw e;
    }
    // The passes follow one another on one stream, so they share one workspace.
    workspaceBytes = Math.max(forward.workspaceBytes(), backward.workspaceBytes());
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
    SvdPlan plan = new SvdPlan(device, type, batch, rows, columns, options);
    try {
      plan.ownedWorkspace = plan.backend.allocate(plan.workspaceBytes);
      plan.bind(plan.ownedWorkspace);
      return plan;
    } catch (RuntimeException | Error e) {
      plan.close();
      throw e;
    }
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
    SvdPlan plan = new SvdPlan(device, type, batch, rows, columns, options);
    try {
      if (bytes < plan.workspaceBytes) {
        throw new IllegalArgumentException(
            "workspace: expected at least " + plan.workspaceBytes + " bytes, got " + bytes);
      }
      if (workspace % Workspace.ALIGNMENT != 0 || (workspace == 0 && plan.workspaceBytes > 0)) {
        throw new IllegalArgumentException(
            "workspace: expected an address that is a multiple of "
                + Workspace.ALIGNMENT
                + ", got 0x"
                + Long.toHexString(workspace));
      }
      plan.bind(workspace);
      return plan;
    } catch (RuntimeException | Error e) {
      plan.close();
      throw e;
    }
  }

  /** The bytes of device memory that such a plan needs. */
  public static long workspaceBytes(
      Device device, DataType type, int batch, int rows, int columns, SvdOptions options) {
    try (SvdPlan plan = new SvdPlan(device, type, batch, rows, columns, options)) {
      return plan.workspaceBytes;
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
   */
  public SvdFactors allocateFactors() {
    checkOpen();
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
   * @param info batch numbers, overwritten; a matrix that holds NaN or infinity, or does not
   *     converge, is marked there and its factors are NaN, while its neighbours are as they would
   *     be without it
   * @param stream raw handle, 0 for the device's own
   * @throws IllegalArgumentException if a shape or type differs from the plan's; nothing is queued
   *     then
   * @throws CudaStatusException if a CUDA call fails
   */
  public void forward(MatrixBatch a, SvdFactors factors, SvdInfo info, long stream) {
    checkOpen();
    Checks.readable("a", a, type, batch, rows, columns);
    Checks.writable("factors.u", factors.u(), type, batch, rows, k);
    Checks.writable("factors.s", factors.s(), type.real(), batch, k, 1);
    Checks.writable("factors.v", factors.v(), type, batch, columns, k);
    checkInfo(info);
    if (forward == null) {
      backend.fill(info.address(), (byte) 0, (long) batch * Integer.BYTES, stream);
    } else {
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
    }
  }

  /** The singular values alone, as {@link #forward} gives them without ties resolved. */
  void forwardValues(MatrixBatch a, MatrixBatch s, SvdInfo info, long stream) {
    checkOpen();
    Checks.readable("a", a, type, batch, rows, columns);
    Checks.writable("s", s, type.real(), batch, k, 1);
    checkInfo(info);
    if (forward == null) {
      backend.fill(info.address(), (byte) 0, (long) batch * Integer.BYTES, stream);
    } else {
      forward.runValues(a, s, info.address(), stream);
    }
  }

  private void checkInfo(SvdInfo info) {
    if (Objects.requireNonNull(info, "info").batch() != batch) {
      throw new IllegalArgumentException(
          "info: expected a batch of " + batch + ", got " + info.batch());
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
   * @throws IllegalArgumentException if a shape or type differs from the plan's; nothing is queued
   *     then
   * @throws CudaStatusException if a CUDA call fails
   */
  public void backward(
      SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream) {
    checkOpen();
    Checks.readable("factors.u", factors.u(), type, batch, rows, k);
    Checks.readable("factors.s", factors.s(), type.real(), batch, k, 1);
    Checks.readable("factors.v", factors.v(), type, batch, columns, k);
    int rank = cotangents.rank(k);
    cotangents.check(type, batch, rows, columns, rank);
    Checks.writable("gradient", gradient, type, batch, rows, columns);
    if (backward != null) {
      backward.run(factors, rank == 0 ? SvdCotangents.NONE : cotangents, gradient, stream);
    }
  }

  void checkOpen() {
    if (closed) {
      throw new IllegalStateException("the plan is closed");
    }
  }

  /**
   * Frees the workspace, once the work on it is done; the caller makes sure of that. A second call
   * does nothing.
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (forward != null) {
      forward.close();
      backward.close();
    }
    backend.free(ownedWorkspace);
  }
}
