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
   * The tier for a shape: one kernel, as far as the device's speed goes; products above, and for a
   * few tall matrices.
   */
  static BackwardPass choose(Lease lease, BatchShape shape, GradientRule rule) {
    if (shape.isEmpty()) {
      return new NothingToDo(lease, shape);
    }
    Backend.Limits limits = lease.limits();
    Tall tall = Tall.of(shape);
    if (FusedBackward.laneElements(tall) <= limits.laneElements()
        && limits.fillsLanes(shape.batch(), tall.n())) {
      return FusedBackward.lanes(lease, tall, rule);
    }
    return RegisterTiles.takes(limits, tall) && !fewAndTall(limits, tall)
        ? FusedBackward.tiles(lease, tall, rule)
        : new ProductBackward(lease, tall, rule);
  }

  /**
   * Whether a few threads for each matrix would leave most of a GPU idle while they read long
   * matrices; products split these.
   */
  private static boolean fewAndTall(Backend.Limits limits, Tall tall) {
    return 4L * tall.batch() < limits.residentBlocks()
        && tall.m() > 2 * tall.n()
        && (long) tall.m() * tall.n() > TALL_ELEMENTS;
  }
}
