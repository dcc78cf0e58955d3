// The backward pass of the thin SVD of a batch, block tier: one block per matrix, everything k×k in its scratch, one kernel for the whole formula.
//
//   P = Uᴴ gU, Q = Vᴴ gV, C from backward_core.cuh, gX = [U C + gU S⁺] Vᴴ        (the second term where m > n)
//
// For m ≥ n; the caller gives a wide matrix as its adjoint: U and V exchanged, gX transposed and conjugated. An absent cotangent costs nothing; with
// gS alone, gX = U diag(gS) Vᴴ.
//
// Scratch, with l = padded(n): P l×l | Q, later Vᴴ, l×l | two slabs of 16 rows × l | s, 1/s, gS of l each.
// U and gU pass through the slabs twice, in slabs of 16 rows: once for P, once for the result.
// Launch: up to 128 threads, any number of blocks. Reads each operand from global memory at most twice, in row order.
#include "backward_core.cuh"
#include "tile_product.cuh"

constexpr int kSlabRows = 16;

// Rows first … first + kSlabRows − 1 of matrix b into scratch, zero where there are none.
template <class T>
DEVICE void load_slab(const Block& block, const View<const T>& from, int64_t b, int64_t first, int64_t rows, int64_t columns, T* slab, int ld) {
  for (int t = block.thread(); t < kSlabRows * ld; t += block.threads()) {
    const int64_t i = first + t / ld, j = t % ld;
    slab[t] = i < rows && j < columns ? from.at(b, i, j) : T{};
  }
}

// result = aᴴ b, n×n, where a is rows×n and b rows×rank in global memory; the two slabs are overwritten.
template <class T>
DEVICE void adjoint_product(const Block& block, const View<const T>& a, const View<const T>& b, int64_t index, int64_t rows, int64_t n, int64_t rank,
                            T* slab_a, T* slab_b, T* result, int ld) {
  for (int64_t first = 0; first < rows; first += kSlabRows) {
    load_slab(block, a, index, first, rows, n, slab_a, ld);
    load_slab(block, b, index, first, rows, rank, slab_b, ld);
    block.barrier();
    tile_product<true>(block, int(n), ld, kSlabRows, slab_a, ld, slab_b, ld, result, ld, first > 0);
    block.barrier();
  }
}

template <class T>
DEVICE void svd_backward(const SvdBackward<T>& a, const Block& block) {
  using R = Real<T>;
  const int n = int(a.n), ld = padded<T>(n);
  T* p = reinterpret_cast<T*>(block.scratch);
  T* q = p + ld * ld;
  T* slab_u = q + ld * ld;
  T* slab_gu = slab_u + kSlabRows * ld;
  R* s = reinterpret_cast<R*>(slab_gu + kSlabRows * ld);
  R* inverse_s = s + ld;
  R* gs = inverse_s + ld;
  const bool rotates = a.gu || a.gv, tall = a.m > a.n;

  for (int64_t b = block.first(a.batch); b < block.last(a.batch); b += block.step()) {
    with_rule(a.rule, a.s.at(b, 0, 0), [&](const auto& rule) {
      for (int i = block.thread(); i < n; i += block.threads()) {
        s[i] = a.s.at(b, i, 0);
        inverse_s[i] = rule.inverse(s[i]);
        gs[i] = a.gs && i < a.rank ? a.gs.at(b, i, 0) : R(0);
      }
      if (!rotates) return;
      if (a.gu) adjoint_product(block, a.u, a.gu, b, a.m, n, a.rank, slab_u, slab_gu, p, ld);
      if (a.gv) adjoint_product(block, a.v, a.gv, b, n, n, a.rank, slab_u, slab_gu, q, ld);
      if (!a.gu || !a.gv) {
        T* absent = a.gu ? q : p;
        for (int t = block.thread(); t < ld * ld; t += block.threads()) absent[t] = T{};
      }
      block.barrier();
      for (int t = block.thread(); t < n * n; t += block.threads()) {
        const int i = t / n, j = t % n;
        if (i > j) continue;
        backward_core_pair<T>(
            rule, i, j, s[i], s[j], gs[i], tall && a.gu, [&](int64_t r, int64_t c) -> T& { return p[r * ld + c]; },
            [&](int64_t r, int64_t c) { return q[r * ld + c]; });
      }
    });
    block.barrier();

    T* v_adjoint = q;
    for (int t = block.thread(); t < n * ld; t += block.threads()) {
      const int i = t / ld, j = t % ld;
      v_adjoint[t] = j < n ? conjugate(a.v.at(b, j, i)) : T{};
    }
    for (int64_t first = 0; first < a.m; first += kSlabRows) {
      load_slab(block, a.u, b, first, a.m, n, slab_u, ld);
      if (rotates && tall && a.gu) load_slab(block, a.gu, b, first, a.m, a.rank, slab_gu, ld);
      block.barrier();
      // Row slab of W = U C + gU S⁺, over gU.
      if (rotates) {
        if (tall && a.gu) {
          for (int t = block.thread(); t < kSlabRows * ld; t += block.threads()) {
            if (t % ld < n) slab_gu[t] = inverse_s[t % ld] * slab_gu[t];
          }
          block.barrier();
        }
        tile_product<false>(block, kSlabRows, ld, n, slab_u, ld, p, ld, slab_gu, ld, tall && a.gu);
      } else {
        for (int t = block.thread(); t < kSlabRows * ld; t += block.threads()) slab_gu[t] = t % ld < n ? gs[t % ld] * slab_u[t] : T{};
      }
      block.barrier();
      // Row slab of W Vᴴ, over U.
      tile_product<false>(block, kSlabRows, ld, n, slab_gu, ld, v_adjoint, ld, slab_u, ld, false);
      block.barrier();
      for (int t = block.thread(); t < kSlabRows * ld; t += block.threads()) {
        const int64_t i = first + t / ld, j = t % ld;
        if (i < a.m && j < n) a.gx.at(b, i, j) = a.adjoint ? conjugate(slab_u[t]) : slab_u[t];
      }
      block.barrier();
    }
  }
}

KERNEL_FOR_ALL_TYPES(svd_backward, SvdBackward)
