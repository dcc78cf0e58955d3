// One choice of the phases: column j of U and of V is multiplied by the number of modulus 1 that makes the largest entry of U's column, the first of
// several, real and positive. Within groups of equal singular values nothing else is chosen.
#include "scalar.cuh"
#include "view.cuh"

template <class T>
struct CanonicalGauge {
  View<T> u;  // rows×k
  View<T> v;  // columns×k
  int64_t batch, rows, columns, k;
};

template <class T>
DEVICE void canonical_gauge(const CanonicalGauge<T>& a, const Block& block) {
  using R = Real<T>;
  const int64_t tasks = a.batch * a.k, units = (tasks + block.threads() - 1) / block.threads();
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t task = unit * block.threads() + block.thread(), b = task / a.k, j = task % a.k;
    if (task >= tasks) continue;
    int64_t pivot = 0;
    R largest = 0;
    for (int64_t i = 0; i < a.rows; i++) {
      const R size = magnitude(a.u.at(b, i, j));
      if (size > largest) {
        largest = size;
        pivot = i;
      }
    }
    // Of a column of NaN nothing changes.
    if (largest == 0) continue;
    const T phase = (1 / largest) * conjugate(a.u.at(b, pivot, j));
    for (int64_t i = 0; i < a.rows; i++) a.u.at(b, i, j) = a.u.at(b, i, j) * phase;
    for (int64_t i = 0; i < a.columns; i++) a.v.at(b, i, j) = a.v.at(b, i, j) * phase;
    a.u.at(b, pivot, j) = from_real<T>(largest);
  }
}

KERNEL_FOR_ALL_TYPES(canonical_gauge, CanonicalGauge)
