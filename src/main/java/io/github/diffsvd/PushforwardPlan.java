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
 * The thin SVD in forward mode: from a direction dA to the derivatives of U, S and V along it,
 * under a {@link GradientRule}.
 *
 * <p>It is the transpose of {@link SvdPlan#backward} under the same rule: ⟨gA, dA⟩ = ⟨gU, dU⟩ +
 * ⟨gS, dS⟩ + ⟨gV, dV⟩ to rounding, at ties as well. Phases are split evenly between U and V.
 *
 * <p>Plans behave as {@link SvdPlan} does: no allocation and no waiting after they are made, all
 * work on the caller's stream, one thread and one stream at a time.
 */
public final class PushforwardPlan implements AutoCloseable {
  private final Lease lease;
  private final Call call;
  private final GradientRule rule;
  private final DataType type;
  private final int batch;
  private final int rows;
  private final int columns;
  private final int m;
  private final int n;
  private final boolean wide;
  private final Workspace workspace = new Workspace();
  private final long dOffset;
  private final long skewOffset;
  private final long tOffset;
  private final long wOffset;
  private final long uOffset;
  private final long vOffset;
  private final long givenOffset;
  private final long resultOffset;

  // Null where a dimension is 0 and there is nothing to do.
  private final KernelLaunch core;
  private final Packing packing;
  private final BatchedProduct product;
  private final long base;

  private PushforwardPlan(
      Lease lease, DataType type, int batch, int rows, int columns, GradientRule rule) {
    this.lease = lease;
    call = new Call(lease);
    this.rule = Objects.requireNonNull(rule, "rule");
    this.type = Objects.requireNonNull(type, "type");
    this.batch = Checks.atLeast("batch", 0, batch);
    this.rows = Checks.atLeast("rows", 0, rows);
    this.columns = Checks.atLeast("columns", 0, columns);
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    dOffset = reserve(n, n);
    skewOffset = reserve(n, n);
    tOffset = reserve(m, n);
    wOffset = reserve(m, n);
    uOffset = reserve(m, n);
    vOffset = reserve(n, n);
    givenOffset = reserve(m, n);
    resultOffset = reserve(n, n);
    if (batch == 0 || n == 0) {
      core = null;
      packing = null;
      product = null;
      base = 0;
      return;
    }
    long units = LaunchShape.unitsOfRows(batch, m);
    core =
        lease.prepare(
            Kernel.SVD_PUSHFORWARD_CORE, type, LaunchShape.forUnits(lease.limits(), units, 0));
    packing = new Packing(lease, type, batch, m);
    product = lease.product(type);
    base = lease.allocate(workspace.bytes());
  }

  private long reserve(int rows, int columns) {
    return workspace.reserve(type, batch, rows, columns);
  }

  /**
   * A plan that allocates its own workspace.
   *
   * @param batch number of matrices, ≥ 0
   * @param rows m ≥ 0
   * @param columns n ≥ 0
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static PushforwardPlan create(
      Device device, DataType type, int batch, int rows, int columns, GradientRule rule) {
    return Objects.requireNonNull(device, "device")
        .plan(
            "PushforwardPlan",
            type,
            batch,
            rows,
            columns,
            lease -> new PushforwardPlan(lease, type, batch, rows, columns, rule));
  }

  /** The bytes of device memory that this plan works in. */
  public long workspaceBytes() {
    return product == null ? 0 : workspace.bytes();
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
   * @throws IllegalArgumentException if a shape, type or device differs from the plan's, or
   *     arguments overlap that may not; nothing is queued then
   */
  public void pushforward(SvdFactors factors, MatrixBatch da, SvdTangents tangents, long stream) {
    call.begin();
    try {
      call.reads(factors, type, batch, rows, columns, n);
      call.reads("da", da, type, batch, rows, columns);
      call.writes("tangents.u", tangents.u(), type, batch, rows, n);
      call.writes("tangents.s", tangents.s(), type.real(), batch, n, 1);
      call.writes("tangents.v", tangents.v(), type, batch, columns, n);
      call.check();
      queue(factors, da, tangents, stream);
    } finally {
      call.end();
    }
  }

  private void queue(SvdFactors factors, MatrixBatch da, SvdTangents tangents, long stream) {
    if (product == null) {
      return;
    }
    Layout layout = Layout.COLUMN_MAJOR.holds(da) ? Layout.COLUMN_MAJOR : Layout.ROW_MAJOR;
    MatrixBatch u =
        packing.operand(layout, wide ? factors.v() : factors.u(), base + uOffset, stream);
    MatrixBatch v =
        packing.operand(layout, wide ? factors.u() : factors.v(), base + vOffset, stream);
    MatrixBatch given = packing.operand(layout, da, base + givenOffset, stream);
    MatrixBatch d = layout.pack(base + dOffset, type, batch, n, n);
    MatrixBatch skew = layout.pack(base + skewOffset, type, batch, n, n);
    MatrixBatch t = layout.pack(base + tOffset, type, batch, m, n);
    MatrixBatch w = layout.pack(base + wOffset, type, batch, m, n);
    boolean tall = m > n;
    product.multiply(layout, given, wide, v, false, t, false, stream);
    product.multiply(layout, u, true, t, false, d, false, stream);
    core.arguments().reset().put(d).put(skew).put(factors.s()).put(tangents.s()).put(t);
    core.arguments().put(tall ? w : null).put((long) batch).put((long) m).put((long) n);
    core.arguments().putRule(rule.code(), rule.parameter(type));
    core.start(stream);
    product.multiply(layout, u, false, d, false, w, tall, stream);
    packing.copy(w, wide ? tangents.v() : tangents.u(), stream);
    MatrixBatch dv = layout.pack(base + resultOffset, type, batch, n, n);
    product.multiply(layout, v, false, skew, false, dv, false, stream);
    packing.copy(dv, wide ? tangents.u() : tangents.v(), stream);
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
