package io.github.diffsvd;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * What stands in for the reciprocals of gap and sum of a pair of singular values, 1/(s_j − s_i) and
 * 1/(s_j + s_i), in the backward pass.
 *
 * <p>Immutable. The kernels' side of it is gradient_rules.cuh; {@link #code()} is the number that
 * both agree on.
 */
public final class GradientRule {
  private enum Kind {
    MOORE_PENROSE("moore-penrose", 0);

    final String name;
    final int code;

    Kind(String name, int code) {
      this.name = name;
      this.code = code;
    }
  }

  /**
   * The tolerance that means "the default of the type": eps^(3/4) relative to s₁ (1.8e-12 in
   * double, 6.4e-6 in single precision).
   */
  private static final double BY_TYPE = Double.NaN;

  private final Kind kind;
  private final double tolerance;

  private GradientRule(Kind kind, double tolerance) {
    this.kind = kind;
    this.tolerance = tolerance;
  }

  /**
   * The Moore–Penrose pseudoinverse of the pair equations (arXiv 2411.14141): x ↦ 1/x where |x|
   * &gt; t·s₁, else 0. Bounded by 1/(t·s₁) and of minimum norm. t is eps^(3/4) of the type.
   */
  public static GradientRule moorePenrose() {
    return new GradientRule(Kind.MOORE_PENROSE, BY_TYPE);
  }

  /**
   * {@link #moorePenrose()} with a tolerance of one's own.
   *
   * @param tolerance t, relative to the largest singular value of each matrix; at least 0. With 0,
   *     pairs that are equal bit for bit are still excluded
   */
  public static GradientRule moorePenrose(double tolerance) {
    if (!(tolerance >= 0 && tolerance < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "tolerance: expected a finite number of at least 0, got " + tolerance);
    }
    return new GradientRule(Kind.MOORE_PENROSE, tolerance);
  }

  /** The rule that {@link #name()} names, with its default parameters. */
  public static GradientRule parse(String name) {
    return Arrays.stream(Kind.values())
        .filter(kind -> kind.name.equals(name))
        .findFirst()
        .map(kind -> new GradientRule(kind, BY_TYPE))
        .orElseThrow(
            () ->
                new IllegalArgumentException("rule: expected one of " + names() + ", got " + name));
  }

  /** The names that {@link #parse} takes, separated by commas. */
  public static String names() {
    return Arrays.stream(Kind.values()).map(kind -> kind.name).collect(Collectors.joining(", "));
  }

  /** The same rule with another tolerance, relative to s₁. */
  public GradientRule withTolerance(double tolerance) {
    return moorePenrose(tolerance);
  }

  public String name() {
    return kind.name;
  }

  int code() {
    return kind.code;
  }

  double tolerance(DataType type) {
    return Double.isNaN(tolerance) ? Math.pow(type.epsilon(), 0.75) : tolerance;
  }

  @Override
  public String toString() {
    return Double.isNaN(tolerance) ? name() : name() + "(" + tolerance + ")";
  }
}
