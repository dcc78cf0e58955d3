package io.github.diffsvd.torch;

import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdOptions;
import java.util.Objects;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * The thin SVD and functions of singular values as operators of libtorch's autograd.
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
   * Thin factors of x = U diag(S) Vᴴ, k = min(m, n). Modified in place while their gradient is
   * still to come, they make backward fail.
   *
   * @param u … × m × k
   * @param s … × k, real, descending
   * @param v … × n × k; libtorch's linalg_svd gives its adjoint
   */
  public record Factors(Tensor u, Tensor s, Tensor v) implements AutoCloseable {
    @Override
    public void close() {
      u.close();
      s.close();
      v.close();
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
    Objects.requireNonNull(options, "options");
    Factors result;
    try (PointerScope scope = new PointerScope()) {
      result = new FactorsNode(TensorBatch.of(x), options).apply(x);
      result.u.retainReference();
      result.s.retainReference();
      result.v.retainReference();
    }
    attach(result.u);
    attach(result.s);
    attach(result.v);
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
      y.retainReference();
    }
    return attach(y);
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
      y.retainReference();
    }
    return attach(y);
  }

  /** Results belong to the caller's scope, if there is one. */
  private static Tensor attach(Tensor result) {
    PointerScope callers = PointerScope.getInnerScope();
    if (callers != null) {
      callers.attach(result);
      result.releaseReference();
    }
    return result;
  }
}
