// The backward pass of the thin SVD of a batch, one kernel for the whole formula: a team of threads per matrix, everything k×k in its scratch. Small
// matrices have teams of a few threads and many of them in a block, large ones a block each.
//
//   P = Uᴴ gU, Q = Vᴴ gV, C from backward_core.cuh, gX = [U C + gU S⁺] Vᴴ        (the second term where m > n)
//
// For m ≥ n; the caller gives a wide matrix as its adjoint: U and V exchanged, gX transposed and conjugated. An absent cotangent costs nothing; with
// gS alone, gX = U diag(gS) Vᴴ.
//
// Scratch of a team, with l = padded(n): P l×l | Q, later Vᴴ, l×l | two slabs of up to 16 rows × l | s, 1/s, gS of l each.
// U and gU pass through the slabs twice: once for P, once for the result.
// Launch: up to 128 threads, a multiple of the team's, any number of blocks. Reads each operand from global memory at most twice, in row order.
#include "backward_core.cuh"
#include "team.cuh"
#include "tile_product.cuh"

// Of more rows, what adding up their slabs rounds away is kept.
constexpr int kPlainRows = 4096;

// Rows of a slab, for matrices of m rows.
DEVICE int slab_rows(int64_t m) { return m < 16 ? int(m + kTileRows - 1) / kTileRows * kTileRows : 16; }

// Of a team; a block needs as much for each.
template <class T>
DEVICE int64_t svd_backward_scratch_bytes(int64_t m, int64_t n, int64_t) {
  const int64_t row = padded<T>(n);
  return (2 * row + 2 * slab_rows(m)) * row * int64_t(sizeof(T)) + 3 * row * int64_t(sizeof(Real<T>));
}

// Rows first … first + slab − 1 of matrix b into scratch, zero where there are none.
template <class T>
DEVICE void load_slab(const Team& team, const View<const T>& from, int64_t b, int64_t first, int64_t rows, int64_t columns, T* to, int slab, int ld) {
  for (int t = team.thread(); t < slab * ld; t += team.threads()) {
    const int64_t i = first + t / ld, j = t % ld;
    to[t] = i < rows && j < columns ? from.at(b, i, j) : T{};
  }
}

// result = aᴴ b, n×n, where a is rows×n and b rows×rank in global memory; the two slabs are overwritten, and `lost`, of the result's size, where
// given.
template <class T>
DEVICE void adjoint_product(const Team& team, const View<const T>& a, const View<const T>& b, int64_t index, int64_t rows, int64_t n, int64_t rank,
                            T* slab_a, T* slab_b, T* result, int slab, int ld, T* lost = nullptr) {
  for (int64_t first = 0; first < rows; first += slab) {
    load_slab(team, a, index, first, rows, n, slab_a, slab, ld);
    load_slab(team, b, index, first, rows, rank, slab_b, slab, ld);
    team.barrier();
    tile_product<true>(team, int(n), ld, rows - first < slab ? int(rows - first) : slab, slab_a, ld, slab_b, ld, result, ld, first > 0, lost);
    team.barrier();
  }
}

template <class T>
DEVICE void svd_backward(const SvdBackward<T>& a, const Block& block) {
  using R = Real<T>;
  const Team team(block, a.team);
  const int n = int(a.n), ld = padded<T>(n), slab = slab_rows(a.m);
  T* p = reinterpret_cast<T*>(block.scratch + team.index * svd_backward_scratch_bytes<T>(a.m, a.n, team.threads()));
  T* q = p + ld * ld;
  T* slab_u = q + ld * ld;
  T* slab_gu = slab_u + slab * ld;
  R* s = reinterpret_cast<R*>(slab_gu + slab * ld);
  R* inverse_s = s + ld;
  R* gs = inverse_s + ld;
  const bool rotates = a.gu || a.gv, tall = a.m > a.n;

  const int64_t units = (a.batch + team.teams - 1) / team.teams;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    // A team for which no matrix is left does the last one over and keeps it to itself.
    const int64_t own = unit * team.teams + team.index, b = own < a.batch ? own : a.batch - 1;
    with_rule(a.rule, a.s.at(b, 0, 0), [&](const auto& rule) {
      for (int i = team.thread(); i < n; i += team.threads()) {
        s[i] = a.s.at(b, i, 0);
        inverse_s[i] = rule.inverse(s[i]);
        gs[i] = a.gs && i < a.rank ? a.gs.at(b, i, 0) : R(0);
      }
      if (!rotates) return;
      if (a.gu) adjoint_product(team, a.u, a.gu, b, a.m, n, a.rank, slab_u, slab_gu, p, slab, ld, a.m > kPlainRows ? q : nullptr);
      if (a.gv) adjoint_product(team, a.v, a.gv, b, n, n, a.rank, slab_u, slab_gu, q, slab, ld);
      if (!a.gu || !a.gv) {
        T* absent = a.gu ? q : p;
        for (int t = team.thread(); t < ld * ld; t += team.threads()) absent[t] = T{};
      }
      team.barrier();
      for (int t = team.thread(); t < n * n; t += team.threads()) {
        const int i = t / n, j = t % n;
        if (i > j) continue;
        backward_core_pair<T>(
            rule, i, j, s[i], s[j], gs[i], tall && a.gu, [&](int64_t r, int64_t c) -> T& { return p[r * ld + c]; },
            [&](int64_t r, int64_t c) { return q[r * ld + c]; });
      }
    });
    team.barrier();

    T* v_adjoint = q;
    for (int t = team.thread(); t < n * ld; t += team.threads()) {
      const int i = t / ld, j = t % ld;
      v_adjoint[t] = j < n ? conjugate(a.v.at(b, j, i)) : T{};
    }
    for (int64_t first = 0; first < a.m; first += slab) {
      load_slab(team, a.u, b, first, a.m, n, slab_u, slab, ld);
      if (rotates && tall && a.gu) load_slab(team, a.gu, b, first, a.m, a.rank, slab_gu, slab, ld);
      team.barrier();
      // Row slab of W = U C + gU S⁺, over gU.
      if (rotates) {
        if (tall && a.gu) {
          for (int t = team.thread(); t < slab * ld; t += team.threads()) {
            if (t % ld < n) slab_gu[t] = inverse_s[t % ld] * slab_gu[t];
          }
          team.barrier();
        }
        tile_product<false>(team, slab, ld, n, slab_u, ld, p, ld, slab_gu, ld, tall && a.gu);
      } else {
        for (int t = team.thread(); t < slab * ld; t += team.threads()) slab_gu[t] = t % ld < n ? gs[t % ld] * slab_u[t] : T{};
      }
      team.barrier();
      // Row slab of W Vᴴ, over U.
      tile_product<false>(team, slab, ld, n, slab_gu, ld, v_adjoint, ld, slab_u, ld, false);
      team.barrier();
      for (int t = team.thread(); t < slab * ld; t += team.threads()) {
        const int64_t i = first + t / ld, j = t % ld;
        if (own == b && i < a.m && j < n) a.gx.at(b, i, j) = a.adjoint ? conjugate(slab_u[t]) : slab_u[t];
      }
      team.barrier();
    }
  }
}

KERNEL_FOR_ALL_TYPES(svd_backward, SvdBackward)
KERNEL_SCRATCH_FOR_ALL_TYPES(svd_backward)
