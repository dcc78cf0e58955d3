package io.github.diffsvd.torch;

import static io.github.diffsvd.torch.Tensors.leaf;
import static io.github.diffsvd.torch.Tensors.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.PlanPool;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

/** Plans are used again from one step to the next. */
class PlansTest {
  @Test
  void aTrainingLoopMakesItsPlansOnce() {
    try (PointerScope scope = new PointerScope()) {
      // Shapes that no other test has.
      Tensor x = leaf(random(ScalarType.Double, 3, 11, 7));
      Tensor square = leaf(x.matmul(x.mH()));
      PlanPool pool = TensorBatch.of(x).place.pool;
      long before = pool.made();
      for (int i = 0; i < 100; i++) {
        TorchSvd.svd(x).s().sum().backward();
      }
      assertThat(pool.made() - before).isEqualTo(1);
      for (int i = 0; i < 100; i++) {
        TorchSvd.eigh(square).values().sum().backward();
      }
      assertThat(pool.made() - before).isEqualTo(2);
    }
  }
}
