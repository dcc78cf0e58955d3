package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;
import java.util.Objects;

/**
 * A = U diag(λ) Uᴴ for batches of symmetric or Hermitian positive semi-definite matrices, forward
 * and backward, and functions of them: square root, inverse square root, power, logarithm; a {@link
 * Plan}.
 *
 * <p>The SVD of such a matrix is its eigendecomposition, so this is {@link SvdPlan} with U for V: λ
 * descending, small eigenvalues as accurate as small singular values, ties under a {@link
 * GradientRule}. A matrix that is not Hermitian is marked {@link SvdInfo#NOT_HERMITIAN}, one with a
 * negative eigenvalue {@link SvdInfo#NOT_POSITIVE}. Gradients are Hermitian, as A is.
 */
public final class EighPlan extends Plan {
  private final Call forwardCall;
  private final Call backwardCall;
  private final BatchShape shapeOfValues;
  private final SvdPlan svd;
  private final SpectralPlan spectral;
  private final Workspace.Buffer v;
  private final Workspace.Buffer halved;

  /** One half for every column, which a kernel reads. */
  private MatrixBatch half;

  private final KernelLaunch check;
  private final KernelLaunch scale;

  private EighPlan(Lease lease, Device device, BatchShape shape, SvdOptions options) {
    super(device, lease, shape, options);
    int n = shape.rows();
    if (n != shape.columns()) {
      throw new IllegalArgumentException("shape: expected square matrices, got " + shape);
    }
    forwardCall = new Call(this, "forward");
    backwardCall = new Call(this, "backward");
    shapeOfValues = shape.realColumn(n);
    svd = part(new SvdPlan(lease, device, shape, options));
    spectral = part(new SpectralPlan(lease, device, shape, options, svd));
    v = workspace.reserve(shape);
    halved = workspace.reserve(shape);
    BatchShape one = new BatchShape(shape.type().real(), 1, 1, 1);
    workspace.reserve(
        one.bytes(),
        address -> {
          device.write(MatrixBatch.wrap(address, one), 0.5);
          half = MatrixBatch.wrap(address, shapeOfValues, 0, 0, 0);
        });
    check = prepare(Kernel.EIGH_CHECK, shape.type(), shape.batch());
    long units = LaunchShape.unitsOfElements(shape.batch(), n, n);
    scale = prepare(Kernel.SPECTRAL_SCALE, shape.type(), units);
  }

  /** A plan with {@link SvdOptions#defaults()}. */
  public static EighPlan create(Device device, BatchShape shape) {
    return create(device, shape, SvdOptions.defaults());
  }

  /**
   * A plan for a shape.
   *
   * @param shape of A, square; any extent may be 0
   * @param options whose {@link GradientRule} is that of {@link #backward(EighFactors,
   *     EighCotangents, MatrixBatch, long)}
   * @throws IllegalArgumentException if the matrices are not square
   * @throws DeviceOutOfMemoryException if the workspace does not fit
   */
  public static EighPlan create(Device device, BatchShape shape, SvdOptions options) {
    return create(
        device, EighPlan.class, shape, lease -> new EighPlan(lease, device, shape, options));
  }

  /** A plan for matrices like these, with {@link SvdOptions#defaults()}. */
  public static EighPlan like(Device device, MatrixBatch a) {
    return create(device, a.shape());
  }

  /** The bytes of device memory that such a plan works in. */
  public static long workspaceBytes(Device device, BatchShape shape, SvdOptions options) {
    return workspaceBytes(device, lease -> new EighPlan(lease, device, shape, options));
  }

  /**
   * Memory for λ and U: packed row-major, uninitialised, freed with the plan, or earlier by {@link
   * EighFactors#close()}.
   *
   * @throws IllegalStateException if the plan or its device is closed
   */
  public EighFactors allocateFactors() {
    return new EighFactors(allocate(shapeOfValues), allocate(shape));
  }

  /** Memory for gλ and gU, of the shapes of the factors and freed as they are. */
  public EighCotangents allocateCotangents() {
    return new EighCotangents(allocate(shapeOfValues), allocate(shape));
  }

  /** {@link #forward(MatrixBatch, EighFactors, SvdInfo, long)}, on the device's own stream. */
  public void forward(MatrixBatch a, EighFactors factors, SvdInfo info) {
    forward(a, factors, info, 0);
  }

  /**
   * The decomposition of every matrix of the batch.
   *
   * @param a batch × n × n, Hermitian positive semi-definite up to 64·n·eps·λ₁ in each element and
   *     eigenvalue, any strides; not changed
   * @param factors λ and U, any strides that keep elements apart; overwritten. None may overlap the
   *     other or a
   * @param info as in {@link SvdPlan#forward}; also {@link SvdInfo#NOT_HERMITIAN} and {@link
   *     SvdInfo#NOT_POSITIVE}, with NaN in the factors
   * @param stream raw handle, 0 for the device's own
   */
  public void forward(MatrixBatch a, EighFactors factors, SvdInfo info, long stream) {
    forwardCall.begin();
    try {
      MatrixBatch values = factors.values();
      MatrixBatch vectors = factors.vectors();
      forwardCall.reads("a", a, shape);
      forwardCall.writes("factors.values", values, shapeOfValues);
      forwardCall.writes("factors.vectors", vectors, shape);
      forwardCall.writes(info, shape.batch());
      forwardCall.check();
      MatrixBatch right = v.matrices();
      svd.forward(a, new SvdFactors(vectors, values, right), info, stream);
      if (!shape.isEmpty()) {
        check.arguments().reset().put(a).put(vectors).put(values).put(right).put(info.address());
        check.arguments().put((long) shape.batch()).put((long) shape.rows());
        check.start(stream);
      }
    } finally {
      forwardCall.end();
    }
  }

  /**
   * {@link #backward(EighFactors, EighCotangents, MatrixBatch, long)}, on the device's own stream.
   */
  public void backward(EighFactors factors, EighCotangents cotangents, MatrixBatch gradient) {
    backward(factors, cotangents, gradient, 0);
  }

  /**
   * The pullback under the plan's {@link GradientRule}: gA = U (diag(gλ) + J ∘ g(λ_j − λ_i)) Uᴴ, J
   * the skew-Hermitian part of Uᴴ gU.
   *
   * @param factors what {@link #forward} gave; not changed
   * @param cotangents gλ and gU, any of them absent; any strides; not changed
   * @param gradient batch × n × n, any strides that keep elements apart; overwritten. May not
   *     overlap the others
   * @param stream raw handle, 0 for the device's own
   */
  public void backward(
      EighFactors factors, EighCotangents cotangents, MatrixBatch gradient, long stream) {
    backwardCall.begin();
    try {
      backwardCall.reads("factors.values", factors.values(), shapeOfValues);
      backwardCall.reads("factors.vectors", factors.vectors(), shape);
      backwardCall.readsIfPresent("cotangents.values", cotangents.values(), shapeOfValues);
      backwardCall.readsIfPresent("cotangents.vectors", cotangents.vectors(), shape);
      backwardCall.writes("gradient", gradient, shape);
      backwardCall.check();
      MatrixBatch given = null;
      if (cotangents.vectors() != null) {
        given = halved.matrices();
        if (!shape.isEmpty()) {
          // Half for U and half for V: their difference vanishes, their sum is gU.
          long n = shape.rows();
          scale.arguments().reset().put(cotangents.vectors());
          SpectralTable.of(half, half).put(scale.arguments(), factors.values());
          scale.arguments().put(given).put((long) shape.batch()).put(n).put(n);
          scale.start(stream);
        }
      }
      svd.backward(
          factors.asSvd(), new SvdCotangents(given, cotangents.values(), given), gradient, stream);
    } finally {
      backwardCall.end();
    }
  }

  /** {@link #compose(EighFactors, SpectralMap, MatrixBatch, long)}, on the device's own stream. */
  public void compose(EighFactors factors, SpectralMap f, MatrixBatch y) {
    compose(factors, f, y, 0);
  }

  /**
   * Y = U diag(f(λ)) Uᴴ.
   *
   * @param factors what {@link #forward} gave; not changed
   * @param f {@code SpectralFunction.sqrt()}, {@code power(-0.5)}, {@code log()}, any other;
   *     eigenvalues at or below its cut count as 0
   * @param y batch × n × n, any strides that keep elements apart; overwritten. May not overlap the
   *     others
   * @param stream raw handle, 0 for the device's own
   */
  public void compose(EighFactors factors, SpectralMap f, MatrixBatch y, long stream) {
    spectral.compose(factors.asSvd(), f, y, stream);
  }

  /**
   * {@link #backward(EighFactors, SpectralMap, SpectralCotangents, MatrixBatch, MatrixBatch,
   * long)}, without the parameter's gradient and on the device's own stream.
   */
  public void backward(
      EighFactors factors, SpectralMap f, SpectralCotangents cotangents, MatrixBatch gradient) {
    backward(factors, f, cotangents, gradient, null, 0);
  }

  /**
   * The pullback of {@link #compose}, exact at ties: gA = U (D ∘ Uᴴ G U) Uᴴ with G the Hermitian
   * part of gY and the divided differences D of f.
   *
   * @param factors what {@link #forward} gave; not changed
   * @param f as it was there; not changed
   * @param cotangents gY, batch × n × n, of which only the Hermitian part counts, and gλ besides;
   *     not changed
   * @param gradient batch × n × n, any strides that keep elements apart; overwritten. May not
   *     overlap the others
   * @param parameterGradient as in {@link SpectralPlan#backward(SvdFactors, SpectralMap,
   *     SpectralCotangents, MatrixBatch, MatrixBatch, long)}; null if it is not wanted
   * @param stream raw handle, 0 for the device's own
   */
  public void backward(
      EighFactors factors,
      SpectralMap f,
      SpectralCotangents cotangents,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      long stream) {
    Objects.requireNonNull(factors, "factors");
    spectral.pullBack(factors.asSvd(), f, cotangents, gradient, parameterGradient, true, stream);
  }

  @Override
  String choices() {
    return svd.choices();
  }
}
