package io.github.diffsvd;

import java.util.Arrays;
import java.util.Objects;
import java.util.function.ToIntFunction;

/**
 * How many singular values to keep, for {@link SvdFactors#leading}, and the error that this makes.
 * A batch is truncated to one rank, the largest that any of its matrices needs; matrices without a
 * decomposition, whose singular values are NaN, need none.
 *
 * <p>Immutable. To choose, the singular values are read: it waits for the stream.
 */
public final class Truncation {
  private final int rank;
  private final double[] errors;

  private Truncation(double[][] values, int rank) {
    this.rank = rank;
    errors =
        Arrays.stream(values).mapToDouble(s -> hasNone(s) ? Double.NaN : norm(s, rank)).toArray();
  }

  /**
   * To a rank.
   *
   * @param s batch × k × 1, real, descending; any strides; not changed
   * @param rank r, 0 … k
   * @param stream raw handle of the one that writes s, 0 for the device's own
   */
  public static Truncation toRank(Device device, MatrixBatch s, int rank, long stream) {
    if (rank < 0 || rank > s.rows()) {
      throw new IllegalArgumentException("rank: expected 0 … " + s.rows() + ", got " + rank);
    }
    return new Truncation(read(device, s, stream), rank);
  }

  /**
   * By a tolerance: every s_i &gt; t·s₁ is kept.
   *
   * @param s batch × k × 1, real, descending; any strides; not changed
   * @param tolerance t ≥ 0
   * @param stream raw handle of the one that writes s, 0 for the device's own
   */
  public static Truncation byTolerance(
      Device device, MatrixBatch s, double tolerance, long stream) {
    if (!(tolerance >= 0)) {
      throw new IllegalArgumentException(
          "tolerance: expected a number of at least 0, got " + tolerance);
    }
    return choose(
        device,
        s,
        stream,
        values -> (int) Arrays.stream(values).filter(x -> x > tolerance * values[0]).count());
  }

  /**
   * By energy: the fewest values with s₁² + … + s_r² ≥ share·(s₁² + … + s_k²), so that ‖A − A_r‖ ≤
   * √(1 − share)·‖A‖ in Frobenius norms.
   *
   * @param s batch × k × 1, real, descending; any strides; not changed
   * @param share 0 … 1; with 1 all values above 0 are kept
   * @param stream raw handle of the one that writes s, 0 for the device's own
   */
  public static Truncation byEnergy(Device device, MatrixBatch s, double share, long stream) {
    if (!(share >= 0 && share <= 1)) {
      throw new IllegalArgumentException("share: expected 0 … 1, got " + share);
    }
    return choose(
        device,
        s,
        stream,
        values -> {
          // From the small end, so that a share of 1 sees them.
          double most = Math.sqrt(1 - share) * norm(values, 0);
          int rank = values.length;
          while (rank > 0 && norm(values, rank - 1) <= most) {
            rank--;
          }
          return rank;
        });
  }

  private static Truncation choose(
      Device device, MatrixBatch s, long stream, ToIntFunction<double[]> rankOf) {
    double[][] values = read(device, s, stream);
    int rank = 0;
    for (double[] each : values) {
      rank = Math.max(rank, hasNone(each) ? 0 : rankOf.applyAsInt(each));
    }
    return new Truncation(values, rank);
  }

  private static double[][] read(Device device, MatrixBatch s, long stream) {
    Objects.requireNonNull(device, "device");
    Checks.readable("s", s, s.shape().realColumn(s.rows()));
    device.synchronize(stream);
    double[] all = device.read(s);
    double[][] values = new double[s.batch()][];
    for (int b = 0; b < values.length; b++) {
      values[b] = Arrays.copyOfRange(all, b * s.rows(), (b + 1) * s.rows());
    }
    return values;
  }

  /** Whether a matrix has no decomposition. */
  private static boolean hasNone(double[] s) {
    return s.length > 0 && Double.isNaN(s[0]);
  }

  /** √(s_{from+1}² + … + s_k²), in range where s₁ is. */
  private static double norm(double[] s, int from) {
    double sum = 0;
    for (int i = s.length - 1; i >= from && s[from] != 0; i--) {
      sum += s[i] / s[from] * (s[i] / s[from]);
    }
    return from < s.length ? s[from] * Math.sqrt(sum) : 0;
  }

  /** How many values are kept, for every matrix of the batch. */
  public int rank() {
    return rank;
  }

  /** ‖A − A_r‖ of each matrix in the Frobenius norm, √(s_{r+1}² + … + s_k²); NaN where S is NaN. */
  public double[] errors() {
    return errors.clone();
  }

  @Override
  public String toString() {
    return "rank " + rank + ", errors " + Arrays.toString(errors);
  }
}
