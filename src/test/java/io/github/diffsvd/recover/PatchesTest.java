package io.github.diffsvd.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PatchesTest {
  @ParameterizedTest
  @CsvSource({"32, 32, 8", "33, 32, 8", "50, 41, 7", "64, 96, 16", "40, 100, 32"})
  void scatterIsTheAdjointOfGather(int width, int height, int stride) {
    Patches patches = new Patches(width, height, stride);
    double[] picture = TestPictures.noise(width * height * 3, 1);
    double[] unfolded = TestPictures.noise(patches.count() * Patches.SIZE, 2);
    for (boolean alongColumns : new boolean[] {false, true}) {
      double[] gathered = new double[unfolded.length];
      double[] scattered = new double[picture.length];
      patches.gather(picture, alongColumns, 0, patches.count(), gathered);
      patches.scatter(unfolded, alongColumns, 0, patches.count(), scattered);
      assertThat(dot(gathered, unfolded)).isCloseTo(dot(picture, scattered), within(1e-9));
    }
  }

  @ParameterizedTest
  @CsvSource({"32, 32, 8", "50, 41, 7", "40, 100, 32"})
  void theMeanOfUnchangedPatchesIsThePicture(int width, int height, int stride) {
    Patches patches = new Patches(width, height, stride);
    double[] picture = TestPictures.noise(width * height * 3, 3);
    double[] unfolded = new double[patches.count() * Patches.SIZE];
    double[] back = new double[picture.length];
    patches.gather(picture, true, 0, patches.count(), unfolded);
    patches.scatter(unfolded, true, 0, patches.count(), back);
    patches.average(back);
    for (int i = 0; i < back.length; i++) {
      assertThat(back[i]).as("value %d", i).isCloseTo(picture[i], within(1e-14));
    }
  }

  @Test
  void unfoldsAlongRowsAndAlongColumns() {
    double[] picture = new double[34 * 33 * 3];
    Arrays.setAll(picture, i -> i);
    Patches patches = new Patches(34, 33, 1);
    double[] unfolded = new double[Patches.SIZE];
    int second = 1; // one pixel to the right
    patches.gather(picture, false, second, 1, unfolded);
    assertThat(unfolded[5 * Patches.COLUMNS + 7 * 3 + 2]).isEqualTo((5 * 34 + 7 + 1) * 3 + 2);
    patches.gather(picture, true, second, 1, unfolded);
    assertThat(unfolded[7 * Patches.COLUMNS + 5 * 3 + 2]).isEqualTo((5 * 34 + 7 + 1) * 3 + 2);
  }

  @Test
  void aPictureSmallerThanAPatchIsRefused() {
    assertThatThrownBy(() -> new Patches(31, 64, 8))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("31");
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
