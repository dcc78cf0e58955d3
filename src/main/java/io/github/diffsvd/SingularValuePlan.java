package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
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
  private final Lease lease;
  private final Call call;
  private final Call valuesCall;
  private final DataType type;
  private final int batch;
  private final int rows;
  private final int columns;
  private final int k;

  /** Null in a plan without gradients, as {@link #factors} is. */
  private final SvdPlan svd;

  private final SvdFactors factors;

  /** Null in a plan with gradients, and where a dimension is 0 and there is nothing to do. */
  private final ValuesPass values;

  private final MatrixBatch cotangent;

  /** Null where a dimension is 0 and there is nothing to do. */
  private final KernelLaunch kernel;

  private SingularValuePlan(
      Lease lease,
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      boolean gradients) {
    this.lease = lease;
    call = new Call(lease);
    valuesCall = new Call(lease);
    this.type = type;
    this.batch = batch;
    this.rows = rows;
    this.columns = columns;
    k = Math.min(rows, columns);
    svd =
        gradients
            ? SvdPlan.within(lease, device, type, batch, rows, columns, SvdOptions.defaults())
            : null;
    factors =
        gradients
            ? new SvdFactors(
                lease.allocate(type, batch, rows, k),
                lease.allocate(type.real(), batch, k, 1),
                lease.allocate(type, batch, columns, k))
            : null;
    cotangent = lease.allocate(type.real(), batch, k, 1);
    boolean nothing = batch == 0 || k == 0;
    if (gradients || nothing) {
      values = null;
    } else {
      values = ValuesPass.choose(lease, type, batch, rows, columns);
      values.bind(lease.allocate(values.workspaceBytes()));
    }
    kernel =
        nothing
            ? null
            : lease.prepare(
                Kernel.SINGULAR_VALUE_LOSS,
                type.real(),
                LaunchShape.forUnits(lease.limits(), batch, 0));
  }

  private static SingularValuePlan make(
      Device device, DataType type, int batch, int rows, int columns, boolean gradients) {
    return Objects.requireNonNull(device, "device")
        .plan(
            "SingularValuePlan",
            type,
            batch,
            rows,
            columns,
            lease -> new SingularValuePlan(lease, device, type, batch, rows, columns, gradients));
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
    return make(device, type, batch, rows, columns, true);
  }

  /**
   * A plan for values and losses without their gradients: {@link #forward} computes no vectors,
   * which takes a fraction of the time.
   *
   * <p>Values are right to eps·s₁·√k, as LAPACK's are, and where m and n are up to 256 and 128, or
   * the other way round, the same bits in any batch. Small values of columns of very different size
   * keep more digits in a plan with gradients.
   */
  public static SingularValuePlan createWithoutGradients(
      Device device, DataType type, int batch, int rows, int columns) {
    return make(device, type, batch, rows, columns, false);
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
    if (svd != null) {
      svd.forward(a, new SvdFactors(factors.u(), s, factors.v()), info, stream);
      return;
    }
    valuesCall.begin();
    try {
      valuesCall.reads("a", a, type, batch, rows, columns);
      valuesCall.writes("s", s, type.real(), batch, k, 1);
      valuesCall.writes(info, batch);
      valuesCall.check();
      if (values == null) {
        lease.fill(info.address(), (byte) 0, (long) batch * Integer.BYTES, stream);
      } else {
        values.runValues(a, s, info.address(), stream);
      }
    } finally {
      valuesCall.end();
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
    call.begin();
    try {
      call.consumes("a", a, type, batch, rows, columns);
      call.writes("losses", losses, type.real(), batch, 1, 1);
      if (kernel == null && batch > 0) {
        throw new IllegalArgumentException("losses: there is none without values");
      }
      if (gradient != null) {
        checkGradients();
        call.writes("gradient", gradient, type, batch, rows, columns);
      }
      call.writes(info, batch);
      call.check();
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
    } finally {
      call.end();
    }
  }

  private void checkGradients() {
    if (factors == null) {
      throw new IllegalStateException("the plan was made without gradients");
    }
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
