// How much a loss depends on the gauge: the largest |(Jp + Jq)_ij| over the pairs, i = j included, whose singular values differ by at most τ,
// relative to the largest column of the cotangents. With P = Uᴴ gU, Q = Vᴴ gV, Jp and Jq their skew-Hermitian parts, it is the derivative of the loss
// along the rotations of U and V that leave U S Vᴴ as it is.
#include "long_sums.cuh"
#include "patches.cuh"

template <class T>
struct SvdGauge {
  View<const T> u;        // rows×k
  View<const Real<T>> s;  // k×1, descending
  View<const T> v;        // columns×k
  View<const T> gu;       // rows×rank or absent
  View<const T> gv;       // columns×rank or absent
  View<Real<T>> result;   // 1×1, overwritten
  int64_t batch, rows, columns, k, rank;
  double tolerance;  // τ relative to s_1
};

// x − conj(x): 0 or NaN of a real number, however a compiler rounds the product that it is.
template <class R>
DEVICE R less_conjugate(R x) {
  return 0 * x;
}
template <class R>
DEVICE Complex<R> less_conjugate(Complex<R> x) {
  return {0 * x.re, 2 * x.im};
}

// Adds entries (j − d, j) of AᴴG − GᴴA to the sums of those columns j that have them. Columns that G does not have are 0.
template <class T>
DEVICE void add_rotations(const View<const T>& a, const View<const T>& g, int64_t b, int64_t rows, int64_t rank, int64_t d,
                          const TeamColumns& columns, const bool* has, T* sum, T* lost) {
  if (!g) return;
  columns.for_elements(rows, [&](int64_t l, int64_t k, int64_t j) {
    if (!has[k] || j - d >= rank) return;
    const T above = j < rank ? conjugate(a.at(b, l, j - d)) * g.at(b, l, j) : T{};
    add_keeping(sum[k], lost[k], d == 0 ? less_conjugate(above) : above - a.at(b, l, j) * conjugate(g.at(b, l, j - d)));
  });
}

// The largest |(Jp + Jq)_ij| of these columns j.
template <class T>
DEVICE Real<T> rotation(const SvdGauge<T>& a, int64_t b, const TeamColumns& columns) {
  using R = Real<T>;
  constexpr int kMost = TeamColumns::kMost;
  const R threshold = R(a.tolerance) * a.s.at(b, 0, 0);
  R largest = 0;
  for (int64_t d = 0;; d++) {
    T sum[kMost] = {}, lost[kMost] = {};
    bool has[kMost], any = false;
    columns.for_each([&](int64_t k, int64_t j) {
      has[k] = d <= j && !(a.s.at(b, j - d, 0) - a.s.at(b, j, 0) > threshold);
      any = any || has[k];
    });
    if (!columns.any(any)) return largest;
    add_rotations(a.u, a.gu, b, a.rows, a.rank, d, columns, has, sum, lost);
    add_rotations(a.v, a.gv, b, a.columns, a.rank, d, columns, has, sum, lost);
    columns.for_each([&](int64_t k, int64_t) { largest = larger(largest, R(0.5) * magnitude(columns.sum(sum[k]))); });
  }
}

// The largest norm of these columns of G.
template <class T>
DEVICE Real<T> norm(const View<const T>& g, int64_t b, int64_t rows, int64_t rank, const TeamColumns& columns) {
  using R = Real<T>;
  constexpr int kMost = TeamColumns::kMost;
  if (!g) return 0;
  R most[kMost] = {}, sum[kMost] = {}, lost[kMost] = {}, largest = 0;
  columns.for_elements(rows, [&](int64_t i, int64_t k, int64_t j) {
    if (j < rank) most[k] = larger(most[k], magnitude(g.at(b, i, j)));
  });
  columns.for_each([&](int64_t k, int64_t) { most[k] = columns.largest(most[k]); });
  // Relative to the largest one, no square leaves the type's range.
  columns.for_elements(rows, [&](int64_t i, int64_t k, int64_t j) {
    if (j >= rank || most[k] == 0) return;
    const R part = magnitude(g.at(b, i, j)) / most[k];
    add_keeping(sum[k], lost[k], part * part);
  });
  columns.for_each([&](int64_t k, int64_t) { largest = larger(largest, most[k] * sqrt(columns.sum(sum[k]))); });
  return largest;
}

template <class T>
DEVICE int64_t svd_gauge_scratch_bytes(int64_t, int64_t, int64_t threads) {
  return column_scratch_bytes<T>(threads);
}

template <class T>
DEVICE void svd_gauge(const SvdGauge<T>& a, const Block& block) {
  using R = Real<T>;
  for_matrices(block, a.batch, (a.rows > a.columns ? a.rows : a.columns) * a.k, [&](const Team& team, int64_t b) {
    R dependence = 0, size = 0;
    team.for_columns(a.k, [&](const TeamColumns& columns) {
      dependence = larger(dependence, rotation(a, b, columns));
      size = larger(size, larger(norm(a.gu, b, a.rows, a.rank, columns), norm(a.gv, b, a.columns, a.rank, columns)));
    });
    dependence = team.largest(dependence);
    size = team.largest(size);
    if (team.thread() == 0) a.result.at(b, 0, 0) = size == 0 ? R(0) : dependence / size;
  });
}

KERNEL_FOR_ALL_TYPES(svd_gauge, SvdGauge)
KERNEL_SCRATCH_FOR_ALL_TYPES(svd_gauge)
