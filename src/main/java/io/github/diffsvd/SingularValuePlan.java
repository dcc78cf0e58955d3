package io.github.diffsvd;

import io.github.diffsvd.backend.CheckedBackend;
import io.github.diffsvd.backend.Kernel;
import io.github.diffsvd.backend.KernelLaunch;
import io.github.diffsvd.backend.LaunchShape;
import java.util.Objects;

/**
 * The singular values of batches of one shape and type, without their vectors; their pullback, and
 * losses of them with gradients.
 *
 * <p>The vectors that the pullback needs stay in the plan, from {@link #forward} to the next one.
 * Plans behave as {@link SvdPlan} does: no allocation and no waiting after they are made, all work
 * on the caller's stream, one thread and one stream at a time.
 */
public final class SingularValuePlan implements AutoCloseable {
  private final CheckedBackend backend;
  private final DataType type;
  private final int batch;
  private final int k;
  private final SvdPlan svd;

  /** Null in a plan without gradients. */
  private final SvdFactors factors;

  private final OwnedMatrixBatch cotangent;

  /** Null where a dimension is 0 and there is nothing to do. */
  private final KernelLaunch kernel;

  private SingularValuePlan(
      Device device, DataType type, int batch, int rows, int columns, boolean gradients) {
    svd = SvdPlan.create(device, type, batch, rows, columns);
    backend = device.backend();
    this.type = type;
    this.batch = batch;
    k = Math.min(rows, columns);
    SvdFactors allocated = null;
    try {
      allocated = gradients ? svd.allocateFactors() : null;
      cotangent = device.allocate(type.real(), batch, k, 1);
    } catch (RuntimeException | Error e) {
      if (allocated != null) {
        allocated.close();
      }
      svd.close();
      throw e;
    }
    factors = allocated;
    kernel =
        batch == 0 || k == 0
            ? null
            : backend.prepare(
                Kernel.SINGULAR_VALUE_LOSS,
                type.real(),
                LaunchShape.forUnits(backend.limits(), batch, 0));
  }

  /**
   * A plan that allocates its own memory.
   *
   * @param batch number of matrices, ≥ 0
   * @param rows m ≥ 0
   * @param columns n ≥ 0
   * @throws DeviceOutOfMemoryException if it does not fit
   */
  public static SingularValuePlan create(
      Device device, DataType type, int batch, int rows, int columns) {
    return new SingularValuePlan(
        Objects.requireNonNull(device, "device"), type, batch, rows, columns, true);
  }

  /**
   * A plan for values and losses without their gradients: {@link #forward} computes no vectors,
   * which takes about half the time.
   */
  public static SingularValuePlan createWithoutGradients(
      Device device, DataType type, int batch, int rows, int columns) {
    return new SingularValuePlan(
        Objects.requireNonNull(device, "device"), type, batch, rows, columns, false);
  }

  /**
   * The singular values.
   *
   * @param a batch × m × n, any strides; not changed
   * @param s batch × k × 1, real, descending; overwritten
   * @param info as in {@link SvdPlan#forward}
   * @param stream raw handle, 0 for the device's own
   */
  public void forward(MatrixBatch a, MatrixBatch s, SvdInfo info, long stream) {
    if (factors == null) {
      svd.forwardValues(a, s, info, stream);
    } else {
      svd.forward(a, new SvdFactors(factors.u(), s, factors.v()), info, stream);
    }
  }

  /**
   * The pullback, gA = U diag(gS) Vᴴ, at the matrices of the last {@link #forward} or {@link
   * #loss}.
   *
   * @param gs batch × k × 1, real; not changed
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten
   * @param stream raw handle, 0 for the device's own
   * @throws IllegalStateException if the plan was made without gradients
   */
  public void backward(MatrixBatch gs, MatrixBatch gradient, long stream) {
    checkGradients();
    svd.backward(factors, SvdCotangents.ofValues(gs), gradient, stream);
  }

  /**
   * A loss of each matrix, and its gradient.
   *
   * @param a batch × m × n, any strides; not changed
   * @param losses batch × 1 × 1, real; overwritten
   * @param gradient batch × m × n, any strides that keep elements apart; overwritten; may overlap
   *     a; null if it is not wanted
   * @param info as in {@link SvdPlan#forward}
   * @param stream raw handle, 0 for the device's own
   */
  public void loss(
      SingularValueLoss loss,
      MatrixBatch a,
      MatrixBatch losses,
      MatrixBatch gradient,
      SvdInfo info,
      long stream) {
    Objects.requireNonNull(loss, "loss");
    Checks.writable("losses", losses, type.real(), batch, 1, 1);
    if (kernel == null && batch > 0) {
      throw new IllegalArgumentException("losses: there is none without values");
    }
    if (gradient != null) {
      checkGradients();
    }
    // Without gradients the memory of their cotangent is free.
    MatrixBatch s = factors == null ? cotangent : factors.s();
    forward(a, s, info, stream);
    if (kernel != null) {
      kernel.arguments().reset().put(s).put(losses);
      kernel.arguments().put(gradient == null ? null : cotangent);
      kernel.arguments().put((long) batch).put((long) k);
      kernel.arguments().put((long) loss.code()).put(loss.parameter());
      kernel.start(stream);
    }
    if (gradient != null) {
      backward(cotangent, gradient, stream);
    }
  }

  private void checkGradients() {
    if (factors == null) {
      throw new IllegalStateException("the plan was made without gradients");
    }
  }

  /**
   * Frees the memory, once the work on it is done; the caller makes sure of that. A second call
   * does nothing.
   */
  @Override
  public void close() {
    svd.close();
    if (factors != null) {
      factors.close();
    }
    cotangent.close();
  }
}
