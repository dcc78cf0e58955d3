// The pullback of Y = U f(S) Vᴴ, exact at ties: the one kernel between the products
//
//   T = G V  |  A = Uᴴ T  |  C over A, W = T R  |  W += U C, gX = W Vᴴ
//
//   C_ij = A^h_ij D_ij + A^s_ij E_ij − A_ij R_j where m > n (the projection I − UUᴴ, absorbed), without the last term where m = n
//
// with the Hermitian and skew-Hermitian parts of A, D_ij the divided difference of f, E_ij = (f_i + f_j)/(s_i + s_j), f'(0) at 0, and R_j = f_j/s_j,
// f'(0) at 0. For m ≥ n; a wide matrix is the tall problem of its adjoint. A unit of work is a few rows of one matrix.
#include "spectral_functions.cuh"

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
        const R d = f.difference(i, j), e = x.hermitian ? R(0) : spectral_mean(f, i, j);
        const T a_ij = x.a.at(b, i, j), a_ji = x.a.at(b, j, i);
        T hermitian = (R(0.5) * d) * (a_ij + conjugate(a_ji));
        const T skew = (R(0.5) * e) * (a_ij - conjugate(a_ji));
        if (i == j && x.gs) hermitian = hermitian + from_real<T>(x.gs.at(b, i, 0));
        T c_ij = hermitian + skew, c_ji = conjugate(hermitian) - conjugate(skew);
        if (x.w) {
          c_ij = c_ij - spectral_mean(f, j, j) * a_ij;
          c_ji = c_ji - spectral_mean(f, i, i) * a_ji;
        }
        x.a.at(b, i, j) = c_ij;
        if (i != j) x.a.at(b, j, i) = c_ji;
      });
    });
  }
}

KERNEL_FOR_ALL_TYPES(spectral_core, SpectralCore)
KERNEL_UNIT_ROWS(spectral_core)
