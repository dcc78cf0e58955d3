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
  private final DataType type;
  private final int batch;
  private final int k;
  private final GradientRule rule;
  private final KernelLaunch kernel;

  private FMatrix(Device device, DataType type, int batch, int k, GradientRule rule) {
    backend = Objects.requireNonNull(device, "device").backend();
    this.type = Objects.requireNonNull(type, "type");
    this.batch = Checks.atLeast("batch", 0, batch);
    this.k = Checks.atLeast("k", 0, k);
    this.rule = Objects.requireNonNull(rule, "rule");
    try (Lease lease = backend.lease()) {
      kernel = lease.prepare(Kernel.F_MATRIX, type, LaunchShape.forUnits(lease.limits(), batch, 0));
    }
  }

  /**
   * The operation for batch vectors of k singular values.
   *
   * @param type FLOAT32 or FLOAT64
   */
  public static FMatrix create(Device device, DataType type, int batch, int k, GradientRule rule) {
    return new FMatrix(device, type, batch, k, rule);
  }

  /**
   * Queues the operation on the stream; allocates nothing.
   *
   * @param s batch × k × 1, descending
   * @param f batch × k × k, the classical F-matrix, overwritten; or null
   * @param gap batch × k × k, the stand-in for 1/(s_j − s_i) at (i, j), overwritten; or null
   * @param sum batch × k × k, the stand-in for 1/(s_j + s_i) at (i, j), overwritten; or null. None
   *     of the four may overlap another
   */
  public synchronized void compute(
      MatrixBatch s, MatrixBatch f, MatrixBatch gap, MatrixBatch sum, long stream) {
    try (Lease lease = backend.lease()) {
      Call call = new Call(lease);
      call.reads("s", s, type, batch, k, 1);
      call.writesIfPresent("f", f, type, batch, k, k);
      call.writesIfPresent("gap", gap, type, batch, k, k);
      call.writesIfPresent("sum", sum, type, batch, k, k);
      call.check();
      if (batch > 0 && k > 0) {
        kernel.arguments().reset().put(s).put(f).put(gap).put(sum);
        kernel.arguments().put((long) batch).put((long) k);
        kernel.arguments().putRule(rule.code(), rule.parameter(type));
        kernel.start(stream);
      }
    }
  }
}
