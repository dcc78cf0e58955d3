package io.github.diffsvd.stress;

import static org.apache.commons.numbers.core.DD.ONE;
import static org.apache.commons.numbers.core.DD.ZERO;

import io.github.diffsvd.compare.GradientMethod;
import java.util.Arrays;
import org.apache.commons.numbers.core.DD;

/**
 * The losses of the suite: what autograd would hand to the backward pass of the SVD, and, where the
 * loss has a gradient at ties, what that gradient is.
 */
enum Loss {
  /** Re⟨G, U f(S) Vᴴ⟩ with f(s) = max(s − τ, 0). */
  SOFT_THRESHOLD("soft threshold"),

  /** Re⟨G, U_r V_rᴴ⟩, r the number of values that are not 0. */
  POLAR("polar factor"),

  /** Re tr(W U_r U_rᴴ), r &lt; k where the largest gap is; ties lie inside, never across. */
  PROJECTOR("projector"),

  /** Random cotangents: depends on the gauge, has no gradient at ties. */
  VECTORS("singular vectors");

  private static final DD TWO = DD.of(2);

  final String title;

  Loss(String title) {
    this.title = title;
  }

  /**
   * One matrix's factors, in the precision of the reference.
   *
   * @param tau the threshold
   */
  @SuppressWarnings("ArrayRecordComponent") // compared by nobody
  record Factors(PreciseMatrix u, double[] s, PreciseMatrix v, double tau) {
    int k() {
      return s.length;
    }
  }

  /** ∂L/∂U, ∂L/∂S as a diagonal, and ∂L/∂V. */
  record Cotangents(PreciseMatrix u, PreciseMatrix s, PreciseMatrix v) {}

  /** Whether the method can take this loss: one way takes functions of singular values alone. */
  boolean accepts(GradientMethod method) {
    return !method.isSpectral() || this == SOFT_THRESHOLD || this == POLAR;
  }

  /**
   * Whether the loss has a gradient at such values that the type can hold.
   *
   * @param smallest value whose reciprocal the type can hold
   */
  boolean hasGradient(double[] s, double smallest) {
    boolean invertible = s[0] > 0 && Arrays.stream(s).noneMatch(x -> x > 0 && x < smallest);
    return switch (this) {
      case SOFT_THRESHOLD -> true;
      case POLAR -> invertible;
      case PROJECTOR -> invertible && s[rank(s) - 1] > s[rank(s)];
      case VECTORS -> false;
    };
  }

  /**
   * The cotangents.
   *
   * @param g m×n, random
   */
  Cotangents cotangents(Factors x, PreciseMatrix g) {
    PreciseMatrix gu = g.times(x.v);
    PreciseMatrix gv = g.adjoint().times(x.u);
    PreciseMatrix core = x.u.adjoint().times(gu);
    return switch (this) {
      case SOFT_THRESHOLD, POLAR ->
          new Cotangents(
              gu.scaled((i, j) -> value(x, j)),
              core.scaled((i, j) -> i == j ? slope(x, i) : ZERO),
              gv.scaled((i, j) -> value(x, j)));
      case PROJECTOR ->
          new Cotangents(
              projectorCotangent(x, g),
              new PreciseMatrix(x.k(), x.k()),
              new PreciseMatrix(x.v.rows, x.k()));
      case VECTORS -> new Cotangents(gu, core, gv);
    };
  }

  /** The gradient with respect to A = U S Vᴴ, where nothing is divided by the gap of a tie. */
  PreciseMatrix gradient(Factors x, PreciseMatrix g) {
    if (this == PROJECTOR) {
      return projectorGradient(x, g);
    }
    PreciseMatrix core = x.u.adjoint().times(g).times(x.v);
    PreciseMatrix middle =
        core.hermitian()
            .scaled((i, j) -> difference(x, i, j))
            .plus(core.skew().scaled((i, j) -> mean(x, i, j)));
    // Where a factor is square there is nothing outside its range.
    PreciseMatrix left =
        x.u.rows == x.k()
            ? new PreciseMatrix(x.k(), x.k())
            : g.times(x.v).minus(x.u.times(core)).scaled((i, j) -> mean(x, j, j));
    PreciseMatrix right =
        x.v.rows == x.k()
            ? new PreciseMatrix(x.k(), x.k())
            : g.adjoint()
                .times(x.u)
                .minus(x.v.times(core.adjoint()))
                .scaled((i, j) -> mean(x, j, j));
    return x.u.times(middle).plus(left).times(x.v.adjoint()).plus(x.u.times(right.adjoint()));
  }

  private static PreciseMatrix projectorCotangent(Factors x, PreciseMatrix g) {
    int r = rank(x.s);
    return g.times(g.adjoint()).times(x.u.scaled((i, j) -> j < r ? TWO : ZERO));
  }

  /** Only pairs across the kept set count; a turn inside it does not move the projector. */
  private static PreciseMatrix projectorGradient(Factors x, PreciseMatrix g) {
    int r = rank(x.s);
    PreciseMatrix cotangent = projectorCotangent(x, g);
    PreciseMatrix p = x.u.adjoint().times(cotangent);
    PreciseMatrix middle =
        p.skew()
            .scaled(
                (i, j) -> {
                  if ((i < r) == (j < r)) {
                    return ZERO;
                  }
                  DD gap = DD.ofDifference(x.s[j], x.s[i]);
                  DD sum = DD.ofSum(x.s[j], x.s[i]);
                  return gap.reciprocal().add(sum.reciprocal());
                });
    PreciseMatrix outside =
        cotangent.minus(x.u.times(p)).scaled((i, j) -> j < r ? DD.of(x.s[j]).reciprocal() : ZERO);
    return x.u.times(middle).plus(outside).times(x.v.adjoint());
  }

  /** Where the largest gap is, the first of several that are as large but for rounding. */
  private static int rank(double[] s) {
    int best = 1;
    for (int r = 2; r < s.length; r++) {
      if (s[r - 1] - s[r] > 1.01 * (s[best - 1] - s[best])) {
        best = r;
      }
    }
    return best;
  }

  private DD value(Factors x, int i) {
    if (this == POLAR) {
      return x.s[i] > 0 ? ONE : ZERO;
    }
    return x.s[i] > x.tau ? DD.ofDifference(x.s[i], x.tau) : ZERO;
  }

  private DD slope(Factors x, int i) {
    return this == SOFT_THRESHOLD && x.s[i] > x.tau ? ONE : ZERO;
  }

  /** (f_i − f_j)/(s_i − s_j), f' at ties. */
  private DD difference(Factors x, int i, int j) {
    return x.s[i] == x.s[j]
        ? slope(x, i)
        : value(x, i).subtract(value(x, j)).divide(DD.ofDifference(x.s[i], x.s[j]));
  }

  /** (f_i + f_j)/(s_i + s_j), f'(0) at 0. */
  private DD mean(Factors x, int i, int j) {
    return x.s[i] + x.s[j] == 0
        ? slope(x, i)
        : value(x, i).add(value(x, j)).divide(DD.ofSum(x.s[i], x.s[j]));
  }
}
