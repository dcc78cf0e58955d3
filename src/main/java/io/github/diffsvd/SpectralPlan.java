package io.github.diffsvd;

import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;
import java.util.Objects;

/**
 * Y = U f(S) Vᴴ for batches of one shape and type, forward and backward, with a {@link
 * SpectralFunction} f of the singular values of A = U S Vᴴ.
 *
 * <p>Y has a derivative where the SVD has none: the pullback is exact at repeated singular values
 * and, where f is differentiable at 0, at rank-deficient matrices. Its formula, with divided
 * differences of f in the place of gaps, is in docs/numerics.md.
 *
 * <p>Plans behave as {@link SvdPlan} does: no allocation and no waiting after they are made, all
 * work on the caller's stream, one thread and one stream at a time.
 */
public final class SpectralPlan implements AutoCloseable {
  private final Lease lease;
  private final Call forwardCall;
  private final Call composeCall;
  private final Call backwardCall;
  private final SpectralFunction function;
  private final DataType type;
  private final int batch;
  private final int rows;
  private final int columns;
  private final int m;
  private final int n;
  private final boolean wide;
  private final SvdPlan svd;
  private final Workspace workspace = new Workspace();

  // Null where a dimension is 0 and there is nothing to do.
  private final KernelLaunch scale;
  private final KernelLaunch core;
  private final KernelLaunch parameter;
  private final Packing packing;
  private final BatchedProduct product;

  private final long aOffset;
  private final long tOffset;
  private final long wOffset;
  private final long uOffset;
  private final long vOffset;
  private final long givenOffset;
  private final long resultOffset;
  private final long base;

  private SpectralPlan(
      Lease lease,
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      SpectralFunction function) {
    this.lease = lease;
    this.function = function;
    forwardCall = new Call(lease);
    composeCall = new Call(lease);
    backwardCall = new Call(lease);
    this.type = Objects.requireNonNull(type, "type");
    this.batch = Checks.atLeast("batch", 0, batch);
    this.rows = Checks.atLeast("rows", 0, rows);
    this.columns = Checks.atLeast("columns", 0, columns);
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    aOffset = reserve(n, n);
    tOffset = reserve(m, n);
    wOffset = reserve(m, n);
    uOffset = reserve(m, n);
    vOffset = reserve(n, n);
    givenOffset = reserve(m, n);
    resultOffset = reserve(m, n);
    svd = SvdPlan.within(lease, device, type, batch, rows, columns, SvdOptions.defaults());
    if (batch == 0 || n == 0) {
      scale = null;
      core = null;
      parameter = null;
      packing = null;
      product = null;
      base = 0;
      return;
    }
    scale = prepare(Kernel.SPECTRAL_SCALE, (long) batch * m);
    core = prepare(Kernel.SPECTRAL_CORE, LaunchShape.unitsOfRows(batch, m));
    parameter = prepare(Kernel.SPECTRAL_PARAMETER, batch);
    packing = new Packing(lease, type, batch, m);
    product = lease.product(type);
    base = lease.allocate(workspace.bytes());
  }

  private long reserve(int rows, int columns) {
    return workspace.reserve(type, batch, rows, columns);
  }

  private KernelLaunch prepare(Kernel kernel, long units) {
    return lease.prepare(kernel, type, LaunchShape.forUnits(lease.limits(), units, 0));
  }

  /**
   * A plan that allocates its own workspace.
   *
   * @param batch number of matrices, ≥ 0
   * @param rows m ≥ 0
   * @param columns n ≥ 0
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static SpectralPlan create(
      Device device, DataType type, int batch, int rows, int columns, SpectralFunction function) {
    return allocated(
        device, type, batch, rows, columns, Objects.requireNonNull(function, "function"));
  }

  /** A plan for {@link SpectralTable}s alone; otherwise as one with a function. */
  public static SpectralPlan create(
      Device device, DataType type, int batch, int rows, int columns) {
    return allocated(device, type, batch, rows, columns, null);
  }

  private static SpectralPlan allocated(
      Device device, DataType type, int batch, int rows, int columns, SpectralFunction function) {
    return Objects.requireNonNull(device, "device")
        .plan(
            "SpectralPlan",
            type,
            batch,
            rows,
            columns,
            lease -> within(lease, device, type, batch, rows, columns, function));
  }

  /** A part of another plan, closed with that one's lease; a null function for tables alone. */
  static SpectralPlan within(
      Lease lease,
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      SpectralFunction function) {
    return new SpectralPlan(lease, device, type, batch, rows, columns, function);
  }

  /** Memory for the factors, as {@link SvdPlan#allocateFactors} gives it. */
  public SvdFactors allocateFactors() {
    return svd.allocateFactors();
  }

  /** The bytes of device memory that this plan works in. */
  public long workspaceBytes() {
    return svd.workspaceBytes() + (product == null ? 0 : workspace.bytes());
  }

  /** Null for a plan that was made without one. */
  public SpectralFunction function() {
    return function;
  }

  /**
   * Y = U f(S) Vᴴ for every matrix of the batch, and the factors, which {@link #backward} takes.
   *
   * @param a batch × m × n, any strides; not changed
   * @param factors U, S, V as in {@link SvdPlan#forward}; overwritten
   * @param y batch × m × n, any strides that keep elements apart; overwritten. May overlap a, not
   *     the factors
   * @param info as in {@link SvdPlan#forward}; a matrix without a decomposition gives Y of NaN
   * @param stream raw handle, 0 for the device's own
   * @throws IllegalArgumentException if a shape, type or device differs from the plan's, or
   *     arguments overlap that may not; nothing is queued then
   */
  public void forward(MatrixBatch a, SvdFactors factors, MatrixBatch y, SvdInfo info, long stream) {
    checkFunction();
    forwardCall.begin();
    try {
      forwardCall.reads(factors, type, batch, rows, columns, n);
      forwardCall.writes("y", y, type, batch, rows, columns);
      forwardCall.check();
      svd.forward(a, factors, info, stream);
      multiplyIn(factors, table(), y, stream);
    } finally {
      forwardCall.end();
    }
  }

  /**
   * Y = U diag(f) Vᴴ.
   *
   * @param factors U, S, V of {@link SvdPlan#forward}; not changed
   * @param table of f; not changed
   * @param y batch × m × n, any strides that keep elements apart; overwritten. May not overlap the
   *     factors or the table
   * @param stream raw handle, 0 for the device's own
   */
  public void compose(SvdFactors factors, SpectralTable table, MatrixBatch y, long stream) {
    composeCall.begin();
    try {
      composeCall.reads(factors, type, batch, rows, columns, n);
      table.addTo(composeCall, type, batch, n);
      composeCall.writes("y", y, type, batch, rows, columns);
      composeCall.check();
      multiplyIn(factors, table, y, stream);
    } finally {
      composeCall.end();
    }
  }

  private void multiplyIn(SvdFactors factors, SpectralTable table, MatrixBatch y, long stream) {
    if (product == null) {
      return;
    }
    Layout layout = layout(y);
    MatrixBatch w = layout.pack(base + wOffset, type, batch, m, n);
    scale.arguments().reset().put(wide ? factors.v() : factors.u());
    table.put(scale.arguments(), factors.s());
    scale.arguments().put(w).put((long) batch).put((long) m).put((long) n);
    scale.start(stream);
    multiplyOut(layout, w, v(layout, factors, stream), y, stream);
  }

  /**
   * The pullback: from ∂L/∂Y to ∂L/∂A, and to the derivative with respect to the function's
   * parameter.
   *
   * @param factors what {@link #forward} gave; not changed
   * @param gy batch × m × n, any strides; not changed
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten. May not
   *     overlap factors or gy
   * @param parameterGradient batch × 1 × 1, real: ∂L/∂τ, ∂L/∂p or ∂L/∂c of each matrix alone,
   *     overwritten; null if it is not wanted
   * @param stream raw handle, 0 for the device's own
   * @throws IllegalArgumentException if a shape, type or device differs from the plan's, or
   *     arguments overlap that may not; nothing is queued then
   */
  public void backward(
      SvdFactors factors,
      MatrixBatch gy,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      long stream) {
    checkFunction();
    pullBack(factors, table(), gy, null, gradient, parameterGradient, false, stream);
  }

  /**
   * The pullback of {@link #compose}, of a loss of Y, and of S besides.
   *
   * @param factors what compose was given; not changed
   * @param table what compose was given; not changed
   * @param gy batch × m × n, any strides; not changed
   * @param gs ∂L/∂S, batch × k × 1, real, without what goes through the table; or null
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten. May not
   *     overlap factors, table or gy
   * @param tableGradient batch × k × 1, real: ∂L/∂f_i, or ∂L/∂w_i for thresholds, overwritten; null
   *     if it is not wanted
   * @param stream raw handle, 0 for the device's own
   */
  public void backward(
      SvdFactors factors,
      SpectralTable table,
      MatrixBatch gy,
      MatrixBatch gs,
      MatrixBatch gradient,
      MatrixBatch tableGradient,
      long stream) {
    pullBack(factors, table, gy, gs, gradient, tableGradient, false, stream);
  }

  /** With U = V and the gradient Hermitian as A is, where that is said. */
  void pullBack(
      SvdFactors factors,
      SpectralTable table,
      MatrixBatch gy,
      MatrixBatch gs,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      boolean hermitian,
      long stream) {
    backwardCall.begin();
    try {
      backwardCall.reads(factors, type, batch, rows, columns, n);
      table.addTo(backwardCall, type, batch, n);
      backwardCall.reads("gy", gy, type, batch, rows, columns);
      if (gs != null) {
        backwardCall.reads("gs", gs, type.real(), batch, n, 1);
      }
      backwardCall.writes("gradient", gradient, type, batch, rows, columns);
      if (parameterGradient != null) {
        table.addGradientTo(backwardCall, parameterGradient, type, batch, n);
      }
      backwardCall.check();
      queuePullback(factors, table, gy, gs, gradient, parameterGradient, hermitian, stream);
    } finally {
      backwardCall.end();
    }
  }

  private void queuePullback(
      SvdFactors factors,
      SpectralTable table,
      MatrixBatch gy,
      MatrixBatch gs,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      boolean hermitian,
      long stream) {
    if (product == null) {
      return;
    }
    Layout layout = layout(gradient);
    MatrixBatch u =
        packing.operand(layout, wide ? factors.v() : factors.u(), base + uOffset, stream);
    MatrixBatch v = v(layout, factors, stream);
    MatrixBatch g = packing.operand(layout, gy, base + givenOffset, stream);
    MatrixBatch a = layout.pack(base + aOffset, type, batch, n, n);
    MatrixBatch t = layout.pack(base + tOffset, type, batch, m, n);
    MatrixBatch w = layout.pack(base + wOffset, type, batch, m, n);
    product.multiply(layout, g, wide, v, false, t, false, stream);
    product.multiply(layout, u, true, t, false, a, false, stream);
    if (parameterGradient != null) {
      parameter.arguments().reset().put(a);
      table.put(parameter.arguments(), factors.s());
      parameter.arguments().put(parameterGradient).put((long) batch).put((long) n);
      parameter.start(stream);
    }
    boolean tall = m > n;
    core.arguments().reset().put(a);
    table.put(core.arguments(), factors.s());
    core.arguments().put(gs).put(t).put(tall ? w : null);
    core.arguments().put((long) batch).put((long) m).put((long) n).put(hermitian);
    core.start(stream);
    product.multiply(layout, u, false, a, false, w, tall, stream);
    multiplyOut(layout, w, v, gradient, stream);
  }

  /**
   * The pushforward of {@link #forward}: the derivative of Y along dA. As a function of dA it is
   * the pullback as a function of gY, for the derivative of a spectral function is its own
   * transpose.
   *
   * @param factors what {@link #forward} gave; not changed
   * @param da the direction, batch × m × n, any strides; not changed
   * @param dy batch × m × n, any strides that keep elements apart; overwritten. May not overlap
   *     factors or da
   * @param stream raw handle, 0 for the device's own
   */
  public void pushforward(SvdFactors factors, MatrixBatch da, MatrixBatch dy, long stream) {
    checkFunction();
    backwardCall.begin();
    try {
      backwardCall.reads(factors, type, batch, rows, columns, n);
      backwardCall.reads("da", da, type, batch, rows, columns);
      backwardCall.writes("dy", dy, type, batch, rows, columns);
      backwardCall.check();
      queuePullback(factors, table(), da, null, dy, null, false, stream);
    } finally {
      backwardCall.end();
    }
  }

  private static Layout layout(MatrixBatch result) {
    return Layout.COLUMN_MAJOR.holds(result) ? Layout.COLUMN_MAJOR : Layout.ROW_MAJOR;
  }

  private MatrixBatch v(Layout layout, SvdFactors factors, long stream) {
    return packing.operand(layout, wide ? factors.u() : factors.v(), base + vOffset, stream);
  }

  /** W Vᴴ, or for the adjoint problem its adjoint V Wᴴ. */
  private void multiplyOut(
      Layout layout, MatrixBatch w, MatrixBatch v, MatrixBatch result, long stream) {
    boolean direct = layout.holds(result);
    MatrixBatch target =
        direct ? result : layout.pack(base + resultOffset, type, batch, rows, columns);
    product.multiply(layout, wide ? v : w, false, wide ? w : v, true, target, false, stream);
    if (!direct) {
      packing.copy(target, result, stream);
    }
  }

  private SpectralTable table() {
    return SpectralTable.of(function, type, rows, columns);
  }

  private void checkFunction() {
    if (function == null) {
      throw new IllegalStateException("the plan was made without a function");
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
