package io.github.diffsvd.experiments;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Which values of k-space are measured; another pattern in every frame. */
enum SamplingMasks {
  /** Rows, the four in the middle and others the more often the nearer they are. */
  CARTESIAN {
    @Override
    void fill(
        double[] mask, int size, int wanted, int frame, double phase, SplittableRandom random) {
      boolean[] rows = new boolean[size];
      Arrays.fill(rows, size / 2 - 2, size / 2 + 2, true);
      int left = Math.max(0, wanted / size - 4);
      while (left > 0) {
        int row = random.nextInt(size);
        double nearness = 1 - Math.abs(row - size / 2.0) / (size / 2.0);
        if (!rows[row] && random.nextDouble() < nearness * nearness) {
          rows[row] = true;
          left--;
        }
      }
      for (int i = 0; i < mask.length; i++) {
        mask[i] = rows[i / size] ? 1 : 0;
      }
    }
  },

  /** Lines through the middle on the grid, each turned by the golden angle from the one before. */
  RADIAL {
    @Override
    void fill(
        double[] mask, int size, int wanted, int frame, double phase, SplittableRandom random) {
      int measured = 0;
      for (int spoke = 0; measured < wanted; spoke++) {
        double angle = phase + GOLDEN_ANGLE * (frame * SPOKES_APART + spoke);
        for (double r = -size; r <= size && measured < wanted; r += 0.5) {
          long row = Math.round(size / 2.0 + r * Math.sin(angle));
          long column = Math.round(size / 2.0 + r * Math.cos(angle));
          if (row >= 0 && row < size && column >= 0 && column < size) {
            int at = (int) (row * size + column);
            measured += mask[at] == 0 ? 1 : 0;
            mask[at] = 1;
          }
        }
      }
    }
  };

  private static final double GOLDEN_ANGLE = Math.PI * (Math.sqrt(5) - 1) / 2;

  /** So that no two frames share a line. */
  private static final int SPOKES_APART = 1000;

  /** Marks about as many places as are wanted, the centre of k-space in the middle. */
  abstract void fill(
      double[] mask, int size, int wanted, int frame, double phase, SplittableRandom random);

  /**
   * 1 where a value is measured, 0 elsewhere.
   *
   * @param acceleration places per measured one
   * @return frames × size × size, float32, the centre of k-space first
   */
  Tensor draw(int frames, int size, int acceleration, SplittableRandom random) {
    double[] all = new double[frames * size * size];
    double phase = random.nextDouble(Math.PI);
    for (int frame = 0; frame < frames; frame++) {
      double[] mask = new double[size * size];
      fill(mask, size, size * size / acceleration, frame, phase, random);
      System.arraycopy(mask, 0, all, frame * mask.length, mask.length);
    }
    return Mri.fromCentred(Tensors.of(all, frames, size, size).to(torch.ScalarType.Float));
  }
}
