package io.github.diffsvd.contract;

import io.github.diffsvd.DataType;

/** Every bound of the contract suites, in units of rounding errors. */
final class Tolerances {
  private Tolerances() {}

  /**
   * What a backward stable computation with sums of length n may lose, relative to the norms of its
   * operands.
   */
  static double rounding(DataType type, int n) {
    return 16 * Math.max(n, 4) * type.epsilon();
  }

  /**
   * What a residual relative to ‖A‖, and an entry of UᴴU − I, may be in units of epsilon whatever
   * the matrix.
   *
   * @param library whether another library's algorithm computes it
   */
  static double decomposition(int k, boolean library) {
    return (library ? 100 : 30) * Math.sqrt(k);
  }

  /** The smallest positive number of the type: nothing can be more exact than that. */
  static double denormal(DataType type) {
    return type.real() == DataType.FLOAT32 ? Float.MIN_VALUE : Double.MIN_VALUE;
  }

  /** Central differences in double precision against an exact derivative, relative. */
  static final double DIFFERENCES = 1e-6;
}
