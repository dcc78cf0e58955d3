package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Lease;

/** One way to compute the pullback; which one suits a shape is decided when the plan is made. */
interface BackwardPass {
  /** Of a matrix that is worth more than one multiprocessor of a GPU. */
  long TALL_ELEMENTS = 1 << 15;

  long workspaceBytes();

  void bind(long workspace);

  void run(SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream);

  /**
   * The tier for a shape: one kernel, a matrix per vector lane or per team of threads, as far as
   * the device's scratch and its speed go; products above, and for a few tall matrices.
   */
  static BackwardPass choose(
      Lease lease, DataType type, int batch, int rows, int columns, GradientRule rule) {
    Backend.Limits limits = lease.limits();
    int k = Math.min(rows, columns);
    boolean fused =
        k <= limits.fusedBackwardColumns()
            && !fewAndTall(limits, batch, Math.max(rows, columns), k)
            && FusedBackward.teamBytes(type, rows, columns) <= limits.scratchBytes();
    if (FusedBackward.laneElements(rows, columns) <= limits.laneElements()
        && limits.fillsLanes(batch, k)) {
      return FusedBackward.lanes(lease, type, batch, rows, columns, rule);
    }
    return fused
        ? FusedBackward.teams(lease, type, batch, rows, columns, rule)
        : new ProductBackward(lease, type, batch, rows, columns, rule);
  }

  /**
   * Whether teams, one for each matrix, would leave most of a GPU idle while they read long
   * matrices; products split these.
   */
  private static boolean fewAndTall(Backend.Limits limits, int batch, int m, int n) {
    return limits.threads() > 1
        && 4L * batch < limits.residentBlocks()
        && m > 2 * n
        && (long) m * n > TALL_ELEMENTS;
  }
}
