// Before the solver: a copy of the batch in the solver's own layout, screened and scaled (solver_scale.cuh). A matrix with NaN or infinity in it is
// marked in info and replaced by the identity, so that no solver sees it and its neighbours stay untouched.
#include "solver_scale.cuh"
#include "view.cuh"

template <class T>
struct SvdPack {
  View<const T> from;  // m×n
  View<T> to;          // m×n, overwritten
  int32_t* info;       // batch, overwritten: the exponent of the scale, or −1 for a matrix that is not finite
  int64_t batch, m, n;
  int64_t adjoint;  // 1: each element is conjugated
};

// Without a branch: half of all guesses at a sign are wrong.
template <class R>
DEVICE bool exceeds(R a, R size) {
  return (a > size) | (a < -size);
}
template <class R>
DEVICE bool exceeds(Complex<R> a, R size) {
  return exceeds(a.re, size) | exceeds(a.im, size);
}

template <class T>
DEVICE void svd_pack(const SvdPack<T>& a, const Block& block) {
  using Scale = SolverScale<Real<T>>;
  for (int64_t b = block.first(a.batch); b < block.last(a.batch); b += block.step()) {
    bool broken = false, ordinary = false, large = false;
    for_elements(block, a.n, a.m, [&](int64_t j, int64_t i) {
      const T value = a.from.at(b, i, j);
      broken |= !is_finite(value);
      ordinary |= exceeds(value, Scale::kSmall);
      large |= exceeds(value, Scale::kLarge);
      a.to.at(b, i, j) = a.adjoint ? conjugate(value) : value;
    });
    broken = block.any(broken);
    ordinary = block.any(ordinary);
    large = block.any(large);
    const int exponent = large ? Scale::kExponent : ordinary ? 0 : -Scale::kExponent;
    if (broken) {
      for_elements(block, a.n, a.m, [&](int64_t j, int64_t i) { a.to.at(b, i, j) = from_real<T>(i == j); });
    } else if (exponent) {
      for_elements(block, a.n, a.m, [&](int64_t j, int64_t i) {
        T& value = a.to.at(b, i, j);
        value = (large ? 1 / Scale::kPower : Scale::kPower) * value;
      });
    }
    if (block.thread() == 0) a.info[b] = broken ? -1 : exponent;
  }
}

KERNEL_FOR_ALL_TYPES(svd_pack, SvdPack)
