package io.github.diffsvd;

import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Lease;
import java.util.Objects;

/**
 * The pullback of a truncated SVD of which nothing is known but the kept factors: of a randomised
 * or a Golub–Kahan method. Where all k columns are known, {@link SvdFactors#leading} and {@link
 * SvdPlan#backward} are exact and faster.
 *
 * <p>With R = A − U S Vᴴ, the part outside the kept vectors solves (s_j² I − R Rᴴ) x_j = s_j gU⊥_j
 * + R gV⊥_j for each column, by conjugate gradients in at most a fixed number of steps, more the
 * nearer s_{r+1} is to s_r: with q = s_{r+1}/s_r each step divides the error by about (1 + √(1 −
 * q²))/q. A column whose residual is eps of its start is done; further steps leave it as it is.
 * Then y_j = (gV⊥_j + Rᴴ x_j)/s_j, and gA = (U M + X) Vᴴ + U Yᴴ with M as in {@link
 * SvdPlan#backward}.
 *
 * <p>Plans behave as {@link SvdPlan} does: no allocation and no waiting after they are made, all
 * work on the caller's stream, one thread and one stream at a time.
 */
public final class TruncatedPullbackPlan implements AutoCloseable {
  private static final Layout LAYOUT = Layout.ROW_MAJOR;

  private final Lease lease;
  private final Device device;
  private final Call call;
  private final DataType type;
  private final int batch;
  private final int rows;
  private final int columns;
  private final int rank;
  private final GradientRule rule;
  private final int iterations;

  // Null where there is nothing to do with it: all if batch is 0, most if rank is.
  private BatchedProduct product;
  private Packing packing;
  private KernelLaunch scale;
  private KernelLaunch core;
  private KernelLaunch step;

  private MatrixBatch a;
  private MatrixBatch u;
  private MatrixBatch v;
  private MatrixBatch negativeU;
  private MatrixBatch negativeV;
  private MatrixBatch gu;
  private MatrixBatch gv;
  private MatrixBatch left;
  private MatrixBatch right;
  private MatrixBatch along;
  private MatrixBatch x;
  private MatrixBatch residual;
  private MatrixBatch direction;
  private MatrixBatch p;
  private MatrixBatch q;
  private MatrixBatch result;
  private MatrixBatch norms;
  private MatrixBatch minusOne;

  private TruncatedPullbackPlan(
      Lease lease,
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      int rank,
      GradientRule rule,
      int iterations) {
    this.lease = lease;
    this.device = device;
    call = new Call(lease);
    this.type = Objects.requireNonNull(type, "type");
    this.batch = Checks.atLeast("batch", 0, batch);
    this.rows = Checks.atLeast("rows", 1, rows);
    this.columns = Checks.atLeast("columns", 1, columns);
    this.rank = Checks.atLeast("rank", 0, rank);
    this.rule = Objects.requireNonNull(rule, "rule");
    this.iterations = Checks.atLeast("iterations", 0, iterations);
    if (rank > Math.min(rows, columns)) {
      throw new IllegalArgumentException(
          "rank: expected at most " + Math.min(rows, columns) + ", got " + rank);
    }
    if (batch > 0) {
      prepare();
    }
  }

  /**
   * A plan that allocates its own memory.
   *
   * @param batch number of matrices, ≥ 0
   * @param rows m ≥ 1
   * @param columns n ≥ 1
   * @param rank r, 0 … min(m, n): kept values; with 0 the gradient is 0
   * @param rule of the pairs inside
   * @param iterations of conjugate gradients at most, ≥ 0; more than a column needs change nothing
   * @throws DeviceOutOfMemoryException if it does not fit
   */
  public static TruncatedPullbackPlan create(
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      int rank,
      GradientRule rule,
      int iterations) {
    return Objects.requireNonNull(device, "device")
        .plan(
            "TruncatedPullbackPlan",
            type,
            batch,
            rows,
            columns,
            lease ->
                new TruncatedPullbackPlan(
                    lease, device, type, batch, rows, columns, rank, rule, iterations));
  }

  private void prepare() {
    packing = new Packing(lease, type, batch, Math.max(rows, columns));
    result = allocate(type, rows, columns);
    if (rank == 0) {
      return;
    }
    product = lease.product(type);
    int most = Math.max(rows, columns);
    scale = launch(Kernel.SPECTRAL_SCALE, (long) batch * most, 0);
    core = launch(Kernel.SVD_BACKWARD_CORE, LaunchShape.unitsOfRows(batch, most), 0);
    step =
        launch(
            Kernel.TRUNCATED_STEP,
            (long) batch * rank,
            stepScratchBytes(type, lease.limits().threads()));
    a = allocate(type, rows, columns);
    u = allocate(type, rows, rank);
    v = allocate(type, columns, rank);
    negativeU = allocate(type, rows, rank);
    negativeV = allocate(type, columns, rank);
    gu = allocate(type, rows, rank);
    gv = allocate(type, columns, rank);
    left = allocate(type, rows, rank);
    right = allocate(type, columns, rank);
    along = allocate(type, columns, rank);
    x = allocate(type, rows, rank);
    residual = allocate(type, rows, rank);
    direction = allocate(type, rows, rank);
    p = allocate(type, rank, rank);
    q = allocate(type, rank, rank);
    norms = allocate(type.real(), rank, 2);
    minusOne = lease.allocate(type.real(), 1, 1, 1);
    device.write(minusOne, -1);
  }

  /** Scratch of a block of truncated_step.cu. */
  static long stepScratchBytes(DataType type, int threads) {
    return threads * (long) type.real().bytes();
  }

  private KernelLaunch launch(Kernel kernel, long units, long scratch) {
    KernelLaunch launch =
        lease.prepare(kernel, type, LaunchShape.forUnits(lease.limits(), units, scratch));
    launch.bind(lease.allocate(launch.workspaceBytes()));
    return launch;
  }

  private MatrixBatch allocate(DataType type, int rows, int columns) {
    return lease.allocate(type, batch, rows, columns);
  }

  /**
   * From the cotangents of the kept factors to ∂L/∂A.
   *
   * @param a the matrices, batch × m × n, any strides; not changed
   * @param factors U (batch × m × r), S (batch × r × 1), V (batch × n × r): singular triplets of a,
   *     exact up to rounding; not changed
   * @param cotangents of the shapes of the factors, any of them absent; not changed
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten. May overlap
   *     a, not the others
   * @param residuals batch × r × 1, real: what is left of the right-hand side of each column,
   *     relative to it, overwritten; null if it is not wanted
   * @param stream raw handle, 0 for the device's own
   * @throws IllegalArgumentException if a shape, type or device differs from the plan's, or
   *     arguments overlap that may not; nothing is queued then
   */
  public void backward(
      MatrixBatch a,
      SvdFactors factors,
      SvdCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch residuals,
      long stream) {
    call.begin();
    try {
      call.consumes("a", a, type, batch, rows, columns);
      call.reads(factors, type, batch, rows, columns, rank);
      call.reads(cotangents, type, batch, rows, columns, rank);
      call.writes("gradient", gradient, type, batch, rows, columns);
      call.writesIfPresent("residuals", residuals, type.real(), batch, rank, 1);
      call.check();
      queue(a, factors, cotangents, gradient, residuals, stream);
    } finally {
      call.end();
    }
  }

  private void queue(
      MatrixBatch a,
      SvdFactors factors,
      SvdCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch residuals,
      long stream) {
    if (batch == 0) {
      return;
    }
    if (rank == 0) {
      take(null, result, stream);
      packing.copy(result, gradient, stream);
      return;
    }
    packing.copy(a, this.a, stream);
    packing.copy(factors.u(), u, stream);
    packing.copy(factors.v(), v, stream);
    MatrixBatch minus = MatrixBatch.wrap(minusOne.address(), type.real(), batch, rank, 1, 0, 0, 0);
    SpectralTable negative = SpectralTable.of(minus, minus);
    scaleColumns(u, factors.s(), negative, negativeU, rows, stream);
    scaleColumns(v, factors.s(), negative, negativeV, columns, stream);
    take(cotangents.u(), gu, stream);
    take(cotangents.v(), gv, stream);

    // P and Q, then M over P; gU and gV lose what lies in the kept spaces.
    product.multiply(LAYOUT, u, true, gu, false, p, false, stream);
    product.multiply(LAYOUT, v, true, gv, false, q, false, stream);
    product.multiply(LAYOUT, negativeU, false, p, false, gu, true, stream);
    product.multiply(LAYOUT, negativeV, false, q, false, gv, true, stream);
    core.arguments().reset().put(p).put(q).put(factors.s()).put(cotangents.s());
    core.arguments().put((MatrixBatch) null).put((MatrixBatch) null);
    core.arguments().put((long) batch).put((long) rank).put((long) rank);
    core.arguments().put((long) rank).put((long) rank).putRule(rule.code(), rule.parameter(type));
    core.start(stream);

    // For s_j x_j the right-hand side is gU⊥_j + R gV⊥_j/s_j. Between vectors outside the kept
    // spaces R is A.
    SpectralTable inverse = SpectralTable.of(SpectralFunction.reciprocal(0), type, rows, columns);
    scaleColumns(gv, factors.s(), inverse, right, columns, stream);
    packing.copy(gu, left, stream);
    product.multiply(LAYOUT, this.a, false, right, false, left, true, stream);
    project(u, negativeU, left, stream);
    step(factors.s(), true, residuals, stream);
    for (int i = 0; i < iterations; i++) {
      product.multiply(LAYOUT, this.a, true, direction, false, along, false, stream);
      project(v, negativeV, along, stream);
      scaleColumns(along, factors.s(), inverse, right, columns, stream);
      product.multiply(LAYOUT, this.a, false, right, false, left, false, stream);
      project(u, negativeU, left, stream);
      step(factors.s(), false, residuals, stream);
    }

    // X over left, Y over right, then W = U M + X over left, gA = W Vᴴ + U Yᴴ.
    scaleColumns(x, factors.s(), inverse, left, rows, stream);
    product.multiply(LAYOUT, this.a, true, left, false, gv, true, stream);
    project(v, negativeV, gv, stream);
    scaleColumns(gv, factors.s(), inverse, right, columns, stream);
    product.multiply(LAYOUT, u, false, p, false, left, true, stream);
    product.multiply(LAYOUT, left, false, v, true, result, false, stream);
    product.multiply(LAYOUT, u, false, right, true, result, true, stream);
    packing.copy(result, gradient, stream);
  }

  /** A copy, or zero where there is none. */
  private void take(MatrixBatch given, MatrixBatch copy, long stream) {
    if (given == null) {
      lease.fill(copy.address(), (byte) 0, copy.size() * type.bytes(), stream);
    } else {
      packing.copy(given, copy, stream);
    }
  }

  /** to = from diag(f(S)). */
  private void scaleColumns(
      MatrixBatch from, MatrixBatch s, SpectralTable f, MatrixBatch to, int rows, long stream) {
    scale.arguments().reset().put(from);
    f.put(scale.arguments(), s);
    scale.arguments().put(to).put((long) batch).put((long) rows).put((long) rank);
    scale.start(stream);
  }

  /** matrix −= basis basisᴴ matrix; q is overwritten. */
  private void project(MatrixBatch basis, MatrixBatch negative, MatrixBatch matrix, long stream) {
    product.multiply(LAYOUT, basis, true, matrix, false, q, false, stream);
    product.multiply(LAYOUT, negative, false, q, false, matrix, true, stream);
  }

  private void step(MatrixBatch s, boolean start, MatrixBatch residuals, long stream) {
    step.arguments().reset().put(s).put(left).put(x).put(residual).put(direction).put(norms);
    step.arguments().put(residuals).put((long) batch).put((long) rows).put((long) rank);
    step.arguments().put(start);
    step.start(stream);
  }

  /**
   * Frees the memory, once the work on it is done; the caller makes sure of that. Waits for the
   * call that another thread is in. A second call does nothing.
   */
  @Override
  public void close() {
    lease.close();
  }
}
