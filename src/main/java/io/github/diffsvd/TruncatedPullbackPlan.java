package io.github.diffsvd;

import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;

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
 */
public final class TruncatedPullbackPlan extends Plan {
  private static final Layout LAYOUT = Layout.ROW_MAJOR;
  private static final int DEFAULT_ITERATIONS = 100;

  private final Call call;
  private final FactorShapes shapes;
  private final int rank;
  private final int iterations;

  // Null where there is nothing to do with it: all if batch is 0, most if rank is.
  private Packing packing;
  private BatchedProduct product;
  private KernelLaunch scale;
  private KernelLaunch core;
  private KernelLaunch step;

  private Workspace.Buffer a;
  private Workspace.Buffer u;
  private Workspace.Buffer v;
  private Workspace.Buffer negativeU;
  private Workspace.Buffer negativeV;
  private Workspace.Buffer gu;
  private Workspace.Buffer gv;
  private Workspace.Buffer left;
  private Workspace.Buffer right;
  private Workspace.Buffer along;
  private Workspace.Buffer x;
  private Workspace.Buffer residual;
  private Workspace.Buffer direction;
  private Workspace.Buffer p;
  private Workspace.Buffer q;
  private Workspace.Buffer norms;
  private Workspace.Buffer result;

  /** −1 for every column, which a kernel reads. */
  private MatrixBatch minusOne;

  private TruncatedPullbackPlan(
      Lease lease, Device device, BatchShape shape, int rank, SvdOptions options, int iterations) {
    super(device, lease, shape, options);
    call = new Call(this, "backward");
    Checks.atLeast("rows", 1, shape.rows());
    Checks.atLeast("columns", 1, shape.columns());
    this.rank = Checks.atLeast("rank", 0, rank);
    this.iterations = Checks.atLeast("iterations", 0, iterations);
    if (rank > shape.k()) {
      throw new IllegalArgumentException("rank: expected at most " + shape.k() + ", got " + rank);
    }
    shapes = FactorShapes.of(shape, rank);
    if (shape.batch() > 0) {
      prepare();
    }
  }

  /** A plan with {@link SvdOptions#defaults()} and at most 100 steps. */
  public static TruncatedPullbackPlan create(Device device, BatchShape shape, int rank) {
    return create(device, shape, rank, SvdOptions.defaults(), DEFAULT_ITERATIONS);
  }

  /**
   * A plan for a shape.
   *
   * @param shape of A; the batch may be 0
   * @param rank r, 0 … min(m, n): kept values; with 0 the gradient is 0
   * @param options whose {@link GradientRule} is that of the pairs inside
   * @param iterations of conjugate gradients at most, ≥ 0; more than a column needs change nothing
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static TruncatedPullbackPlan create(
      Device device, BatchShape shape, int rank, SvdOptions options, int iterations) {
    return create(
        device,
        TruncatedPullbackPlan.class,
        shape,
        lease -> new TruncatedPullbackPlan(lease, device, shape, rank, options, iterations));
  }

  /** The bytes of device memory that such a plan works in. */
  public static long workspaceBytes(Device device, BatchShape shape, int rank, SvdOptions options) {
    return workspaceBytes(
        device, lease -> new TruncatedPullbackPlan(lease, device, shape, rank, options, 0));
  }

  private void prepare() {
    packing = new Packing(lease, shape);
    result = workspace.reserve(shape);
    if (rank == 0) {
      return;
    }
    DataType type = shape.type();
    long batch = shape.batch();
    int most = Math.max(shape.rows(), shape.columns());
    product = product();
    long units = LaunchShape.unitsOfElements(shape.batch(), most, rank);
    scale = prepare(Kernel.SPECTRAL_SCALE, type, units);
    core = prepare(Kernel.SVD_BACKWARD_CORE, type, units);
    long scratch = LaunchShape.columnScratchBytes(lease.limits(), type.real());
    step =
        lease.prepare(
            Kernel.TRUNCATED_STEP,
            type,
            LaunchShape.forUnits(lease.limits(), batch * rank, scratch));
    workspace.reserve(step.workspaceBytes(), step::bind);
    a = workspace.reserve(shape);
    u = workspace.reserve(shapes.u());
    v = workspace.reserve(shapes.v());
    negativeU = workspace.reserve(shapes.u());
    negativeV = workspace.reserve(shapes.v());
    gu = workspace.reserve(shapes.u());
    gv = workspace.reserve(shapes.v());
    left = workspace.reserve(shapes.u());
    right = workspace.reserve(shapes.v());
    along = workspace.reserve(shapes.v());
    x = workspace.reserve(shapes.u());
    residual = workspace.reserve(shapes.u());
    direction = workspace.reserve(shapes.u());
    p = workspace.reserve(shape.with(rank, rank));
    q = workspace.reserve(shape.with(rank, rank));
    norms = workspace.reserve(new BatchShape(type.real(), shape.batch(), rank, 2));
    BatchShape one = new BatchShape(type.real(), 1, 1, 1);
    workspace.reserve(
        one.bytes(),
        address -> {
          device.write(MatrixBatch.wrap(address, one), -1);
          minusOne = MatrixBatch.wrap(address, shapes.s(), 0, 0, 0);
        });
  }

  /**
   * Memory for the kept factors: packed row-major, uninitialised, freed with the plan, or earlier
   * by {@link SvdFactors#close()}.
   *
   * @throws IllegalStateException if the plan or its device is closed
   */
  public SvdFactors allocateFactors() {
    return new SvdFactors(allocate(shapes.u()), allocate(shapes.s()), allocate(shapes.v()));
  }

  /** Memory for gU, gS and gV, of the shapes of the factors and freed as they are. */
  public SvdCotangents allocateCotangents() {
    return new SvdCotangents(allocate(shapes.u()), allocate(shapes.s()), allocate(shapes.v()));
  }

  /**
   * {@link #backward(MatrixBatch, SvdFactors, SvdCotangents, MatrixBatch, MatrixBatch, long)},
   * without the residuals and on the device's own stream.
   */
  public void backward(
      MatrixBatch a, SvdFactors factors, SvdCotangents cotangents, MatrixBatch gradient) {
    backward(a, factors, cotangents, gradient, null, 0);
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
      call.consumes("a", a, shape);
      call.reads(factors, shapes);
      call.reads(cotangents, shapes);
      call.writes("gradient", gradient, shape);
      call.writesIfPresent("residuals", residuals, shapes.s());
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
    if (shape.batch() == 0) {
      return;
    }
    MatrixBatch result = this.result.matrices();
    if (rank == 0) {
      take(null, result, stream);
      packing.copy(result, gradient, stream);
      return;
    }
    MatrixBatch matrix = this.a.matrices();
    MatrixBatch u = this.u.matrices();
    MatrixBatch v = this.v.matrices();
    MatrixBatch negativeU = this.negativeU.matrices();
    MatrixBatch negativeV = this.negativeV.matrices();
    MatrixBatch gu = this.gu.matrices();
    MatrixBatch gv = this.gv.matrices();
    MatrixBatch left = this.left.matrices();
    MatrixBatch right = this.right.matrices();
    MatrixBatch along = this.along.matrices();
    MatrixBatch x = this.x.matrices();
    MatrixBatch p = this.p.matrices();
    MatrixBatch q = this.q.matrices();
    packing.copy(a, matrix, stream);
    packing.copy(factors.u(), u, stream);
    packing.copy(factors.v(), v, stream);
    SpectralTable negative = SpectralTable.of(minusOne, minusOne);
    scaleColumns(u, factors.s(), negative, negativeU, stream);
    scaleColumns(v, factors.s(), negative, negativeV, stream);
    take(cotangents.u(), gu, stream);
    take(cotangents.v(), gv, stream);

    // P and Q, then M over P; gU and gV lose what lies in the kept spaces.
    product.multiply(LAYOUT, u, true, gu, false, p, false, stream);
    product.multiply(LAYOUT, v, true, gv, false, q, false, stream);
    product.multiply(LAYOUT, negativeU, false, p, false, gu, true, stream);
    product.multiply(LAYOUT, negativeV, false, q, false, gv, true, stream);
    core.arguments().reset().put(p).put(q).put(factors.s()).put(cotangents.s());
    core.arguments().put((MatrixBatch) null).put((MatrixBatch) null);
    core.arguments().put((long) shape.batch()).put((long) rank).put((long) rank);
    core.arguments().put((long) rank).put((long) rank);
    core.arguments().putRule(options.rule().code(), options.rule().parameter(shape.type()));
    core.start(stream);

    // For s_j x_j the right-hand side is gU⊥_j + R gV⊥_j/s_j. Between vectors outside the kept
    // spaces R is A.
    SpectralTable inverse = SpectralTable.of(SpectralFunction.reciprocal(0), shape);
    scaleColumns(gv, factors.s(), inverse, right, stream);
    packing.copy(gu, left, stream);
    product.multiply(LAYOUT, matrix, false, right, false, left, true, stream);
    project(u, negativeU, left, stream);
    step(factors.s(), true, residuals, stream);
    for (int i = 0; i < iterations; i++) {
      product.multiply(LAYOUT, matrix, true, direction.matrices(), false, along, false, stream);
      project(v, negativeV, along, stream);
      scaleColumns(along, factors.s(), inverse, right, stream);
      product.multiply(LAYOUT, matrix, false, right, false, left, false, stream);
      project(u, negativeU, left, stream);
      step(factors.s(), false, residuals, stream);
    }

    // X over left, Y over right, then W = U M + X over left, gA = W Vᴴ + U Yᴴ.
    scaleColumns(x, factors.s(), inverse, left, stream);
    product.multiply(LAYOUT, matrix, true, left, false, gv, true, stream);
    project(v, negativeV, gv, stream);
    scaleColumns(gv, factors.s(), inverse, right, stream);
    product.multiply(LAYOUT, u, false, p, false, left, true, stream);
    product.multiply(LAYOUT, left, false, v, true, result, false, stream);
    product.multiply(LAYOUT, u, false, right, true, result, true, stream);
    packing.copy(result, gradient, stream);
  }

  /** A copy, or zero where there is none. */
  private void take(MatrixBatch given, MatrixBatch copy, long stream) {
    if (given == null) {
      lease.fill(copy.address(), (byte) 0, copy.shape().bytes(), stream);
    } else {
      packing.copy(given, copy, stream);
    }
  }

  /** to = from diag(f(S)). */
  private void scaleColumns(
      MatrixBatch from, MatrixBatch s, SpectralTable f, MatrixBatch to, long stream) {
    scale.arguments().reset().put(from);
    f.put(scale.arguments(), s);
    scale.arguments().put(to).put((long) shape.batch()).put((long) to.rows()).put((long) rank);
    scale.start(stream);
  }

  /** matrix −= basis basisᴴ matrix; q is overwritten. */
  private void project(MatrixBatch basis, MatrixBatch negative, MatrixBatch matrix, long stream) {
    product.multiply(LAYOUT, basis, true, matrix, false, q.matrices(), false, stream);
    product.multiply(LAYOUT, negative, false, q.matrices(), false, matrix, true, stream);
  }

  private void step(MatrixBatch s, boolean start, MatrixBatch residuals, long stream) {
    step.arguments().reset().put(s).put(left.matrices()).put(x.matrices());
    step.arguments().put(residual.matrices()).put(direction.matrices()).put(norms.matrices());
    step.arguments().put(residuals).put((long) shape.batch()).put((long) shape.rows());
    step.arguments().put((long) rank);
    step.arguments().put(start);
    step.start(stream);
  }

  @Override
  String choices() {
    return ", rank " + rank + ", at most " + iterations + " iterations, under " + options.rule();
  }
}
