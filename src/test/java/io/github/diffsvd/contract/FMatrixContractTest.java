package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.FMatrix;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.OwnedMatrixBatch;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link FMatrix} promises, on every device. */
@Tag("gpu")
class FMatrixContractTest {
  static Stream<Arguments> cases() {
    return TestDevices.devices()
        .flatMap(
            device ->
                Stream.of(DataType.FLOAT32, DataType.FLOAT64)
                    .flatMap(
                        type ->
                            Stream.of(Spectrum.values())
                                .map(spectrum -> Arguments.of(device, type, spectrum))));
  }

  @ParameterizedTest(name = "{0} {1} {2}", autoCloseArguments = false)
  @MethodSource("cases")
  void isTheClassicalMatrixAndItsRegularisedTwin(Device device, DataType type, Spectrum spectrum) {
    Random random = new Random(TestDevices.SEED);
    int k = 7;
    double tolerance = Math.pow(type.epsilon(), 0.75);
    List<double[]> spectra =
        Stream.generate(() -> spectrum.values(type, k, random)).limit(3).toList();
    try (OwnedMatrixBatch s =
            Batch.upload(
                device, type, spectra.stream().map(x -> Host.real(k, 1, (i, j) -> x[i])).toList());
        OwnedMatrixBatch f = Batch.poisoned(device, type, 3, k, k);
        OwnedMatrixBatch gap = Batch.poisoned(device, type, 3, k, k);
        OwnedMatrixBatch sum = Batch.poisoned(device, type, 3, k, k)) {
      FMatrix matrix =
          FMatrix.create(device, new BatchShape(type, 3, k, k), GradientRule.moorePenrose());
      matrix.classical(s, f);
      matrix.gap(s, gap);
      matrix.sum(s, sum);
      for (int b = 0; b < 3; b++) {
        double[] x = spectra.get(b);
        var rule = new Reference.MoorePenrose(type, tolerance, x);
        Host actualF = Batch.download(device, f)[b];
        Host actualGap = Batch.download(device, gap)[b];
        Host actualSum = Batch.download(device, sum)[b];
        for (int i = 0; i < k; i++) {
          for (int j = 0; j < k; j++) {
            assertClose(type, actualGap.re(i, j), rule.gap(i, j));
            assertClose(type, actualSum.re(i, j), rule.sum(i, j));
            assertThat(actualGap.re(i, j)).as("odd").isEqualTo(-actualGap.re(j, i));
            if (i == j) {
              assertThat(actualF.re(i, j)).isZero();
            } else {
              assertClose(
                  type,
                  actualF.re(i, j),
                  (1 / round(type, x[j] - x[i])) * (1 / round(type, x[j] + x[i])));
            }
          }
        }
      }
    }
  }

  private static double round(DataType type, double x) {
    return type == DataType.FLOAT32 ? (float) x : x;
  }

  /** Two roundings of each factor; infinities and NaN as they are. */
  private static void assertClose(DataType type, double actual, double expected) {
    double largest = type == DataType.FLOAT32 ? Float.MAX_VALUE : Double.MAX_VALUE;
    if (Double.isNaN(expected)) {
      assertThat(actual).isNaN();
    } else if (Math.abs(expected) > largest / 2) {
      assertThat(Math.abs(actual)).isGreaterThan(largest / 4);
    } else {
      assertThat(Math.abs(actual - expected))
          .isLessThanOrEqualTo(
              4 * type.epsilon() * Math.abs(expected) + 4 * Tolerances.denormal(type));
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void isRealForComplexMatricesToo(Device device) {
    FMatrix matrix =
        FMatrix.create(
            device, new BatchShape(DataType.COMPLEX64, 1, 5, 2), GradientRule.moorePenrose());
    BatchShape pairs = new BatchShape(DataType.FLOAT32, 1, 2, 2);
    try (OwnedMatrixBatch s = device.upload(new BatchShape(DataType.FLOAT32, 1, 2, 1), 3, 1);
        OwnedMatrixBatch f = device.allocate(pairs)) {
      matrix.classical(s, f);
      assertThat(device.read(f)).containsExactly(0, -0.125, 0.125, 0);
    }
  }
}
