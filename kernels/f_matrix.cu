// The F-matrix on its own, for diagnosis, plots and tests: the classical F_ij = 1/(s_j² − s_i²) and its regularised twin, the pair of stand-ins for
// 1/(s_j − s_i) and 1/(s_j + s_i) that a gradient rule puts in its place. F is their product with the exact gap: infinite at ties between nonzero
// values, NaN at ties at zero, 0 on the diagonal by convention; the diagonal of its twin is 0 and the stand-in for 1/(2 s_i).
#include "gradient_rules.cuh"
#include "view.cuh"

template <class R>
struct FMatrix {
  View<const R> s;  // k×1
  View<R> f;        // k×k or absent
  View<R> gap;      // k×k or absent
  View<R> sum;      // k×k or absent
  int64_t batch, k;
  RuleArguments rule;
};

template <class R>
DEVICE void f_matrix(const FMatrix<R>& a, const Block& block) {
  for (int64_t b = block.first(a.batch); b < block.last(a.batch); b += block.step()) {
    with_rule(a.rule, a.s.at(b, 0, 0), [&](const auto& rule) {
      for_elements(block, a.k, a.k, [&](int64_t i, int64_t j) {
        const R s_i = a.s.at(b, i, 0), s_j = a.s.at(b, j, 0);
        Pair<R> factor = i < j ? rule.pair(s_i, s_j) : rule.pair(s_j, s_i);
        if (i > j) factor.gap = -factor.gap;
        if (i == j) factor = {s_i - s_i, rule.phase(s_i)};
        if (a.f) a.f.at(b, i, j) = i == j ? R(0) : (1 / (s_j - s_i)) * (1 / (s_j + s_i));
        if (a.gap) a.gap.at(b, i, j) = factor.gap;
        if (a.sum) a.sum.at(b, i, j) = factor.sum;
      });
    });
  }
}

KERNEL_FOR_REAL_TYPES(f_matrix, FMatrix)
