// The formulas of docs/numerics.md as they stand there, in long double and independent of the kernels.
#pragma once

#include <cmath>
#include <vector>

#include "rules.h"
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
inline Dense operator*(Number a, const Dense& b) {
  return dense(b.rows, b.columns, [&](int64_t i, int64_t j) { return a * b(i, j); });
}
inline Dense adjoint(const Dense& a) {
  return dense(a.columns, a.rows, [&](int64_t i, int64_t j) { return adjoint(a(j, i)); });
}

using Vector = std::vector<long double>;

// A·S⁺
template <class Rule>
Dense times_inverse(const Dense& a, const Vector& s, const Rule& rule) {
  return dense(a.rows, a.columns, [&](int64_t i, int64_t j) { return a(i, j) * number(rule.inverse(s[j])); });
}

// ½(A ± Aᴴ)
inline Dense hermitian_part(const Dense& a) { return number(0.5L) * (a + adjoint(a)); }
inline Dense skew_part(const Dense& a) { return number(0.5L) * (a - adjoint(a)); }

// M_ij = (Jp + Jq)_ij · g(s_j − s_i) + (Jp − Jq)_ij · h(s_j + s_i) + δ_ij gS_i, and what a rule adds of P at ties
template <class Rule>
Dense core(const Dense& p, const Dense& q, const Vector& s, const Vector& gs, const Rule& rule) {
  const Dense jp = skew_part(p), jq = skew_part(q);
  return dense(p.rows, p.columns, [&](int64_t i, int64_t j) {
    const StandIns of = stand_ins(rule, s[i], s[j], i, j);
    const Number even = (jp(i, j) - jq(i, j)) * number(of.sum);
    if (i == j) return even + number(gs[i]);
    return (jp(i, j) + jq(i, j)) * number(of.gap) + even + p(i, j) * number(rule.tied(s[i], s[j]));
  });
}

// The gradient of X = U S Vᴴ. That of a wide matrix is the adjoint's.
template <class Rule>
Dense gradient(const Dense& u, const Vector& s, const Dense& v, const Dense& gu, const Vector& gs, const Dense& gv, const Rule& rule) {
  if (u.rows < v.rows) return adjoint(gradient(v, s, u, gv, gs, gu, rule));
  const Dense p = adjoint(u) * gu, m = core(p, adjoint(v) * gv, s, gs, rule);
  if (u.rows == v.rows) return u * m * adjoint(v);
  return (u * (m - times_inverse(p, s, rule)) + times_inverse(gu, s, rule)) * adjoint(v);
}
