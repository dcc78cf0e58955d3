package io.github.diffsvd;

import java.util.Objects;

/**
 * A loss of the singular values of each matrix, for {@link SingularValuePlan}. Immutable; the
 * kernel's side is singular_value_loss.cu.
 */
public final class SingularValueLoss {
  private final String name;
  private final int code;
  private final double parameter;

  private SingularValueLoss(String name, int code, double parameter) {
    this.name = name;
    this.code = code;
    this.parameter = parameter;
  }

  /** Σ s_i. Its gradient is U Vᴴ over the values above 0: of the subgradients the smallest. */
  public static SingularValueLoss nuclearNorm() {
    return new SingularValueLoss("nuclear norm", 0, 0);
  }

  /**
   * (Σ s_i^p)^(1/p).
   *
   * @param p at least 1, finite; 2 is the Frobenius norm
   */
  public static SingularValueLoss schattenNorm(double p) {
    if (!(p >= 1 && p < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("p: expected a finite number of at least 1, got " + p);
    }
    return new SingularValueLoss("Schatten norm, p = " + p, 1, p);
  }

  /**
   * s₁. Where r values equal it, each gets a share of 1/r of the gradient: of the subgradients the
   * smallest.
   */
  public static SingularValueLoss spectralNorm() {
    return new SingularValueLoss("spectral norm", 2, 0);
  }

  /** Σ log s_i, log |det A| of a square matrix; −∞ where the rank is not full. */
  public static SingularValueLoss logDeterminant() {
    return logDeterminant(0);
  }

  /**
   * Σ log(s_i + ε).
   *
   * @param epsilon ε ≥ 0, finite
   */
  public static SingularValueLoss logDeterminant(double epsilon) {
    if (!(epsilon >= 0 && epsilon < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "epsilon: expected a finite number of at least 0, got " + epsilon);
    }
    return new SingularValueLoss("log determinant, ε = " + epsilon, 3, epsilon);
  }

  int code() {
    return code;
  }

  double parameter() {
    return parameter;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SingularValueLoss that
        && code == that.code
        && Double.compare(parameter, that.parameter) == 0;
  }

  @Override
  public int hashCode() {
    return Objects.hash(code, parameter);
  }

  @Override
  public String toString() {
    return name;
  }
}
