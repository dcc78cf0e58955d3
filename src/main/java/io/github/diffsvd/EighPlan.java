package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
import java.util.Objects;

/**
 * A = U diag(λ) Uᴴ for batches of symmetric or Hermitian positive semi-definite matrices, forward
 * and backward, and functions of them: square root, inverse square root, power, logarithm.
 *
 * <p>The SVD of such a matrix is its eigendecomposition, so this is {@link SvdPlan} with U for V: λ
 * descending, small eigenvalues as accurate as small singular values, ties under a {@link
 * GradientRule}. A matrix that is not Hermitian is marked {@link SvdInfo#NOT_HERMITIAN}, one with a
 * negative eigenvalue {@link SvdInfo#NOT_POSITIVE}. Gradients are Hermitian, as A is.
 *
 * <p>Plans behave as {@link SvdPlan} does: no allocation and no waiting after they are made, all
 * work on the caller's stream, one thread and one stream at a time.
 */
public final class EighPlan implements AutoCloseable {
  private final Lease lease;
  private final Call forwardCall;
  private final Call backwardCall;
  private final DataType type;
  private final int batch;
  private final int n;
  private final SvdPlan svd;
  private final SpectralPlan spectral;
  private final MatrixBatch v;
  private final MatrixBatch half;
  private final MatrixBatch halved;

  // Null where a dimension is 0 and there is nothing to do.
  private final KernelLaunch check;
  private final KernelLaunch scale;

  private EighPlan(Lease lease, Device device, DataType type, int batch, int n, GradientRule rule) {
    this.lease = lease;
    forwardCall = new Call(lease);
    backwardCall = new Call(lease);
    this.type = type;
    this.batch = batch;
    this.n = n;
    svd = SvdPlan.within(lease, device, type, batch, n, n, SvdOptions.defaults().withRule(rule));
    spectral = SpectralPlan.within(lease, device, type, batch, n, n, null);
    v = lease.allocate(type, batch, n, n);
    halved = lease.allocate(type, batch, n, n);
    half = lease.allocate(type.real(), 1, 1, 1);
    device.write(half, 0.5);
    boolean empty = batch == 0 || n == 0;
    check = empty ? null : prepare(Kernel.EIGH_CHECK, batch);
    scale = empty ? null : prepare(Kernel.SPECTRAL_SCALE, (long) batch * n);
  }

  private KernelLaunch prepare(Kernel kernel, long units) {
    return lease.prepare(kernel, type, LaunchShape.forUnits(lease.limits(), units, 0));
  }

  /** A plan with {@link GradientRule#moorePenrose()}. */
  public static EighPlan create(Device device, DataType type, int batch, int n) {
    return create(device, type, batch, n, GradientRule.moorePenrose());
  }

  /**
   * A plan that allocates its own memory.
   *
   * @param batch number of matrices, ≥ 0
   * @param n rows and columns, ≥ 0
   * @param rule of {@link #backward}
   * @throws DeviceOutOfMemoryException if it does not fit
   */
  public static EighPlan create(Device device, DataType type, int batch, int n, GradientRule rule) {
    return Objects.requireNonNull(device, "device")
        .plan(
            "EighPlan",
            type,
            batch,
            n,
            n,
            lease -> new EighPlan(lease, device, type, batch, n, rule));
  }

  /**
   * The decomposition of every matrix of the batch.
   *
   * @param a batch × n × n, Hermitian positive semi-definite up to 64·n·eps·λ₁ in each element and
   *     eigenvalue, any strides; not changed
   * @param values batch × n × 1, real: λ, descending, ≥ 0; overwritten
   * @param vectors batch × n × n: U; overwritten. May not overlap a
   * @param info as in {@link SvdPlan#forward}; also {@link SvdInfo#NOT_HERMITIAN} and {@link
   *     SvdInfo#NOT_POSITIVE}, with NaN in values and vectors
   * @param stream raw handle, 0 for the device's own
   */
  public void forward(
      MatrixBatch a, MatrixBatch values, MatrixBatch vectors, SvdInfo info, long stream) {
    forwardCall.begin();
    try {
      forwardCall.reads("a", a, type, batch, n, n);
      forwardCall.writes("values", values, type.real(), batch, n, 1);
      forwardCall.writes("vectors", vectors, type, batch, n, n);
      forwardCall.writes(info, batch);
      forwardCall.check();
      svd.forward(a, new SvdFactors(vectors, values, v), info, stream);
      if (check != null) {
        check.arguments().reset().put(a).put(vectors).put(values).put(v).put(info.address());
        check.arguments().put((long) batch).put((long) n);
        check.start(stream);
      }
    } finally {
      forwardCall.end();
    }
  }

  /**
   * The pullback under the plan's {@link GradientRule}: gA = U (diag(gλ) + J ∘ g(λ_j − λ_i)) Uᴴ, J
   * the skew-Hermitian part of Uᴴ gU.
   *
   * @param gValues ∂L/∂λ, batch × n × 1, real; or null
   * @param gVectors ∂L/∂U, batch × n × n; or null
   * @param gradient batch × n × n, any strides that keep elements apart; overwritten. May not
   *     overlap the others
   * @param stream raw handle, 0 for the device's own
   */
  public void backward(
      MatrixBatch values,
      MatrixBatch vectors,
      MatrixBatch gValues,
      MatrixBatch gVectors,
      MatrixBatch gradient,
      long stream) {
    backwardCall.begin();
    try {
      backwardCall.reads("values", values, type.real(), batch, n, 1);
      backwardCall.reads("vectors", vectors, type, batch, n, n);
      if (gValues != null) {
        backwardCall.reads("gValues", gValues, type.real(), batch, n, 1);
      }
      if (gVectors != null) {
        backwardCall.reads("gVectors", gVectors, type, batch, n, n);
      }
      backwardCall.writes("gradient", gradient, type, batch, n, n);
      backwardCall.check();
      MatrixBatch given = null;
      if (gVectors != null) {
        given = halved;
        if (scale != null) {
          // Half for U and half for V: their difference vanishes, their sum is gU.
          MatrixBatch halves = MatrixBatch.wrap(half.address(), type.real(), batch, n, 1, 0, 0, 0);
          scale.arguments().reset().put(gVectors);
          SpectralTable.of(halves, halves).put(scale.arguments(), values);
          scale.arguments().put(halved).put((long) batch).put((long) n).put((long) n);
          scale.start(stream);
        }
      }
      svd.backward(
          new SvdFactors(vectors, values, vectors),
          new SvdCotangents(given, gValues, given),
          gradient,
          stream);
    } finally {
      backwardCall.end();
    }
  }

  /**
   * Y = U diag(f(λ)) Uᴴ.
   *
   * @param function {@code SpectralFunction.sqrt()}, {@code power(-0.5)}, {@code log()}, any other;
   *     eigenvalues at or below its cut count as 0
   * @param values λ of {@link #forward}; not changed
   * @param vectors U of {@link #forward}; not changed
   * @param y batch × n × n, any strides that keep elements apart; overwritten. May not overlap
   *     values or vectors
   * @param stream raw handle, 0 for the device's own
   */
  public void apply(
      SpectralFunction function,
      MatrixBatch values,
      MatrixBatch vectors,
      MatrixBatch y,
      long stream) {
    spectral.compose(
        new SvdFactors(vectors, values, vectors),
        SpectralTable.of(function, type, n, n),
        y,
        stream);
  }

  /**
   * The pullback of {@link #apply}, exact at ties: gA = U (D ∘ Uᴴ G U) Uᴴ with G the Hermitian part
   * of gY and the divided differences D of f.
   *
   * @param gy ∂L/∂Y, batch × n × n; only its Hermitian part counts; not changed
   * @param gradient batch × n × n, any strides that keep elements apart; overwritten. May not
   *     overlap the others
   * @param parameterGradient batch × 1 × 1, real: the derivative by the function's parameter,
   *     overwritten; null if it is not wanted
   * @param stream raw handle, 0 for the device's own
   */
  public void applyBackward(
      SpectralFunction function,
      MatrixBatch values,
      MatrixBatch vectors,
      MatrixBatch gy,
      MatrixBatch gradient,
      MatrixBatch parameterGradient,
      long stream) {
    spectral.pullBack(
        new SvdFactors(vectors, values, vectors),
        SpectralTable.of(function, type, n, n),
        gy,
        null,
        gradient,
        parameterGradient,
        true,
        stream);
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
