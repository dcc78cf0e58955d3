package io.github.diffsvd.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GroupsTest {
  private static Groups found(double[] picture, int width, int height) {
    Groups groups = new Groups(width, height);
    groups.find(picture);
    return groups;
  }

  @ParameterizedTest
  @CsvSource({"24, 24", "33, 32", "50, 41", "40, 100"})
  void scatterIsTheAdjointOfGather(int width, int height) {
    double[] picture = TestPictures.noise(width * height * 3, 1);
    Groups groups = found(picture, width, height);
    double[] matrices = TestPictures.noise(groups.count() * Groups.SIZE, 2);
    double[] gathered = new double[matrices.length];
    double[] scattered = new double[picture.length];
    groups.gather(picture, 0, groups.count(), gathered);
    groups.scatter(matrices, 0, groups.count(), scattered);
    assertThat(dot(gathered, matrices)).isCloseTo(dot(picture, scattered), within(1e-9));
  }

  @ParameterizedTest
  @CsvSource({"24, 24", "50, 41", "40, 100"})
  void theMeanOfUnchangedPatchesIsThePicture(int width, int height) {
    double[] picture = TestPictures.noise(width * height * 3, 3);
    Groups groups = found(picture, width, height);
    double[] matrices = new double[groups.count() * Groups.SIZE];
    double[] back = new double[picture.length];
    groups.gather(picture, 0, groups.count(), matrices);
    groups.scatter(matrices, 0, groups.count(), back);
    groups.average(back);
    for (int i = 0; i < back.length; i++) {
      assertThat(back[i]).as("value %d", i).isCloseTo(picture[i], within(1e-14));
    }
  }

  /** Noise that repeats after 6 pixels in both directions: 9 to 16 patches in reach are equal. */
  @Test
  void theSamePatchElsewhereIsFoundFirst() {
    int side = 48;
    double[] tile = TestPictures.noise(6 * 6 * 3, 4);
    double[] picture = new double[side * side * 3];
    Arrays.setAll(picture, i -> tile[(i / 3 / side % 6 * 6 + i / 3 % side % 6) * 3 + i % 3]);
    Groups groups = found(picture, side, side);
    double[] matrices = new double[groups.count() * Groups.SIZE];
    groups.gather(picture, 0, groups.count(), matrices);
    for (int row = 0; row < groups.count() * Groups.ROWS; row++) {
      for (int j = 1; j < 9; j++) {
        assertThat(matrices[row * Groups.COLUMNS + j])
            .as("row %d, member %d", row, j)
            .isEqualTo(matrices[row * Groups.COLUMNS]);
      }
    }
  }

  /** Every patch of a plain picture is like every other; each group has its own all the same. */
  @Test
  void aPlainPictureIsCoveredWithoutGaps() {
    double[] picture = new double[61 * 47 * 3];
    Arrays.fill(picture, 0.25);
    Groups groups = found(picture, 61, 47);
    double[] matrices = new double[groups.count() * Groups.SIZE];
    double[] back = new double[picture.length];
    groups.gather(picture, 0, groups.count(), matrices);
    groups.scatter(matrices, 0, groups.count(), back);
    groups.average(back);
    for (double value : back) {
      assertThat(value).isCloseTo(0.25, within(1e-14));
    }
  }

  @Test
  void aPictureSmallerThanTheSearchIsRefused() {
    assertThatThrownBy(() -> new Groups(23, 64))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("picture: expected at least 24 pixels on each side, got 23");
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
