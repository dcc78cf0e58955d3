// The F-matrix and its regularised forms: what stands in for the reciprocals of gap and sum of a pair of singular values.
//
// The classical backward pass multiplies by F_ij = 1/(s_j² − s_i²), which is infinite at ties and loses half the digits of the gap to the squares.
// The form used here splits it: F_ij = 1/(s_j − s_i) · 1/(s_j + s_i), one factor for each eigenvalue of the pair equations
//
//   [  s_j  −s_i ] [ω_ij]   [ dP_ij       ]
//   [ −s_i   s_j ] [ν_ij] = [ conj(dP_ji) ]      eigenvalues s_j − s_i and s_j + s_i
//
// and a gradient rule says what each factor becomes. A rule is a struct with two members, used by every tier and by f_matrix.cu:
//   Pair<R> pair(s_i, s_j)   the stand-ins for 1/(s_j − s_i), odd in (i, j), and for 1/(s_j + s_i), even
//   R inverse(s)             the stand-in for 1/s in the tall part, S⁺
// To add one: a struct, a case in with_rule, a Kind in GradientRule.java with the same code.
#pragma once

#include "scalar.cuh"

// As Java packs it.
struct RuleArguments {
  int64_t code;
  double tolerance;  // relative to s_1
};

template <class R>
struct Pair {
  R gap, sum;
};

// The Moore–Penrose pseudoinverse (arXiv 2411.14141): 1/x where |x| > τ, else 0, with τ = tolerance·s_1. A τ below the smallest normal number is
// raised to it, so that 1/x does not overflow. NaN stays NaN: a bad matrix must not get a finite gradient.
template <class R>
struct MoorePenrose {
  R threshold;

  DEVICE MoorePenrose(const RuleArguments& rule, R largest) {
    threshold = R(rule.tolerance) * largest;
    if (!(threshold >= Limits<R>::smallest_normal)) threshold = Limits<R>::smallest_normal;
  }
  DEVICE R inverse(R x) const { return fabs(x) <= threshold ? R(0) : 1 / x; }
  DEVICE Pair<R> pair(R s_i, R s_j) const { return {inverse(s_j - s_i), inverse(s_j + s_i)}; }
};

// Calls body with the rule that Java chose; outside every loop, so that no rule costs another a branch.
template <class R, class Body>
DEVICE void with_rule(const RuleArguments& rule, R largest, const Body& body) {
  switch (rule.code) {
    default:
      body(MoorePenrose<R>(rule, largest));
  }
}
