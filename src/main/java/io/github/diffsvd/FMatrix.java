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
 * <p>May be shared between threads. Its calls allocate nothing.
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

  /** {@link #classical(MatrixBatch, MatrixBatch, long)}, on the device's own stream. */
  public void classical(MatrixBatch s, MatrixBatch f) {
    classical(s, f, 0);
  }

  /**
   * Queues the classical F-matrix.
   *
   * @param s batch × k × 1, real, descending; not changed
   * @param f batch × k × k, real, overwritten; may not overlap s
   * @param stream raw handle, 0 for the device's own
   */
  public void classical(MatrixBatch s, MatrixBatch f, long stream) {
    compute(s, f, null, null, stream);
  }

  /** {@link #gap(MatrixBatch, MatrixBatch, long)}, on the device's own stream. */
  public void gap(MatrixBatch s, MatrixBatch gap) {
    gap(s, gap, 0);
  }

  /**
   * Queues the rule's stand-in for 1/(s_j − s_i) at (i, j).
   *
   * @param s batch × k × 1, real, descending; not changed
   * @param gap batch × k × k, real, overwritten; may not overlap s
   * @param stream raw handle, 0 for the device's own
   */
  public void gap(MatrixBatch s, MatrixBatch gap, long stream) {
    compute(s, null, gap, null, stream);
  }

  /** {@link #sum(MatrixBatch, MatrixBatch, long)}, on the device's own stream. */
  public void sum(MatrixBatch s, MatrixBatch sum) {
    sum(s, sum, 0);
  }

  /**
   * Queues the rule's stand-in for 1/(s_j + s_i) at (i, j).
   *
   * @param s batch × k × 1, real, descending; not changed
   * @param sum batch × k × k, real, overwritten; may not overlap s
   * @param stream raw handle, 0 for the device's own
   */
  public void sum(MatrixBatch s, MatrixBatch sum, long stream) {
    compute(s, null, null, sum, stream);
  }

  private synchronized void compute(
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
