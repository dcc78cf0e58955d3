package io.github.diffsvd;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * A function of singular values, for {@link SpectralPlan} and {@link EighPlan}. Immutable; the
 * kernels' side is spectral_functions.cuh.
 *
 * <p>Values at or below a relative cut, t·s₁, count as 0, in the function as in its gradients.
 * {@link #sqrt()}, {@link #log()} and {@link #power} with p &lt; 1 are steep at 0, where a matrix
 * of lower rank has values that are rounding alone: their cut is max(m, n)·eps of the type unless
 * {@link #withCut} sets it. {@link #reciprocal} and {@link #polar} are given theirs; the other
 * functions have none, t = 0.
 */
public final class SpectralFunction implements SpectralMap, Serializable {
  private static final long serialVersionUID = 1;

  private enum Kind {
    IDENTITY("identity", 0, false),
    SOFT_THRESHOLD("soft-threshold", 1, true),
    HARD_THRESHOLD("hard-threshold", 2, true),
    POWER("power", 3, true),
    LOG1P("log1p", 4, false),
    SQRT("sqrt", 5, false),
    RECIPROCAL("reciprocal", 6, true),
    POLAR("polar", 7, true),
    CLIP("clip", 8, true),
    LOG("log", 9, false);

    final String name;
    final int code;
    final boolean hasParameter;

    Kind(String name, int code, boolean hasParameter) {
      this.name = name;
      this.code = code;
      this.hasParameter = hasParameter;
    }
  }

  /** The cut that means "the function's own". */
  private static final double DEFAULT = Double.NaN;

  private final Kind kind;
  private final double parameter;
  private final double cut;

  private SpectralFunction(Kind kind, double parameter) {
    this(kind, parameter, DEFAULT);
  }

  private SpectralFunction(Kind kind, double parameter, double cut) {
    this.kind = kind;
    this.parameter = parameter;
    this.cut = cut;
    if (!(Math.abs(parameter) < Double.POSITIVE_INFINITY)
        || (parameter < 0 && kind != Kind.POWER)) {
      throw new IllegalArgumentException(
          "function: "
              + kind.name
              + " expected a finite number"
              + (kind == Kind.POWER ? "" : " of at least 0")
              + ", got "
              + parameter);
    }
  }

  /** f(s) = s. */
  public static SpectralFunction identity() {
    return new SpectralFunction(Kind.IDENTITY, 0);
  }

  /** f(s) = max(s − τ, 0), the proximal operator of the nuclear norm; has ∂f/∂τ. */
  public static SpectralFunction softThreshold(double tau) {
    return new SpectralFunction(Kind.SOFT_THRESHOLD, tau);
  }

  /** f(s) = s where s &gt; τ, else 0. */
  public static SpectralFunction hardThreshold(double tau) {
    return new SpectralFunction(Kind.HARD_THRESHOLD, tau);
  }

  /**
   * f(s) = s^p; has ∂f/∂p. Where f'(0) is infinite (0 &lt; p &lt; 1) it counts as 0, so that null
   * directions get no gradient. For p &lt; 0, 0^p counts as 0; −½ is the inverse square root. In
   * single precision p is rounded to it.
   */
  public static SpectralFunction power(double p) {
    return new SpectralFunction(Kind.POWER, p);
  }

  /** f(s) = log(1 + s). */
  public static SpectralFunction log1p() {
    return new SpectralFunction(Kind.LOG1P, 0);
  }

  /** f(s) = log s; f(0) and f'(0) count as 0. */
  public static SpectralFunction log() {
    return new SpectralFunction(Kind.LOG, 0);
  }

  /** f(s) = √s; f'(0) counts as 0. */
  public static SpectralFunction sqrt() {
    return new SpectralFunction(Kind.SQRT, 0);
  }

  /**
   * f(s) = 1/s where s &gt; t·s₁, else 0: U f(S) Vᴴ is the conjugate transpose of the
   * pseudoinverse.
   */
  public static SpectralFunction reciprocal(double t) {
    return new SpectralFunction(Kind.RECIPROCAL, t);
  }

  /**
   * f(s) = 1 where s &gt; t·s₁ and 1/s is well within the type's range, else 0: the polar factor.
   */
  public static SpectralFunction polar(double t) {
    return new SpectralFunction(Kind.POLAR, t);
  }

  /**
   * f(s) = min(s, c), the projection on a ball of the spectral norm; has ∂f/∂c. With c = 0 it is 0,
   * and null directions get no gradient.
   */
  public static SpectralFunction clip(double c) {
    return new SpectralFunction(Kind.CLIP, c);
  }

  /**
   * The same function with a cut of its own: s ≤ t·s₁ counts as 0.
   *
   * @param t relative to the largest singular value of each matrix; at least 0. With 0 only zeros
   *     count as 0
   * @throws IllegalArgumentException for {@link #reciprocal} and {@link #polar}, whose parameter is
   *     their cut, and if t is negative or not finite
   */
  public SpectralFunction withCut(double t) {
    if (parameterIsCut()) {
      throw new IllegalArgumentException("function: the cut of " + kind.name + " is its parameter");
    }
    if (!(t >= 0 && t < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("cut: expected a finite number of at least 0, got " + t);
    }
    return new SpectralFunction(kind, parameter, t);
  }

  /** Whether the cut is max(m, n)·eps: that of a function that is steep at 0, unless it was set. */
  public boolean hasDefaultCut() {
    return Double.isNaN(cut)
        && (kind == Kind.SQRT || kind == Kind.LOG || (kind == Kind.POWER && parameter < 1));
  }

  private boolean parameterIsCut() {
    return kind == Kind.RECIPROCAL || kind == Kind.POLAR;
  }

  /** t for m×n matrices of the type. */
  double cut(BatchShape shape) {
    if (hasDefaultCut()) {
      return Math.max(shape.rows(), shape.columns()) * shape.type().epsilon();
    }
    return parameterIsCut() ? parameter : Double.isNaN(cut) ? 0 : cut;
  }

  /** The function that a text such as "soft-threshold=0.5" or "log1p" names. */
  public static SpectralFunction parse(String text) {
    String[] parts = text.split("=", 2);
    Kind kind =
        Arrays.stream(Kind.values())
            .filter(each -> each.name.equals(parts[0]))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "function: expected one of " + names() + ", got " + parts[0]));
    if ((parts.length == 2) != kind.hasParameter) {
      throw new IllegalArgumentException(
          "function: "
              + kind.name
              + (kind.hasParameter
                  ? " needs a parameter, as in " + kind.name + "=0.5"
                  : " has no parameter")
              + ", got "
              + text);
    }
    try {
      return new SpectralFunction(kind, kind.hasParameter ? Double.parseDouble(parts[1]) : 0);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "function: expected a number after " + kind.name + "=, got " + parts[1], e);
    }
  }

  /** The names that {@link #parse} takes, separated by commas. */
  public static String names() {
    return Arrays.stream(Kind.values()).map(kind -> kind.name).collect(Collectors.joining(", "));
  }

  public String name() {
    return kind.name;
  }

  /** τ, p, t or c; 0 where there is none. */
  public double parameter() {
    return parameter;
  }

  int code() {
    return kind.code;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SpectralFunction that
        && kind == that.kind
        && Double.compare(parameter, that.parameter) == 0
        && Double.compare(cut, that.cut) == 0;
  }

  @Override
  public int hashCode() {
    return Objects.hash(kind, parameter, cut);
  }

  @Override
  public String toString() {
    String function = kind.hasParameter ? kind.name + "=" + parameter : kind.name;
    return Double.isNaN(cut) ? function : function + " with cut " + cut;
  }
}
