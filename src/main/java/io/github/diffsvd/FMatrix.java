package io.github.diffsvd;

import io.github.diffsvd.internal.backend.CheckedBackend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
import java.util.Objects;

/**
 * The F-matrix of a batch of singular value vectors, classical and regularised, for diagnosis,
 * plots and tests; the same device functions that the backward pass uses.
 *
 * <p>Classical: F_ij = 1/(s_j² − s_i²), infinite where two nonzero values are equal, NaN where both
 * are zero, 0 on the diagonal. Regularised: the two factors that a {@link GradientRule} puts in the
 * place of 1/(s_j − s_i) (odd in i, j) and of 1/(s_j + s_i) (even).
 *
 * <p>May be shared between threads.
 */
public final class FMatrix {
  private final CheckedBackend backend;
  private final BatchShape values;
  private final BatchShape pairs;
  private final GradientRule rule;
  private final KernelLaunch kernel;

  private FMatrix(Device device, BatchShape shape, GradientRule rule) {
    backend = Objects.requireNonNull(device, "device").backend();
    values = shape.realColumn(shape.k());
    pairs = new BatchShape(values.type(), shape.batch(), shape.k(), shape.k());
    this.rule = Objects.requireNonNull(rule, "rule");
    try (Lease lease = backend.lease()) {
      kernel =
          lease.prepare(
              Kernel.F_MATRIX,
              values.type(),
              LaunchShape.forUnits(lease.limits(), shape.batch(), 0));
    }
  }

  /** The operation for the singular values of matrices of a shape. */
  public static FMatrix create(Device device, BatchShape shape, GradientRule rule) {
    return new FMatrix(device, shape, rule);
  }

  /**
   * Queues the operation on the stream; allocates nothing.
   *
   * @param s batch × k × 1, real, descending
   * @param f batch × k × k, the classical F-matrix, overwritten; or null
   * @param gap batch × k × k, the stand-in for 1/(s_j − s_i) at (i, j), overwritten; or null
   * @param sum batch × k × k, the stand-in for 1/(s_j + s_i) at (i, j), overwritten; or null. None
   *     of the four may overlap another
   */
  public synchronized void compute(
      MatrixBatch s, MatrixBatch f, MatrixBatch gap, MatrixBatch sum, long stream) {
    try (Lease lease = backend.lease()) {
      Call call = new Call(lease);
      call.reads("s", s, values);
      call.writesIfPresent("f", f, pairs);
      call.writesIfPresent("gap", gap, pairs);
      call.writesIfPresent("sum", sum, pairs);
      call.check();
      if (!pairs.isEmpty()) {
        kernel.arguments().reset().put(s).put(f).put(gap).put(sum);
        kernel.arguments().put((long) pairs.batch()).put((long) pairs.rows());
        kernel.arguments().putRule(rule.code(), rule.parameter(pairs.type()));
        kernel.start(stream);
      }
    }
  }
}
