package io.github.diffsvd.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class InterpolationTest {
  enum Method {
    THIN_PLATE,
    SHARED_DETAIL,
    ACROSS_CHANNELS;

    double[] interpolate(Samples samples) {
      return switch (this) {
        case THIN_PLATE -> Interpolation.thinPlate(samples, 1);
        case SHARED_DETAIL -> Interpolation.thinPlate(samples, 20);
        case ACROSS_CHANNELS -> Interpolation.acrossChannels(samples);
      };
    }

    double psnr(Picture picture, double rate) {
      Samples samples = Samples.of(picture, rate, 1);
      return samples.completed(interpolate(samples)).psnr(picture);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPlainPictureIsReproduced(Method method) {
    double[] values = new double[32 * 40 * 3];
    Arrays.setAll(values, i -> 0.2 + 0.3 * (i % 3));
    Picture picture = new Picture(32, 40, values);
    // Its weights are drawn to 0 a little where little is seen.
    double least = method == Method.ACROSS_CHANNELS ? 40 : 100;
    assertThat(method.psnr(picture, 0.1)).isGreaterThan(least);
  }

  @ParameterizedTest
  @EnumSource
  void theLeastIsEnough(Method method) {
    for (double rate : new double[] {0, 0.001, 1}) {
      assertThat(method.psnr(TestPictures.smooth(32, 33), rate)).as("rate %s", rate).isNotNaN();
    }
  }

  @Test
  void channelsShareDetail() {
    Picture picture = Picture.example().centreSquare(64);
    double alone = Method.THIN_PLATE.psnr(picture, 0.4);
    assertThat(Method.SHARED_DETAIL.psnr(picture, 0.4)).isGreaterThan(alone + 1.5);
    assertThat(Method.ACROSS_CHANNELS.psnr(picture, 0.4)).isGreaterThan(alone + 1.5);
  }

  @Test
  void withStiffnessOneEveryChannelIsAlone() {
    Samples samples = Samples.of(TestPictures.smooth(32, 32), 0.3, 2);
    double[] other = samples.values().clone();
    for (int i = 0; i < other.length; i += 3) {
      other[i] *= 0.5;
    }
    double[] first = Interpolation.thinPlate(samples, 1);
    double[] second = Interpolation.thinPlate(new Samples(32, 32, other, samples.seen()), 1);
    for (int i = 0; i < first.length; i++) {
      if (i % 3 > 0) {
        assertThat(second[i]).as("value %d", i).isCloseTo(first[i], within(1e-3));
      }
    }
  }
}
