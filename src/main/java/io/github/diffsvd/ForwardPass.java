package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Lease;

/** One way to compute the factors; which one suits a shape is decided when the plan is made. */
interface ForwardPass extends ValuesPass {
  /** Queues the work; info is the address of batch 32-bit integers. */
  void run(MatrixBatch a, SvdFactors factors, long info, long stream);

  /**
   * Of every thread, on a GPU of every warp: AUTO leaves matrices for which the Jacobi kernel needs
   * more to LAPACK and cuSOLVER.
   */
  long MOST_JACOBI_BYTES = 1L << 28;

  /**
   * AUTO takes what is fastest for the shape, whatever the batch: a matrix has the same factors
   * alone.
   */
  static ForwardPass choose(Lease lease, BatchShape shape, SvdAlgorithm algorithm) {
    if (shape.isEmpty()) {
      return new NothingToDo(lease, shape);
    }
    Backend.Limits limits = lease.limits();
    if (algorithm == SvdAlgorithm.GOLUB_KAHAN && limits.wideBytes() > 0) {
      return new LanesForward(lease, shape, false);
    }
    if (algorithm == SvdAlgorithm.AUTO && LanesForward.isFastest(limits, shape)) {
      return new AutoForward(lease, shape);
    }
    boolean jacobi =
        algorithm == SvdAlgorithm.JACOBI
            || (algorithm == SvdAlgorithm.AUTO
                && limits.prefersJacobi(shape.type(), shape.rows(), shape.columns())
                && JacobiForward.scratchBytes(limits, Tall.of(shape)) <= limits.scratchBytes()
                && JacobiForward.bytesAtOnce(limits, Tall.of(shape)) <= MOST_JACOBI_BYTES);
    return jacobi
        ? new JacobiForward(lease, shape, false)
        : new SolverForward(lease, shape, algorithm);
  }
}
