package io.github.diffsvd.contract;

import io.github.diffsvd.DataType;
import java.util.Arrays;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** The singular values that every test sweeps, descending. */
enum Spectrum {
  DISTINCT,
  GEOMETRIC_1E2,
  GEOMETRIC_1E6,
  GEOMETRIC_1E12,
  ARITHMETIC,
  CLUSTER_AT_TOP,
  CLUSTER_AT_BOTTOM,
  PAIR,
  TRIPLE,
  ALL_EQUAL,
  GAP_1E1,
  GAP_1E3,
  GAP_1E5,
  GAP_1E8,
  GAP_1E12,
  GAP_1E16,
  RANK_ONE,
  RANK_HALF,
  ZERO,
  SMALL_SCALE,
  LARGE_SCALE,
  DENORMAL;

  /**
   * Whether all values differ by far more than rounding, so that the derivative exists and
   * differences find it.
   */
  boolean isWellSeparated() {
    return this == DISTINCT || this == GEOMETRIC_1E2 || this == ARITHMETIC;
  }

  double[] values(DataType type, int k, Random random) {
    boolean single = type.real() == DataType.FLOAT32;
    double[] s =
        switch (this) {
          case DISTINCT -> of(k, i -> k - i + 0.5 * random.nextDouble());
          case GEOMETRIC_1E2 -> geometric(k, 1e2);
          case GEOMETRIC_1E6 -> geometric(k, 1e6);
          case GEOMETRIC_1E12 -> geometric(k, 1e12);
          case ARITHMETIC -> of(k, i -> 1 - (double) i / (k + 1));
          case CLUSTER_AT_TOP -> of(k, i -> i < (k + 1) / 2 ? 3 : 1.0 / (i + 1));
          case CLUSTER_AT_BOTTOM -> of(k, i -> i >= k / 2 ? 0.25 : 2.0 + k - i);
          case PAIR -> of(k, i -> i < 2 ? 2 : 1.0 / i);
          case TRIPLE -> of(k, i -> i < 3 ? 2 : 1.0 / i);
          case ALL_EQUAL -> of(k, i -> 3);
          case GAP_1E1 -> nearTie(k, 1e-1);
          case GAP_1E3 -> nearTie(k, 1e-3);
          case GAP_1E5 -> nearTie(k, 1e-5);
          case GAP_1E8 -> nearTie(k, 1e-8);
          case GAP_1E12 -> nearTie(k, 1e-12);
          case GAP_1E16 -> nearTie(k, 1e-16);
          case RANK_ONE -> of(k, i -> i == 0 ? 5 : 0);
          case RANK_HALF -> of(k, i -> i < (k + 1) / 2 ? k - i : 0);
          case ZERO -> of(k, i -> 0);
          case SMALL_SCALE -> of(k, i -> (k - i) * (single ? 1e-30 : 1e-200));
          case LARGE_SCALE -> of(k, i -> (k - i) * (single ? 1e30 : 1e200));
          case DENORMAL -> of(k, i -> (k - i) * 64 * (single ? Float.MIN_VALUE : Double.MIN_VALUE));
        };
    return single ? Arrays.stream(s).map(x -> (float) x).toArray() : s;
  }

  private static double[] of(int k, IntToDoubleFunction value) {
    return IntStream.range(0, k).mapToDouble(value).toArray();
  }

  private static double[] geometric(int k, double condition) {
    return of(k, i -> Math.pow(condition, -(double) i / Math.max(1, k - 1)));
  }

  /** Two values that differ by a relative gap, the others far away. */
  private static double[] nearTie(int k, double gap) {
    return of(k, i -> i == 0 ? 2 * (1 + gap) : i == 1 ? 2 : 1.0 / i);
  }
}
