package io.github.diffsvd;

import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;

/**
 * Strided-batched products around spectral_scale.cu and spectral_core.cu.
 *
 * <p>Operands that BLAS takes as they are, in the layout of the result, are used in place; others
 * are copied into the workspace first.
 */
final class ProductSpectral implements SpectralPass {
  private final Tall tall;
  private final KernelLaunch scale;
  private final KernelLaunch core;
  private final KernelLaunch parameter;
  private final Packing packing;
  private final BatchedProduct product;

  private final Workspace.Buffer a;
  private final Workspace.Buffer t;
  private final Workspace.Buffer w;
  private final Workspace.Buffer u;
  private final Workspace.Buffer v;
  private final Workspace.Buffer given;
  private final Workspace.Buffer result;

  ProductSpectral(Lease lease, BatchShape shape, Workspace workspace) {
    tall = Tall.of(shape);
    int n = tall.n();
    a = workspace.reserve(tall.shape(n, n));
    t = workspace.reserve(tall.shape());
    w = workspace.reserve(tall.shape());
    u = workspace.reserve(tall.shape());
    v = workspace.reserve(tall.shape(n, n));
    given = workspace.reserve(shape);
    result = workspace.reserve(shape);
    long units = LaunchShape.unitsOfElements(shape.batch(), tall.m(), n);
    scale = prepare(lease, Kernel.SPECTRAL_SCALE, units);
    core = prepare(lease, Kernel.SPECTRAL_CORE, units);
    parameter = prepare(lease, Kernel.SPECTRAL_PARAMETER, shape.batch());
    packing = new Packing(lease, tall.shape());
    product = lease.product(shape);
    workspace.reserve(product.workspaceBytes(), product::bind);
  }

  private KernelLaunch prepare(Lease lease, Kernel kernel, long units) {
    return lease.prepare(kernel, tall.type(), LaunchShape.forUnits(lease.limits(), units, 0));
  }

  @Override
  public void compose(SvdFactors factors, SpectralTable f, MatrixBatch y, long stream) {
    Layout layout = Layout.of(y);
    MatrixBatch scaled = w.in(layout);
    scale.arguments().reset().put(tall.left(factors));
    f.put(scale.arguments(), factors.s());
    scale.arguments().put(scaled).put((long) tall.batch());
    scale.arguments().put((long) tall.m()).put((long) tall.n());
    scale.start(stream);
    multiplyOut(layout, scaled, right(layout, factors, stream), y, stream);
  }

  @Override
  public void pullBack(
      SvdFactors factors,
      SpectralTable f,
      SpectralCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      boolean hermitian,
      long stream) {
    Layout layout = Layout.of(gradient);
    MatrixBatch u = packing.operand(layout, tall.left(factors), this.u, stream);
    MatrixBatch v = right(layout, factors, stream);
    MatrixBatch g = packing.operand(layout, cotangents.y(), given, stream);
    MatrixBatch a = this.a.in(layout);
    MatrixBatch t = this.t.in(layout);
    MatrixBatch w = this.w.in(layout);
    long batch = tall.batch();
    long n = tall.n();
    product.multiply(layout, g, tall.wide(), v, false, t, false, stream);
    product.multiply(layout, u, true, t, false, a, false, stream);
    if (parameterGradient != null) {
      parameter.arguments().reset().put(a);
      f.put(parameter.arguments(), factors.s());
      parameter.arguments().put(parameterGradient).put(batch).put(n);
      parameter.start(stream);
    }
    boolean rest = tall.m() > tall.n();
    core.arguments().reset().put(a);
    f.put(core.arguments(), factors.s());
    core.arguments().put(cotangents.s()).put(t).put(rest ? w : null);
    core.arguments().put(batch).put((long) tall.m()).put(n).put(hermitian);
    core.start(stream);
    product.multiply(layout, u, false, a, false, w, rest, stream);
    multiplyOut(layout, w, v, gradient, stream);
  }

  private MatrixBatch right(Layout layout, SvdFactors factors, long stream) {
    return packing.operand(layout, tall.right(factors), v, stream);
  }

  /** W Vᴴ, or for the adjoint problem its adjoint V Wᴴ. */
  private void multiplyOut(
      Layout layout, MatrixBatch w, MatrixBatch v, MatrixBatch product, long stream) {
    boolean direct = layout.holds(product);
    MatrixBatch target = direct ? product : result.in(layout);
    MatrixBatch left = tall.wide() ? v : w;
    MatrixBatch right = tall.wide() ? w : v;
    this.product.multiply(layout, left, false, right, true, target, false, stream);
    if (!direct) {
      packing.copy(target, product, stream);
    }
  }
}
