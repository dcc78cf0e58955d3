package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import io.github.diffsvd.torch.TorchSvd;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.openblas.global.openblas;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch on the CPU: linalg_svd, linalg_svdvals and their autograd, or TorchSvd in their place.
 */
final class LibtorchWorkload implements Workload {
  private final boolean ours;
  private final PointerScope scope = new PointerScope();
  private final DataType type;
  private final Extents extents;
  private final Tensor a;
  private final Runnable call;

  LibtorchWorkload(Row row, boolean ours) {
    this.ours = ours;
    Loader.load(torch.class);
    torch.set_num_threads(Threads.count());
    // libtorch's set_num_threads does not reach OpenBLAS, which it calls.
    openblas.blas_set_num_threads(Threads.count());
    type = row.type();
    extents = row.extents();
    a = tensor(type, row.spectrum().matrices(type, extents), extents.rows(), extents.columns());
    call =
        switch (row.operation()) {
          case FORWARD -> () -> svd(a);
          case VALUES -> () -> torch.linalg_svdvals(a);
          case BACKWARD -> backward();
          case BOTH -> both();
          case SPECTRAL -> spectral();
        };
  }

  @Override
  public void run() {
    try (PointerScope temporaries = new PointerScope()) {
      call.run();
    }
  }

  private Runnable backward() {
    Tensor leaf = leaf();
    TensorVector factors = svd(leaf);
    TensorVector cotangents = cotangents(factors);
    TensorVector inputs = new TensorVector(leaf);
    return () -> grad(factors, inputs, cotangents, true);
  }

  private Runnable both() {
    Tensor leaf = leaf();
    TensorVector cotangents = cotangents(svd(a));
    TensorVector inputs = new TensorVector(leaf);
    return () -> grad(svd(leaf), inputs, cotangents, false);
  }

  private Runnable spectral() {
    Tensor leaf = leaf();
    TensorVector inputs = new TensorVector(leaf);
    Scalar threshold = new Scalar(Operation.THRESHOLD);
    Tensor tau = torch.full(new long[0], threshold);
    return () -> {
      if (ours) {
        Tensor y = TorchSvd.softThreshold(leaf, tau);
        grad(new TensorVector(y), inputs, new TensorVector(y.detach()), false);
        return;
      }
      T_TensorTensorTensor_T svd = torch.linalg_svd(leaf, false, null);
      Tensor thresholded = svd.get1().sub(threshold).relu().unsqueeze(-2);
      Tensor y = svd.get0().mul(thresholded).matmul(svd.get2());
      grad(new TensorVector(y), inputs, new TensorVector(y.detach()), false);
    };
  }

  /** U, S and Vᴴ, or V where it is ours. */
  private TensorVector svd(Tensor a) {
    if (ours) {
      TorchSvd.Factors factors = TorchSvd.svd(a);
      return new TensorVector(factors.u(), factors.s(), factors.v());
    }
    T_TensorTensorTensor_T svd = torch.linalg_svd(a, false, null);
    return new TensorVector(svd.get0(), svd.get1(), svd.get2());
  }

  private static void grad(
      TensorVector outputs, TensorVector inputs, TensorVector cotangents, boolean retainGraph) {
    torch.grad(outputs, inputs, cotangents, new BoolOptional(retainGraph), false, false);
  }

  private Tensor leaf() {
    return a.clone().set_requires_grad(true);
  }

  /**
   * Cotangents of what {@link #svd} gives. libtorch refuses a loss that depends on the phases of
   * complex singular vectors, so the derivative with respect to the phases is taken out of gU.
   */
  private TensorVector cotangents(TensorVector factors) {
    Cotangents numbers = Cotangents.of(type, extents);
    int k = extents.k();
    Tensor u = factors.get(0).detach();
    Tensor vh = ours ? factors.get(2).detach().mH() : factors.get(2).detach();
    Tensor gu = tensor(type, numbers.u(), extents.rows(), k);
    Tensor gs = tensor(type.real(), numbers.s(), k, 1).squeeze(-1);
    Tensor gvh = tensor(type, numbers.v(), extents.columns(), k).mH().contiguous();
    if (type.isComplex()) {
      Tensor products = u.conj().mul(gu).sum(-2).add(vh.mul(gvh.conj()).sum(-1));
      Tensor phases = products.sub(products.conj()).div(new Scalar(2));
      gu = gu.sub(u.mul(phases.unsqueeze(-2)));
    }
    return new TensorVector(gu, gs, ours ? gvh.mH().contiguous() : gvh);
  }

  private Tensor tensor(DataType elements, double[] numbers, long rows, long columns) {
    long batch = extents.batch();
    Tensor tensor =
        elements.isComplex()
            ? torch.view_as_complex(AbstractTensor.create(numbers, batch, rows, columns, 2))
            : AbstractTensor.create(numbers, batch, rows, columns);
    return tensor.to(
        switch (elements) {
          case FLOAT32 -> torch.ScalarType.Float;
          case FLOAT64 -> torch.ScalarType.Double;
          case COMPLEX64 -> torch.ScalarType.ComplexFloat;
          case COMPLEX128 -> torch.ScalarType.ComplexDouble;
        });
  }

  @Override
  public void close() {
    scope.close();
  }
}
