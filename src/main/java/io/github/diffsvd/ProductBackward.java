package io.github.diffsvd;

import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;

/**
 * The pullback of larger matrices: four strided-batched products around svd_backward_core.cu.
 *
 * <p>Operands that BLAS takes as they are, in the layout of the gradient, are used in place; others
 * are copied into the workspace first.
 */
final class ProductBackward implements BackwardPass {
  private final DataType type;
  private final int batch;
  private final int m;
  private final int n;
  private final boolean wide;
  private final GradientRule rule;
  private final KernelLaunch core;
  private final Packing packing;
  private final BatchedProduct product;
  private final Workspace workspace = new Workspace();
  private final long pOffset;
  private final long qOffset;
  private final long wOffset;
  private final long uOffset;
  private final long vOffset;
  private final long guOffset;
  private final long gvOffset;
  private final long gradientOffset;
  private long base;

  ProductBackward(Lease lease, DataType type, int batch, int rows, int columns, GradientRule rule) {
    this.type = type;
    this.batch = batch;
    this.rule = rule;
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    long units = LaunchShape.unitsOfRows(batch, m);
    core =
        lease.prepare(
            Kernel.SVD_BACKWARD_CORE, type, LaunchShape.forUnits(lease.limits(), units, 0));
    packing = new Packing(lease, type, batch, m);
    product = lease.product(type);
    pOffset = reserve(n, n);
    qOffset = reserve(n, n);
    wOffset = reserve(m, n);
    uOffset = reserve(m, n);
    vOffset = reserve(n, n);
    guOffset = reserve(m, n);
    gvOffset = reserve(n, n);
    gradientOffset = reserve(m, n);
  }

  private long reserve(int rows, int columns) {
    return workspace.reserve(type, batch, rows, columns);
  }

  @Override
  public long workspaceBytes() {
    return workspace.bytes();
  }

  @Override
  public void bind(long workspace) {
    base = workspace;
  }

  @Override
  public void run(SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream) {
    Layout layout = Layout.COLUMN_MAJOR.holds(gradient) ? Layout.COLUMN_MAJOR : Layout.ROW_MAJOR;
    MatrixBatch u =
        packing.operand(layout, wide ? factors.v() : factors.u(), base + uOffset, stream);
    MatrixBatch v =
        packing.operand(layout, wide ? factors.u() : factors.v(), base + vOffset, stream);
    MatrixBatch gu =
        packing.operand(layout, wide ? cotangents.v() : cotangents.u(), base + guOffset, stream);
    MatrixBatch gv =
        packing.operand(layout, wide ? cotangents.u() : cotangents.v(), base + gvOffset, stream);
    int rank = cotangents.rank(n);
    boolean rotates = gu != null || gv != null;
    MatrixBatch p = layout.pack(base + pOffset, type, batch, n, n);
    MatrixBatch q = layout.pack(base + qOffset, type, batch, n, n);
    MatrixBatch w = layout.pack(base + wOffset, type, batch, m, n);
    // Outside the range of U the gradient is gU S⁺ Vᴴ; for square matrices there is no outside.
    boolean outside = m > n && gu != null;

    if (gu != null) {
      product.multiply(layout, u, true, gu, false, p.leadingColumns(rank), false, stream);
    }
    if (gv != null) {
      product.multiply(layout, v, true, gv, false, q.leadingColumns(rank), false, stream);
    }
    core.arguments()
        .reset()
        .put(rotates ? p : null)
        .put(gv == null ? null : q)
        .put(factors.s())
        .put(cotangents.s());
    core.arguments().put(rotates ? gu : u).put(outside || !rotates ? w : null);
    core.arguments()
        .put((long) batch)
        .put((long) m)
        .put((long) n)
        .put(gu == null ? 0L : rank)
        .put((long) rank)
        .putRule(rule.code(), rule.parameter(type));
    core.start(stream);
    if (rotates) {
      product.multiply(layout, u, false, p, false, w, outside, stream);
    }

    boolean direct = layout.holds(gradient);
    MatrixBatch result =
        direct
            ? gradient
            : layout.pack(base + gradientOffset, type, batch, gradient.rows(), gradient.columns());
    // W Vᴴ, or for the adjoint problem its adjoint V Wᴴ.
    product.multiply(layout, wide ? v : w, false, wide ? w : v, true, result, false, stream);
    if (!direct) {
      packing.copy(result, gradient, stream);
    }
  }
}
