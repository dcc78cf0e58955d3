// The gradient of a spectral function's parameter, with A = Uᴴ G V: Σ_i Re A_ii ∂f(s_i)/∂p for each matrix, or, where f is the caller's, that of each
// value f_i, Re A_ii, or of each threshold w_i, −Re A_ii above it.
#include "spectral_functions.cuh"

template <class T>
struct SpectralParameter {
  View<const T> a;  // n×n
  SpectralArguments<Real<T>> spectrum;
  View<Real<T>> gp;  // 1×1, or n×1 where f is the caller's; overwritten
  int64_t batch, n;
};

template <class T>
DEVICE void spectral_parameter(const SpectralParameter<T>& x, const Block& block) {
  const int64_t units = (x.batch + block.threads() - 1) / block.threads();
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit * block.threads() + block.thread();
    if (b >= x.batch) continue;
    const SpectralArguments<Real<T>>& spectrum = x.spectrum;
    if (spectrum.values) {
      const SpectrumOfTable<Real<T>> f(spectrum, b);
      for (int64_t i = 0; i < x.n; i++) x.gp.at(b, i, 0) = f.parameter(i) * real_part(x.a.at(b, i, i));
      continue;
    }
    with_function(spectrum, b, [&](const auto& f) {
      Real<T> sum = 0;
      for (int64_t i = 0; i < x.n; i++) sum += f.parameter(i) * real_part(x.a.at(b, i, i));
      x.gp.at(b, 0, 0) = sum;
    });
  }
}

KERNEL_FOR_ALL_TYPES(spectral_parameter, SpectralParameter)
