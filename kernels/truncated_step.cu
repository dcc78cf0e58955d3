// A step of conjugate gradients for (I − R Rᴴ/s_j²) x_j = b_j/‖b_j‖, each column j of each matrix on its own: what is s_j/‖b_j‖ times the part of the
// pullback of a truncated SVD that lies outside the kept vectors, whatever the scale of A and of the cotangents. Products with R are made between the
// steps. A column is done once its residual is eps of its start: the recurrence goes on to shrink it, but from rounding alone, and x would diverge.
#include "patches.cuh"

template <class T>
struct TruncatedStep {
  View<const Real<T>> s;   // rank×1
  View<const T> product;   // m×rank: R Rᴴ p_j/s_j; at the start b_j
  View<T> x;               // m×rank, overwritten at the start
  View<T> residual;        // m×rank, overwritten at the start
  View<T> p;               // m×rank, overwritten at the start
  View<Real<T>> norms;     // rank×2: ‖residual‖² and ‖b‖; overwritten
  View<Real<T>> relative;  // rank×1: ‖residual‖, overwritten; or absent
  int64_t batch, m, rank;
  int64_t start;  // 1: x = 0, residual = p = b/‖b‖
};

// x = 0, residual = p = b/‖b‖, by way of b over its largest element, whose square is in range.
template <class T>
DEVICE void start_columns(const TruncatedStep<T>& a, int64_t b, const TeamColumns& columns) {
  using R = Real<T>;
  constexpr int kMost = TeamColumns::kMost;
  R largest[kMost] = {}, scale[kMost], squared[kMost] = {};
  columns.for_elements(a.m, [&](int64_t i, int64_t k, int64_t j) { largest[k] = larger(largest[k], magnitude(a.product.at(b, i, j))); });
  columns.for_each([&](int64_t k, int64_t) {
    largest[k] = columns.largest(largest[k]);
    scale[k] = largest[k] < Limits<R>::smallest_invertible ? R(0) : 1 / largest[k];
  });
  columns.for_elements(a.m, [&](int64_t i, int64_t k, int64_t j) {
    const T scaled = scale[k] * a.product.at(b, i, j);
    squared[k] += real_part(conjugate(scaled) * scaled);
  });
  columns.for_each([&](int64_t k, int64_t) {
    squared[k] = sqrt(columns.sum(squared[k]));
    scale[k] = squared[k] == 0 ? R(0) : scale[k] / squared[k];
  });
  columns.for_elements(a.m, [&](int64_t i, int64_t k, int64_t j) {
    a.x.at(b, i, j) = T{};
    a.residual.at(b, i, j) = a.p.at(b, i, j) = scale[k] * a.product.at(b, i, j);
  });
  columns.once_for_each([&](int64_t k, int64_t j) {
    const R norm = squared[k] == 0 ? R(0) : squared[k] / squared[k];
    a.norms.at(b, j, 0) = norm;
    a.norms.at(b, j, 1) = largest[k] * squared[k];
    if (a.relative) a.relative.at(b, j, 0) = norm;
  });
}

template <class T>
DEVICE void step_columns(const TruncatedStep<T>& a, int64_t b, const TeamColumns& columns) {
  using R = Real<T>;
  constexpr int kMost = TeamColumns::kMost;
  R inverse[kMost], before[kMost], length[kMost] = {}, curvature[kMost] = {}, step[kMost], length_of_b[kMost], after[kMost] = {};
  bool goes_on[kMost];  // NaN does
  columns.for_each([&](int64_t k, int64_t j) {
    const R s = a.s.at(b, j, 0);
    inverse[k] = s < Limits<R>::smallest_invertible ? R(0) : 1 / s;
    before[k] = a.norms.at(b, j, 0);
    length_of_b[k] = a.norms.at(b, j, 1);
    goes_on[k] = !(before[k] <= Limits<R>::epsilon * Limits<R>::epsilon);
  });
  columns.for_elements(a.m, [&](int64_t i, int64_t k, int64_t j) {
    if (!goes_on[k]) return;
    const T p = a.p.at(b, i, j);
    curvature[k] += real_part(conjugate(p) * (p - inverse[k] * a.product.at(b, i, j)));
    length[k] += real_part(conjugate(p) * p);
  });
  columns.for_each([&](int64_t k, int64_t) {
    const R curved = columns.sum(curvature[k]);
    // At a tie of a kept and a discarded value there is none.
    if (curved <= Limits<R>::root_epsilon * sqrt(Limits<R>::root_epsilon) * columns.sum(length[k])) goes_on[k] = false;
    step[k] = before[k] / curved;
  });
  columns.for_elements(a.m, [&](int64_t i, int64_t k, int64_t j) {
    if (!goes_on[k]) return;
    T& residual = a.residual.at(b, i, j);
    const T p = a.p.at(b, i, j);
    a.x.at(b, i, j) = a.x.at(b, i, j) + (step[k] * length_of_b[k]) * p;
    residual = residual - step[k] * (p - inverse[k] * a.product.at(b, i, j));
    after[k] += real_part(conjugate(residual) * residual);
  });
  columns.for_each([&](int64_t k, int64_t) { after[k] = columns.sum(after[k]); });
  columns.for_elements(a.m, [&](int64_t i, int64_t k, int64_t j) {
    if (goes_on[k]) a.p.at(b, i, j) = a.residual.at(b, i, j) + (after[k] / before[k]) * a.p.at(b, i, j);
  });
  columns.once_for_each([&](int64_t k, int64_t j) {
    if (!goes_on[k]) return;
    a.norms.at(b, j, 0) = after[k];
    if (a.relative) a.relative.at(b, j, 0) = sqrt(after[k]);
  });
}

template <class T>
DEVICE int64_t truncated_step_scratch_bytes(int64_t, int64_t, int64_t threads) {
  return column_scratch_bytes<Real<T>>(threads);
}

template <class T>
DEVICE void truncated_step(const TruncatedStep<T>& a, const Block& block) {
  for_columns(block, a.batch, a.m, a.rank, [&](const TeamColumns& columns, int64_t b) {
    if (a.start)
      start_columns(a, b, columns);
    else
      step_columns(a, b, columns);
  });
}

KERNEL_FOR_ALL_TYPES(truncated_step, TruncatedStep)
KERNEL_SCRATCH_FOR_ALL_TYPES(truncated_step)
