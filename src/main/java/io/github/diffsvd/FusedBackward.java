package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelArguments;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;

/** The pullback in one kernel, svd_backward.cu or svd_backward_lanes.cu. */
final class FusedBackward implements BackwardPass {
  /** As in svd_backward.cu and tile_product.cuh. */
  private static final int SLAB_ROWS = 16;

  private static final int TILE = 4;

  private final Tall tall;
  private final GradientRule rule;
  private final int team;
  private final String symbol;
  private final KernelLaunch kernel;

  private FusedBackward(
      Lease lease, Kernel kernel, int team, LaunchShape shape, Tall tall, GradientRule rule) {
    this.tall = tall;
    this.rule = rule;
    this.team = team;
    symbol = kernel.symbol(tall.type());
    this.kernel = lease.prepare(kernel, tall.type(), shape);
  }

  /** A team of threads for each matrix: one for each tile of P, as far as a block goes. */
  static FusedBackward teams(Lease lease, Tall tall, GradientRule rule) {
    Backend.Limits limits = lease.limits();
    int across = tiles(tall.n());
    int team = Math.min(limits.threads(), Integer.highestOneBit(2 * across * across - 1));
    long scratch = teamBytes(tall);
    int teams = (int) Math.min(limits.threads() / team, limits.scratchBytes() / scratch);
    LaunchShape shape =
        LaunchShape.forUnits(limits, (tall.batch() + teams - 1L) / teams, teams * scratch);
    return new FusedBackward(
        lease,
        Kernel.SVD_BACKWARD,
        team,
        new LaunchShape(shape.blocks(), teams * team, shape.scratchBytes()),
        tall,
        rule);
  }

  /** A vector lane for each matrix. */
  static FusedBackward lanes(Lease lease, Tall tall, GradientRule rule) {
    return new FusedBackward(
        lease,
        Kernel.SVD_BACKWARD_LANES,
        1,
        LaunchShape.forLanes(lease.limits(), tall.type(), tall.batch(), laneElements(tall)),
        tall,
        rule);
  }

  /** Scratch for one matrix: U, gU and W, three matrices of n×n, and two rows. */
  static long laneElements(Tall tall) {
    return tall.n() * (3L * tall.m() + 3L * tall.n() + 2);
  }

  /** Scratch of a team: P, Q, two slabs, and three rows of reals. */
  static long teamBytes(Tall tall) {
    long row = (long) TILE * tiles(tall.n());
    long slab = Math.min(SLAB_ROWS, (long) TILE * tiles(tall.m()));
    return (2 * row + 2 * slab) * row * tall.type().bytes() + 3 * row * tall.type().real().bytes();
  }

  private static int tiles(int n) {
    return (n + TILE - 1) / TILE;
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
    arguments.putRule(rule.code(), rule.parameter(tall.type())).put((long) team);
    kernel.start(stream);
  }

  @Override
  public String toString() {
    return symbol;
  }
}
