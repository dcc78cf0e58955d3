package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;
import java.util.Objects;

/**
 * The singular values of batches of one shape and type, without their vectors; their pullback, and
 * losses of them with gradients; a {@link Plan}.
 *
 * <p>The vectors and values that the pullback needs stay in the plan, from {@link #forward} or
 * {@link #loss} to the next one.
 */
public final class SingularValuePlan extends Plan {
  private final Call call;
  private final Call valuesCall;
  private final BatchShape shapeOfValues;

  /** Null in a plan without gradients, as U and V are. */
  private final SvdPlan svd;

  private final Workspace.Buffer u;
  private final Workspace.Buffer v;
  private final Workspace.Buffer s;
  private final Workspace.Buffer cotangent;

  /** Null in a plan with gradients. */
  private final ValuesPass values;

  private final KernelLaunch kernel;

  private SingularValuePlan(
      Lease lease, Device device, BatchShape shape, SvdOptions options, boolean gradients) {
    super(device, lease, shape, options);
    call = new Call(this, "loss");
    valuesCall = new Call(this, "forward");
    FactorShapes shapes = FactorShapes.of(shape, shape.k());
    shapeOfValues = shapes.s();
    svd = gradients ? part(new SvdPlan(lease, device, shape, options)) : null;
    u = gradients ? workspace.reserve(shapes.u()) : null;
    v = gradients ? workspace.reserve(shapes.v()) : null;
    s = workspace.reserve(shapes.s());
    cotangent = gradients ? workspace.reserve(shapes.s()) : null;
    if (gradients) {
      values = null;
    } else {
      values = ValuesPass.choose(lease, shape, options.algorithm());
      workspace.reserve(values.workspaceBytes(), values::bind);
    }
    kernel = prepare(Kernel.SINGULAR_VALUE_LOSS, shape.type().real(), shape.batch());
  }

  private static SingularValuePlan make(
      Device device, BatchShape shape, SvdOptions options, boolean gradients) {
    return create(
        device,
        SingularValuePlan.class,
        shape,
        lease -> new SingularValuePlan(lease, device, shape, options, gradients));
  }

  /** A plan with {@link SvdOptions#defaults()}. */
  public static SingularValuePlan create(Device device, BatchShape shape) {
    return create(device, shape, SvdOptions.defaults());
  }

  /**
   * A plan for a shape.
   *
   * @param shape of A; any extent may be 0
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static SingularValuePlan create(Device device, BatchShape shape, SvdOptions options) {
    return make(device, shape, options, true);
  }

  /** A plan for matrices like these, with {@link SvdOptions#defaults()}. */
  public static SingularValuePlan like(Device device, MatrixBatch a) {
    return create(device, a.shape());
  }

  /** A plan without gradients, with {@link SvdOptions#defaults()}. */
  public static SingularValuePlan createWithoutGradients(Device device, BatchShape shape) {
    return createWithoutGradients(device, shape, SvdOptions.defaults());
  }

  /**
   * A plan for values and losses without their gradients: {@link #forward} computes no vectors,
   * which takes a fraction of the time.
   *
   * <p>Values are right to eps·s₁·√k, as LAPACK's are, and where m and n are up to 256 and 128, or
   * the other way round, the same bits in any batch. Small values of columns of very different size
   * keep more digits in a plan with gradients.
   */
  public static SingularValuePlan createWithoutGradients(
      Device device, BatchShape shape, SvdOptions options) {
    return make(device, shape, options, false);
  }

  /** The bytes of device memory that a plan with gradients works in. */
  public static long workspaceBytes(Device device, BatchShape shape, SvdOptions options) {
    return workspaceBytes(
        device, lease -> new SingularValuePlan(lease, device, shape, options, true));
  }

  /**
   * Memory for S, or for gS: batch × k × 1, uninitialised, freed with the plan, or earlier by its
   * own close.
   *
   * @throws IllegalStateException if the plan or its device is closed
   */
  public OwnedMatrixBatch allocateValues() {
    return allocate(shapeOfValues);
  }

  /** Memory for losses: batch × 1 × 1, freed as the values are. */
  public OwnedMatrixBatch allocateLosses() {
    return allocate(shape.realColumn(1));
  }

  /** {@link #forward(MatrixBatch, MatrixBatch, SvdInfo, long)}, on the device's own stream. */
  public void forward(MatrixBatch a, MatrixBatch s, SvdInfo info) {
    forward(a, s, info, 0);
  }

  /**
   * The singular values.
   *
   * @param a batch × m × n, any strides; not changed
   * @param s batch × k × 1, real, descending; overwritten
   * @param info as in {@link SvdPlan#forward}
   * @param stream raw handle, 0 for the device's own
   */
  public void forward(MatrixBatch a, MatrixBatch s, SvdInfo info, long stream) {
    if (svd != null) {
      svd.forward(a, new SvdFactors(u.matrices(), s, v.matrices()), info, stream);
      return;
    }
    valuesCall.begin();
    try {
      valuesCall.reads("a", a, shape);
      valuesCall.writes("s", s, shapeOfValues);
      valuesCall.writes(info, shape.batch());
      valuesCall.check();
      values.runValues(a, s, info.address(), stream);
    } finally {
      valuesCall.end();
    }
  }

  /** {@link #backward(MatrixBatch, MatrixBatch, long)}, on the device's own stream. */
  public void backward(MatrixBatch gs, MatrixBatch gradient) {
    backward(gs, gradient, 0);
  }

  /**
   * The pullback, gA = U diag(gS) Vᴴ, at the matrices of the last {@link #forward} or {@link
   * #loss}.
   *
   * @param gs batch × k × 1, real; not changed
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten
   * @param stream raw handle, 0 for the device's own
   * @throws IllegalStateException if the plan was made without gradients
   */
  public void backward(MatrixBatch gs, MatrixBatch gradient, long stream) {
    checkGradients();
    svd.backward(
        new SvdFactors(u.matrices(), this.s.matrices(), v.matrices()),
        SvdCotangents.ofValues(gs),
        gradient,
        stream);
  }

  /**
   * {@link #loss(SingularValueLoss, MatrixBatch, MatrixBatch, MatrixBatch, SvdInfo, long)}, on the
   * device's own stream.
   */
  public void loss(
      SingularValueLoss loss,
      MatrixBatch a,
      MatrixBatch losses,
      MatrixBatch gradient,
      SvdInfo info) {
    loss(loss, a, losses, gradient, info, 0);
  }

  /**
   * A loss of each matrix, and its gradient.
   *
   * @param a batch × m × n, any strides; not changed
   * @param losses batch × 1 × 1, real; overwritten
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten; may overlap
   *     a; null if it is not wanted
   * @param info as in {@link SvdPlan#forward}
   * @param stream raw handle, 0 for the device's own
   */
  public void loss(
      SingularValueLoss loss,
      MatrixBatch a,
      MatrixBatch losses,
      MatrixBatch gradient,
      SvdInfo info,
      long stream) {
    Objects.requireNonNull(loss, "loss");
    call.begin();
    try {
      call.consumes("a", a, shape);
      call.writes("losses", losses, shape.realColumn(1));
      if (shape.k() == 0 && shape.batch() > 0) {
        throw new IllegalArgumentException("losses: there is none without values");
      }
      if (gradient != null) {
        checkGradients();
        call.writes("gradient", gradient, shape);
      }
      call.writes(info, shape.batch());
      call.check();
      MatrixBatch s = this.s.matrices();
      forward(a, s, info, stream);
      if (!shape.isEmpty()) {
        kernel.arguments().reset().put(s).put(losses);
        kernel.arguments().put(gradient == null ? null : cotangent.matrices());
        kernel.arguments().put((long) shape.batch()).put((long) shape.k());
        kernel.arguments().put((long) loss.code()).put(loss.parameter());
        kernel.start(stream);
      }
      if (gradient != null) {
        backward(cotangent.matrices(), gradient, stream);
      }
    } finally {
      call.end();
    }
  }

  private void checkGradients() {
    if (svd == null) {
      throw new IllegalStateException("the plan was made without gradients");
    }
  }

  @Override
  String choices() {
    return svd != null ? svd.choices() : ", values " + values;
  }
}
