package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.torch.TorchSvd;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;

/** What an unrolled low-rank network is made of: parameters, and a threshold of singular values. */
abstract class Network {
  private final GradientMethod method;
  private final Device device;
  private final List<Tensor> parameters = new ArrayList<>();

  /**
   * A network without parameters.
   *
   * @param method how gradients go through its decompositions
   */
  Network(GradientMethod method, Device device) {
    this.method = method;
    this.device = device;
  }

  final GradientMethod method() {
    return method;
  }

  final Device device() {
    return device;
  }

  final Tensor parameter(Tensor start) {
    Tensor parameter =
        start.detach().to(device, start.scalar_type()).clone().set_requires_grad(true);
    parameters.add(parameter);
    return parameter;
  }

  final List<Tensor> parameters() {
    return parameters;
  }

  final TensorVector parameterVector() {
    return new TensorVector(parameters.toArray(new Tensor[0]));
  }

  final void copyParametersOf(Network other) {
    try (NoGradGuard guard = new NoGradGuard()) {
      for (int i = 0; i < parameters.size(); i++) {
        parameters.get(i).copy_(other.parameters.get(i));
      }
    }
  }

  /** U max(S − κ s₁, 0) Vᴴ of every matrix, its gradient by the network's method. */
  final Tensor lowRank(Tensor x, Tensor kappa) {
    if (method.isSpectral()) {
      return TorchSvd.relativeSoftThreshold(x, kappa);
    }
    TorchSvd.Factors f = TorchSvd.svd(x, method.options());
    Tensor kept = f.s().sub(f.s().narrow(-1, 0, 1).mul(kappa)).relu();
    return f.u().mul(kept.unsqueeze(-2)).matmul(f.v().mH());
  }
}
