// Before the solver: a copy of the batch in the solver's own layout, screened and scaled (solver_scale.cuh). A matrix with NaN or infinity in it is
// marked in info and replaced by the identity, so that no solver sees it and its neighbours stay untouched.
#include "patches.cuh"
#include "solver_scale.cuh"

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
  for_matrices(block, a.batch, a.m * a.n, [&](const Team& team, int64_t b) {
    const auto for_all = [&](const auto& body) { team.for_elements(a.m, a.n, true, body); };
    bool broken = false, ordinary = false, large = false;
    for_all([&](int64_t i, int64_t j) {
      const T value = a.from.at(b, i, j);
      broken |= !is_finite(value);
      ordinary |= exceeds(value, Scale::kSmall);
      large |= exceeds(value, Scale::kLarge);
      a.to.at(b, i, j) = a.adjoint ? conjugate(value) : value;
    });
    broken = team.any(broken);
    ordinary = team.any(ordinary);
    large = team.any(large);
    const int exponent = large ? Scale::kExponent : ordinary ? 0 : -Scale::kExponent;
    if (broken) {
      for_all([&](int64_t i, int64_t j) { a.to.at(b, i, j) = from_real<T>(i == j); });
    } else if (exponent) {
      for_all([&](int64_t i, int64_t j) {
        T& value = a.to.at(b, i, j);
        value = (large ? 1 / Scale::kPower : Scale::kPower) * value;
      });
    }
    if (team.thread() == 0) a.info[b] = broken ? -1 : exponent;
  });
}

KERNEL_FOR_ALL_TYPES(svd_pack, SvdPack)
