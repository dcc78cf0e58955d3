// The backward pass of larger matrices, product tier: the one kernel between the strided-batched products
//
//   P = Uᴴ gU, Q = Vᴴ gV  |  C over P, W = gU S⁺  |  W += U C, gX = W Vᴴ
//
// With gS alone (P and Q absent) W = U diag(gS), and the first and third product fall away.
#include "backward_core.cuh"
#include "patches.cuh"

template <class T>
struct SvdBackwardCore {
  View<T> p;               // n×n, overwritten by C; absent where gU and gV are
  View<const T> q;         // n×rank or absent
  View<const Real<T>> s;   // n×1
  View<const Real<T>> gs;  // rank×1 or absent
  View<const T> gu;        // m×rank: gU, or U where gS is alone
  View<T> w;               // m×n, overwritten; absent where nothing is to be scaled
  int64_t batch, m, n;
  int64_t p_columns;  // that P holds: rank, or 0 where gU is absent; the others are zero
  int64_t rank;       // as in backward_core.cuh
  RuleArguments rule;
};

template <class T>
DEVICE void svd_backward_core(const SvdBackwardCore<T>& a, const Block& block) {
  using R = Real<T>;
  for_patches(block, a.batch, a.m, a.n, a.p ? a.p.by_columns() : a.w.by_columns(), [&](const Patch& patch) {
    const int64_t b = patch.b;
    with_rule(a.rule, a.s.at(b, 0, 0), [&](const auto& rule) {
      if (a.p)
        patch.for_pairs(a.n, [&](int64_t i, int64_t j) {
          if (i >= a.p_columns) a.p.at(b, j, i) = T{};
          if (j >= a.p_columns) a.p.at(b, i, j) = T{};
          backward_core_pair<T>(
              rule, i, j, a.s.at(b, i, 0), a.s.at(b, j, 0), a.gs && i < a.rank ? a.gs.at(b, i, 0) : R(0), bool(a.w),
              [&](int64_t r, int64_t c) -> T& { return a.p.at(b, r, c); },
              [&](int64_t r, int64_t c) { return a.q && c < a.rank ? a.q.at(b, r, c) : T{}; });
        });
      if (a.w)
        patch.for_elements([&](int64_t i, int64_t j) {
          const R scale = a.p ? rule.inverse(a.s.at(b, j, 0)) : a.gs && j < a.rank ? a.gs.at(b, j, 0) : R(0);
          a.w.at(b, i, j) = j < a.rank ? scale * a.gu.at(b, i, j) : T{};
        });
    });
  });
}

KERNEL_FOR_ALL_TYPES(svd_backward_core, SvdBackwardCore)
