package io.github.diffsvd;

import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;

/**
 * The thin SVD in forward mode: from a direction dA to the derivatives of U, S and V along it,
 * under a {@link GradientRule}; a {@link Plan}.
 *
 * <p>It is the transpose of {@link SvdPlan#backward} under the same rule: ⟨gA, dA⟩ = ⟨gU, dU⟩ +
 * ⟨gS, dS⟩ + ⟨gV, dV⟩ to rounding, at ties as well. Phases are split evenly between U and V.
 */
public final class PushforwardPlan extends Plan {
  private final Call call;
  private final FactorShapes shapes;
  private final Tall tall;
  private final Workspace.Buffer d;
  private final Workspace.Buffer skew;
  private final Workspace.Buffer t;
  private final Workspace.Buffer w;
  private final Workspace.Buffer u;
  private final Workspace.Buffer v;
  private final Workspace.Buffer given;
  private final Workspace.Buffer result;

  private final KernelLaunch core;
  private final Packing packing;
  private final BatchedProduct product;

  private PushforwardPlan(Lease lease, Device device, BatchShape shape, SvdOptions options) {
    super(device, lease, shape, options);
    call = new Call(this, "pushforward");
    shapes = FactorShapes.of(shape, shape.k());
    tall = Tall.of(shape);
    int n = tall.n();
    d = workspace.reserve(tall.shape(n, n));
    skew = workspace.reserve(tall.shape(n, n));
    t = workspace.reserve(tall.shape());
    w = workspace.reserve(tall.shape());
    u = workspace.reserve(tall.shape());
    v = workspace.reserve(tall.shape(n, n));
    given = workspace.reserve(shape);
    result = workspace.reserve(tall.shape(n, n));
    long units = LaunchShape.unitsOfElements(shape.batch(), tall.m(), n);
    core = prepare(Kernel.SVD_PUSHFORWARD_CORE, shape.type(), units);
    packing = new Packing(lease, tall.shape());
    product = product();
  }

  /** A plan with {@link SvdOptions#defaults()}. */
  public static PushforwardPlan create(Device device, BatchShape shape) {
    return create(device, shape, SvdOptions.defaults());
  }

  /**
   * A plan for a shape.
   *
   * @param shape of A; any extent may be 0
   * @param options whose {@link GradientRule} says how ties are treated
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static PushforwardPlan create(Device device, BatchShape shape, SvdOptions options) {
    return create(
        device,
        PushforwardPlan.class,
        shape,
        lease -> new PushforwardPlan(lease, device, shape, options));
  }

  /** A plan for matrices like these, with {@link SvdOptions#defaults()}. */
  public static PushforwardPlan like(Device device, MatrixBatch a) {
    return create(device, a.shape());
  }

  /** The bytes of device memory that such a plan works in. */
  public static long workspaceBytes(Device device, BatchShape shape, SvdOptions options) {
    return workspaceBytes(device, lease -> new PushforwardPlan(lease, device, shape, options));
  }

  /**
   * Memory for dU, dS and dV: packed row-major, uninitialised, freed with the plan, or earlier by
   * {@link SvdTangents#close()}.
   *
   * @throws IllegalStateException if the plan or its device is closed
   */
  public SvdTangents allocateTangents() {
    return new SvdTangents(allocate(shapes.u()), allocate(shapes.s()), allocate(shapes.v()));
  }

  /**
   * {@link #pushforward(SvdFactors, MatrixBatch, SvdTangents, long)}, on the device's own stream.
   */
  public void pushforward(SvdFactors factors, MatrixBatch da, SvdTangents tangents) {
    pushforward(factors, da, tangents, 0);
  }

  /**
   * The derivatives of U, S and V along dA.
   *
   * @param factors what {@link SvdPlan#forward} gave, or any factors with orthonormal columns; not
   *     changed
   * @param da the direction, batch × m × n, any strides; not changed
   * @param tangents of the shapes of the factors, any strides that keep elements apart;
   *     overwritten. None may overlap another, a factor or da
   * @param stream raw handle, 0 for the device's own
   */
  public void pushforward(SvdFactors factors, MatrixBatch da, SvdTangents tangents, long stream) {
    call.begin();
    try {
      call.reads(factors, shapes);
      call.reads("da", da, shape);
      call.writes("tangents.u", tangents.u(), shapes.u());
      call.writes("tangents.s", tangents.s(), shapes.s());
      call.writes("tangents.v", tangents.v(), shapes.v());
      call.check();
      queue(factors, da, tangents, stream);
    } finally {
      call.end();
    }
  }

  private void queue(SvdFactors factors, MatrixBatch da, SvdTangents tangents, long stream) {
    if (shape.isEmpty()) {
      return;
    }
    Layout layout = Layout.of(da);
    MatrixBatch u = packing.operand(layout, tall.left(factors), this.u, stream);
    MatrixBatch v = packing.operand(layout, tall.right(factors), this.v, stream);
    MatrixBatch given = packing.operand(layout, da, this.given, stream);
    MatrixBatch d = this.d.in(layout);
    MatrixBatch skew = this.skew.in(layout);
    MatrixBatch t = this.t.in(layout);
    MatrixBatch w = this.w.in(layout);
    boolean rest = tall.m() > tall.n();
    product.multiply(layout, given, tall.wide(), v, false, t, false, stream);
    product.multiply(layout, u, true, t, false, d, false, stream);
    core.arguments().reset().put(d).put(skew).put(factors.s()).put(tangents.s()).put(t);
    core.arguments().put(rest ? w : null).put((long) tall.batch());
    core.arguments().put((long) tall.m()).put((long) tall.n());
    core.arguments().putRule(options.rule().code(), options.rule().parameter(shape.type()));
    core.start(stream);
    product.multiply(layout, u, false, d, false, w, rest, stream);
    packing.copy(w, tall.left(tangents), stream);
    MatrixBatch dv = result.in(layout);
    product.multiply(layout, v, false, skew, false, dv, false, stream);
    packing.copy(dv, tall.right(tangents), stream);
  }

  @Override
  String choices() {
    return ", under " + options.rule();
  }
}
