// The pushforward of the thin SVD, the transpose of its pullback under the same gradient rule: the one kernel between the products
//
//   T = dX V, D = Uᴴ T  |  Ω over D, N, dS, W = T S⁺  |  dU = W + U Ω, dV = V N
//
//   Ω_ij, N_ij = ½(D_ij + conj(D_ji)) · g(s_j − s_i) ± ½(D_ij − conj(D_ji)) · h(s_j + s_i)      dS_i = Re D_ii
//
// and D S⁺ taken from Ω where m > n (the projection I − UUᴴ, absorbed). For m ≥ n; a wide matrix is the tall problem of its adjoint.
#include <type_traits>

#include "gradient_rules.cuh"
#include "patches.cuh"

template <class T>
struct SvdPushforwardCore {
  View<T> d;              // n×n, overwritten by Ω
  View<T> skew;           // n×n, overwritten by N
  View<const Real<T>> s;  // n×1
  View<Real<T>> ds;       // n×1, overwritten
  View<const T> t;        // m×n
  View<T> w;              // m×n, overwritten; absent where m = n
  int64_t batch, m, n;
  RuleArguments rule;
};

template <class T>
DEVICE void svd_pushforward_core(const SvdPushforwardCore<T>& a, const Block& block) {
  using R = Real<T>;
  for_patches(block, a.batch, a.m, a.n, a.d.by_columns(), [&](const Patch& patch) {
    const int64_t b = patch.b;
    with_rule(a.rule, a.s.at(b, 0, 0), [&](const auto& rule) {
      if (a.w) patch.for_elements([&](int64_t i, int64_t j) { a.w.at(b, i, j) = rule.inverse(a.s.at(b, j, 0)) * a.t.at(b, i, j); });
      patch.for_pairs(a.n, [&](int64_t i, int64_t j) {
        const R s_i = a.s.at(b, i, 0), s_j = a.s.at(b, j, 0);
        const T d_ij = a.d.at(b, i, j), d_ji = a.d.at(b, j, i);
        Pair<R> factor = {R(0), rule.phase(s_i)};
        if (i < j) factor = rule.pair(s_i, s_j);
        if (i == j) a.ds.at(b, i, 0) = real_part(d_ij);
        // Both skew-Hermitian: the entries (j, i) are −conj of these.
        const T odd = (R(0.5) * factor.gap) * (d_ij + conjugate(d_ji)), even = (R(0.5) * factor.sum) * (d_ij - conjugate(d_ji));
        T left_ij = odd + even, left_ji = R(-1) * conjugate(odd + even);
        a.skew.at(b, i, j) = odd - even;
        if (i != j) a.skew.at(b, j, i) = conjugate(even - odd);
        if constexpr (std::decay_t<decltype(rule)>::kPublished) {
          if (i != j) {
            left_ij = left_ij + rule.tied(s_i, s_j) * d_ij;
            left_ji = left_ji + rule.tied(s_j, s_i) * d_ji;
          }
        }
        if (a.w) {
          left_ij = left_ij - rule.inverse(s_j) * d_ij;
          left_ji = left_ji - rule.inverse(s_i) * d_ji;
        }
        a.d.at(b, i, j) = left_ij;
        if (i != j) a.d.at(b, j, i) = left_ji;
      });
    });
  });
}

KERNEL_FOR_ALL_TYPES(svd_pushforward_core, SvdPushforwardCore)
