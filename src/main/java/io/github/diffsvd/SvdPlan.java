package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.Lease;
import java.util.ArrayList;
import java.util.List;

/**
 * The thin SVD of batches of one shape and type on one device, forward and backward; as every
 * {@link Plan} it allocates once, and its calls neither allocate device memory nor wait.
 *
 * <p>With m×n matrices, k = min(m, n): A = U diag(S) Vᴴ, U m×k, V n×k (not Vᴴ), S real, descending,
 * ≥ 0. U and V are unique up to a phase per column, and up to a unitary matrix per group of equal
 * singular values; a loss should not depend on that choice (its gauge).
 */
public final class SvdPlan extends Plan {
  private final Call forwardCall;
  private final Call backwardCall;
  private final FactorShapes shapes;

  private final ForwardPass forward;

  /** Null in a plan that is a part of another one and only decomposes. */
  private final BackwardPass backward;

  /** What is done to the factors after the decomposition, in this order. */
  private final List<Step> steps = new ArrayList<>();

  private interface Step {
    void queue(SvdFactors factors, long stream);
  }

  SvdPlan(Lease lease, Device device, BatchShape shape, SvdOptions options) {
    this(lease, device, shape, options, true);
  }

  private SvdPlan(
      Lease lease, Device device, BatchShape shape, SvdOptions options, boolean pullsBack) {
    super(device, lease, shape, options);
    forwardCall = new Call(this, "forward");
    backwardCall = new Call(this, "backward");
    shapes = FactorShapes.of(shape, shape.k());
    forward = ForwardPass.choose(lease, shape, options.algorithm());
    backward = pullsBack ? BackwardPass.choose(lease, shape, options.rule()) : null;
    if (options.resolveTies() && !shape.isEmpty()) {
      steps.add(resolveTies());
    }
    if (options.canonicalGauge() && !shape.isEmpty()) {
      steps.add(canonicalGauge());
    }
    // The passes follow one another on one stream, so they share one part.
    workspace.reserve(
        pullsBack
            ? Math.max(forward.workspaceBytes(), backward.workspaceBytes())
            : forward.workspaceBytes(),
        address -> {
          forward.bind(address);
          if (pullsBack) {
            backward.bind(address);
          }
        });
  }

  /** A part of another plan, which has no backward pass. */
  static SvdPlan forwardOnly(Lease lease, Device device, BatchShape shape, SvdOptions options) {
    return new SvdPlan(lease, device, shape, options, false);
  }

  private Step resolveTies() {
    KernelLaunch kernel = prepare(Kernel.RESOLVE_TIES, shape.type().real(), shape.batch());
    return (factors, stream) -> {
      kernel.arguments().reset().put(factors.s());
      kernel.arguments().put((long) shape.batch()).put((long) shape.k());
      kernel.start(stream);
    };
  }

  private Step canonicalGauge() {
    long columns = (long) shape.batch() * shape.k();
    KernelLaunch kernel = prepare(Kernel.CANONICAL_GAUGE, shape.type(), columns);
    return (factors, stream) -> {
      kernel.arguments().reset().put(factors.u()).put(factors.v()).put((long) shape.batch());
      kernel.arguments().put((long) shape.rows()).put((long) shape.columns());
      kernel.arguments().put((long) shape.k());
      kernel.start(stream);
    };
  }

  /** A plan with {@link SvdOptions#defaults()}. */
  public static SvdPlan create(Device device, BatchShape shape) {
    return create(device, shape, SvdOptions.defaults());
  }

  /**
   * A plan for a shape.
   *
   * @param shape of A; any extent may be 0
   * @throws IllegalArgumentException if the device does not have the algorithm for this shape, or
   *     the borrowed workspace is too small
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static SvdPlan create(Device device, BatchShape shape, SvdOptions options) {
    return create(
        device, SvdPlan.class, shape, lease -> new SvdPlan(lease, device, shape, options));
  }

  /** A plan for matrices like these, with {@link SvdOptions#defaults()}. */
  public static SvdPlan like(Device device, MatrixBatch a) {
    return create(device, a.shape());
  }

  /** The bytes of device memory that such a plan works in. */
  public static long workspaceBytes(Device device, BatchShape shape, SvdOptions options) {
    return workspaceBytes(device, lease -> new SvdPlan(lease, device, shape, options));
  }

  /**
   * Memory for the factors of this plan's batch: packed row-major, uninitialised, freed with the
   * plan, or earlier by {@link SvdFactors#close()}.
   *
   * @throws IllegalStateException if the plan or its device is closed
   */
  public SvdFactors allocateFactors() {
    return new SvdFactors(allocate(shapes.u()), allocate(shapes.s()), allocate(shapes.v()));
  }

  /** Memory for gU, gS and gV, of the shapes of the factors and freed as they are. */
  public SvdCotangents allocateCotangents() {
    return new SvdCotangents(allocate(shapes.u()), allocate(shapes.s()), allocate(shapes.v()));
  }

  /** {@link #forward(MatrixBatch, SvdFactors, SvdInfo, long)}, on the device's own stream. */
  public void forward(MatrixBatch a, SvdFactors factors, SvdInfo info) {
    forward(a, factors, info, 0);
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
   */
  public void forward(MatrixBatch a, SvdFactors factors, SvdInfo info, long stream) {
    forwardCall.begin();
    try {
      forwardCall.reads("a", a, shape);
      forwardCall.writes(factors, shapes);
      forwardCall.writes(info, shape.batch());
      forwardCall.check();
      forward.run(a, factors, info.address(), stream);
      for (Step step : steps) {
        step.queue(factors, stream);
      }
    } finally {
      forwardCall.end();
    }
  }

  /**
   * {@link #backward(SvdFactors, SvdCotangents, MatrixBatch, long)}, on the device's own stream.
   */
  public void backward(SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient) {
    backward(factors, cotangents, gradient, 0);
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
   */
  public void backward(
      SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream) {
    backwardCall.begin();
    try {
      int rank = cotangents.rank(shape.k());
      backwardCall.reads(factors, shapes);
      backwardCall.reads(cotangents, rank == shape.k() ? shapes : FactorShapes.of(shape, rank));
      backwardCall.writes("gradient", gradient, shape);
      backwardCall.check();
      backward.run(factors, rank == 0 ? SvdCotangents.NONE : cotangents, gradient, stream);
    } finally {
      backwardCall.end();
    }
  }

  @Override
  String choices() {
    return ", forward "
        + forward
        + (backward == null ? "" : ", backward " + backward + " under " + options.rule());
  }
}
