package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelArguments;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;

/** The pullback in one kernel: svd_backward_lanes.cu or svd_backward_tiles.cu. */
final class FusedBackward implements BackwardPass {
  private final Tall tall;
  private final GradientRule rule;
  private final String symbol;
  private final KernelLaunch kernel;

  private FusedBackward(
      Lease lease, Kernel kernel, LaunchShape shape, Tall tall, GradientRule rule) {
    this.tall = tall;
    this.rule = rule;
    symbol = kernel.symbol(tall.type());
    this.kernel = lease.prepare(kernel, tall.type(), shape);
  }

  /** On a GPU, a thread for each tile of a matrix. */
  static FusedBackward tiles(Lease lease, Tall tall, GradientRule rule) {
    Kernel.Sized kernel = Kernel.Sized.SVD_BACKWARD_TILES;
    return new FusedBackward(
        lease,
        RegisterTiles.kernel(kernel, tall.n()),
        RegisterTiles.launch(lease, kernel, tall),
        tall,
        rule);
  }

  /** On a CPU, a vector lane for each matrix. */
  static FusedBackward lanes(Lease lease, Tall tall, GradientRule rule) {
    return new FusedBackward(
        lease,
        Kernel.SVD_BACKWARD_LANES,
        LaunchShape.forLanes(lease.limits(), tall.type(), tall.batch(), laneElements(tall)),
        tall,
        rule);
  }

  /** Scratch for one matrix: U, gU and W, three matrices of n×n, and two rows. */
  static long laneElements(Tall tall) {
    return tall.n() * (3L * tall.m() + 3L * tall.n() + 2);
  }

  @Override
  public long workspaceBytes() {
    return kernel.workspaceBytes();
  }

  @Override
  public void bind(long workspace) {
    kernel.bind(workspace);
  }

  @Override
  public void run(SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient, long stream) {
    KernelArguments arguments = kernel.arguments().reset();
    arguments.put(tall.left(factors)).put(factors.s()).put(tall.right(factors));
    arguments.put(tall.left(cotangents)).put(cotangents.s()).put(tall.right(cotangents));
    arguments.put(tall.matrices(gradient));
    arguments.put((long) tall.batch()).put((long) tall.m()).put((long) tall.n());
    arguments.put((long) cotangents.rank(tall.n())).put(tall.conjugates());
    arguments.putRule(rule.code(), rule.parameter(tall.type()));
    kernel.start(stream);
  }

  @Override
  public String toString() {
    return symbol;
  }
}
