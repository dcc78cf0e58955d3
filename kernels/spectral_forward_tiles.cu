// Y = U f(S) Vᴴ for up to 32 columns on a GPU, its product by register_tiles.cuh.
//
// For m ≥ n; the caller gives a wide matrix as its adjoint: U and V exchanged, Y transposed and conjugated. U passes through in slabs of N rows.
//
// Scratch of a matrix: two arrays for U, later Y, and V. Behind those of all: s, the caller's values and slopes, f(s) of each.
// Launch: Tiling::kThreads threads, any number of blocks.
#include "register_tiles.cuh"
#include "spectral_tiles.cuh"

template <class T>
struct SpectralForward {
  View<const T> u;  // m×n
  View<const T> v;  // n×n
  SpectralArguments<Real<T>> spectrum;
  View<T> y;  // m×n, overwritten
  int64_t batch, m, n;
  int64_t adjoint;  // 1: y receives the conjugate of each element
};

template <class T, int kN>
DEVICE int64_t spectral_forward_tiles_scratch_bytes() {
  using S = Tiling<T, kN>;
  return S::kMatrices * (int64_t(S::distance(2)) * sizeof(T) + SpectralRows<Real<T>, kN>::kDistance * sizeof(Real<T>));
}

template <int kN, class T>
DEVICE void spectral_forward_tiles(const SpectralForward<T>& x, const Block& block) {
  using S = Tiling<T, kN>;
  using Tile = RegisterTile<T>;
  constexpr int kDistance = S::distance(2);
  const int n = int(x.n);
  const TileView<S, const T> u_view(x.u, n), v_view(x.v, n);
  const TileView<S, T> y_view(x.y, n);
  T *const u = reinterpret_cast<T*>(block.scratch), *const v = u + S::kArray;
  const SpectralRows<Real<T>, kN> rows(x.spectrum, reinterpret_cast<Real<T>*>(u + S::kMatrices * kDistance));

  const int64_t units = (x.batch + S::kMatrices - 1) / S::kMatrices;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t first = unit * S::kMatrices;
    const int count = x.batch - first < S::kMatrices ? int(x.batch - first) : S::kMatrices;
    v_view.load(block, first, count, 0, n, v, kDistance);
    rows.template load<S>(block, x.spectrum, first, count, n);
    for (int64_t slab = 0; slab < x.m; slab += kN) {
      u_view.load(block, first, count, slab, x.m - slab, u, kDistance);
      copies_arrived();
      block.barrier();
      if (slab == 0) {
        rows.template find_values<S>(block, n);
        block.barrier();
      }
      for_own_tiles<S>(block, count, [&](int, int matrix, int, int row, int column) {
        Tile w;
        w.template load_rows<S>(u + matrix * kDistance, row, column);
        w.template scale_columns<S>(rows.value + matrix * rows.kDistance, column);
        w.template store_rows<S>(u + matrix * kDistance, row, column);
      });
      block.barrier();
      Tile y[S::kOwn];
      for_own_tiles<S>(block, count, [&](int k, int matrix, int, int row, int column) {
        y[k].clear();
        y[k].template add_product_adjoint<S>(u + matrix * kDistance, v + matrix * kDistance, n, row, column);
        if (x.adjoint) y[k].conjugate_all();
      });
      block.barrier();
      for_own_tiles<S>(block, count,
                       [&](int k, int matrix, int, int row, int column) { y[k].template scatter<S>(u + matrix * kDistance, row, column); });
      block.barrier();
      y_view.store(block, first, count, slab, x.m - slab, u, kDistance);
      block.barrier();
    }
  }
}

KERNEL_OF_TILES(spectral_forward_tiles, SpectralForward)
