// The pullback of Y = U f(S) Vᴴ, exact at ties: the one kernel between the products
//
//   T = G V  |  A = Uᴴ T  |  C over A, W = T R  |  W += U C, gX = W Vᴴ
//
// with C from spectral_pair.cuh and R_j = f_j/s_j, f'(0) at 0. For m ≥ n; a wide matrix is the tall problem of its adjoint. A unit of work is a few
// rows of one matrix.
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
  const int64_t units_per_matrix = (x.m + kUnitRows - 1) / kUnitRows, units = x.batch * units_per_matrix;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t b = unit / units_per_matrix, first = unit % units_per_matrix * kUnitRows;
    with_spectrum(x.spectrum, b, [&](const auto& f) {
      for_elements(block, kUnitRows, x.n, [&](int64_t row, int64_t j) {
        const int64_t i = first + row;
        if (x.w && i < x.m) x.w.at(b, i, j) = spectral_mean(f, j, j) * x.t.at(b, i, j);
        if (i > j || i >= x.n) return;
        spectral_pair<T>(
            f, i, j, i == j && x.gs ? x.gs.at(b, i, 0) : R(0), x.hermitian, bool(x.w), [&](int64_t r) { return spectral_mean(f, r, r); },
            [&](int64_t r, int64_t c) -> T& { return x.a.at(b, r, c); });
      });
    });
  }
}

KERNEL_FOR_ALL_TYPES(spectral_core, SpectralCore)
KERNEL_UNIT_ROWS(spectral_core)
