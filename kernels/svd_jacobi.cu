// The thin SVD of a batch of small matrices in one kernel, by one-sided Jacobi (Hestenes 1958; for its accuracy Demmel and Veselić, SIAM J. Matrix
// Anal. Appl. 13, 1992): columns of A are rotated in pairs until every two are orthogonal. Then A = U diag(S), and the rotations make up V.
//
// A pair rotates where |a_pᴴ a_q| > tol ‖a_p‖ ‖a_q‖, tol = √m·eps: columns of very different size, and with them small singular values, keep their
// relative accuracy. Norms go through a sweep by recurrence and are taken afresh for the next; a sweep without a rotation is the last. Two exact
// powers of two bring the largest element to about 2^target, where no square over- or underflows. Columns whose squares are close to underflow are
// null: they do not rotate, and U is completed there by Gram–Schmidt.
//
// Tall matrices are first reduced to the R of a QR decomposition, whose error in each column is relative to that column, so that what is said of
// small singular values still holds; then U = Q U_R.
//
// For m ≥ n; the caller gives a wide matrix as its adjoint. A matrix with NaN or infinity is marked −1, one that still rotates in sweep kSweeps with
// that number; the factors of both are NaN.
//
// A team of threads has one matrix, on the CPU, where a team is one thread, kLanes of them. The pairs of a round are disjoint and spread over the
// team. Scratch of a team: A, n columns of jacobi_leading(m) | V, n×n | two arrays of n real numbers | with QR: R, n columns of jacobi_leading(n) | a
// row of n for each thread.
#include "householder.cuh"
#include "lane_memory.cuh"
#include "null_columns.cuh"
#include "team.cuh"

template <class T>
struct SvdJacobi {
  View<const T> a;  // m×n
  View<T> u;        // m×n, overwritten
  View<Real<T>> s;  // n×1, overwritten, descending
  View<T> v;        // n×n, overwritten
  int32_t* info;    // batch, overwritten: 0, −1 or kSweeps
  int64_t batch, m, n;
  int64_t adjoint;  // 1: each element of a is conjugated
  int64_t team;     // threads of a team, a divisor of the block's; 1 on the CPU
  int64_t qr;       // 1: a QR decomposition comes first
};

constexpr int kSweeps = 30;

// Odd on a GPU, so that the threads of a team, each in its own column, meet no bank conflicts.
DEVICE int jacobi_leading(int m) { return kLanes<float> == 1 ? m | 1 : m; }

// Every two of `players`, an even number, meet once in players − 1 rounds of a tournament.
DEVICE void tournament(int players, int round, int pair, int& p, int& q) {
  const int circle = players - 1;
  p = round + pair < circle ? round + pair : round + pair - circle;
  q = pair == 0 ? circle : round >= pair ? round - pair : round - pair + circle;
}

template <class T>
DEVICE void svd_jacobi(const SvdJacobi<T>& x, const Block& block) {
  using R = Real<T>;
  using W = Wide<T>;
  using WR = Wide<R>;
  using L = JacobiLimits<R>;
  const int m = int(x.m), n = int(x.n), players = n + n % 2;
  const int lda = jacobi_leading(m), h = x.qr ? n : m, ld = jacobi_leading(h);
  const Team team(block, x.team);
  const int thread = team.thread(), threads = team.threads();
  const int elements = n * (lda + n + 2) + (x.qr ? n * (ld + threads) : 0);
  W* const a = reinterpret_cast<W*>(block.scratch) + team.index * elements;
  W* const v = a + n * lda;
  WR* const norms = reinterpret_cast<WR*>(v + n * n);
  WR* const marks = norms + n;
  W* const r = v + n * n + 2 * n;
  W* const c = x.qr ? r : a;  // the n columns of h elements that are rotated
  const WR zero{}, one = zero + 1;
  const R tol2 = h * L::kEpsilon * L::kEpsilon, null2 = L::kNull * L::kNull;

  const int64_t at_once = int64_t(team.teams) * kLanes<T>, units = (x.batch + at_once - 1) / at_once;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t first = unit * at_once + team.index * kLanes<T>, left = x.batch - first;
    const int count = left < 0 ? 0 : left < kLanes<T> ? int(left) : kLanes<T>;

    if (count > 0) {
      load_lanes(
          x.a, first, count, m, n, [&](int i, int j, const W& element) { a[j * lda + i] = x.adjoint ? conjugate(element) : element; }, thread,
          threads);
    }
    team.barrier();
    for (int j = thread; j < n; j += threads) {
      WR largest = zero;
      for (int i = 0; i < m; i++) largest = larger_or_bad<R>(largest, a[j * lda + i]);
      norms[j] = largest;
      for (int i = 0; i < n; i++) v[j * n + i] = unit_entry<W>(i == j);
    }
    team.barrier();
    WR largest = zero;
    for (int j = 0; j < n; j++) largest = norms[j] > largest ? norms[j] : largest;
    const auto broken = largest > L::kLargest;
    const Scale<T> scale(largest);
    team.barrier();
    for (int j = thread; j < n; j += threads)
      for (int i = 0; i < m; i++) a[j * lda + i] = choose(broken, unit_entry<W>(i == j), scale.up(a[j * lda + i]));
    if (x.qr) qr_decompose<R>(a, lda, m, n, r, ld, team);

    for (int sweep = 0; sweep < kSweeps; sweep++) {
      bool rotated = false;
      for (int j = thread; j < n; j += threads) {
        norms[j] = norm_squared(c + j * ld, h);
        marks[j] = zero;
      }
      team.barrier();
      for (int round = 0; round < players - 1; round++) {
        for (int pair = thread; pair < players / 2; pair += threads) {
          int p, q;
          tournament(players, round, pair, p, q);
          if (p == n || q == n) continue;
          const W gamma = inner(c + p * ld, c + q * ld, h);
          const auto rotates = (size_squared(gamma) > (tol2 * norms[p]) * norms[q]) & (norms[p] > null2) & (norms[q] > null2);
          if (!any_lane(rotates)) continue;
          rotated = true;
          marks[p] = rotates ? one : marks[p];
          const Rotation<W> rotation(norms[p], norms[q], gamma, rotates);
          for (int i = 0; i < h; i++) rotation.apply(c[p * ld + i], c[q * ld + i]);
          for (int i = 0; i < n; i++) rotation.apply(v[p * n + i], v[q * n + i]);
          const WR less = norms[p] - rotation.shift, more = norms[q] + rotation.shift;
          norms[p] = less > zero ? less : zero;
          norms[q] = more > zero ? more : zero;
        }
        team.barrier();
      }
      if (!team.any(rotated)) break;
    }
    WR unfinished = zero;  // kSweeps, if the last sweep was not clean
    for (int j = 0; j < n; j++) unfinished += marks[j];
    team.barrier();

    for (int j = thread; j < n; j += threads) norms[j] = square_root(norm_squared(c + j * ld, h));
    team.barrier();
    for (int j = thread; j < n; j += threads) {
      WR rank = zero;
      for (int i = 0; i < n; i++) rank += (i < j ? norms[i] >= norms[j] : norms[i] > norms[j]) ? one : zero;
      marks[j] = rank;
      const WR inverse = norms[j] > L::kNull ? one / norms[j] : zero;
      for (int i = 0; i < h; i++) c[j * ld + i] = inverse * c[j * ld + i];
    }
    team.barrier();
    if (thread == 0) {
      for (int l = 0; l < count; l++) complete_null_columns<T>(c, ld, h, n, norms, l);
    }
    team.barrier();
    if (x.qr) {
      qr_form_q(a, lda, m, n, team);
      team.barrier();
      multiply_rows(a, lda, m, n, c, ld, r + n * ld + thread * n, team);
      team.barrier();
    }

    for (int j = thread; j < n; j += threads) norms[j] = scale.down(norms[j]);
    for (int l = 0; l < count; l++) {
      const int32_t status = get(largest, l) > L::kLargest ? -1 : get(unfinished, l) > 0 ? kSweeps : 0;
      const View<T> u = x.u.matrix(first + l), to_v = x.v.matrix(first + l);
      if (thread == 0) x.info[first + l] = status;
      for (int j = thread; j < n; j += threads) {
        const int column = int(get(marks[j], l));
        x.s.at(first + l, column, 0) = status ? not_a_number<R>() : get(norms[j], l);
        for (int i = 0; i < m; i++) u.at(0, i, column) = status ? not_a_number<T>() : get(a[j * lda + i], l);
        for (int i = 0; i < n; i++) to_v.at(0, i, column) = status ? not_a_number<T>() : get(v[j * n + i], l);
      }
    }
    team.barrier();
  }
}

KERNEL_FOR_ALL_TYPES(svd_jacobi, SvdJacobi)
