// Functions f of singular values and what the derivative of U f(S) Vᴴ needs of them, without a gap in any denominator:
//
//   value(s), slope(s)      f and f', f'(0) at 0; 0 where that is infinite
//   difference(a, b)        (f(a) − f(b))/(a − b) for a ≥ b, right to a few eps whatever b/a is; f' where they are equal
//   parameter(s)            ∂f/∂p
//
// A function is a struct with these members. To add one: a struct, a case in with_function, a Kind in SpectralFunction.java with the same code.
//
// Kernels see a function through with_spectrum, by the indices of the values: value(i), difference(i, j) and spectral_mean(f, i, j) in any order, and
// parameter(i). A value at or below cut·s_1 is 0 to all of them. The values of f and f' can also be the caller's; then parameter(i) is the derivative
// of f(s_i) by what is given for it.
#pragma once

#include <type_traits>

#include "scalar.cuh"
#include "view.cuh"

// As Java packs it.
struct FunctionArguments {
  int64_t code;
  double parameter;
  double cut;  // relative to s_1
};

// log(b/a) for 0 ≤ b ≤ a, 0 < a. The gap of neighbours is exact, their ratio is not; a ratio that is denormal has few digits.
template <class R>
DEVICE R log_ratio(R b, R a) {
  const R ratio = b / a;
  return ratio > R(0.5) ? log1p((b - a) / a) : ratio < Limits<R>::smallest_normal ? log(b) - log(a) : log(ratio);
}

// max(s − p, 0), the proximal operator of the nuclear norm.
template <class R>
struct SoftThreshold {
  R p;
  DEVICE explicit SoftThreshold(double parameter) : p(R(parameter)) {}
  DEVICE R value(R s) const { return s > p ? s - p : s <= p ? R(0) : s; }
  DEVICE R slope(R s) const { return s > p ? R(1) : R(0); }
  DEVICE R difference(R a, R b) const { return b > p ? R(1) : a > p ? (a - p) / (a - b) : R(0); }
  DEVICE R parameter(R s) const { return s > p ? R(-1) : R(0); }
};

// s where s > p, else 0.
template <class R>
struct HardThreshold {
  R p;
  DEVICE explicit HardThreshold(double parameter) : p(R(parameter)) {}
  DEVICE R value(R s) const { return s <= p ? R(0) : s; }
  DEVICE R slope(R s) const { return s > p ? R(1) : R(0); }
  DEVICE R difference(R a, R b) const { return b > p ? R(1) : a > p ? a / (a - b) : R(0); }
  DEVICE R parameter(R) const { return 0; }
};

// s^p
template <class R>
struct Power {
  R p;
  DEVICE explicit Power(double parameter) : p(R(parameter)) {}
  DEVICE R value(R s) const { return s == 0 ? R(p == 0) : pow(s, p); }
  // factor·s^(p−1). From p = 1 on p − 1 is exact; below, s^p is in range wherever the result is.
  DEVICE R lower(R factor, R s) const { return p >= 1 ? factor * pow(s, p - 1) : factor * pow(s, p) / s; }
  DEVICE R slope(R s) const { return s == 0 || p == 0 ? R(p == 1) : lower(p, s); }
  // The larger of the two powers times 1 − (b/a)^|p|, over a − b.
  DEVICE R difference(R a, R b) const {
    if (a == b || p == 0) return slope(a);
    if (b == 0) return lower(1, a);
    const R rest = -expm1(fabs(p) * log_ratio(b, a));
    return p > 0 ? lower(rest / ((a - b) / a), a) : -pow(b, p) * rest / (a - b);
  }
  DEVICE R parameter(R s) const { return s == 0 ? R(0) : pow(s, p) * log(s); }
};

// log(1 + s)
template <class R>
struct LogOnePlus {
  DEVICE explicit LogOnePlus(double) {}
  DEVICE R value(R s) const { return log1p(s); }
  DEVICE R slope(R s) const { return 1 / (1 + s); }
  DEVICE R difference(R a, R b) const { return a == b ? slope(a) : log1p((a - b) / (1 + b)) / (a - b); }
  DEVICE R parameter(R) const { return 0; }
};

template <class R>
struct SquareRoot {
  DEVICE explicit SquareRoot(double) {}
  DEVICE R value(R s) const { return sqrt(s); }
  DEVICE R slope(R s) const { return s == 0 ? R(0) : R(0.5) / sqrt(s); }
  DEVICE R difference(R a, R b) const { return a == 0 ? R(0) : 1 / (sqrt(a) + sqrt(b)); }
  DEVICE R parameter(R) const { return 0; }
};

// 1/s, 0 at 0: with a cut, the pseudoinverse.
template <class R>
struct Reciprocal {
  DEVICE explicit Reciprocal(double) {}
  DEVICE R value(R s) const { return s == 0 ? R(0) : 1 / s; }
  DEVICE R slope(R s) const { return s == 0 ? R(0) : -1 / s / s; }
  DEVICE R difference(R a, R b) const { return a == 0 ? R(0) : b == 0 ? 1 / a / a : -1 / b / a; }
  DEVICE R parameter(R) const { return 0; }
};

// 1, 0 at 0: with a cut, the polar factor.
template <class R>
struct Polar {
  DEVICE explicit Polar(double) {}
  DEVICE R value(R s) const { return s == 0 ? R(0) : s / s; }
  DEVICE R slope(R) const { return 0; }
  DEVICE R difference(R a, R b) const { return a != 0 && b == 0 ? 1 / a : R(0); }
  DEVICE R parameter(R) const { return 0; }
};

template <class R>
struct Identity {
  DEVICE explicit Identity(double) {}
  DEVICE R value(R s) const { return s; }
  DEVICE R slope(R) const { return 1; }
  DEVICE R difference(R, R) const { return 1; }
  DEVICE R parameter(R) const { return 0; }
};

// min(s, p), the projection on the ball of the spectral norm. With p = 0 it is 0, and so is its slope at 0.
template <class R>
struct ClipValues {
  R p;
  DEVICE explicit ClipValues(double parameter) : p(R(parameter)) {}
  DEVICE R value(R s) const { return s > p ? p : s; }
  DEVICE R slope(R s) const { return s >= p ? R(0) : R(1); }
  DEVICE R difference(R a, R b) const { return b >= p ? R(0) : a > p ? (p - b) / (a - b) : R(1); }
  DEVICE R parameter(R s) const { return s > p ? R(1) : R(0); }
};

// log(s), 0 at 0
template <class R>
struct Logarithm {
  DEVICE explicit Logarithm(double) {}
  DEVICE R value(R s) const { return s == 0 ? R(0) : log(s); }
  DEVICE R slope(R s) const { return s == 0 ? R(0) : 1 / s; }
  DEVICE R difference(R a, R b) const { return a == b ? slope(a) : b == 0 ? log(a) / a : -log_ratio(b, a) / (a - b); }
  DEVICE R parameter(R) const { return 0; }
};

// A code that no function has.
template <class R>
struct NoFunction {
  DEVICE explicit NoFunction(double) {}
  DEVICE R value(R) const { return R(NAN); }
  DEVICE R slope(R) const { return R(NAN); }
  DEVICE R difference(R, R) const { return R(NAN); }
  DEVICE R parameter(R) const { return R(NAN); }
};

// As Java packs it.
template <class R>
struct SpectralArguments {
  View<const R> s;       // n×1
  View<const R> values;  // n×1: f(s) if slopes are there, else thresholds w of f_i = max(s_i − w_i, 0); absent: `function`
  View<const R> slopes;  // n×1: f'(s), or absent
  FunctionArguments function;
};

template <class R, class F>
struct SpectrumOfFunction {
  F f;
  View<const R> s;
  int64_t b;
  R cut;
  DEVICE R at(int64_t i) const {
    const R value = s.at(b, i, 0);
    return value <= cut ? R(0) : value;
  }
  DEVICE R value(int64_t i) const { return f.value(at(i)); }
  DEVICE R slope(int64_t i) const { return f.slope(at(i)); }
  DEVICE R parameter(int64_t i) const { return f.parameter(at(i)); }
  DEVICE R difference(int64_t i, int64_t j) const {
    const R s_i = at(i), s_j = at(j);
    return s_i < s_j ? f.difference(s_j, s_i) : f.difference(s_i, s_j);
  }
};

// Calls body with the spectrum of the function that Java chose; outside every loop.
template <class R, class Body>
DEVICE void with_function(const SpectralArguments<R>& spectrum, int64_t b, const Body& body) {
  const FunctionArguments& chosen = spectrum.function;
  const R cut = R(chosen.cut) * spectrum.s.at(b, 0, 0);
  const R invertible = cut >= Limits<R>::smallest_invertible ? cut : Limits<R>::smallest_invertible;
  const auto call = [&](auto f, R least) { body(SpectrumOfFunction<R, decltype(f)>{f, spectrum.s, b, least}); };
  switch (chosen.code) {
    case 0:
      return call(Identity<R>(chosen.parameter), cut);
    case 1:
      return call(SoftThreshold<R>(chosen.parameter), cut);
    case 2:
      return call(HardThreshold<R>(chosen.parameter), cut);
    case 3:
      return call(Power<R>(chosen.parameter), cut);
    case 4:
      return call(LogOnePlus<R>(chosen.parameter), cut);
    case 5:
      return call(SquareRoot<R>(chosen.parameter), cut);
    case 6:
      return call(Reciprocal<R>(chosen.parameter), invertible);
    case 7:
      return call(Polar<R>(chosen.parameter), invertible);
    case 8:
      return call(ClipValues<R>(chosen.parameter), cut);
    case 9:
      return call(Logarithm<R>(chosen.parameter), invertible);
    default:
      return call(NoFunction<R>(chosen.parameter), cut);
  }
}

// Below a gap of √eps·s_1 the divided difference is the mean of the slopes.
template <class R>
struct SpectrumOfTable {
  SpectralArguments<R> table;
  int64_t b;
  R least;
  DEVICE SpectrumOfTable(const SpectralArguments<R>& table, int64_t b) : table(table), b(b), least(Limits<R>::root_epsilon * table.s.at(b, 0, 0)) {}
  DEVICE R at(int64_t i) const { return table.s.at(b, i, 0); }
  DEVICE bool above(int64_t i) const { return at(i) > table.values.at(b, i, 0); }
  DEVICE R value(int64_t i) const {
    const R given = table.values.at(b, i, 0);
    return table.slopes ? given : at(i) > given ? at(i) - given : at(i) <= given ? R(0) : at(i);
  }
  DEVICE R slope(int64_t i) const { return table.slopes ? table.slopes.at(b, i, 0) : above(i) ? R(1) : R(0); }
  DEVICE R parameter(int64_t i) const { return table.slopes ? R(1) : -slope(i); }
  DEVICE R difference(int64_t i, int64_t j) const {
    const R gap = at(i) - at(j);
    return gap > least ? (value(i) - value(j)) / gap : R(0.5) * slope(i) + R(0.5) * slope(j);
  }
};

// (f_i + f_j)/(s_i + s_j): a mean of the ratios f/s, f'(0) at 0.
template <class S>
DEVICE auto spectral_mean(const S& f, int64_t i, int64_t j) {
  const auto s_i = f.at(i), s_j = f.at(j), larger = s_i < s_j ? s_j : s_i, smaller = s_i < s_j ? s_i : s_j;
  return larger == 0 ? f.slope(i) : (f.value(i) / larger + f.value(j) / larger) / (1 + smaller / larger);
}

// f/s, f'(0) at 0: the mean of a value with itself.
template <class S>
DEVICE auto spectral_ratio(const S& f, int64_t i) {
  const auto s = f.at(i);
  return s == 0 ? f.slope(i) : f.value(i) / s;
}

template <class R, class Body>
DEVICE void with_spectrum(const SpectralArguments<R>& spectrum, int64_t b, const Body& body) {
  if (spectrum.values) return body(SpectrumOfTable<R>(spectrum, b));
  with_function(spectrum, b, body);
}
