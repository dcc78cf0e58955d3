package io.github.diffsvd.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.function.Function;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What tests make tensors of, and how they compare them. */
final class Tensors {
  static final long SEED = Long.getLong("diffsvd.seed", 20261124);

  private Tensors() {}

  static TensorOptions options(ScalarType type) {
    return new TensorOptions().dtype(new ScalarTypeOptional(type));
  }

  static Tensor random(ScalarType type, long... sizes) {
    return torch.randn(sizes, options(type));
  }

  static double tolerance(ScalarType type) {
    return type == ScalarType.Float || type == ScalarType.ComplexFloat ? 1e-4 : 1e-10;
  }

  static double distance(Tensor one, Tensor other) {
    double scale = Math.max(1, other.abs().max().item_double());
    return one.sub(other).abs().max().item_double() / scale;
  }

  static Tensor leaf(Tensor x) {
    return x.detach().clone().set_requires_grad(true);
  }

  /** Σ w_j |p_jᴴ u_j|². */
  static Tensor projection(Tensor u, Tensor p, Tensor w) {
    Tensor product = p.conj().mul(u).sum(-2);
    return product.mul(product.conj()).abs().mul(w).sum();
  }

  /** Central differences of a real function of real and imaginary parts, along a direction. */
  static double slope(Function<Tensor, Tensor> f, Tensor x, Tensor direction) {
    double h = 1e-5;
    double up = f.apply(x.add(direction, new Scalar(h))).item_double();
    double down = f.apply(x.sub(direction, new Scalar(h))).item_double();
    return (up - down) / (2 * h);
  }

  static void assertSlope(Function<Tensor, Tensor> f, Tensor x, double tolerance) {
    Tensor leaf = leaf(x);
    f.apply(leaf).backward();
    for (int i = 0; i < 3; i++) {
      Tensor direction = torch.randn_like(x);
      double predicted = torch.real(leaf.grad().conj().mul(direction).sum()).item_double();
      double measured = slope(f, x, direction);
      assertThat(predicted).as("seed %d", SEED).isCloseTo(measured, within(tolerance));
    }
  }

  static int[] ints(Tensor info) {
    int[] values = new int[(int) info.numel()];
    info.data_ptr_int().get(values);
    return values;
  }
}
