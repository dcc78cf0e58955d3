// The backward pass of the thin SVD of a batch on a GPU, for up to 32 columns, one kernel for the whole formula, its products by register_tiles.cuh.
//
//   P = Uᴴ gU, Q = Vᴴ gV, C from backward_core.cuh, gX = [U C + gU S⁺] Vᴴ        (the second term where m > n)
//
// For m ≥ n; the caller gives a wide matrix as its adjoint: U and V exchanged, gX transposed and conjugated. With gS alone, gX = U diag(gS) Vᴴ.
//
// U and gU of more than N rows pass through in slabs of N, twice: once for P, once for the result.
//
// Scratch of a matrix: four arrays for U; gU, P, C; V; gV, Q, W. Behind those of all: s, 1/s, gS of each.
// Launch: Tiling::kThreads threads, any number of blocks.
#include "backward_core.cuh"
#include "register_tiles.cuh"

template <class T, int kN>
DEVICE int64_t svd_backward_tiles_scratch_bytes() {
  using S = Tiling<T, kN>;
  return S::kMatrices * (int64_t(S::distance(4)) * sizeof(T) + (3 * kN + 1) * sizeof(Real<T>));
}

template <int kN, class T>
DEVICE void svd_backward_tiles(const SvdBackward<T> &x, const Block &block) {
  using R = Real<T>;
  using S = Tiling<T, kN>;
  using Tile = RegisterTile<T>;
  constexpr int kDistance = S::distance(4), kValues = 3 * kN + 1;
  const int n = int(x.n);
  const bool rotates = x.gu || x.gv, projects = x.gu && x.m > x.n;
  const TileView<S, const T> u_view(x.u, n), v_view(x.v, n), gu_view(x.gu, x.rank), gv_view(x.gv, x.rank);
  const TileView<S, T> gx_view(x.gx, n);
  T *const u = reinterpret_cast<T *>(block.scratch), *const a = u + S::kArray, *const v = a + S::kArray, *const b = v + S::kArray;
  R *const values = reinterpret_cast<R *>(u + S::kMatrices * kDistance), *const inverses = values + kN, *const gs = inverses + kN;

  const int64_t units = (x.batch + S::kMatrices - 1) / S::kMatrices;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t first = unit * S::kMatrices;
    const int count = x.batch - first < S::kMatrices ? int(x.batch - first) : S::kMatrices;

    u_view.load(block, first, count, 0, x.m, u, kDistance);
    v_view.load(block, first, count, 0, n, v, kDistance);
    if (x.gu) gu_view.load(block, first, count, 0, x.m, a, kDistance);
    if (x.gv) gv_view.load(block, first, count, 0, n, b, kDistance);
    for (int t = block.thread(); t < S::kMatrices * kN; t += block.threads()) {
      const int matrix = t / kN, i = t % kN;
      const bool there = matrix < count && i < n, slope = there && x.gs && i < x.rank;
      copy_to_shared<R>(values + matrix * kValues + i, there ? &x.s.at(first + matrix, i, 0) : nullptr, there);
      inverses[matrix * kValues + i] = 0;
      copy_to_shared<R>(gs + matrix * kValues + i, slope ? &x.gs.at(first + matrix, i, 0) : nullptr, slope);
    }
    copies_arrived();
    block.barrier();

    if (rotates) {
      Tile p[S::kOwn], lost[S::kOwn];
      for_own_tiles<S>(block, count, [&](int k, int matrix, int, int row, int column) {
        p[k].clear();
        if (x.gv) p[k].template add_adjoint_product<S>(v + matrix * kDistance, b + matrix * kDistance, n, row, column);
      });
      block.barrier();
      for_own_tiles<S>(block, count, [&](int k, int matrix, int, int row, int column) {
        p[k].template store_block<S>(b + matrix * kDistance, row, column);
        p[k].clear();
        lost[k].clear();
      });
      for (int64_t slab = 0; x.gu;) {
        const int rows = x.m - slab < kN ? int(x.m - slab) : kN;
        for_own_tiles<S>(block, count, [&](int k, int matrix, int, int row, int column) {
          Tile part;
          part.clear();
          part.template add_adjoint_product<S>(u + matrix * kDistance, a + matrix * kDistance, rows, row, column);
          p[k].add(part, lost[k]);
        });
        block.barrier();
        slab += kN;
        if (slab >= x.m) break;
        u_view.load(block, first, count, slab, x.m - slab, u, kDistance);
        gu_view.load(block, first, count, slab, x.m - slab, a, kDistance);
        copies_arrived();
        block.barrier();
      }
      for_own_tiles<S>(block, count,
                       [&](int k, int matrix, int, int row, int column) { p[k].template store_block<S>(a + matrix * kDistance, row, column); });
      block.barrier();
      for_own_tiles<S>(block, count, [&](int, int matrix, int member, int, int) {
        const R *const s = values + matrix * kValues;
        T *const p = a + matrix * kDistance, *const q = b + matrix * kDistance;
        with_rule(x.rule, s[0], [&](const auto &rule) {
          for (int i = member; i < n; i += S::kTeam) inverses[matrix * kValues + i] = rule.inverse(s[i]);
          for_own_pairs<S>(member, n, [&](int i, int j) {
            backward_core_pair<T>(
                rule, i, j, s[i], s[j], gs[matrix * kValues + i], projects, [&](int64_t r, int64_t c) -> T & { return p[int(r) * S::kLd + int(c)]; },
                [&](int64_t r, int64_t c) { return q[int(r) * S::kLd + int(c)]; });
          });
        });
      });
      block.barrier();
    }

    for (int64_t slab = 0; slab < x.m; slab += kN) {
      if (x.m > kN) u_view.load(block, first, count, slab, x.m - slab, u, kDistance);
      if (projects) gu_view.load(block, first, count, slab, x.m - slab, b, kDistance);
      copies_arrived();
      block.barrier();
      // Rows of W = U C + gU S⁺, over gU.
      for_own_tiles<S>(block, count, [&](int, int matrix, int, int row, int column) {
        Tile w;
        w.clear();
        if (projects || !rotates) {
          w.template load_rows<S>((rotates ? b : u) + matrix * kDistance, row, column);
          w.template scale_columns<S>((rotates ? inverses : gs) + matrix * kValues, column);
        }
        if (rotates) w.template add_product<S>(u + matrix * kDistance, a + matrix * kDistance, n, row, column);
        w.template store_rows<S>(b + matrix * kDistance, row, column);
      });
      block.barrier();
      store_product_adjoint<S>(block, b, v, u, kDistance, n, x.adjoint, gx_view, first, count, slab, x.m - slab);
    }
  }
}

KERNEL_OF_TILES(svd_backward_tiles, SvdBackward)
