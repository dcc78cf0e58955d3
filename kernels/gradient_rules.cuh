// The F-matrix and its regularised forms: what stands in for the reciprocals of gap and sum of a pair of singular values.
//
// The classical backward pass multiplies by F_ij = 1/(s_j² − s_i²), which is infinite at ties and loses half the digits of the gap to the squares.
// The form used here splits it: F_ij = 1/(s_j − s_i) · 1/(s_j + s_i), one factor for each eigenvalue of the pair equations
//
//   [  s_j  −s_i ] [ω_ij]   [ dP_ij       ]
//   [ −s_i   s_j ] [ν_ij] = [ conj(dP_ji) ]      eigenvalues s_j − s_i and s_j + s_i
//
// and a gradient rule says what each factor becomes. A rule that is published as an F of its own comes as the same pair: gap = F·(s_j + s_i),
// sum = F·(s_j − s_i). A rule is a struct with these members, used by every tier and by f_matrix.cu. R is a real number or, in the lane tier, a
// vector of them, one of each matrix; so a rule compares and chooses, and has no branches.
//   Pair<R> pair(s_i, s_j)   the stand-ins for 1/(s_j − s_i) and 1/(s_j + s_i), for i < j, so s_i ≥ s_j; the first is odd in (i, j), the second even
//   R phase(s)               the stand-in for 1/(2s) on the diagonal, the phase term of complex data
//   R inverse(s)             the stand-in for 1/s in the tall part, S⁺
//   kPublished               whether C is to be what was published, rounding by rounding; then there are
//   R f(s_i, s_j)              F for i < j
//   R tied(s_i, s_j)           what P_ij is multiplied by besides
// Every one of them but `exact` is finite for finite values, and none depends on whether a compiler contracts a·b + c. To add one: a struct, a case
// in with_rule, a Kind in GradientRule.java with the same code.
#pragma once

#include "lanes.cuh"

// As Java packs it.
struct RuleArguments {
  int64_t code;
  double parameter;
};

template <class R>
struct Pair {
  R gap, sum;
};

// 1/(x + ε²/x), a Lorentzian in x; 0 at 0 and at infinity. NaN stays NaN, here and below: a bad matrix must not get a finite gradient.
template <class R>
DEVICE R lorentz(R x, R epsilon) {
  return 1 / (x + epsilon / x * epsilon);
}

template <class R>
DEVICE Complex<R> rounded_product(R a, Complex<R> b) {
  return {rounded_product(a, b.re), rounded_product(a, b.im)};
}

template <class R>
constexpr auto kSmallestInvertible = Limits<Lane<R>>::smallest_invertible;

template <class R>
DEVICE R at_least_invertible(R threshold) {
  return choose(threshold >= kSmallestInvertible<R>, threshold, R{} + kSmallestInvertible<R>);
}

template <class R>
DEVICE R inverse_or_zero(R x, R threshold) {
  return choose(absolute(x) <= threshold, R{}, 1 / x);
}

// The Moore–Penrose pseudoinverse (arXiv 2411.14141): 1/x where |x| > τ, else 0, with τ = parameter·s_1.
template <class R>
struct MoorePenrose {
  static constexpr bool kPublished = false;
  R threshold;

  DEVICE MoorePenrose(double parameter, R largest) : threshold(at_least_invertible(Lane<R>(parameter) * largest)) {}
  DEVICE R inverse(R s) const { return inverse_or_zero(s, threshold); }
  DEVICE R phase(R s) const { return inverse(s + s); }
  DEVICE Pair<R> pair(R s_i, R s_j) const { return {inverse(s_j - s_i), inverse(s_j + s_i)}; }
};

// The textbook's 1/x, infinite at ties: PyTorch, JAX, ChainRules.
template <class R>
struct Exact {
  static constexpr bool kPublished = false;

  DEVICE Exact(double, R) {}
  DEVICE R inverse(R s) const { return 1 / s; }
  DEVICE R phase(R s) const { return 1 / (s + s); }
  DEVICE Pair<R> pair(R s_i, R s_j) const { return {1 / (s_j - s_i), 1 / (s_j + s_i)}; }
};

// F = x/(x² + ε) with x = s_j² − s_i², ε = parameter, not relative to anything: TensorFlow's. A tie loses the whole pair.
template <class R>
struct ZeroAtTies {
  static constexpr bool kPublished = false;
  R root;  // √ε

  DEVICE ZeroAtTies(double parameter, R) : root(constant<R>(sqrt(parameter))) {}
  DEVICE R inverse(R s) const { return lorentz(s, root); }
  DEVICE R phase(R s) const { return lorentz(s + s, root); }
  DEVICE Pair<R> pair(R s_i, R s_j) const {
    const R gap = s_j - s_i, mean = constant<R>(0.5) * s_j + constant<R>(0.5) * s_i, f = lorentz(2 * gap * mean, root);
    return {2 * f * mean, f * gap};
  }
};

// F·s_1² clipped to ±c, c = parameter; −c at a tie, the limit for s_j < s_i.
template <class R>
struct Clip {
  static constexpr bool kPublished = false;
  R limit, scale;

  DEVICE Clip(double parameter, R largest) : limit(constant<R>(parameter)), scale(inverse_or_zero(largest, R{} + kSmallestInvertible<R>)) {
    const R most = largest / kSmallestInvertible<R>;  // for scale·limit to be finite
    limit = choose(limit > most, most, limit);
  }
  DEVICE R clipped(R x) const { return choose(x > limit, limit, choose(x < -limit, -limit, x)); }
  DEVICE R inverse(R s) const { return scale * clipped(1 / (scale * s)); }
  DEVICE R phase(R s) const { return inverse(s + s); }
  DEVICE Pair<R> pair(R s_i, R s_j) const {
    const R gap = scale * (s_j - s_i), sum = scale * s_j + scale * s_i, x = gap * sum, f = choose(x == 0, -limit, clipped(1 / x));
    return {scale * f * sum, scale * f * gap};
  }
};

// −F·s_i² = 1/(1 − q), q = (s_j/s_i)² ≤ 1, through a series of(q, 1 − q): some of its terms, or its diagonal Padé approximant.
template <class R, class Series>
struct SeriesRule : Series {
  static constexpr bool kPublished = false;

  R threshold;  // below it the sum over s_i² is not finite

  DEVICE SeriesRule(double parameter, R) : Series(parameter), threshold(4 * this->of(constant<R>(1), R{}) * kSmallestInvertible<R>) {}
  DEVICE R inverse(R s) const { return inverse_or_zero(s, R{} + kSmallestInvertible<R>); }
  DEVICE R phase(R s) const { return inverse(s + s); }
  DEVICE Pair<R> pair(R s_i, R s_j) const {
    const R inverse_s = inverse_or_zero(s_i, threshold), ratio = inverse_s * s_j, gap = inverse_s * (s_i - s_j);
    const R sum = this->of(ratio * ratio, gap * (1 + ratio));
    return {-sum * (1 + ratio) * inverse_s, sum * gap * inverse_s};
  }
};

// 1 + q + … + q^K, K = parameter (Robust Differentiable SVD, TPAMI 2021).
template <class R>
struct TaylorSeries {
  int degree;

  DEVICE explicit TaylorSeries(double parameter) : degree(int(parameter)) {}
  DEVICE R of(R q, R) const {
    R sum = constant<R>(1);
    for (int t = 0; t < degree; t++) sum = 1 + q * sum;
    return sum;
  }
};

// The diagonal Padé approximants of 1 + q + q² + … are 1/(1 − q) itself, whatever their degree; its pole is kept off by 1 − q ≥ parameter.
template <class R>
struct PadeSeries {
  R least;

  DEVICE explicit PadeSeries(double parameter) : least(constant<R>(parameter)) {}
  DEVICE R of(R, R rest) const { return 1 / choose(rest < least, least, rest); }
};

// x/(x² + ε²) for gap, sum and value, ε = parameter·s_1: tensor-network codes.
template <class R>
struct Lorentzian {
  static constexpr bool kPublished = false;
  R epsilon;

  DEVICE Lorentzian(double parameter, R largest) : epsilon(at_least_invertible(Lane<R>(parameter) * largest)) {}
  DEVICE R inverse(R s) const { return lorentz(s, epsilon); }
  DEVICE R phase(R s) const { return inverse(s + s); }
  DEVICE Pair<R> pair(R s_i, R s_j) const { return {inverse(s_j - s_i), inverse(s_j + s_i)}; }
};

// As the authors of arXiv 2411.14141 published it, constants and defects kept: F = 1/(s_j² − s_i²) from squares; where these are equal bit for bit or
// |F| > 1e30, F = 0 and P_ij/s_j is added; s² < 1e-30 counts as 0; complex data has no phase term.
template <class R>
struct SvdInv {
  static constexpr bool kPublished = true;

  DEVICE SvdInv(double, R) {}
  DEVICE auto is_tie(R s_i, R s_j) const { return absolute(quotient(s_i, s_j)) > Lane<R>(1e30); }
  DEVICE R quotient(R s_i, R s_j) const {
    const R square_i = rounded_product(s_i, s_i), square_j = rounded_product(s_j, s_j);
    return choose(square_j == square_i, constant<R>(INFINITY), 1 / (square_j - square_i));
  }
  DEVICE R f(R s_i, R s_j) const { return choose(is_tie(s_i, s_j), R{}, quotient(s_i, s_j)); }
  DEVICE R tied(R s_i, R s_j) const { return choose(is_tie(s_i, s_j), inverse(s_j), R{}); }
  DEVICE R inverse(R s) const { return choose(s * s < Lane<R>(1e-30), R{}, 1 / s); }
  DEVICE R phase(R) const { return R{}; }
  DEVICE Pair<R> pair(R s_i, R s_j) const {
    const R value = f(s_i, s_j);
    return {value * s_j + value * s_i, value * (s_j - s_i)};
  }
};

// A code that no rule has.
template <class R>
struct NoRule {
  static constexpr bool kPublished = false;

  DEVICE NoRule(double, R) {}
  DEVICE R inverse(R) const { return constant<R>(NAN); }
  DEVICE R phase(R) const { return constant<R>(NAN); }
  DEVICE Pair<R> pair(R, R) const { return {constant<R>(NAN), constant<R>(NAN)}; }
};

// Calls body with the rule that Java chose; outside every loop, so that no rule costs another a branch.
template <class R, class Body>
DEVICE void with_rule(const RuleArguments& rule, R largest, const Body& body) {
  switch (rule.code) {
    case 0:
      return body(MoorePenrose<R>(rule.parameter, largest));
    case 1:
      return body(Exact<R>(rule.parameter, largest));
    case 2:
      return body(ZeroAtTies<R>(rule.parameter, largest));
    case 3:
      return body(Clip<R>(rule.parameter, largest));
    case 4:
      return body(SeriesRule<R, TaylorSeries<R>>(rule.parameter, largest));
    case 5:
      return body(SeriesRule<R, PadeSeries<R>>(rule.parameter, largest));
    case 6:
      return body(Lorentzian<R>(rule.parameter, largest));
    case 7:
      return body(SvdInv<R>(rule.parameter, largest));
    default:
      return body(NoRule<R>(rule.parameter, largest));
  }
}
