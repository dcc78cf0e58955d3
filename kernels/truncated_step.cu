// A step of conjugate gradients for (I − R Rᴴ/s_j²) x_j = b_j/‖b_j‖, each column j of each matrix on its own: what is s_j/‖b_j‖ times the part of the
// pullback of a truncated SVD that lies outside the kept vectors, whatever the scale of A and of the cotangents. Products with R are made between the
// steps. A column is done once its residual is eps of its start: the recurrence goes on to shrink it, but from rounding alone, and x would diverge.
//
// Launch: a block per column.
#include "scalar.cuh"
#include "view.cuh"

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

// join(a, b) over the values of all threads.
template <class R, class Join>
DEVICE R joined(const Block& block, R value, const Join& join) {
  R* const parts = reinterpret_cast<R*>(block.scratch);
  parts[block.thread()] = value;
  block.barrier();
  R all = parts[0];
  for (int t = 1; t < block.threads(); t++) all = join(all, parts[t]);
  block.barrier();
  return all;
}
template <class R>
DEVICE R block_sum(const Block& block, R value) {
  return joined(block, value, [](R a, R b) { return a + b; });
}
// The larger of two numbers, NaN if either is.
template <class R>
DEVICE R larger(R a, R b) {
  return b > a || b != b ? b : a;
}

// x = 0, residual = p = b/‖b‖, by way of b over its largest element, whose square is in range.
template <class T>
DEVICE void start_column(const TruncatedStep<T>& a, const Block& block, int64_t b, int64_t j) {
  using R = Real<T>;
  R largest = 0, square = 0;
  for (int64_t i = block.thread(); i < a.m; i += block.threads()) largest = larger(largest, magnitude(a.product.at(b, i, j)));
  largest = joined(block, largest, [](R x, R y) { return larger(x, y); });
  const R scale = largest < Limits<R>::smallest_invertible ? R(0) : 1 / largest;
  for (int64_t i = block.thread(); i < a.m; i += block.threads()) {
    const T scaled = scale * a.product.at(b, i, j);
    square += real_part(conjugate(scaled) * scaled);
  }
  const R length = sqrt(block_sum(block, square));
  for (int64_t i = block.thread(); i < a.m; i += block.threads()) {
    a.x.at(b, i, j) = T{};
    a.residual.at(b, i, j) = a.p.at(b, i, j) = length == 0 ? T{} : (scale / length) * a.product.at(b, i, j);
  }
  if (block.thread() == 0) {
    a.norms.at(b, j, 0) = length == 0 ? R(0) : length / length;
    a.norms.at(b, j, 1) = largest * length;
    if (a.relative) a.relative.at(b, j, 0) = a.norms.at(b, j, 0);
  }
}

// A real for each thread.
template <class T>
DEVICE int64_t truncated_step_scratch_bytes(int64_t, int64_t, int64_t threads) {
  return threads * int64_t(sizeof(Real<T>));
}

template <class T>
DEVICE void truncated_step(const TruncatedStep<T>& a, const Block& block) {
  using R = Real<T>;
  const int64_t units = a.batch * a.rank;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit / a.rank, j = unit % a.rank;
    if (a.start) {
      start_column(a, block, b, j);
      continue;
    }
    const R s = a.s.at(b, j, 0), inverse = s < Limits<R>::smallest_invertible ? R(0) : 1 / s;
    R curvature = 0, length = 0;
    for (int64_t i = block.thread(); i < a.m; i += block.threads()) {
      const T p = a.p.at(b, i, j);
      curvature += real_part(conjugate(p) * (p - inverse * a.product.at(b, i, j)));
      length += real_part(conjugate(p) * p);
    }
    const R before = a.norms.at(b, j, 0);
    curvature = block_sum(block, curvature);
    length = block_sum(block, length);
    // Done, or at a tie of a kept and a discarded value. NaN goes on.
    if (before <= Limits<R>::epsilon * Limits<R>::epsilon || curvature <= Limits<R>::root_epsilon * sqrt(Limits<R>::root_epsilon) * length) continue;
    const R step = before / curvature;
    R after = 0;
    for (int64_t i = block.thread(); i < a.m; i += block.threads()) {
      T& residual = a.residual.at(b, i, j);
      const T p = a.p.at(b, i, j);
      a.x.at(b, i, j) = a.x.at(b, i, j) + (step * a.norms.at(b, j, 1)) * p;
      residual = residual - step * (p - inverse * a.product.at(b, i, j));
      after += real_part(conjugate(residual) * residual);
    }
    after = block_sum(block, after);
    for (int64_t i = block.thread(); i < a.m; i += block.threads()) {
      a.p.at(b, i, j) = a.residual.at(b, i, j) + (after / before) * a.p.at(b, i, j);
    }
    if (block.thread() == 0) {
      a.norms.at(b, j, 0) = after;
      if (a.relative) a.relative.at(b, j, 0) = sqrt(after);
    }
  }
}

KERNEL_FOR_ALL_TYPES(truncated_step, TruncatedStep)
KERNEL_SCRATCH_FOR_ALL_TYPES(truncated_step)
