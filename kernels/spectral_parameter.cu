// The gradient of a spectral function's parameter: Σ_i Re A_ii ∂f(s_i)/∂p with A = Uᴴ G V, for each matrix.
#include "spectral_functions.cuh"
#include "view.cuh"

template <class T>
struct SpectralParameter {
  View<const T> a;        // n×n
  View<const Real<T>> s;  // n×1
  View<Real<T>> gp;       // 1×1, overwritten
  int64_t batch, n;
  FunctionArguments function;
};

template <class T>
DEVICE void spectral_parameter(const SpectralParameter<T>& x, const Block& block) {
  const int64_t units = (x.batch + block.threads() - 1) / block.threads();
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit * block.threads() + block.thread();
    if (b >= x.batch) continue;
    with_function(x.function, x.s.at(b, 0, 0), [&](const auto& f) {
      Real<T> sum = 0;
      for (int64_t i = 0; i < x.n; i++) sum += f.parameter(x.s.at(b, i, 0)) * real_part(x.a.at(b, i, i));
      x.gp.at(b, 0, 0) = sum;
    });
  }
}

KERNEL_FOR_ALL_TYPES(spectral_parameter, SpectralParameter)
