// Losses of singular values and their gradients:
//
//   0 nuclear norm   Σ s_i                 gS_i = 1, 0 at 0: of the subgradients the smallest
//   1 Schatten norm  (Σ s_i^p)^(1/p)       gS_i = (s_i/L)^(p−1)
//   2 spectral norm  s_1                   gS_i = 1/r over the r values that equal s_1 up to rounding: again the smallest
//   3 log det        Σ log(s_i + p)        gS_i = 1/(s_i + p), 0 where that is not representable
#include "scalar.cuh"
#include "view.cuh"

template <class R>
struct SingularValueLoss {
  View<const R> s;  // k×1, descending
  View<R> loss;     // 1×1, overwritten
  View<R> gs;       // k×1, overwritten; or absent
  int64_t batch, k;
  int64_t code;
  double parameter;
};

template <class R>
DEVICE void singular_value_loss(const SingularValueLoss<R>& a, const Block& block) {
  const int64_t units = (a.batch + block.threads() - 1) / block.threads();
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit * block.threads() + block.thread();
    if (b >= a.batch) continue;
    const R largest = a.s.at(b, 0, 0), p = R(a.parameter);
    R sum = 0;
    int64_t tied = 0;
    for (int64_t i = 0; i < a.k; i++) {
      const R s = a.s.at(b, i, 0);
      if (a.code == 0) sum += s;
      if (a.code == 1 && largest != 0) sum += pow(s / largest, p);
      if (a.code == 3) sum += log(s + p);
      if (largest - s <= Limits<R>::epsilon * (R(a.k) * largest)) tied++;
    }
    const R root = a.code == 1 ? pow(sum, 1 / p) : sum;
    a.loss.at(b, 0, 0) = a.code == 1 ? largest * root : a.code == 2 ? largest : sum;
    for (int64_t i = 0; a.gs && i < a.k; i++) {
      const R s = a.s.at(b, i, 0);
      R slope = s / s;  // 1; of NaN, NaN
      if (a.code == 1) slope = pow(s / largest / root, p - 1);
      if (a.code == 2) slope = i < tied ? slope / R(tied) : slope - slope;
      if (a.code == 3) slope = s + p < Limits<R>::smallest_invertible ? R(0) : 1 / (s + p);
      a.gs.at(b, i, 0) = s == 0 && a.code < 3 ? R(0) : slope;
    }
  }
}

KERNEL_FOR_REAL_TYPES(singular_value_loss, SingularValueLoss)
