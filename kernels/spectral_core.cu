// The pullback of Y = U f(S) Vᴴ, exact at ties: the one kernel between the products
//
//   T = G V  |  A = Uᴴ T  |  C over A, W = T R  |  W += U C, gX = W Vᴴ
//
// with C from spectral_pair.cuh and R_j = f_j/s_j, f'(0) at 0. For m ≥ n; a wide matrix is the tall problem of its adjoint.
#include "patches.cuh"
#include "spectral_pair.cuh"

template <class T>
struct SpectralCore {
  View<T> a;  // n×n, overwritten by C
  SpectralArguments<Real<T>> spectrum;
  View<const Real<T>> gs;  // n×1, added to the diagonal: of a loss that sees S too; or absent
  View<const T> t;         // m×n
  View<T> w;               // m×n, overwritten; absent where m = n
  int64_t batch, m, n;
  int64_t hermitian;  // 1: A and its gradient are Hermitian, A^s has no part in it
};

template <class T>
DEVICE void spectral_core(const SpectralCore<T>& x, const Block& block) {
  using R = Real<T>;
  for_patches(block, x.batch, x.m, x.n, x.a.by_columns(), [&](const Patch& patch) {
    const int64_t b = patch.b;
    with_spectrum(x.spectrum, b, [&](const auto& f) {
      if (x.w) patch.for_elements([&](int64_t i, int64_t j) { x.w.at(b, i, j) = spectral_ratio(f, j) * x.t.at(b, i, j); });
      patch.for_pairs(x.n, [&](int64_t i, int64_t j) {
        spectral_pair<T>(
            f, i, j, i == j && x.gs ? x.gs.at(b, i, 0) : R(0), x.hermitian, bool(x.w), [&](int64_t r) { return spectral_ratio(f, r); },
            [&](int64_t r, int64_t c) -> T& { return x.a.at(b, r, c); });
      });
    });
  });
}

KERNEL_FOR_ALL_TYPES(spectral_core, SpectralCore)
