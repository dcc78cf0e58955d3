package io.github.diffsvd;

import io.github.diffsvd.backend.Backend;
import io.github.diffsvd.backend.CheckedBackend;

/** One way to compute the pullback; which one suits a shape is decided when the plan is made. */
interface BackwardPass extends AutoCloseable {
  long workspaceBytes();

  void bind(long workspace);

  void run(SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream);

  @Override
  void close();

  /**
   * The tier for a shape: one kernel, a matrix per vector lane or per team of threads, as far as
   * the device's scratch and its speed go, products above.
   */
  static BackwardPass choose(
      CheckedBackend backend, DataType type, int batch, int rows, int columns, GradientRule rule) {
    Backend.Limits limits = backend.limits();
    int k = Math.min(rows, columns);
    boolean fused =
        k <= limits.fusedBackwardColumns()
            && FusedBackward.teamBytes(type, rows, columns) <= limits.scratchBytes();
    if (FusedBackward.laneElements(rows, columns) <= limits.laneElements()
        && limits.fillsLanes(batch, k)) {
      return FusedBackward.lanes(backend, type, batch, rows, columns, rule);
    }
    return fused
        ? FusedBackward.teams(backend, type, batch, rows, columns, rule)
        : new ProductBackward(backend, type, batch, rows, columns, rule);
  }
}
