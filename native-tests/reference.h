// The formulas of docs/numerics.md as they stand there, in long double and independent of the kernels.
#pragma once

#include <cmath>
#include <vector>

#include "scalar.cuh"

// A complex number, with the sum of the absolute values of all that went into it: rounding errors are relative to that.
struct Number {
  long double re = 0, im = 0, size = 0;
};

inline Number number(long double x) { return {x, 0, std::fabs(x)}; }
template <class R>
Number number(Complex<R> x) {
  return {x.re, x.im, std::hypot(static_cast<long double>(x.re), static_cast<long double>(x.im))};
}
inline Number operator+(Number a, Number b) { return {a.re + b.re, a.im + b.im, a.size + b.size}; }
inline Number operator-(Number a, Number b) { return {a.re - b.re, a.im - b.im, a.size + b.size}; }
inline Number operator*(Number a, Number b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, a.size * b.size}; }
inline Number adjoint(Number a) { return {a.re, -a.im, a.size}; }

template <class T>
T rounded(Number a) {
  if constexpr (sizeof(T) == sizeof(Real<T>)) {
    return T(a.re);
  } else {
    return T{Real<T>(a.re), Real<T>(a.im)};
  }
}

struct Dense {
  int64_t rows, columns;
  std::vector<Number> elements = std::vector<Number>(rows * columns);
  Number& operator()(int64_t i, int64_t j) { return elements[i * columns + j]; }
  const Number& operator()(int64_t i, int64_t j) const { return elements[i * columns + j]; }
};

template <class Element>
Dense dense(int64_t rows, int64_t columns, const Element& element) {
  Dense result{rows, columns};
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) result(i, j) = element(i, j);
  return result;
}
inline Dense operator+(const Dense& a, const Dense& b) {
  return dense(a.rows, a.columns, [&](int64_t i, int64_t j) { return a(i, j) + b(i, j); });
}
inline Dense operator-(const Dense& a, const Dense& b) {
  return dense(a.rows, a.columns, [&](int64_t i, int64_t j) { return a(i, j) - b(i, j); });
}
inline Dense operator*(const Dense& a, const Dense& b) {
  Dense result{a.rows, b.columns};
  for (int64_t i = 0; i < a.rows; i++)
    for (int64_t l = 0; l < a.columns; l++)
      for (int64_t j = 0; j < b.columns; j++) result(i, j) = result(i, j) + a(i, l) * b(l, j);
  return result;
}
inline Dense adjoint(const Dense& a) {
  return dense(a.columns, a.rows, [&](int64_t i, int64_t j) { return adjoint(a(j, i)); });
}

using Vector = std::vector<long double>;

// The Moore–Penrose rule: 1/x where |x| > τ, else 0.
struct Pseudoinverse {
  long double tau;
  template <class R>
  static Pseudoinverse of(double tolerance, R s_1) {
    return Pseudoinverse{std::max(static_cast<long double>(tolerance) * s_1, static_cast<long double>(Limits<R>::smallest_normal))};
  }
  Number operator()(long double x) const { return number(std::fabs(x) > tau ? 1 / x : 0); }
};

// A·S⁺
inline Dense times_inverse(const Dense& a, const Vector& s, Pseudoinverse inverse) {
  return dense(a.rows, a.columns, [&](int64_t i, int64_t j) { return a(i, j) * inverse(s[j]); });
}

// M_ij = (Jp + Jq)_ij · g(s_j − s_i) + (Jp − Jq)_ij · inv(s_j + s_i) + δ_ij gS_i
inline Dense core(const Dense& p, const Dense& q, const Vector& s, const Vector& gs, Pseudoinverse inverse) {
  const auto skew = [](const Dense& a) {
    return dense(a.rows, a.columns, [&](int64_t i, int64_t j) { return number(0.5L) * (a(i, j) - adjoint(a(j, i))); });
  };
  const Dense jp = skew(p), jq = skew(q);
  return dense(p.rows, p.columns, [&](int64_t i, int64_t j) {
    const Number m = (jp(i, j) + jq(i, j)) * inverse(s[j] - s[i]) + (jp(i, j) - jq(i, j)) * inverse(s[j] + s[i]);
    return i == j ? m + number(gs[i]) : m;
  });
}

// The gradient of X = U S Vᴴ.
inline Dense gradient(const Dense& u, const Vector& s, const Dense& v, const Dense& gu, const Vector& gs, const Dense& gv, Pseudoinverse inverse) {
  const Dense p = adjoint(u) * gu, q = adjoint(v) * gv, m = core(p, q, s, gs, inverse);
  if (u.rows == v.rows) return u * m * adjoint(v);
  if (u.rows > v.rows) return (u * (m - times_inverse(p, s, inverse)) + times_inverse(gu, s, inverse)) * adjoint(v);
  return u * adjoint(v * (adjoint(m) - times_inverse(q, s, inverse)) + times_inverse(gv, s, inverse));
}
