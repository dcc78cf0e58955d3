// How much a loss depends on the gauge: the largest |(Jp + Jq)_ij| over the pairs, i = j included, whose singular values differ by at most τ,
// relative to the largest column of the cotangents. With P = Uᴴ gU, Q = Vᴴ gV, Jp and Jq their skew-Hermitian parts, it is the derivative of the loss
// along the rotations of U and V that leave U S Vᴴ as it is.
//
// Launch: a block per matrix.
#include "long_sums.cuh"
#include "view.cuh"

template <class T>
struct SvdGauge {
  View<const T> u;        // rows×k
  View<const Real<T>> s;  // k×1
  View<const T> v;        // columns×k
  View<const T> gu;       // rows×rank or absent
  View<const T> gv;       // columns×rank or absent
  View<Real<T>> result;   // 1×1, overwritten
  int64_t batch, rows, columns, k, rank;
  double tolerance;  // τ relative to s_1
};

// Entry (i, j) of AᴴG, 0 in columns that G does not have.
template <class T>
DEVICE T adjoint_entry(const View<const T>& a, const View<const T>& g, int64_t b, int64_t rows, int64_t rank, int64_t i, int64_t j) {
  T sum{}, lost{};
  for (int64_t l = 0; g && j < rank && l < rows; l++) add_keeping(sum, lost, conjugate(a.at(b, l, i)) * g.at(b, l, j));
  return sum;
}

template <class T>
DEVICE Real<T> largest_column(const View<const T>& g, int64_t b, int64_t rows, int64_t rank, int64_t first, int64_t step) {
  using R = Real<T>;
  R largest = 0;
  for (int64_t j = first; g && j < rank; j += step) {
    R most = 0, sum = 0, lost = 0;
    for (int64_t i = 0; i < rows; i++) most = most < magnitude(g.at(b, i, j)) ? magnitude(g.at(b, i, j)) : most;
    // Relative to the largest one, no square leaves the type's range.
    for (int64_t i = 0; i < rows; i++) {
      const R part = magnitude(g.at(b, i, j)) / (most > 0 ? most : R(1));
      add_keeping(sum, lost, part * part);
    }
    const R norm = most * sqrt(sum);
    if (!(norm <= largest)) largest = norm;
  }
  return largest;
}

// Two reals for each thread.
template <class T>
DEVICE int64_t svd_gauge_scratch_bytes(int64_t, int64_t, int64_t threads) {
  return 2 * threads * int64_t(sizeof(Real<T>));
}

template <class T>
DEVICE void svd_gauge(const SvdGauge<T>& a, const Block& block) {
  using R = Real<T>;
  R* const dependence = reinterpret_cast<R*>(block.scratch);
  R* const norms = dependence + block.threads();
  for (int64_t b = block.first(a.batch); b < block.last(a.batch); b += block.step()) {
    const R threshold = R(a.tolerance) * a.s.at(b, 0, 0);
    R most = 0;
    for_elements(block, a.k, a.k, [&](int64_t i, int64_t j) {
      if (i > j || a.s.at(b, i, 0) - a.s.at(b, j, 0) > threshold) return;
      const T p = adjoint_entry(a.u, a.gu, b, a.rows, a.rank, i, j) - conjugate(adjoint_entry(a.u, a.gu, b, a.rows, a.rank, j, i));
      const T q = adjoint_entry(a.v, a.gv, b, a.columns, a.rank, i, j) - conjugate(adjoint_entry(a.v, a.gv, b, a.columns, a.rank, j, i));
      const R size = R(0.5) * magnitude(p + q);
      if (!(size <= most)) most = size;
    });
    const R left = largest_column(a.gu, b, a.rows, a.rank, block.thread(), block.threads());
    const R right = largest_column(a.gv, b, a.columns, a.rank, block.thread(), block.threads());
    dependence[block.thread()] = most;
    norms[block.thread()] = left <= right ? right : left;
    block.barrier();
    if (block.thread() == 0) {
      for (int t = 1; t < block.threads(); t++) {
        if (!(dependence[t] <= dependence[0])) dependence[0] = dependence[t];
        if (!(norms[t] <= norms[0])) norms[0] = norms[t];
      }
      a.result.at(b, 0, 0) = norms[0] == 0 ? R(0) : dependence[0] / norms[0];
    }
    block.barrier();
  }
}

KERNEL_FOR_ALL_TYPES(svd_gauge, SvdGauge)
KERNEL_SCRATCH_FOR_ALL_TYPES(svd_gauge)
