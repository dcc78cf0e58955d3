///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DEPS io.github.diffsvd:diffsvd-torch:0.1.0-SNAPSHOT
//DEPS org.bytedeco:pytorch:2.10.0-1.5.13:linux-x86_64
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import io.github.diffsvd.torch.TorchSvd;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Training through the SVD: learns the threshold that takes noise off matrices of rank 2. */
public class TrainingStep {
  public static void main(String[] arguments) {
    torch.manual_seed(1);
    Tensor clean = torch.randn(32, 16, 2).matmul(torch.randn(32, 2, 16));
    Tensor noisy = clean.add(torch.randn_like(clean).mul(new Scalar(0.3)));
    double before = torch.mse_loss(noisy, clean).item_double();
    double after = before;

    Tensor threshold = torch.tensor(0.1f).set_requires_grad(true);
    Adam adam = new Adam(new TensorVector(threshold), new AdamOptions(0.1));
    for (int step = 0; step < 40; step++) {
      // Frees the step's tensors.
      try (PointerScope scope = new PointerScope()) {
        adam.zero_grad();
        // U max(S − τ, 0) Vᵀ, with gradients for the matrices and for τ.
        Tensor loss = torch.mse_loss(TorchSvd.softThreshold(noisy, threshold), clean);
        loss.backward();
        adam.step();
        after = loss.item_double();
      }
    }
    System.out.println("threshold " + threshold.item_double());
    System.out.println("mean squared error " + before + " before, " + after + " after");

    if (!(after < before / 2)) {
      throw new AssertionError("expected less than half of the error");
    }
  }
}
