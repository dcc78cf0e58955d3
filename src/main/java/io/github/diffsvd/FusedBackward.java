package io.github.diffsvd;

import io.github.diffsvd.backend.CheckedBackend;
import io.github.diffsvd.backend.Kernel;
import io.github.diffsvd.backend.KernelArguments;
import io.github.diffsvd.backend.KernelLaunch;
import io.github.diffsvd.backend.LaunchShape;

/** The pullback in one kernel, svd_backward.cu. */
final class FusedBackward implements BackwardPass {
  /** As in svd_backward.cu. */
  private static final int SLAB_ROWS = 16;

  private final DataType type;
  private final int batch;
  private final int m;
  private final int n;
  private final boolean wide;
  private final GradientRule rule;
  private final KernelLaunch kernel;

  FusedBackward(
      CheckedBackend backend, DataType type, int batch, int rows, int columns, GradientRule rule) {
    this.type = type;
    this.batch = batch;
    this.rule = rule;
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    kernel =
        backend.prepare(
            Kernel.SVD_BACKWARD,
            type,
            LaunchShape.forUnits(backend.limits(), batch, scratchBytes(type, n)));
  }

  /** P, Q, two slabs, and three rows of reals. */
  static long scratchBytes(DataType type, int n) {
    long row = KernelArguments.paddedElements(type, n);
    return (2 * row + 2 * SLAB_ROWS) * row * type.bytes() + 3 * row * type.real().bytes();
  }

  @Override
  public long workspaceBytes() {
    return 0;
  }

  @Override
  public void bind(long workspace) {}

  @Override
  public void run(SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream) {
    KernelArguments arguments = kernel.arguments().reset();
    arguments
        .put(wide ? factors.v() : factors.u())
        .put(factors.s())
        .put(wide ? factors.u() : factors.v());
    arguments
        .put(wide ? cotangents.v() : cotangents.u())
        .put(cotangents.s())
        .put(wide ? cotangents.u() : cotangents.v());
    arguments.put(wide ? gradient.transposed() : gradient);
    arguments.put((long) batch).put((long) m).put((long) n).put(wide && type.isComplex());
    arguments.putRule(rule.code(), rule.parameter(type));
    kernel.start(stream);
  }

  @Override
  public void close() {}
}
