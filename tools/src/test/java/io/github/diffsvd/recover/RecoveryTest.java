package io.github.diffsvd.recover;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.Device;
import io.github.diffsvd.compare.GradientMethod;
import java.util.Arrays;
import java.util.concurrent.ForkJoinPool;
import org.junit.jupiter.api.Test;

class RecoveryTest {
  private static Recovery.Result run(Picture picture, long seed, int cells, int iterations) {
    try (Device device = Device.open("cpu")) {
      return Recovery.run(
          device,
          Samples.of(picture, 0.4, seed),
          new Recovery.Settings(cells, iterations, GradientMethod.SPECTRAL, seed),
          (iteration, loss) -> {});
    }
  }

  @Test
  void groupsAndLearningHelp() {
    Picture picture = TestPictures.smooth(48, 48);
    Recovery.Result result = run(picture, 1, 4, 12);
    assertThat(result.nonFiniteGradients()).isZero();
    assertThat(result.untrained().psnr(picture)).isGreaterThan(result.start().psnr(picture) + 1);
    assertThat(result.learned().psnr(picture))
        .isGreaterThan(result.untrained().psnr(picture) + 0.05);
  }

  @Test
  void aPhotographIsBetterThanAnyInterpolation() {
    Picture picture = Picture.example().centreSquare(48);
    Samples samples = Samples.of(picture, 0.4, 1);
    Recovery.Result result = run(picture, 1, 4, 12);
    assertThat(result.nonFiniteGradients()).isZero();
    assertThat(result.learned().psnr(picture))
        .isGreaterThan(result.start().psnr(picture) + 0.4)
        .isGreaterThan(samples.completed(Interpolation.thinPlate(samples, 1)).psnr(picture) + 3)
        .isGreaterThan(samples.completed(Interpolation.acrossChannels(samples)).psnr(picture) + 1);
  }

  @Test
  void theSeedDecidesEverything() {
    Picture picture = TestPictures.smooth(32, 36);
    Recovery.Result first = run(picture, 7, 2, 3);
    // In a pool of one thread, where the parallel loops are serial.
    Recovery.Result second = new ForkJoinPool(1).submit(() -> run(picture, 7, 2, 3)).join();
    assertThat(second.learned().values()).isEqualTo(first.learned().values());
    assertThat(second.losses()).isEqualTo(first.losses());
    assertThat(run(picture, 8, 2, 3).learned().values()).isNotEqualTo(first.learned().values());
  }

  /** Rank 1 and rank 0: nearly all singular values are equal, namely zero. */
  @Test
  void plainPicturesHaveFiniteGradients() {
    for (double level : new double[] {0, 0.5, 1}) {
      double[] values = new double[32 * 32 * 3];
      Arrays.fill(values, level);
      Picture picture = new Picture(32, 32, values);
      Recovery.Result result = run(picture, 1, 2, 3);
      assertThat(result.nonFiniteGradients()).isZero();
      assertThat(result.learned().psnr(picture)).isGreaterThan(30);
    }
  }

  @Test
  void samplesShowTheirShareAndNothingElse() {
    Picture picture = TestPictures.smooth(64, 64);
    Samples samples = Samples.of(picture, 0.4, 3);
    int seen = 0;
    for (int i = 0; i < samples.seen().length; i++) {
      assertThat(samples.values()[i]).isEqualTo(samples.seen()[i] ? picture.values()[i] : 0);
      seen += samples.seen()[i] ? 1 : 0;
    }
    assertThat(seen / (double) samples.seen().length).isBetween(0.38, 0.42);
    assertThat(samples.completed(new double[samples.seen().length]).values())
        .isEqualTo(samples.values());
  }
}
