package io.github.diffsvd.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.recover.Picture;
import io.github.diffsvd.recover.Samples;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The parts of the colour experiments. */
class CompressedSensingTest {
  private static final Device CPU = new Device("cpu");
  private static final Picture PICTURE = Picture.example().centreSquare(64);
  private static final Samples SAMPLES = Samples.of(PICTURE, 0.4, 1);

  private static CompressedSensing problem(Start start) {
    torch.manual_seed(1);
    return new CompressedSensing(
        TlrNet.random(2, GradientMethod.SPECTRAL, CPU),
        List.of(Tensors.of(PICTURE)),
        new double[] {0.4},
        2,
        start);
  }

  @Test
  void picturesAreTensorsAndBack() {
    Tensor planes = Tensors.of(PICTURE);
    assertThat(planes.sizes().vec().get()).containsExactly(3, 64, 64);
    Picture back = Tensors.picture(planes);
    for (int i = 0; i < PICTURE.values().length; i++) {
      assertThat(back.values()[i]).isCloseTo(PICTURE.values()[i], within(1e-7));
    }
  }

  @Test
  void qualityIsThatOfItsDefinition() {
    Tensor truth = Tensors.of(PICTURE);
    assertThat(Quality.of(truth.add(new Scalar(0.1)), truth).psnr()).isCloseTo(20, within(1e-4));
    assertThat(Quality.of(truth, truth).ssim()).isCloseTo(1, within(1e-6));
    torch.manual_seed(2);
    Tensor noisy = truth.add(torch.randn_like(truth).mul(new Scalar(0.1)));
    assertThat(Quality.of(noisy, truth).ssim()).isBetween(0.1, 0.9);
    // Constant pictures: the contrast term is 1, what is left is (2ab + c₁)/(a² + b² + c₁).
    Tensor dark = torch.full(new long[] {1, 16, 16}, new Scalar(0.2f));
    Tensor bright = torch.full(new long[] {1, 16, 16}, new Scalar(0.4f));
    double expected = (2 * 0.2 * 0.4 + 1e-4) / (0.04 + 0.16 + 1e-4);
    assertThat(Quality.of(dark, bright).ssim()).isCloseTo(expected, within(1e-4));
  }

  @ParameterizedTest
  @EnumSource
  void startsAreWhatIsSeenWherePicturesAreFlat(Start start) {
    Tensor seen = Tensors.of(new Picture(32, 32, mask())).unsqueeze(0);
    Tensor flat = torch.full(new long[] {1, 3, 32, 32}, new Scalar(0.3f));
    Tensor estimate = start.of(flat.mul(seen), seen);
    assertThat(estimate.sub(flat).abs().max().item_double()).isLessThan(1e-3);
    assertThat(estimate.requires_grad()).isFalse();
  }

  private static double[] mask() {
    double[] mask = new double[32 * 32 * 3];
    SplittableRandom random = new SplittableRandom(4);
    for (int i = 0; i < mask.length; i++) {
      mask[i] = random.nextDouble() < 0.3 ? 1 : 0;
    }
    return mask;
  }

  @Test
  void theInterpolationIsBetterThanMeans() {
    double means = problem(Start.MEANS).start(SAMPLES).psnr(PICTURE);
    double interpolation = problem(Start.INTERPOLATION).start(SAMPLES).psnr(PICTURE);
    assertThat(interpolation).isGreaterThan(means + 2);
  }

  @Test
  void trainingLowersTheLossAndKeepsWhatIsSeen() {
    CompressedSensing problem = problem(Start.MEANS);
    Training training = new Training(problem, new Training.Schedule(40, 10, 1e-3, 0.95, 3));
    for (int i = 0; i < 40; i++) {
      training.step();
    }
    double[] losses = training.losses();
    assertThat(losses[38] + losses[39]).isLessThan((losses[0] + losses[1]) / 2);
    assertThat(training.nonFinite()).isZero();
    Picture recovered = problem.recover(SAMPLES);
    for (int i = 0; i < SAMPLES.seen().length; i++) {
      if (SAMPLES.seen()[i]) {
        assertThat(recovered.values()[i]).isCloseTo(SAMPLES.values()[i], within(1e-5));
      }
    }
  }

  @Test
  void stripesHavePairsOfSingularValues() {
    CyclicStripes stripes = new CyclicStripes(1, 1, new double[] {0.5}, CPU);
    Tensor s = torch.linalg_svdvals(stripes.pictures(16, new SplittableRandom(6)));
    double[] values = Tensors.values(s.reshape(-1, 32));
    int pairs = 0;
    for (int matrix = 0; matrix < 16 * 3; matrix++) {
      double largest = values[matrix * 32];
      for (int i = 1; i < 32; i++) {
        boolean same = values[matrix * 32 + i - 1] - values[matrix * 32 + i] < 1e-5 * largest;
        pairs += same ? 1 : 0;
      }
    }
    // Of each matrix's 32 values all but two come in pairs; here there are six, or rank one.
    assertThat(pairs).isGreaterThan(16 * 3 * 15);
  }
}
