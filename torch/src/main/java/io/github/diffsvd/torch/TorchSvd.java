package io.github.diffsvd.torch;

import io.github.diffsvd.DataType;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdOptions;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Consumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * The thin SVD, the eigendecomposition and functions of singular values as operators of libtorch's
 * autograd.
 *
 * <p>Every x is a tensor of … × m × n, on the CPU or a CUDA device, of float32, float64, complex64
 * or complex128, with any number of batch dimensions and any strides. Results are written into the
 * tensors' own memory, on libtorch's current stream. Under no_grad, or where nothing requires a
 * gradient, no graph is made. A matrix that holds NaN or infinity gives NaN; its neighbours are as
 * they would be without it. Second derivatives (create_graph) are refused. Safe to call from
 * several threads.
 */
public final class TorchSvd {
  /**
   * Thin factors of x = U diag(S) Vᴴ, k = min(m, n). Where they have a gradient, libtorch refuses
   * to modify them in place; modified all the same, through detach or under no_grad, they make
   * backward fail.
   *
   * @param u … × m × k
   * @param s … × k, real, descending
   * @param v … × n × k; libtorch's linalg_svd gives its adjoint
   * @param info …, int32, 0 or a code of {@link io.github.diffsvd.SvdInfo}: then the factors of
   *     that matrix are NaN. On x's device; nothing has waited for it
   */
  public record Factors(Tensor u, Tensor s, Tensor v, Tensor info) implements AutoCloseable {
    @Override
    public void close() {
      u.close();
      s.close();
      v.close();
      info.close();
    }
  }

  /**
   * x = U diag(λ) Uᴴ. Modified in place while their gradient is still to come, values and vectors
   * make backward fail.
   *
   * @param values λ: … × n, real, descending, ≥ 0; libtorch's linalg_eigh has them ascending
   * @param vectors U: … × n × n
   * @param info as in {@link Factors}; also NOT_HERMITIAN and NOT_POSITIVE
   */
  public record Eigh(Tensor values, Tensor vectors, Tensor info) implements AutoCloseable {
    @Override
    public void close() {
      values.close();
      vectors.close();
      info.close();
    }
  }

  private TorchSvd() {}

  /** {@link #svd(Tensor, SvdOptions)} with the default options. */
  public static Factors svd(Tensor x) {
    return svd(x, SvdOptions.defaults());
  }

  /**
   * The factors. Their gradients, of any subset of them, go to x by {@link
   * io.github.diffsvd.SvdPlan#backward} under the options' rule.
   *
   * @throws IllegalArgumentException if x has fewer than two dimensions or another type
   */
  public static Factors svd(Tensor x, SvdOptions options) {
    return factors(x, options, null);
  }

  /**
   * The factors, as {@link #svd(Tensor, SvdOptions)} gives them. Every backward pass first finds
   * out how much its loss depends on the gauge, and waits for that.
   *
   * @param gauge hears, before the gradient is computed and on libtorch's thread, what {@link
   *     io.github.diffsvd.Gauge#dependence} says of each matrix: 0 for a loss that is free of the
   *     gauge, NaN where the factors or their gradients are. What it throws ends the backward pass,
   *     its message in that of the exception that backward throws
   */
  public static Factors svd(Tensor x, SvdOptions options, Consumer<double[]> gauge) {
    return factors(x, options, Objects.requireNonNull(gauge, "gauge"));
  }

  private static Factors factors(Tensor x, SvdOptions options, Consumer<double[]> gauge) {
    Objects.requireNonNull(options, "options");
    Factors result;
    try (PointerScope scope = new PointerScope()) {
      result = new FactorsNode(TensorBatch.of(x), options, gauge).apply(x);
      retain(result.u, result.s, result.v, result.info);
    }
    attach(result.u, result.s, result.v, result.info);
    return result;
  }

  /**
   * {@link #refuseGauge(double)} of √eps of single precision, 3.5e-4: more than rounding gives, in
   * any type.
   */
  public static Consumer<double[]> refuseGauge() {
    return refuseGauge(Math.sqrt(DataType.FLOAT32.epsilon()));
  }

  /**
   * For {@link #svd(Tensor, SvdOptions, Consumer)}: throws an IllegalStateException that names the
   * matrix for which the loss depends most on the gauge, if that is more than a tolerance. NaN
   * passes; info tells of it. The signs of real singular vectors pass too: between them there is
   * nothing along which to differentiate.
   *
   * @param tolerance ≥ 0, for {@link io.github.diffsvd.Gauge#dependence}
   */
  public static Consumer<double[]> refuseGauge(double tolerance) {
    if (!(tolerance >= 0)) {
      throw new IllegalArgumentException(
          "tolerance: expected a number of at least 0, got " + tolerance);
    }
    return dependence -> {
      double most = tolerance;
      int worst = -1;
      for (int i = 0; i < dependence.length; i++) {
        if (dependence[i] > most) {
          most = dependence[i];
          worst = i;
        }
      }
      if (worst >= 0) {
        throw new IllegalStateException(
            String.format(
                Locale.ROOT,
                "diffsvd: the loss depends on the gauge of U and V: expected at most %.2g, got %.2g"
                    + " at matrix %d of %d",
                tolerance,
                most,
                worst,
                dependence.length));
      }
    };
  }

  /** {@link #eigh(Tensor, SvdOptions)} with {@link SvdOptions#defaults()}. */
  public static Eigh eigh(Tensor x) {
    return eigh(x, SvdOptions.defaults());
  }

  /**
   * The eigendecomposition of Hermitian positive semi-definite matrices, as {@link
   * io.github.diffsvd.EighPlan} understands these; others are marked in info, with NaN in values
   * and vectors. Gradients are Hermitian.
   *
   * @param x … × n × n
   * @param options whose rule counts at equal eigenvalues and near them
   * @throws IllegalArgumentException as {@link #svd(Tensor, SvdOptions)}, or if the matrices are
   *     not square
   */
  public static Eigh eigh(Tensor x, SvdOptions options) {
    Objects.requireNonNull(options, "options");
    Eigh result;
    try (PointerScope scope = new PointerScope()) {
      result = new EighNode(TensorBatch.ofSquare(x), options).apply(x);
      retain(result.values, result.vectors, result.info);
    }
    attach(result.values, result.vectors, result.info);
    return result;
  }

  /**
   * Y = U f(S) Vᴴ. Its gradient is that of the function of x, which does not tell U and V apart: it
   * is exact at repeated singular values.
   *
   * @throws IllegalArgumentException as {@link #svd(Tensor, SvdOptions)}
   */
  public static Tensor spectral(Tensor x, SpectralFunction f) {
    Objects.requireNonNull(f, "f");
    Tensor y;
    try (PointerScope scope = new PointerScope()) {
      y = new SpectralNode(TensorBatch.of(x), f).apply(x);
      retain(y);
    }
    attach(y);
    return y;
  }

  /**
   * Y = U max(S − τ, 0) Vᴴ, with gradients for x and τ.
   *
   * @param threshold τ ≥ 0, real, on x's device: one number, one per matrix (… as in x), or one per
   *     singular value (… × k)
   * @throws IllegalArgumentException as {@link #svd(Tensor, SvdOptions)}, or if the threshold is
   *     complex or has another shape
   */
  public static Tensor softThreshold(Tensor x, Tensor threshold) {
    return softThreshold(x, threshold, false);
  }

  /**
   * Y = U max(S − φ s₁, 0) Vᴴ, a threshold relative to each matrix's largest singular value, with
   * gradients for φ and x, through s₁ too.
   *
   * @param fraction φ ≥ 0, shaped as the threshold of {@link #softThreshold(Tensor, Tensor)}
   */
  public static Tensor relativeSoftThreshold(Tensor x, Tensor fraction) {
    return softThreshold(x, fraction, true);
  }

  private static Tensor softThreshold(Tensor x, Tensor threshold, boolean relative) {
    Tensor y;
    try (PointerScope scope = new PointerScope()) {
      y = new ThresholdNode(TensorBatch.of(x), relative).apply(x, threshold);
      retain(y);
    }
    attach(y);
    return y;
  }

  /** Results outlive the operator's scope. */
  private static void retain(Tensor... results) {
    for (Tensor result : results) {
      result.retainReference();
    }
  }

  /** They belong to the caller's, if there is one. */
  private static void attach(Tensor... results) {
    PointerScope callers = PointerScope.getInnerScope();
    if (callers != null) {
      for (Tensor result : results) {
        callers.attach(result);
        result.releaseReference();
      }
    }
  }
}
