// W = U diag(f(S)): the forward pass of a spectral function, before the product with Vᴴ.
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
  const int64_t units = a.batch * a.m;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit / a.m, i = unit % a.m;
    with_spectrum(a.spectrum, b, [&](const auto& f) {
      for (int64_t j = block.thread(); j < a.n; j += block.threads()) a.w.at(b, i, j) = f.value(j) * a.u.at(b, i, j);
    });
  }
}

KERNEL_FOR_ALL_TYPES(spectral_scale, SpectralScale)
