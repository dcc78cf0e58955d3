package io.github.diffsvd;

import io.github.diffsvd.backend.Backend;
import io.github.diffsvd.backend.CheckedBackend;

/** One way to compute the factors; which one suits a shape is decided when the plan is made. */
interface ForwardPass extends AutoCloseable {
  long workspaceBytes();

  void bind(long workspace);

  /** Queues the work; info is the address of batch 32-bit integers. */
  void run(MatrixBatch a, SvdFactors factors, long info, long stream);

  @Override
  void close();

  /** AUTO takes the Jacobi kernel where the device says that it is the faster one. */
  static ForwardPass choose(
      CheckedBackend backend,
      DataType type,
      int batch,
      int rows,
      int columns,
      SvdAlgorithm algorithm) {
    Backend.Limits limits = backend.limits();
    boolean jacobi =
        algorithm == SvdAlgorithm.JACOBI
            || (algorithm == SvdAlgorithm.AUTO
                && limits.fillsLanes(batch, Math.min(rows, columns))
                && JacobiForward.rotatedBytes(limits, type, rows, columns)
                    <= limits.jacobiRotatedBytes()
                && JacobiForward.teamBytes(limits, type, rows, columns) <= limits.scratchBytes());
    return jacobi
        ? new JacobiForward(backend, type, batch, rows, columns)
        : new SolverForward(backend, type, batch, rows, columns, algorithm);
  }
}
