package io.github.diffsvd.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.compare.GradientMethod;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecoveryNetworkTest {
  private static final int WIDTH = 44;
  private static final int HEIGHT = 40;
  private static final double[] PARAMETERS = {-1.5, -2.5, -3.5, 1.4, 0.8, 1.9, 0.7, 1.1, 0.4};

  private final Samples samples = Samples.of(rough(), 0.6, 5);
  private final double[] weights = TestPictures.noise(WIDTH * HEIGHT * 3, 6);

  /** With noise, so that no two patches are equally like a third. */
  private static Picture rough() {
    double[] values = TestPictures.smooth(WIDTH, HEIGHT).values();
    double[] noise = TestPictures.noise(values.length, 4);
    for (int i = 0; i < values.length; i++) {
      values[i] += 0.1 * noise[i];
    }
    return new Picture(WIDTH, HEIGHT, values);
  }

  private static RecoveryNetwork network(Device device, String gradient, boolean trainable) {
    return new RecoveryNetwork(
        device,
        DataType.FLOAT64,
        GradientMethod.parse(gradient),
        PARAMETERS.length / RecoveryNetwork.PARAMETERS,
        WIDTH,
        HEIGHT,
        trainable);
  }

  private double loss(double[] z) {
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      sum += weights[i] * z[i];
    }
    return sum;
  }

  /** Every θ, α and η, through all cells, against central differences. */
  @ParameterizedTest
  @ValueSource(strings = {"moore-penrose", "spectral", "resolve-ties"})
  void theGradientMatchesFiniteDifferences(String method) {
    try (Device device = Device.open("cpu");
        RecoveryNetwork network = network(device, method, true)) {
      double[] start = Interpolation.thinPlate(samples, 20);
      network.forward(PARAMETERS, samples, start);
      double[] gradient = network.backward(weights);
      double step = 1e-6;
      for (int i = 0; i < PARAMETERS.length; i++) {
        double[] moved = PARAMETERS.clone();
        moved[i] += step;
        double up = loss(network.forward(moved, samples, start));
        moved[i] -= 2 * step;
        double down = loss(network.forward(moved, samples, start));
        double expected = (up - down) / (2 * step);
        assertThat(gradient[i])
            .as("parameter %d", i)
            .isCloseTo(expected, within(1e-6 * Math.max(1e-2, Math.abs(expected))));
      }
      // The last multiplier is used by nobody.
      assertThat(gradient[PARAMETERS.length - 1]).isZero();
      assertThat(gradient[0]).isNotZero();
      assertThat(gradient[3]).isNotZero();
      assertThat(gradient[6]).isNotZero();
    }
  }

  @Test
  void aNetworkThatRemembersNothingComputesTheSame() {
    try (Device device = Device.open("cpu");
        RecoveryNetwork trainable = network(device, "moore-penrose", true);
        RecoveryNetwork plain = network(device, "moore-penrose", false)) {
      double[] start = Interpolation.thinPlate(samples, 20);
      assertThat(plain.forward(PARAMETERS, samples, start))
          .isEqualTo(trainable.forward(PARAMETERS, samples, start));
    }
  }
}
