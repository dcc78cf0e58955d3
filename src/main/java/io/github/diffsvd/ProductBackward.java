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
  private final Tall tall;
  private final GradientRule rule;
  private final KernelLaunch core;
  private final Packing packing;
  private final BatchedProduct product;
  private final Workspace workspace = new Workspace();
  private final Workspace.Buffer p;
  private final Workspace.Buffer q;
  private final Workspace.Buffer w;
  private final Workspace.Buffer u;
  private final Workspace.Buffer v;
  private final Workspace.Buffer gu;
  private final Workspace.Buffer gv;
  private final Workspace.Buffer result;

  ProductBackward(Lease lease, Tall tall, GradientRule rule) {
    this.tall = tall;
    this.rule = rule;
    int m = tall.m();
    int n = tall.n();
    long units = LaunchShape.unitsOfElements(tall.batch(), m, n);
    core =
        lease.prepare(
            Kernel.SVD_BACKWARD_CORE, tall.type(), LaunchShape.forUnits(lease.limits(), units, 0));
    packing = new Packing(lease, tall.shape());
    product = lease.product(tall.shape());
    workspace.reserve(product.workspaceBytes(), product::bind);
    p = workspace.reserve(tall.shape(n, n));
    q = workspace.reserve(tall.shape(n, n));
    w = workspace.reserve(tall.shape());
    u = workspace.reserve(tall.shape());
    v = workspace.reserve(tall.shape(n, n));
    gu = workspace.reserve(tall.shape());
    gv = workspace.reserve(tall.shape(n, n));
    result = workspace.reserve(tall.wide() ? tall.shape(n, m) : tall.shape());
  }

  @Override
  public long workspaceBytes() {
    return workspace.bytes();
  }

  @Override
  public void bind(long address) {
    workspace.bind(address);
  }

  @Override
  public void run(SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream) {
    Layout layout = Layout.of(gradient);
    MatrixBatch u = packing.operand(layout, tall.left(factors), this.u, stream);
    MatrixBatch v = packing.operand(layout, tall.right(factors), this.v, stream);
    MatrixBatch gu = packing.operand(layout, tall.left(cotangents), this.gu, stream);
    MatrixBatch gv = packing.operand(layout, tall.right(cotangents), this.gv, stream);
    int rank = cotangents.rank(tall.n());
    boolean rotates = gu != null || gv != null;
    MatrixBatch p = this.p.in(layout);
    MatrixBatch q = this.q.in(layout);
    MatrixBatch w = this.w.in(layout);
    // Outside the range of U the gradient is gU S⁺ Vᴴ; for square matrices there is no outside.
    boolean outside = tall.m() > tall.n() && gu != null;

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
        .put((long) tall.batch())
        .put((long) tall.m())
        .put((long) tall.n())
        .put(gu == null ? 0L : rank)
        .put((long) rank)
        .putRule(rule.code(), rule.parameter(tall.type()));
    core.start(stream);
    if (rotates) {
      product.multiply(layout, u, false, p, false, w, outside, stream);
    }

    boolean direct = layout.holds(gradient);
    MatrixBatch target = direct ? gradient : result.in(layout);
    // W Vᴴ, or for the adjoint problem its adjoint V Wᴴ.
    MatrixBatch left = tall.wide() ? v : w;
    MatrixBatch right = tall.wide() ? w : v;
    product.multiply(layout, left, false, right, true, target, false, stream);
    if (!direct) {
      packing.copy(target, gradient, stream);
    }
  }

  @Override
  public String toString() {
    return Kernel.SVD_BACKWARD_CORE.symbol(tall.type()) + " between products";
  }
}
