package io.github.diffsvd.recover;

import java.util.SplittableRandom;

/** Pictures made by formula. */
final class TestPictures {
  private TestPictures() {}

  /** Stripes, a ramp and a disc: smooth, coloured, of low rank but for the disc's edge. */
  static Picture smooth(int width, int height) {
    double[] values = new double[width * height * 3];
    for (int i = 0; i < values.length; i++) {
      int pixel = i / 3;
      int row = pixel / width;
      double x = (pixel - row * width) / (double) width;
      double y = row / (double) height;
      int c = i % 3;
      double disc = Math.hypot(x - 0.5, y - 0.5) < 0.3 ? 0.25 : 0;
      values[i] =
          0.4 + 0.15 * Math.sin(12 * x + 2 * c) * Math.cos(9 * y - c) + 0.2 * x * (c - 1) + disc;
    }
    return new Picture(width, height, values);
  }

  static double[] noise(int length, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[length];
    for (int i = 0; i < length; i++) {
      values[i] = random.nextDouble() - 0.5;
    }
    return values;
  }
}
