package io.github.diffsvd.torch;

import static io.github.diffsvd.torch.Tensors.leaf;
import static io.github.diffsvd.torch.Tensors.random;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdOptions;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

/** Which plans are used again, and which are closed. */
class PlansTest {
  /** Never closed, as the plans that wait are not. */
  private static final Device CPU = Device.open("cpu");

  private static Plans.Key key(int batch, Object purpose) {
    return new Plans.Key(CPU, 0, DataType.FLOAT64, batch, 6, 6, purpose);
  }

  private static Plans.Key key(int batch) {
    return key(batch, SpectralFunction.sqrt());
  }

  private static long bytes(Plans.Key key) {
    long[] bytes = new long[1];
    new Plans(0).with(key, kit -> bytes[0] = kit.bytes());
    return bytes[0];
  }

  private static void use(Plans plans, Plans.Key key) {
    plans.with(key, kit -> {});
  }

  @Test
  void aTrainingLoopMakesItsPlansOnce() {
    try (PointerScope scope = new PointerScope()) {
      // Shapes that no other test has.
      Tensor x = leaf(random(ScalarType.Double, 3, 11, 7));
      Tensor square = leaf(x.matmul(x.mH()));
      long before = Plans.SHARED.made();
      for (int i = 0; i < 100; i++) {
        TorchSvd.svd(x).s().sum().backward();
      }
      assertThat(Plans.SHARED.made() - before).isEqualTo(1);
      for (int i = 0; i < 100; i++) {
        TorchSvd.eigh(square).values().sum().backward();
      }
      assertThat(Plans.SHARED.made() - before).isEqualTo(2);
    }
  }

  @Test
  void everyPurposeHasItsPlansAndTheirBytes() {
    Plans plans = new Plans(1 << 20);
    List<Object> purposes =
        List.of(
            SvdOptions.defaults(),
            SvdOptions.defaults().withRule(GradientRule.svdInv()),
            GradientRule.moorePenrose(),
            GradientRule.zero(),
            SpectralFunction.sqrt(),
            Plans.TABLE);
    for (int round = 0; round < 2; round++) {
      for (Object purpose : purposes) {
        plans.with(
            key(64, purpose),
            kit -> {
              assertThat(kit.svd != null)
                  .isEqualTo(purpose instanceof SvdOptions || purpose == Plans.TABLE);
              assertThat(kit.eigh != null).isEqualTo(purpose instanceof GradientRule);
              assertThat(kit.spectral != null)
                  .isEqualTo(purpose instanceof SpectralFunction || purpose == Plans.TABLE);
              assertThat(kit.info != null).isEqualTo(kit.spectral != null);
              if (kit.svd == null) {
                // Seven matrices of a SpectralPlan at the least.
                assertThat(kit.bytes()).isGreaterThanOrEqualTo(7 * 64 * 6 * 6 * 8);
              }
            });
      }
    }
    assertThat(plans.made()).isEqualTo(purposes.size());
    assertThat(plans.idle())
        .containsExactlyElementsOf(purposes.stream().map(p -> key(64, p)).toList());
  }

  @Test
  void theLongestIdleGoesFirstWhereTheBytesDoNotSuffice() {
    long ofThree = bytes(key(64)) + bytes(key(65)) + bytes(key(66));
    Plans plans = new Plans(ofThree);
    use(plans, key(64));
    use(plans, key(65));
    use(plans, key(66));
    assertThat(plans.idle()).containsExactly(key(64), key(65), key(66));
    use(plans, key(64));
    assertThat(plans.idle()).containsExactly(key(65), key(66), key(64));
    // It needs the place of one, and takes that of two for a little more than it had.
    use(plans, key(65 + 66));
    assertThat(plans.idle()).containsExactly(key(64), key(65 + 66));
    assertThat(plans.made()).isEqualTo(4);
    use(plans, key(65));
    assertThat(plans.made()).isEqualTo(5);
  }

  @Test
  void aPlanThatIsLargerThanTheBoundIsClosedAtOnceAndLeavesTheOthers() {
    Plans plans = new Plans(bytes(key(64)));
    use(plans, key(64));
    List<Plans.Kit> large = new ArrayList<>();
    plans.with(key(640), large::add);
    assertThat(plans.idle()).containsExactly(key(64));
    assertThatThrownBy(() -> large.get(0).spectral.allocateFactors())
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aPlanThatFailedIsNotUsedAgain() {
    Plans plans = new Plans(1 << 20);
    assertThatThrownBy(
            () ->
                plans.with(
                    key(2),
                    kit -> {
                      throw new IllegalStateException("failed");
                    }))
        .hasMessage("failed");
    assertThat(plans.idle()).isEmpty();
  }

  @Test
  void noMoreThanSixtyFourWait() {
    Plans plans = new Plans(Long.MAX_VALUE);
    for (int batch = 1; batch <= 65; batch++) {
      use(plans, key(batch));
    }
    assertThat(plans.idle()).hasSize(64).doesNotContain(key(1)).endsWith(key(65));
  }
}
