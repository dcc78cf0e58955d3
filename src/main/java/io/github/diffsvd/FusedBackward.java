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

  private final DataType type;
  private final int batch;
  private final int m;
  private final int n;
  private final boolean wide;
  private final GradientRule rule;
  private final int team;
  private final KernelLaunch kernel;

  private FusedBackward(
      Lease lease,
      Kernel kernel,
      int team,
      LaunchShape shape,
      DataType type,
      int batch,
      int rows,
      int columns,
      GradientRule rule) {
    this.type = type;
    this.batch = batch;
    this.rule = rule;
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    this.team = team;
    this.kernel = lease.prepare(kernel, type, shape);
  }

  /** A team of threads for each matrix: one for each tile of P, as far as a block goes. */
  static FusedBackward teams(
      Lease lease, DataType type, int batch, int rows, int columns, GradientRule rule) {
    Backend.Limits limits = lease.limits();
    int across = tiles(Math.min(rows, columns));
    int team = Math.min(limits.threads(), Integer.highestOneBit(2 * across * across - 1));
    long scratch = teamBytes(type, rows, columns);
    int teams = (int) Math.min(limits.threads() / team, limits.scratchBytes() / scratch);
    LaunchShape shape = LaunchShape.forUnits(limits, (batch + teams - 1L) / teams, teams * scratch);
    return new FusedBackward(
        lease,
        Kernel.SVD_BACKWARD,
        team,
        new LaunchShape(shape.blocks(), teams * team, shape.scratchBytes()),
        type,
        batch,
        rows,
        columns,
        rule);
  }

  /** A vector lane for each matrix. */
  static FusedBackward lanes(
      Lease lease, DataType type, int batch, int rows, int columns, GradientRule rule) {
    return new FusedBackward(
        lease,
        Kernel.SVD_BACKWARD_LANES,
        1,
        LaunchShape.forLanes(lease.limits(), type, batch, laneElements(rows, columns)),
        type,
        batch,
        rows,
        columns,
        rule);
  }

  /** Scratch for one matrix: U, gU and W, three matrices of n×n, and two rows. */
  static long laneElements(int rows, int columns) {
    long most = Math.max(rows, columns);
    long least = Math.min(rows, columns);
    return least * (3 * most + 3 * least + 2);
  }

  /** Scratch of a team: P, Q, two slabs, and three rows of reals. */
  static long teamBytes(DataType type, int rows, int columns) {
    long row = (long) TILE * tiles(Math.min(rows, columns));
    long slab = Math.min(SLAB_ROWS, (long) TILE * tiles(Math.max(rows, columns)));
    return (2 * row + 2 * slab) * row * type.bytes() + 3 * row * type.real().bytes();
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
    arguments
        .put(wide ? factors.v() : factors.u())
        .put(factors.s())
        .put(wide ? factors.u() : factors.v());
    arguments
        .put(wide ? cotangents.v() : cotangents.u())
        .put(cotangents.s())
        .put(wide ? cotangents.u() : cotangents.v());
    arguments.put(wide ? gradient.transposed() : gradient);
    arguments.put((long) batch).put((long) m).put((long) n);
    arguments.put((long) cotangents.rank(n)).put(wide && type.isComplex());
    arguments.putRule(rule.code(), rule.parameter(type)).put((long) team);
    kernel.start(stream);
  }
}
