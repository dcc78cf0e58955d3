package io.github.diffsvd;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * What stands in for the reciprocals of gap and sum of a pair of singular values, 1/(s_j − s_i) and
 * 1/(s_j + s_i), in the backward pass.
 *
 * <p>Immutable. All rules agree where values are far apart; they differ at ties and near them,
 * where the SVD has no derivative. All but {@link #exact()} give finite gradients for finite
 * factors. The kernels' side is gradient_rules.cuh; docs/numerics.md compares them.
 */
public final class GradientRule implements Serializable {
  private static final long serialVersionUID = 1;

  private enum Kind {
    MOORE_PENROSE("moore-penrose", 0),
    EXACT("exact", 1),
    ZERO("zero", 2),
    CLIP("clip", 3),
    TAYLOR("taylor", 4),
    PADE("pade", 5),
    LORENTZIAN("lorentzian", 6),
    SVD_INV("svd-inv", 7);

    final String name;
    final int code;

    Kind(String name, int code) {
      this.name = name;
      this.code = code;
    }

    boolean hasParameter() {
      return this != EXACT && this != SVD_INV;
    }

    double defaultParameter(DataType type) {
      return switch (this) {
        case MOORE_PENROSE, LORENTZIAN -> Math.pow(type.epsilon(), 0.75);
        case ZERO -> 1e-20;
        case CLIP -> 1e6;
        case TAYLOR -> 9;
        case PADE -> type.epsilon();
        case EXACT, SVD_INV -> 0;
      };
    }
  }

  /** The parameter that means "the default". */
  private static final double DEFAULT = Double.NaN;

  private final Kind kind;
  private final double parameter;

  private GradientRule(Kind kind, double parameter) {
    this.kind = kind;
    this.parameter = parameter;
  }

  /**
   * The Moore–Penrose pseudoinverse of the pair equations (arXiv 2411.14141): x ↦ 1/x where |x|
   * &gt; t·s₁, else 0. Bounded by 1/(t·s₁) and of minimum norm. t is eps^(3/4) of the type, 1.8e-12
   * in double, 6.4e-6 in single precision.
   */
  public static GradientRule moorePenrose() {
    return new GradientRule(Kind.MOORE_PENROSE, DEFAULT);
  }

  /**
   * {@link #moorePenrose()} with a tolerance of one's own.
   *
   * @param tolerance t, relative to the largest singular value of each matrix; at least 0. With 0,
   *     pairs that are equal bit for bit are still excluded
   */
  public static GradientRule moorePenrose(double tolerance) {
    return withParameter(Kind.MOORE_PENROSE, "tolerance", tolerance);
  }

  /** The textbook's 1/x: PyTorch's, JAX's. Infinite or NaN at ties and, for m ≠ n, at zero. */
  public static GradientRule exact() {
    return new GradientRule(Kind.EXACT, DEFAULT);
  }

  /** {@link #zero(double)} with ε = 1e-20. */
  public static GradientRule zero() {
    return new GradientRule(Kind.ZERO, DEFAULT);
  }

  /**
   * TensorFlow's: F = x/(x² + ε), x = s_j² − s_i², so that a tie loses the whole pair.
   *
   * @param epsilon ε &gt; 0, in units of s⁴, not relative to anything
   */
  public static GradientRule zero(double epsilon) {
    return withParameter(Kind.ZERO, "epsilon", epsilon);
  }

  /** {@link #clip(double)} with c = 1e6. */
  public static GradientRule clip() {
    return new GradientRule(Kind.CLIP, DEFAULT);
  }

  /**
   * F·s₁² clipped to ±c.
   *
   * @param limit c ≥ 0
   */
  public static GradientRule clip(double limit) {
    return withParameter(Kind.CLIP, "limit", limit);
  }

  /** {@link #taylor(int)} of degree 9. */
  public static GradientRule taylor() {
    return new GradientRule(Kind.TAYLOR, DEFAULT);
  }

  /**
   * −F·s_i² as 1 + q + … + q^K, q = (s_j/s_i)² ≤ 1 (Robust Differentiable SVD, TPAMI 2021).
   *
   * @param degree K, 0 … 1000
   */
  public static GradientRule taylor(int degree) {
    if (degree < 0 || degree > 1000) {
      throw new IllegalArgumentException("degree: expected 0 … 1000, got " + degree);
    }
    return new GradientRule(Kind.TAYLOR, degree);
  }

  /**
   * The diagonal Padé approximant of the same series. Of whatever degree, it is 1/(1 − q) itself;
   * its pole is kept off by 1 − q ≥ eps of the type.
   */
  public static GradientRule pade() {
    return new GradientRule(Kind.PADE, DEFAULT);
  }

  /**
   * {@link #pade()} with another distance from the pole.
   *
   * @param least 1 − q is at least this, &gt; 0
   */
  public static GradientRule pade(double least) {
    return withParameter(Kind.PADE, "least", least);
  }

  /** {@link #lorentzian(double)} with eps^(3/4) of the type. */
  public static GradientRule lorentzian() {
    return new GradientRule(Kind.LORENTZIAN, DEFAULT);
  }

  /**
   * x ↦ x/(x² + ε²), as tensor-network codes have it.
   *
   * @param epsilon ε relative to s₁, ≥ 0
   */
  public static GradientRule lorentzian(double epsilon) {
    return withParameter(Kind.LORENTZIAN, "epsilon", epsilon);
  }

  /**
   * The rule that the authors of arXiv 2411.14141 published, its constants and defects kept, as a
   * baseline: F from squares; where s_i² and s_j² are equal bit for bit or |F| &gt; 1e30, F = 0 and
   * P_ij/s_j is added; s² &lt; 1e-30 counts as 0; no phase term for complex data.
   */
  public static GradientRule svdInv() {
    return new GradientRule(Kind.SVD_INV, DEFAULT);
  }

  private static GradientRule withParameter(Kind kind, String name, double value) {
    boolean positive = kind == Kind.ZERO || kind == Kind.PADE;
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY) || (positive && value == 0)) {
      throw new IllegalArgumentException(
          name
              + ": expected a finite number "
              + (positive ? "above 0" : "of at least 0")
              + ", got "
              + value);
    }
    return new GradientRule(kind, value);
  }

  /**
   * The rule that {@link #name()} names, with its default parameter or, as in "clip=100", another.
   */
  public static GradientRule parse(String text) {
    String[] parts = text.split("=", 2);
    Kind kind =
        Arrays.stream(Kind.values())
            .filter(each -> each.name.equals(parts[0]))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "rule: expected one of " + names() + ", got " + parts[0]));
    if (parts.length == 1) {
      return new GradientRule(kind, DEFAULT);
    }
    if (!kind.hasParameter()) {
      throw new IllegalArgumentException("rule: " + kind.name + " has no parameter, got " + text);
    }
    double value;
    try {
      value = Double.parseDouble(parts[1]);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "rule: expected a number after " + kind.name + "=, got " + parts[1], e);
    }
    if (kind == Kind.TAYLOR && value == Math.rint(value)) {
      return taylor((int) value);
    }
    return withParameter(kind, "rule: " + kind.name, kind == Kind.TAYLOR ? DEFAULT : value);
  }

  /** The names that {@link #parse} takes, separated by commas. */
  public static String names() {
    return Arrays.stream(Kind.values()).map(kind -> kind.name).collect(Collectors.joining(", "));
  }

  public String name() {
    return kind.name;
  }

  int code() {
    return kind.code;
  }

  double parameter(DataType type) {
    return Double.isNaN(parameter) ? kind.defaultParameter(type) : parameter;
  }

  /** The same rule with the same parameter; a default one equals a default one alone. */
  @Override
  public boolean equals(Object other) {
    return other instanceof GradientRule that
        && kind == that.kind
        && Double.compare(parameter, that.parameter) == 0;
  }

  @Override
  public int hashCode() {
    return Objects.hash(kind, parameter);
  }

  @Override
  public String toString() {
    return Double.isNaN(parameter) ? name() : name() + "=" + parameter;
  }
}
