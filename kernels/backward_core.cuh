// The k×k middle of the backward pass, shared by every tier. With P = Uᴴ gU, Q = Vᴴ gV, Jp and Jq their skew-Hermitian parts:
//
//   M_ij = (Jp + Jq)_ij · g(s_j − s_i) + (Jp − Jq)_ij · h(s_j + s_i) + δ_ij gS_i       g, h: the rule's stand-ins for 1/x
//   C    = M − P S⁺ where m > n (the projection I − UUᴴ, absorbed), M where m = n
//
// Under svd-inv M = F∘(P − Pᴴ) S + S F∘(Q − Qᴴ) + T∘P + diag(gS), T nonzero at ties. The two large terms cancel near them down to rounding, which is
// that of these products in this order.
//
// A wide matrix (m < n) is the tall problem of its adjoint, so the callers only know m ≥ n. On the diagonal the first term vanishes, and the second
// is the phase term of complex data; for real data it vanishes too.
#pragma once

#include "gradient_rules.cuh"
#include "lanes.cuh"
#include "view.cuh"

// The arguments of the tiers that are one kernel, for m ≥ n.
template <class T>
struct SvdBackward {
  View<const T> u;         // m×n
  View<const Real<T>> s;   // n×1
  View<const T> v;         // n×n
  View<const T> gu;        // m×rank or absent
  View<const Real<T>> gs;  // rank×1 or absent
  View<const T> gv;        // n×rank or absent
  View<T> gx;              // m×n, overwritten
  int64_t batch, m, n;
  int64_t rank;     // cotangents are those of the first columns, 1 … n; the others are zero
  int64_t adjoint;  // 1: gx receives the conjugate of each element
  RuleArguments rule;
};

// Entries (i, j) and (j, i) of C, i ≤ j, written over P, which only this pair reads. p(i, j) is a reference; p and q are functions of two indices.
template <class T, class Rule, class P, class Q>
DEVICE void backward_core_pair(const Rule& rule, int64_t i, int64_t j, Real<T> s_i, Real<T> s_j, Real<T> gs_i, bool tall, const P& p, const Q& q) {
  using R = Real<T>;
  const T p_ij = p(i, j), p_ji = p(j, i);
  const T dp = p_ij - conjugate(p_ji), dq = q(i, j) - conjugate(q(j, i));
  T m_ij, m_ji;
  if (i == j) {
    m_ij = m_ji = (constant<R>(0.5) * rule.phase(s_i)) * (dp - dq) + from_real<T>(gs_i);
  } else if constexpr (Rule::kPublished) {
    const R f = rule.f(s_i, s_j);
    const T fp = rounded_product(f, dp), fq = rounded_product(f, dq);
    // (P − Pᴴ)_ji = −conj((P − Pᴴ)_ij), and F changes its sign with the order.
    m_ij = rounded_product(s_j, fp) + rounded_product(s_i, fq) + rule.tied(s_i, s_j) * p_ij;
    m_ji = rounded_product(s_i, conjugate(fp)) + rounded_product(s_j, conjugate(fq)) + rule.tied(s_j, s_i) * p_ji;
  } else {
    const Pair<R> factor = rule.pair(s_i, s_j);
    const R half = constant<R>(0.5);
    const T odd = (half * factor.gap) * (dp + dq), even = (half * factor.sum) * (dp - dq);
    m_ij = odd + even;
    m_ji = conjugate(odd) - conjugate(even);
  }
  if (tall) {
    m_ij = m_ij - rule.inverse(s_j) * p_ij;
    m_ji = m_ji - rule.inverse(s_i) * p_ji;
  }
  p(i, j) = m_ij;
  if (i != j) p(j, i) = m_ji;
}
