// The backward pass of the thin SVD of a batch of small matrices, lane tier: the formula of svd_backward_tiles.cu, with kLanes matrices at a time in
// the lanes of vector registers, so that no size leaves a lane idle. For the CPU; a thread works alone.
//
// Scratch, in elements of Wide<T>: Uᴴ n×m | gU m×n | Vᴴ n×n | gV, later W, m×n | P n×n | Q n×n | s, gS of n each. Every product is of scratch.
#include "backward_core.cuh"
#include "lane_memory.cuh"

// c (+)= a·b, rows×columns; element (i, l) of a at a[i·a_row + l·a_step], row-major b and c. The conjugate of a where kConjugate.
template <int kRows, int kColumns, bool kConjugate, class W>
DEVICE void wide_tile(int depth, const W* a, int a_row, int a_step, const W* b, int ldb, W* c, int ldc, bool accumulate) {
  W sum[kRows][kColumns];
  for (int i = 0; i < kRows; i++)
    for (int j = 0; j < kColumns; j++) sum[i][j] = W{};
  for (int l = 0; l < depth; l++)
    for (int i = 0; i < kRows; i++) {
      const W factor = kConjugate ? conjugate(a[i * a_row + l * a_step]) : a[i * a_row + l * a_step];
      for (int j = 0; j < kColumns; j++) multiply_add(sum[i][j], factor, b[l * ldb + j]);
    }
  for (int i = 0; i < kRows; i++)
    for (int j = 0; j < kColumns; j++) c[i * ldc + j] = accumulate ? c[i * ldc + j] + sum[i][j] : sum[i][j];
}

template <bool kConjugate, class W>
DEVICE void wide_product(int rows, int columns, int depth, const W* a, int a_row, int a_step, const W* b, W* c, bool accumulate) {
  constexpr int kRows = 2, kColumns = 4;
  for (int i = 0; i < rows; i += kRows)
    for (int j = 0; j < columns; j += kColumns) {
      const W *from_a = a + i * a_row, *from_b = b + j;
      W* to = c + i * columns + j;
      if (i + kRows <= rows && j + kColumns <= columns) {
        wide_tile<kRows, kColumns, kConjugate>(depth, from_a, a_row, a_step, from_b, columns, to, columns, accumulate);
        continue;
      }
      for (int k = 0; k < kRows && i + k < rows; k++)
        for (int l = 0; l < kColumns && j + l < columns; l++)
          wide_tile<1, 1, kConjugate>(depth, from_a + k * a_row, a_row, a_step, from_b + l, columns, to + k * columns + l, columns, accumulate);
    }
}

// Sums of so many rows are added up: of a tall matrix, a plain sum would lose digits.
constexpr int kSummedRows = 256;

template <class T>
DEVICE int64_t svd_backward_lanes_scratch_bytes(int64_t m, int64_t n, int64_t) {
  return n * (3 * m + 3 * n + 2) * int64_t(sizeof(Wide<T>));
}

template <class T>
DEVICE void svd_backward_lanes(const SvdBackward<T>& a, const Block& block) {
  using R = Real<T>;
  using W = Wide<T>;
  using WR = Wide<R>;
  const int m = int(a.m), n = int(a.n), rank = int(a.rank);
  W* const u_adjoint = reinterpret_cast<W*>(block.scratch);
  W* const gu = u_adjoint + m * n;
  W* const v_adjoint = gu + m * n;
  W* const w = v_adjoint + n * n;
  W* const p = w + m * n;
  W* const q = p + n * n;
  WR* const s = reinterpret_cast<WR*>(q + n * n);
  WR* const gs = s + n;
  const bool rotates = a.gu || a.gv, outside = a.gu && m > n;

  const int64_t units = (a.batch + kLanes<T> - 1) / kLanes<T>;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t first = unit * kLanes<T>;
    const int count = a.batch - first < kLanes<T> ? int(a.batch - first) : kLanes<T>;
    load_lanes(a.u, first, count, m, n, [&](int i, int j, const W& x) { u_adjoint[j * m + i] = conjugate(x); });
    load_lanes(a.v, first, count, n, n, [&](int i, int j, const W& x) { v_adjoint[j * n + i] = conjugate(x); });
    load_lanes(a.s, first, count, n, 1, [&](int j, int, const WR& x) { s[j] = x; });
    if (rank < n) {
      for (int t = 0; t < m * n; t++) gu[t] = w[t] = W{};
      for (int j = 0; j < n; j++) gs[j] = WR{};
    }
    if (a.gu) load_lanes(a.gu, first, count, m, rank, [&](int i, int j, const W& x) { gu[i * n + j] = x; });
    if (a.gv) load_lanes(a.gv, first, count, n, rank, [&](int i, int j, const W& x) { w[i * n + j] = x; });
    if (a.gs) load_lanes(a.gs, first, count, rank, 1, [&](int j, int, const WR& x) { gs[j] = x; });
    for (int j = 0; !a.gs && j < n; j++) gs[j] = WR{};

    if (rotates) {
      for (int row = 0; a.gu && row < m; row += kSummedRows)
        wide_product<false>(n, n, row + kSummedRows < m ? kSummedRows : m - row, u_adjoint + row, m, 1, gu + row * n, p, row > 0);
      if (a.gv) wide_product<false>(n, n, n, v_adjoint, n, 1, w, q, false);
      for (int t = 0; !a.gu && t < n * n; t++) p[t] = W{};
      for (int t = 0; !a.gv && t < n * n; t++) q[t] = W{};
      with_rule(a.rule, s[0], [&](const auto& rule) {
        for (int j = 0; j < n; j++)
          for (int i = 0; i <= j; i++)
            backward_core_pair<W>(
                rule, i, j, s[i], s[j], gs[i], outside, [&](int64_t r, int64_t c) -> W& { return p[r * n + c]; },
                [&](int64_t r, int64_t c) { return q[r * n + c]; });
        for (int j = 0; outside && j < n; j++) {
          const WR inverse = rule.inverse(s[j]);
          for (int i = 0; i < m; i++) w[i * n + j] = inverse * gu[i * n + j];
        }
      });
      wide_product<true>(m, n, n, u_adjoint, 1, m, p, w, outside);
    } else {
      for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) w[i * n + j] = gs[j] * conjugate(u_adjoint[j * m + i]);
    }
    W* const gx = gu;
    wide_product<false>(m, n, n, w, n, 1, v_adjoint, gx, false);
    store_lanes(a.gx, first, count, m, n, [&](int i, int j) { return a.adjoint ? conjugate(gx[i * n + j]) : gx[i * n + j]; });
  }
}

KERNEL_FOR_ALL_TYPES(svd_backward_lanes, SvdBackward)
KERNEL_SCRATCH_FOR_ALL_TYPES(svd_backward_lanes)
