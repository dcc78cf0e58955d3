// The k×k middle of the pullback of Y = U f(S) Vᴴ, shared by every tier. With A = Uᴴ G V, its Hermitian and skew-Hermitian parts A^h and A^s:
//
//   C_ij = A^h_ij D_ij + A^s_ij E_ij + δ_ij gS_i − A_ij R_j where m > n (the projection I − UUᴴ, absorbed), without the last term where m = n
//
// D_ij the divided difference of f, E_ij = (f_i + f_j)/(s_i + s_j), f'(0) at 0, and R_j = f_j/s_j, f'(0) at 0.
#pragma once

#include "spectral_functions.cuh"

// Entries (i, j) and (j, i) of C, i ≤ j, written over A, which only this pair reads. hermitian: A and the gradient are Hermitian, A^s has no part in
// it. a(i, j) is a reference; ratio(j) is R_j.
template <class T, class S, class A, class Ratio>
DEVICE void spectral_pair(const S& f, int64_t i, int64_t j, Real<T> gs_i, bool hermitian, bool projects, const Ratio& ratio, const A& a) {
  using R = Real<T>;
  const R d = f.difference(i, j), e = hermitian ? R(0) : spectral_mean(f, i, j);
  const T a_ij = a(i, j), a_ji = a(j, i);
  T symmetric = (R(0.5) * d) * (a_ij + conjugate(a_ji));
  const T skew = (R(0.5) * e) * (a_ij - conjugate(a_ji));
  if (i == j) symmetric = symmetric + from_real<T>(gs_i);
  T c_ij = symmetric + skew, c_ji = conjugate(symmetric) - conjugate(skew);
  if (projects) {
    c_ij = c_ij - ratio(j) * a_ij;
    c_ji = c_ji - ratio(i) * a_ji;
  }
  a(i, j) = c_ij;
  if (i != j) a(j, i) = c_ji;
}
