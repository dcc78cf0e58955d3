// W = U diag(f(S)): the forward pass of a spectral function, before the product with Vᴴ.
#include "patches.cuh"
#include "spectral_functions.cuh"

template <class T>
struct SpectralScale {
  View<const T> u;  // m×n
  SpectralArguments<Real<T>> spectrum;
  View<T> w;  // m×n, overwritten
  int64_t batch, m, n;
};

template <class T>
DEVICE void spectral_scale(const SpectralScale<T>& a, const Block& block) {
  for_patches(block, a.batch, a.m, a.n, a.w.by_columns(), [&](const Patch& patch) {
    with_spectrum(a.spectrum, patch.b, [&](const auto& f) {
      patch.for_elements([&](int64_t i, int64_t j) { a.w.at(patch.b, i, j) = f.value(j) * a.u.at(patch.b, i, j); });
    });
  });
}

KERNEL_FOR_ALL_TYPES(spectral_scale, SpectralScale)
