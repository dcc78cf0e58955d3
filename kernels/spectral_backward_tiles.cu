// The pullback of Y = U f(S) Vᴴ for up to 32 columns on a GPU, exact at ties, its products by register_tiles.cuh.
//
//   T = G V, A = Uᴴ T, C from spectral_pair.cuh, gX = [U C + T R] Vᴴ        (the second term where m > n)
//
// For m ≥ n; the caller gives a wide matrix as its adjoint: U and V exchanged, G and gX transposed and conjugated. U and G of more than N rows pass
// through in slabs of N, twice: once for A, once for the result.
//
// Scratch of a matrix: four arrays for U, later gX; G, T, W; V; A, C. Behind those of all: the rows of spectral_tiles.cuh.
// Launch: Tiling::kThreads threads, any number of blocks.
#include "register_tiles.cuh"
#include "spectral_pair.cuh"
#include "spectral_tiles.cuh"

template <class T>
struct SpectralBackward {
  View<const T> u;  // m×n
  View<const T> v;  // n×n
  SpectralArguments<Real<T>> spectrum;
  View<const T> g;         // m×n
  View<const Real<T>> gs;  // n×1, added to the diagonal: of a loss that sees S too; or absent
  View<T> gx;              // m×n, overwritten
  View<Real<T>> gp;        // of the parameter, as in spectral_parameter.cu, overwritten; or absent
  int64_t batch, m, n;
  int64_t adjoint;    // 1: the conjugate of each element of g is taken, and gx receives it
  int64_t hermitian;  // as in spectral_pair.cuh
};

template <class T, int kN>
DEVICE int64_t spectral_backward_tiles_scratch_bytes() {
  using S = Tiling<T, kN>;
  return S::kMatrices * (int64_t(S::distance(4)) * sizeof(T) + SpectralRows<Real<T>, kN>::kDistance * sizeof(Real<T>));
}

// What the diagonal contributed, which is in the place of gs.
template <class S, class T, class Rows>
DEVICE void store_parameter(const SpectralBackward<T>& x, const Block& block, int64_t first, int count, const Rows& rows) {
  for (int t = block.thread(); t < count * S::kSize; t += block.threads()) {
    const int matrix = t / S::kSize, i = t % S::kSize;
    const Real<T>* const parts = rows.gs + matrix * rows.kDistance;
    if (x.spectrum.values) {
      if (i < x.n) x.gp.at(first + matrix, i, 0) = parts[i];
    } else if (i == 0) {
      Real<T> sum = 0;
      for (int j = 0; j < x.n; j++) sum += parts[j];
      x.gp.at(first + matrix, 0, 0) = sum;
    }
  }
}

template <int kN, class T>
DEVICE void spectral_backward_tiles(const SpectralBackward<T>& x, const Block& block) {
  using R = Real<T>;
  using S = Tiling<T, kN>;
  using Tile = RegisterTile<T>;
  constexpr int kDistance = S::distance(4);
  const int n = int(x.n);
  const bool projects = x.m > x.n;
  const TileView<S, const T> u_view(x.u, n), v_view(x.v, n), g_view(x.g, n);
  const TileView<S, T> gx_view(x.gx, n);
  T *const u = reinterpret_cast<T*>(block.scratch), *const t = u + S::kArray, *const v = t + S::kArray, *const a = v + S::kArray;
  const SpectralRows<R, kN> rows(x.spectrum, reinterpret_cast<R*>(u + S::kMatrices * kDistance));

  const int64_t units = (x.batch + S::kMatrices - 1) / S::kMatrices;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t first = unit * S::kMatrices;
    const int count = x.batch - first < S::kMatrices ? int(x.batch - first) : S::kMatrices;
    const auto load = [&](int64_t slab) {
      u_view.load(block, first, count, slab, x.m - slab, u, kDistance);
      g_view.load(block, first, count, slab, x.m - slab, t, kDistance);
      copies_arrived();
      block.barrier();
    };

    // T of the slab whose G is there, over it.
    const auto multiply_in = [&] {
      Tile product[S::kOwn];
      for_own_tiles<S>(block, count, [&](int k, int matrix, int, int row, int column) {
        product[k].clear();
        product[k].template add_product<S>(t + matrix * kDistance, v + matrix * kDistance, n, row, column, x.adjoint);
      });
      block.barrier();
      for_own_tiles<S>(block, count,
                       [&](int k, int matrix, int, int row, int column) { product[k].template store_rows<S>(t + matrix * kDistance, row, column); });
      block.barrier();
    };

    v_view.load(block, first, count, 0, n, v, kDistance);
    rows.template load<S>(block, x.spectrum, first, count, n);
    rows.template load_row<S>(block, x.gs, first, count, n, rows.gs);
    {
      Tile sum[S::kOwn], lost[S::kOwn];
      for_own_tiles<S>(block, count, [&](int k, int, int, int, int) {
        sum[k].clear();
        lost[k].clear();
      });
      for (int64_t slab = 0; slab < x.m; slab += kN) {
        load(slab);
        if (slab == 0) rows.template find_values<S>(block, n);
        multiply_in();
        const int there = x.m - slab < kN ? int(x.m - slab) : kN;
        for_own_tiles<S>(block, count, [&](int k, int matrix, int, int row, int column) {
          Tile part;
          part.clear();
          part.template add_adjoint_product<S>(u + matrix * kDistance, t + matrix * kDistance, there, row, column);
          sum[k].add(part, lost[k]);
        });
        if (x.m > kN) block.barrier();
      }
      for_own_tiles<S>(block, count,
                       [&](int k, int matrix, int, int row, int column) { sum[k].template store_block<S>(a + matrix * kDistance, row, column); });
    }
    block.barrier();
    for_own_tiles<S>(block, count, [&](int, int matrix, int member, int, int) {
      const R* const ratio = rows.ratio + matrix * rows.kDistance;
      R* const gs = rows.gs + matrix * rows.kDistance;
      T* const own = a + matrix * kDistance;
      rows.with_values(matrix, [&](const auto& f) {
        for_own_pairs<S>(member, n, [&](int i, int j) {
          const R parameter = i == j && x.gp ? f.parameter(i) * real_part(own[i * S::kLd + i]) : R(0);
          spectral_pair<T>(
              f, i, j, i == j ? gs[i] : R(0), x.hermitian, projects, [&](int64_t r) { return ratio[r]; },
              [&](int64_t r, int64_t c) -> T& { return own[int(r) * S::kLd + int(c)]; });
          if (i == j) gs[i] = parameter;
        });
      });
    });
    block.barrier();
    if (x.gp) store_parameter<S>(x, block, first, count, rows);

    for (int64_t slab = 0; slab < x.m; slab += kN) {
      if (x.m > kN) {
        load(slab);
        multiply_in();
      }
      // Rows of W = U C + T R, over T.
      for_own_tiles<S>(block, count, [&](int, int matrix, int, int row, int column) {
        Tile w;
        w.clear();
        if (projects) {
          w.template load_rows<S>(t + matrix * kDistance, row, column);
          w.template scale_columns<S>(rows.ratio + matrix * rows.kDistance, column);
        }
        w.template add_product<S>(u + matrix * kDistance, a + matrix * kDistance, n, row, column);
        w.template store_rows<S>(t + matrix * kDistance, row, column);
      });
      block.barrier();
      store_product_adjoint<S>(block, t, v, u, kDistance, n, x.adjoint, gx_view, first, count, slab, x.m - slab);
    }
  }
}

KERNEL_OF_TILES(spectral_backward_tiles, SpectralBackward)
