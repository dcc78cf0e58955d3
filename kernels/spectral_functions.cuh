// Functions f of singular values and what the derivative of U f(S) Vᴴ needs of them, without a gap in any denominator:
//
//   value(s), slope(s)      f and f', f'(0) at 0; 0 where that is infinite
//   difference(a, b)        (f(a) − f(b))/(a − b) for a ≥ b in a form that loses nothing where they are close, f' where they are equal
//   parameter(s)            ∂f/∂p
//
// A function is a struct with these members. To add one: a struct, a case in with_function, a Kind in SpectralFunction.java with the same code.
//
// Kernels see a function through with_spectrum, by the indices of the values: value(i), difference(i, j) and mean(i, j) for i ≤ j, so s_i ≥ s_j, and
// parameter(i); the values of f and f' can also be the caller's.
#pragma once

#include <type_traits>

#include "scalar.cuh"
#include "view.cuh"

// As Java packs it.
struct FunctionArguments {
  int64_t code;
  double parameter;
};

// max(s − p, 0), the proximal operator of the nuclear norm.
template <class R>
struct SoftThreshold {
  R p;
  DEVICE SoftThreshold(double parameter, R) : p(R(parameter)) {}
  DEVICE R value(R s) const { return s > p ? s - p : s <= p ? R(0) : s; }
  DEVICE R slope(R s) const { return s > p ? R(1) : R(0); }
  DEVICE R difference(R a, R b) const { return b > p ? R(1) : a > p ? (a - p) / (a - b) : R(0); }
  DEVICE R parameter(R s) const { return s > p ? R(-1) : R(0); }
};

// s where s > p, else 0.
template <class R>
struct HardThreshold {
  R p;
  DEVICE HardThreshold(double parameter, R) : p(R(parameter)) {}
  DEVICE R value(R s) const { return s <= p ? R(0) : s; }
  DEVICE R slope(R s) const { return s > p ? R(1) : R(0); }
  DEVICE R difference(R a, R b) const { return b > p ? R(1) : a > p ? a / (a - b) : R(0); }
  DEVICE R parameter(R) const { return 0; }
};

// s^p
template <class R>
struct Power {
  R p;
  DEVICE Power(double parameter, R) : p(R(parameter)) {}
  DEVICE R value(R s) const { return s == 0 ? R(p == 0) : pow(s, p); }
  DEVICE R slope(R s) const { return s == 0 ? R(p == 1) : p * pow(s, p - 1); }
  // With x = log(b/a) it is a^(p−1) (1 − e^(px))/(1 − e^x).
  DEVICE R difference(R a, R b) const {
    if (a == b) return slope(a);
    if (b == 0) return value(a) / a;
    const R x = log1p((b - a) / a);
    return pow(a, p - 1) * (expm1(p * x) / expm1(x));
  }
  DEVICE R parameter(R s) const { return s == 0 ? R(0) : pow(s, p) * log(s); }
};

// log(1 + s)
template <class R>
struct LogOnePlus {
  DEVICE LogOnePlus(double, R) {}
  DEVICE R value(R s) const { return log1p(s); }
  DEVICE R slope(R s) const { return 1 / (1 + s); }
  DEVICE R difference(R a, R b) const { return a == b ? slope(a) : log1p((a - b) / (1 + b)) / (a - b); }
  DEVICE R parameter(R) const { return 0; }
};

template <class R>
struct SquareRoot {
  DEVICE SquareRoot(double, R) {}
  DEVICE R value(R s) const { return sqrt(s); }
  DEVICE R slope(R s) const { return s == 0 ? R(0) : R(0.5) / sqrt(s); }
  DEVICE R difference(R a, R b) const { return a == 0 ? R(0) : 1 / (sqrt(a) + sqrt(b)); }
  DEVICE R parameter(R) const { return 0; }
};

// 1/s where s > p·s_1, else 0: the pseudoinverse.
template <class R>
struct Reciprocal {
  R cut;
  DEVICE Reciprocal(double parameter, R largest) : cut(R(parameter) * largest) {
    if (!(cut >= Limits<R>::smallest_invertible)) cut = Limits<R>::smallest_invertible;
  }
  DEVICE R value(R s) const { return s <= cut ? R(0) : 1 / s; }
  DEVICE R slope(R s) const { return s <= cut ? R(0) : -1 / s / s; }
  DEVICE R difference(R a, R b) const { return b > cut ? -1 / a / b : a > cut ? 1 / a / (a - b) : R(0); }
  DEVICE R parameter(R) const { return 0; }
};

// 1 where s > p·s_1, else 0: the polar factor.
template <class R>
struct Polar : Reciprocal<R> {
  DEVICE Polar(double parameter, R largest) : Reciprocal<R>(parameter, largest) {}
  DEVICE R value(R s) const { return s <= this->cut ? R(0) : s / s; }
  DEVICE R slope(R) const { return 0; }
  DEVICE R difference(R a, R b) const { return a > this->cut && b <= this->cut ? 1 / (a - b) : R(0); }
};

template <class R>
struct Identity {
  DEVICE Identity(double, R) {}
  DEVICE R value(R s) const { return s; }
  DEVICE R slope(R) const { return 1; }
  DEVICE R difference(R, R) const { return 1; }
  DEVICE R parameter(R) const { return 0; }
};

// min(s, p), the projection on the ball of the spectral norm.
template <class R>
struct ClipValues {
  R p;
  DEVICE ClipValues(double parameter, R) : p(R(parameter)) {}
  DEVICE R value(R s) const { return s > p ? p : s; }
  DEVICE R slope(R s) const { return s > p ? R(0) : R(1); }
  DEVICE R difference(R a, R b) const { return b > p ? R(0) : a > p ? (p - b) / (a - b) : R(1); }
  DEVICE R parameter(R s) const { return s > p ? R(1) : R(0); }
};

// log(s), 0 at 0
template <class R>
struct Logarithm {
  DEVICE Logarithm(double, R) {}
  DEVICE R value(R s) const { return s == 0 ? R(0) : log(s); }
  DEVICE R slope(R s) const { return s < Limits<R>::smallest_invertible ? R(0) : 1 / s; }
  DEVICE R difference(R a, R b) const { return a == b ? slope(a) : b == 0 ? log(a) / a : log1p((a - b) / b) / (a - b); }
  DEVICE R parameter(R) const { return 0; }
};

// Calls body with the function that Java chose; outside every loop.
template <class R, class Body>
DEVICE void with_function(const FunctionArguments& function, R largest, const Body& body) {
  switch (function.code) {
    case 0:
      return body(Identity<R>(function.parameter, largest));
    case 1:
      return body(SoftThreshold<R>(function.parameter, largest));
    case 2:
      return body(HardThreshold<R>(function.parameter, largest));
    case 3:
      return body(Power<R>(function.parameter, largest));
    case 4:
      return body(LogOnePlus<R>(function.parameter, largest));
    case 5:
      return body(SquareRoot<R>(function.parameter, largest));
    case 6:
      return body(Reciprocal<R>(function.parameter, largest));
    case 7:
      return body(Polar<R>(function.parameter, largest));
    case 9:
      return body(Logarithm<R>(function.parameter, largest));
    default:
      return body(ClipValues<R>(function.parameter, largest));
  }
}

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
  DEVICE R at(int64_t i) const { return s.at(b, i, 0); }
  DEVICE R value(int64_t i) const { return f.value(at(i)); }
  DEVICE R slope(int64_t i) const { return f.slope(at(i)); }
  DEVICE R difference(int64_t i, int64_t j) const { return f.difference(at(i), at(j)); }
};

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
  DEVICE R difference(int64_t i, int64_t j) const {
    const R gap = at(i) - at(j);
    return gap > least ? (value(i) - value(j)) / gap : R(0.5) * slope(i) + R(0.5) * slope(j);
  }
};

// (f_i + f_j)/(s_i + s_j) for s_i ≥ s_j: a mean of the ratios f/s, f'(0) at 0.
template <class S>
DEVICE auto spectral_mean(const S& f, int64_t i, int64_t j) {
  const auto s_i = f.at(i), s_j = f.at(j);
  return s_i == 0 ? f.slope(i) : (f.value(i) / s_i + f.value(j) / s_i) / (1 + s_j / s_i);
}

template <class R, class Body>
DEVICE void with_spectrum(const SpectralArguments<R>& spectrum, int64_t b, const Body& body) {
  if (spectrum.values) return body(SpectrumOfTable<R>(spectrum, b));
  with_function(spectrum.function, spectrum.s.at(b, 0, 0), [&](const auto& f) {
    body(SpectrumOfFunction<R, std::decay_t<decltype(f)>>{f, spectrum.s, b});
  });
}
