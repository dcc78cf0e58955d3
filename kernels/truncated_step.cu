// A step of conjugate gradients for (I − R Rᴴ/s_j²) x_j = b_j, each column j of each matrix on its own: s_j times the part of the pullback of a
// truncated SVD that lies outside the kept vectors, which has the scale of the cotangents, whatever that of A. Products with R are made between the
// steps.
//
// Launch: a block per column. Scratch: a real for each thread.
#include "scalar.cuh"
#include "view.cuh"

template <class T>
struct TruncatedStep {
  View<const Real<T>> s;   // rank×1
  View<const T> product;   // m×rank: R Rᴴ p_j/s_j; at the start b_j
  View<T> x;               // m×rank, overwritten at the start
  View<T> residual;        // m×rank, overwritten at the start
  View<T> p;               // m×rank, overwritten at the start
  View<Real<T>> norms;     // rank×2: ‖residual‖² now and at the start; overwritten
  View<Real<T>> relative;  // rank×1: ‖residual‖/‖b‖, overwritten; or absent
  int64_t batch, m, rank;
  int64_t start;  // 1: x = 0, residual = p = b
};

template <class R>
DEVICE R block_sum(const Block& block, R value) {
  R* const parts = reinterpret_cast<R*>(block.scratch);
  parts[block.thread()] = value;
  block.barrier();
  R sum = 0;
  for (int t = 0; t < block.threads(); t++) sum += parts[t];
  block.barrier();
  return sum;
}

template <class T>
DEVICE void truncated_step(const TruncatedStep<T>& a, const Block& block) {
  using R = Real<T>;
  const int64_t units = a.batch * a.rank;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit / a.rank, j = unit % a.rank;
    const R s = a.s.at(b, j, 0), inverse = s < Limits<R>::smallest_invertible ? R(0) : 1 / s;
    R curvature = 0, length = 0;
    for (int64_t i = block.thread(); i < a.m; i += block.threads()) {
      const T product = inverse * a.product.at(b, i, j);
      if (a.start) {
        a.x.at(b, i, j) = T{};
        a.residual.at(b, i, j) = a.p.at(b, i, j) = a.product.at(b, i, j);
      } else {
        const T p = a.p.at(b, i, j);
        curvature += real_part(conjugate(p) * (p - product));
        length += real_part(conjugate(p) * p);
      }
    }
    curvature = block_sum(block, curvature);
    length = block_sum(block, length);
    const R before = a.start ? R(0) : a.norms.at(b, j, 0);
    // A column that is done stays as it is, and so does one that has come to a tie of a kept and a discarded value. NaN goes on.
    const bool done = a.start || before == 0 || curvature <= Limits<R>::root_epsilon * sqrt(Limits<R>::root_epsilon) * length;
    const R step = done ? R(0) : before / curvature;
    R after = 0;
    for (int64_t i = block.thread(); i < a.m; i += block.threads()) {
      T& residual = a.residual.at(b, i, j);
      if (!a.start) {
        const T p = a.p.at(b, i, j);
        a.x.at(b, i, j) = a.x.at(b, i, j) + step * p;
        residual = residual - step * (p - inverse * a.product.at(b, i, j));
      }
      after += real_part(conjugate(residual) * residual);
    }
    after = block_sum(block, after);
    const R ratio = before == 0 ? R(0) : after / before;
    for (int64_t i = block.thread(); !a.start && i < a.m; i += block.threads()) {
      a.p.at(b, i, j) = a.residual.at(b, i, j) + ratio * a.p.at(b, i, j);
    }
    if (block.thread() == 0) {
      a.norms.at(b, j, 0) = after;
      if (a.start) a.norms.at(b, j, 1) = after;
      const R first = a.norms.at(b, j, 1);
      if (a.relative) a.relative.at(b, j, 0) = first == 0 ? R(0) : sqrt(after / first);
    }
    block.barrier();
  }
}

KERNEL_FOR_ALL_TYPES(truncated_step, TruncatedStep)
