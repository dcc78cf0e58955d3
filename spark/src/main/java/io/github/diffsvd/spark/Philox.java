package io.github.diffsvd.spark;

/**
 * Normal numbers by their index, the same on every machine and in any order: Philox4x32-10 (Salmon
 * and others, Parallel random numbers: as easy as 1, 2, 3, SC 2011), and the transform of Box and
 * Muller.
 */
final class Philox {
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final int ROUNDS = 10;
  private static final long WORD = 0xffff_ffffL;

  private Philox() {}

  /** The four words of a counter under a key of two. */
  static int[] block(int[] counter, int key0, int key1) {
    int[] c = counter.clone();
    int k0 = key0;
    int k1 = key1;
    for (int round = 0; round < ROUNDS; round++) {
      long p0 = MULTIPLIER_0 * (c[0] & WORD);
      long p1 = MULTIPLIER_1 * (c[2] & WORD);
      c[0] = (int) (p1 >>> 32) ^ c[1] ^ k0;
      c[1] = (int) p1;
      c[2] = (int) (p0 >>> 32) ^ c[3] ^ k1;
      c[3] = (int) p0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    return c;
  }

  /** The first normal numbers of a seed, as a matrix of that many elements has them. */
  static double[] normals(long seed, int count) {
    double[] values = new double[count];
    int[] counter = new int[4];
    for (int i = 0; i < count; i += 2) {
      counter[0] = i / 2;
      int[] words = block(counter, (int) seed, (int) (seed >>> 32));
      double radius = Math.sqrt(-2 * Math.log(uniform(words[0], words[1])));
      double angle = 2 * Math.PI * uniform(words[2], words[3]);
      values[i] = radius * Math.cos(angle);
      if (i + 1 < count) {
        values[i + 1] = radius * Math.sin(angle);
      }
    }
    return values;
  }

  /** Above 0 and at most 1. */
  private static double uniform(int high, int low) {
    long bits = ((high & WORD) << 32 | (low & WORD)) >>> 11;
    return (bits + 1) * 0x1p-53;
  }
}
