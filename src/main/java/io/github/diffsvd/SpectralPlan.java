package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Lease;

/**
 * Y = U f(S) Vᴴ for batches of one shape and type, forward and backward, with a {@link SpectralMap}
 * f of the singular values of A = U S Vᴴ, which every call is given; a {@link Plan}.
 *
 * <p>Y has a derivative where the SVD has none: the pullback is exact at repeated singular values
 * and, where f is differentiable at 0, at rank-deficient matrices. Its formula, with divided
 * differences of f in the place of gaps, is in docs/numerics.md.
 */
public final class SpectralPlan extends Plan {
  private final Call forwardCall;
  private final Call composeCall;
  private final Call backwardCall;
  private final FactorShapes shapes;
  private final SvdPlan svd;

  private final SpectralPass pass;

  private SpectralPlan(Lease lease, Device device, BatchShape shape, SvdOptions options) {
    this(lease, device, shape, options, SvdPlan.forwardOnly(lease, device, shape, options));
    part(svd);
  }

  /**
   * @param svd a part of the plan that this one is a part of
   */
  SpectralPlan(Lease lease, Device device, BatchShape shape, SvdOptions options, SvdPlan svd) {
    super(device, lease, shape, options);
    forwardCall = new Call(this, "forward");
    composeCall = new Call(this, "compose");
    backwardCall = new Call(this, "backward");
    shapes = FactorShapes.of(shape, shape.k());
    this.svd = svd;
    pass = SpectralPass.choose(lease, shape, workspace);
  }

  /** A plan with {@link SvdOptions#defaults()}. */
  public static SpectralPlan create(Device device, BatchShape shape) {
    return create(device, shape, SvdOptions.defaults());
  }

  /**
   * A plan for a shape.
   *
   * @param shape of A and Y; any extent may be 0
   * @param options of the SVD in {@link #forward}; the pullback of Y needs no {@link GradientRule}
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static SpectralPlan create(Device device, BatchShape shape, SvdOptions options) {
    return create(
        device,
        SpectralPlan.class,
        shape,
        lease -> new SpectralPlan(lease, device, shape, options));
  }

  /** A plan for matrices like these, with {@link SvdOptions#defaults()}. */
  public static SpectralPlan like(Device device, MatrixBatch a) {
    return create(device, a.shape());
  }

  /** The bytes of device memory that such a plan works in. */
  public static long workspaceBytes(Device device, BatchShape shape, SvdOptions options) {
    return workspaceBytes(device, lease -> new SpectralPlan(lease, device, shape, options));
  }

  /** Memory for the factors, as {@link SvdPlan#allocateFactors} gives it. */
  public SvdFactors allocateFactors() {
    return new SvdFactors(allocate(shapes.u()), allocate(shapes.s()), allocate(shapes.v()));
  }

  /** Memory for Y: batch × m × n, packed row-major, uninitialised, freed as the factors are. */
  public OwnedMatrixBatch allocateY() {
    return allocate(shape);
  }

  /**
   * {@link #forward(MatrixBatch, SpectralMap, SvdFactors, MatrixBatch, SvdInfo, long)}, on the
   * device's own stream.
   */
  public void forward(
      MatrixBatch a, SpectralMap f, SvdFactors factors, MatrixBatch y, SvdInfo info) {
    forward(a, f, factors, y, info, 0);
  }

  /**
   * Y = U f(S) Vᴴ for every matrix of the batch, and the factors, which {@link #backward} takes.
   *
   * @param a batch × m × n, any strides; not changed
   * @param f of the singular values; a table that is made from S is for {@link #compose}
   * @param factors U, S, V as in {@link SvdPlan#forward}; overwritten
   * @param y batch × m × n, any strides that keep elements apart; overwritten. May overlap a, not
   *     the others
   * @param info as in {@link SvdPlan#forward}; a matrix without a decomposition gives Y of NaN
   * @param stream raw handle, 0 for the device's own
   */
  public void forward(
      MatrixBatch a, SpectralMap f, SvdFactors factors, MatrixBatch y, SvdInfo info, long stream) {
    forwardCall.begin();
    try {
      SpectralTable table = SpectralTable.of(f, shape);
      forwardCall.writes(factors, shapes);
      table.addTo(forwardCall, shapes.s());
      forwardCall.writes("y", y, shape);
      forwardCall.check();
      svd.forward(a, factors, info, stream);
      pass.compose(factors, table, y, stream);
    } finally {
      forwardCall.end();
    }
  }

  /** {@link #forward(MatrixBatch, SvdFactors, SvdInfo, long)}, on the device's own stream. */
  public void forward(MatrixBatch a, SvdFactors factors, SvdInfo info) {
    forward(a, factors, info, 0);
  }

  /**
   * The factors alone, as {@link SvdPlan#forward} gives them: for an f that is made from them, and
   * then for {@link #compose}.
   */
  public void forward(MatrixBatch a, SvdFactors factors, SvdInfo info, long stream) {
    svd.forward(a, factors, info, stream);
  }

  /** {@link #compose(SvdFactors, SpectralMap, MatrixBatch, long)}, on the device's own stream. */
  public void compose(SvdFactors factors, SpectralMap f, MatrixBatch y) {
    compose(factors, f, y, 0);
  }

  /**
   * Y = U f(S) Vᴴ.
   *
   * @param factors U, S, V of {@link SvdPlan#forward}; not changed
   * @param f of the singular values; not changed
   * @param y batch × m × n, any strides that keep elements apart; overwritten. May not overlap the
   *     others
   * @param stream raw handle, 0 for the device's own
   */
  public void compose(SvdFactors factors, SpectralMap f, MatrixBatch y, long stream) {
    composeCall.begin();
    try {
      SpectralTable table = SpectralTable.of(f, shape);
      composeCall.reads(factors, shapes);
      table.addTo(composeCall, shapes.s());
      composeCall.writes("y", y, shape);
      composeCall.check();
      pass.compose(factors, table, y, stream);
    } finally {
      composeCall.end();
    }
  }

  /**
   * {@link #backward(SvdFactors, SpectralMap, SpectralCotangents, MatrixBatch, MatrixBatch, long)},
   * without the parameter's gradient and on the device's own stream.
   */
  public void backward(
      SvdFactors factors, SpectralMap f, SpectralCotangents cotangents, MatrixBatch gradient) {
    backward(factors, f, cotangents, gradient, null, 0);
  }

  /**
   * The pullback: from ∂L/∂Y, and ∂L/∂S besides, to ∂L/∂A, and to the derivative with respect to
   * what f depends on.
   *
   * @param factors what {@link #forward} gave, or {@link #compose} was given; not changed
   * @param f as it was there; not changed
   * @param cotangents any strides; not changed
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten. May not
   *     overlap the others
   * @param parameterGradient of a {@link SpectralFunction} batch × 1 × 1, real: ∂L/∂τ, ∂L/∂p or
   *     ∂L/∂c of each matrix alone; of a {@link SpectralTable} batch × k × 1, real: ∂L/∂f_i, or
   *     ∂L/∂w_i for thresholds, whose sum belongs to a threshold for each matrix. Overwritten; null
   *     if it is not wanted
   * @param stream raw handle, 0 for the device's own
   */
  public void backward(
      SvdFactors factors,
      SpectralMap f,
      SpectralCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      long stream) {
    pullBack(factors, f, cotangents, gradient, parameterGradient, false, stream);
  }

  /** With U = V and the gradient Hermitian as A is, where that is said. */
  void pullBack(
      SvdFactors factors,
      SpectralMap f,
      SpectralCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      boolean hermitian,
      long stream) {
    backwardCall.begin();
    try {
      SpectralTable table = SpectralTable.of(f, shape);
      backwardCall.reads(factors, shapes);
      table.addTo(backwardCall, shapes.s());
      backwardCall.reads("cotangents.y", cotangents.y(), shape);
      backwardCall.readsIfPresent("cotangents.s", cotangents.s(), shapes.s());
      backwardCall.writes("gradient", gradient, shape);
      if (parameterGradient != null) {
        table.addGradientTo(backwardCall, parameterGradient, shapes.s());
      }
      backwardCall.check();
      pass.pullBack(factors, table, cotangents, gradient, parameterGradient, hermitian, stream);
    } finally {
      backwardCall.end();
    }
  }

  /**
   * {@link #pushforward(MatrixBatch, SpectralMap, SvdFactors, MatrixBatch, long)}, on the device's
   * own stream.
   */
  public void pushforward(MatrixBatch da, SpectralMap f, SvdFactors factors, MatrixBatch dy) {
    pushforward(da, f, factors, dy, 0);
  }

  /**
   * The pushforward of {@link #forward}: the derivative of Y along dA. As a function of dA it is
   * the pullback as a function of gY, for the derivative of a spectral function is its own
   * transpose.
   *
   * @param da the direction, batch × m × n, any strides; not changed
   * @param f as it was in forward; not changed
   * @param factors what forward gave; not changed
   * @param dy batch × m × n, any strides that keep elements apart; overwritten. May not overlap the
   *     others
   * @param stream raw handle, 0 for the device's own
   */
  public void pushforward(
      MatrixBatch da, SpectralMap f, SvdFactors factors, MatrixBatch dy, long stream) {
    backwardCall.begin();
    try {
      SpectralTable table = SpectralTable.of(f, shape);
      backwardCall.reads("da", da, shape);
      backwardCall.reads(factors, shapes);
      table.addTo(backwardCall, shapes.s());
      backwardCall.writes("dy", dy, shape);
      backwardCall.check();
      pass.pullBack(factors, table, SpectralCotangents.of(da), dy, null, false, stream);
    } finally {
      backwardCall.end();
    }
  }

  @Override
  String choices() {
    return svd.choices();
  }
}
