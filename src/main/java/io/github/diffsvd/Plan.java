package io.github.diffsvd;

import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Recorder;
import io.github.diffsvd.internal.backend.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * An operation on batches of one {@link BatchShape} on one device.
 *
 * <p>Making a plan allocates its workspace and chooses algorithm and launch shapes; its calls
 * allocate no device memory and never wait for the device. All their work is ordered on the stream
 * that the caller gives, a raw handle; without one, and with 0, on the device's own. A plan is for
 * one thread and one stream at a time, and refuses a second thread with an IllegalStateException; a
 * device may be shared. The same input on the same device gives the same bits.
 *
 * <p>What a call refuses it refuses before anything is queued: an IllegalArgumentException if a
 * shape, type or device differs from the plan's, an address is not aligned as the device wants, or
 * arguments overlap that may not; an IllegalStateException if the plan, its device or an argument
 * is closed, or another thread is in the plan. A {@link CudaStatusException} tells that a CUDA call
 * failed.
 */
public abstract sealed class Plan implements AutoCloseable
    permits EighPlan,
        PushforwardPlan,
        SingularValuePlan,
        SpectralPlan,
        SvdPlan,
        TruncatedPullbackPlan {
  final Device device;
  final Lease lease;
  final BatchShape shape;
  final SvdOptions options;

  /** Where all device memory of the plan is. */
  final Workspace workspace = new Workspace();

  /** What the plan has given out, as far as it is not closed. */
  private final List<OwnedMatrixBatch> outputs = new ArrayList<>();

  Plan(Device device, Lease lease, BatchShape shape, SvdOptions options) {
    this.device = device;
    this.lease = lease;
    this.shape = Objects.requireNonNull(shape, "shape");
    this.options = Objects.requireNonNull(options, "options");
  }

  /** Makes a plan and gives it its workspace: the one of its options, or one of its own. */
  static <P extends Plan> P create(
      Device device, Class<P> kind, BatchShape shape, Function<Lease, P> make) {
    return Objects.requireNonNull(device, "device")
        .plan(
            kind.getSimpleName() + " " + Objects.requireNonNull(shape, "shape"),
            lease -> {
              PlanEvent event = Recorder.isUsed() ? PlanEvent.start() : null;
              P plan = make.apply(lease);
              BorrowedMemory borrowed = plan.options.workspace();
              plan.workspace.bind(
                  borrowed == null
                      ? lease.allocate(plan.workspaceBytes())
                      : borrowed.checked(plan.workspaceBytes()));
              if (event != null) {
                event.commit(plan);
              }
              return plan;
            });
  }

  /** The bytes of device memory that a plan would need. */
  static long workspaceBytes(Device device, Function<Lease, ? extends Plan> make) {
    try (Lease lease = Objects.requireNonNull(device, "device").backend().lease()) {
      return make.apply(lease).workspaceBytes();
    }
  }

  /** Takes a plan's workspace as a part of this one's. */
  final <P extends Plan> P part(P plan) {
    workspace.reserve(plan.workspaceBytes(), plan.workspace::bind);
    return plan;
  }

  final KernelLaunch prepare(Kernel kernel, DataType type, long units) {
    return lease.prepare(kernel, type, LaunchShape.forUnits(lease.limits(), units, 0));
  }

  /** Products of the plan's matrices, in a part of its workspace; null if there are none. */
  final BatchedProduct product() {
    if (shape.isEmpty()) {
      return null;
    }
    BatchedProduct product = lease.product(shape);
    workspace.reserve(product.workspaceBytes(), product::bind);
    return product;
  }

  /** What the plan is for. */
  public final BatchShape shape() {
    return shape;
  }

  public final SvdOptions options() {
    return options;
  }

  /** The bytes of device memory that this plan works in. */
  public final long workspaceBytes() {
    return workspace.bytes();
  }

  /**
   * Memory for the status of the plan's matrices, freed with the plan, or earlier by its own close.
   *
   * @throws IllegalStateException if the plan or its device is closed
   */
  public final SvdInfo allocateInfo() {
    lease.checkOpen();
    SvdInfo info = device.allocateInfo(shape.batch());
    output((OwnedMatrixBatch) info.numbers());
    return info;
  }

  /**
   * Memory for ∂L/∂A: batch × m × n, packed row-major, uninitialised, freed with the plan, or
   * earlier by its own close.
   *
   * @throws IllegalStateException if the plan or its device is closed
   */
  public final OwnedMatrixBatch allocateGradient() {
    return allocate(shape);
  }

  final OwnedMatrixBatch allocate(BatchShape shape) {
    lease.checkOpen();
    OwnedMatrixBatch matrices = device.allocate(shape);
    output(matrices);
    return matrices;
  }

  private void output(OwnedMatrixBatch matrices) {
    synchronized (outputs) {
      outputs.removeIf(OwnedMatrixBatch::isClosed);
      outputs.add(matrices);
    }
  }

  /**
   * Frees the workspace, and what the plan has given out, once the work on it is done; the caller
   * makes sure of that. Waits for the call that another thread is in. A second call does nothing.
   */
  @Override
  public final void close() {
    lease.close();
    synchronized (outputs) {
      outputs.forEach(OwnedMatrixBatch::close);
      outputs.clear();
    }
  }

  /** What the plan chose for its shape, for {@link #toString}: nothing, or words after a comma. */
  String choices() {
    return "";
  }

  /** Kind, type, shape, what was chosen for it, and the workspace. */
  @Override
  public final String toString() {
    return getClass().getSimpleName()
        + " "
        + shape
        + choices()
        + ", workspace of "
        + workspaceBytes()
        + " bytes";
  }
}
