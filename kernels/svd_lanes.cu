// The thin SVD of a batch of small matrices, a matrix in each lane: reflectors from both sides make it bidiagonal (bidiagonal_lanes.cuh), rotations of
// neighbouring columns make that diagonal (Golub and Reinsch, Numer. Math. 14, 1970) and go along both factors.
//
//   A = U₀ L B Rᴴ V₀ᴴ,  U₀ and V₀ products of reflectors, L and R diagonal, |L| = |R| = 1, so that B is real and not negative
//   B = G diag(S) Hᵀ,   products of rotations; U = U₀ L G,  V = V₀ R H
//
// Values are right to eps·s₁; of small ones svd_jacobi.cu keeps more digits. An element beside B's diagonal counts as zero at 2·eps of the largest: rotations round as much.
//
// For m ≥ n; the caller gives a wide matrix as its adjoint. A matrix with NaN or infinity is marked −1, one that has a singular value beyond the type's
// range −3, one that takes more than kSweepsOfValue·n sweeps with that number; the factors of all three are NaN.
#include "bidiagonal_lanes.cuh"
#include "view.cuh"

template <class T>
struct SvdLanes {
  View<const T> a;  // m×n
  View<T> u;        // m×n, overwritten
  View<Real<T>> s;  // n×1, overwritten, descending
  View<T> v;        // n×n, overwritten
  int32_t* info;    // batch, overwritten: 0, −1, −3 or kSweepsOfValue
  int64_t batch, m, n;
  int64_t adjoint;  // 1: each element of a is conjugated
};

constexpr int kSweepsOfValue = 30;

// x := (I − gain·v vᴴ) x for rows from k to m and columns from k to n; element i of v is `stride` elements after the one before.
template <class T, bool kConjugated>
DEVICE void apply_reflector(Wide<T>* x, int k, int m, int n, const Wide<T>* v, int stride, const Wide<Real<T>>& gain, Wide<T>* dots) {
  using W = Wide<T>;
  constexpr int kRows = sizeof(T) == sizeof(Real<T>) ? 4 : 2;
  const auto of = [&](int i) { return kConjugated ? conjugate(v[int64_t(i - k) * stride]) : v[int64_t(i - k) * stride]; };
  const auto add_dots = [&](int i, auto rows) {
    constexpr int kCount = decltype(rows)::value;
    W factor[kCount];
    for (int r = 0; r < kCount; r++) factor[r] = conjugate(of(i + r));
    for (int j = k; j < n; j++) {
      W sum = dots[j];
      for (int r = 0; r < kCount; r++) multiply_add(sum, factor[r], x[(i + r) * n + j]);
      dots[j] = sum;
    }
  };
  const auto take = [&](int i, auto rows) {
    constexpr int kCount = decltype(rows)::value;
    W factor[kCount];
    for (int r = 0; r < kCount; r++) factor[r] = scaled(W{} - of(i + r), gain);
    for (int j = k; j < n; j++) {
      const W dot = dots[j];
      for (int r = 0; r < kCount; r++) multiply_add(x[(i + r) * n + j], factor[r], dot);
    }
  };
  const std::integral_constant<int, kRows> some;
  const std::integral_constant<int, 1> one;
  for (int j = k; j < n; j++) dots[j] = W{};
  int i = k;
  for (; i + kRows <= m; i += kRows) add_dots(i, some);
  for (; i < m; i++) add_dots(i, one);
  for (i = k; i + kRows <= m; i += kRows) take(i, some);
  for (; i < m; i++) take(i, one);
}

// Rotations of the neighbouring columns from `from` to `to` of a matrix of rows of n.
template <class T>
DEVICE void rotate_columns(Wide<T>* x, int rows, int n, int from, int to, const Wide<Real<T>>* cosine, const Wide<Real<T>>* sine) {
  using W = Wide<T>;
  constexpr int kRows = sizeof(T) == sizeof(Real<T>) ? 4 : 2;
  const auto turn = [&](W* row, auto count) {
    constexpr int kCount = decltype(count)::value;
    W p[kCount];
    for (int r = 0; r < kCount; r++) p[r] = row[r * n + from];
    for (int j = from; j < to; j++)
      for (int r = 0; r < kCount; r++) {
        const W q = row[r * n + j + 1];
        row[r * n + j] = cosine[j] * p[r] + sine[j] * q;
        p[r] = cosine[j] * q - sine[j] * p[r];
      }
    for (int r = 0; r < kCount; r++) row[r * n + to] = p[r];
  };
  int i = 0;
  for (; i + kRows <= rows; i += kRows) turn(x + i * n, std::integral_constant<int, kRows>());
  for (; i < rows; i++) turn(x + i * n, std::integral_constant<int, 1>());
}

// Brings columns to norm 1; reflectors and rotations have rounded it. `norm` is n numbers of scratch.
template <class T>
DEVICE void normalise_columns(Wide<T>* x, int rows, int n, Wide<Real<T>>* norm) {
  using WR = Wide<Real<T>>;
  for (int j = 0; j < n; j++) norm[j] = WR{};
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < n; j++) norm[j] += size_squared(x[i * n + j]);
  for (int j = 0; j < n; j++) norm[j] = 1 / square_root(norm[j]);
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < n; j++) x[i * n + j] = scaled(x[i * n + j], norm[j]);
}

// The bidiagonal matrix of d and, right of each, e, on its way to a diagonal one.
template <class R>
struct ImplicitQr {
  using WR = Wide<R>;
  const int n;
  WR *const d, *const e;  // n each
  WR *const cosine, *const sine, *const left_cosine, *const left_sine;
  WR limit{}, start{}, end{}, shift{};  // a lane's block from row start to row end

  // Finds the last block of each lane that is not diagonal, and its shift: the smaller singular value of its last two rows. Rows of any lane.
  DEVICE bool next(int& from, int& to) {
    from = n;
    to = -1;
    WR last{}, before{}, beside{}, first{};
    for (int l = 0; l < kLanes<R>; l++) {
      int own = int(get(end, l));
      while (own > 0 && absolute(get(e[own - 1], l)) <= get(limit, l)) own--;
      put(end, l, R(own));
      int begin = own > 0 ? own - 1 : n;
      while (own > 0 && begin > 0 && absolute(get(e[begin - 1], l)) > get(limit, l)) begin--;
      put(start, l, R(begin));
      if (own == 0) continue;
      put(last, l, get(d[own], l));
      put(before, l, get(d[own - 1], l));
      put(beside, l, get(e[own - 1], l));
      put(first, l, get(d[begin], l));
      from = begin < from ? begin : from;
      to = own > to ? own : to;
    }
    const WR one = WR{} + 1, f = absolute(before), g = absolute(beside), h = absolute(last), small = lower_of(f, h), large = larger_of(f, h);
    // Of [f g; 0 h], without its squares (LAPACK's dlas2).
    const WR divisor = larger_of(larger_of(large, g), WR{} + Limits<R>::smallest_normal), x = large / divisor, y = small / divisor, z = g / divisor;
    const WR sum = square_root((x + y) * (x + y) + z * z) + square_root((x - y) * (x - y) + z * z), least = 2 * small * (x / (sum > 0 ? sum : one));
    const WR size = absolute(first), ratio = least / larger_of(size, WR{} + Limits<R>::smallest_normal);
    // One so much smaller or larger than the first row's changes nothing, or hides a singular value near zero, to which a sweep without a shift leads.
    shift = (size > 0) & (ratio * ratio >= JacobiLimits<R>::kEpsilon) & (ratio * JacobiLimits<R>::kEpsilon <= 1) ? least : WR{};
    return to > 0;
  }

  // The rotation that makes (f, g) to (r, 0).
  DEVICE static void rotation(const WR& f, const WR& g, WR& c, WR& s, WR& r) {
    r = square_root(f * f + g * g);
    const auto there = r > R(kSmallest);
    const WR inverse = 1 / (there ? r : r + 1);
    c = there ? f * inverse : WR{} + 1;
    s = there ? g * inverse : WR{};
    r = there ? r : f;
  }
  // Below it squares are no normal numbers; beside elements of about 1 it is nothing.
  static constexpr R kSmallest = sizeof(R) == 4 ? R(0x1p-62) : R(0x1p-510);

  // A sweep over the blocks. Lanes of other rows turn nothing.
  DEVICE void sweep(int from, int to) {
    const WR none{}, one = none + 1;
    WR f{}, g{};
    for (int j = from; j < to; j++) {
      const auto own = (start <= R(j)) & (end > R(j));
      const auto begins = start == R(j);
      WR here = d[j], beside = e[j], below = d[j + 1], c, s, r;
      const WR size = absolute(here), sign = here < 0 ? -one : one, bulge = size > 0 ? (size - shift) * (sign + shift / (size > 0 ? here : one)) : none;
      f = begins ? bulge : f;
      g = begins ? beside : g;
      rotation(f, g, c, s, r);
      cosine[j] = c = own ? c : one;
      sine[j] = s = own ? s : none;
      if (j > from) e[j - 1] = own & (start < R(j)) ? r : e[j - 1];
      f = c * here + s * beside;
      beside = c * beside - s * here;
      g = s * below;
      below = c * below;
      rotation(f, g, c, s, r);
      left_cosine[j] = c = own ? c : one;
      left_sine[j] = s = own ? s : none;
      d[j] = own ? r : d[j];
      f = c * beside + s * below;
      below = c * below - s * beside;
      const WR after = j + 1 < n - 1 ? e[j + 1] : none;
      g = s * after;
      if (j + 1 < n - 1) e[j + 1] = own & (end > R(j + 1)) ? c * after : after;
      e[j] = own ? f : e[j];
      d[j + 1] = own ? below : d[j + 1];
    }
  }
};

template <class T>
DEVICE void svd_lanes(const SvdLanes<T>& x, const Block& block) {
  using R = Real<T>;
  using W = Wide<T>;
  using WR = Wide<R>;
  const int m = int(x.m), n = int(x.n);
  W* const a = reinterpret_cast<W*>(block.scratch);
  W* const u = a + m * n;
  W* const v = u + m * n;
  const Bidiagonalisation<T> bidiagonal{n, a, v + n * n, v + (n + 1) * n, v + (n + 2) * n};
  W* const left_phase = v + (n + 3) * n;
  W* const right_phase = left_phase + n;
  WR* const real = reinterpret_cast<WR*>(right_phase + n + 1);
  WR *const left_gain = real + 6 * n, *const right_gain = real + 7 * n, *const rank = real + 8 * n;

  const int64_t units = (x.batch + kLanes<T> - 1) / kLanes<T>;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t first = unit * kLanes<T>;
    const int count = x.batch - first < kLanes<T> ? int(x.batch - first) : kLanes<T>;
    const ScaledLanes<T> given(x.a, first, count, m, n, a);
    if (x.adjoint)
      for (int t = 0; t < m * n; t++) a[t] = conjugate(a[t]);

    ImplicitQr<R> qr{n, real, real + n, real + 2 * n, real + 3 * n, real + 4 * n, real + 5 * n};
    right_phase[0] = unit_entry<W>(true);
    bidiagonal.run(m, [&](int k, const auto& down, const auto& across) {
      qr.d[k] = down.length;
      qr.e[k] = across.length;
      left_gain[k] = down.gain;
      right_gain[k] = across.gain;
      // What the reflectors leave is −ahead; conj(L) times it times R is its length. Phases of products keep the length 1 of what they are made of.
      left_phase[k] = W{} - phase_of(down.phase * right_phase[k]);
      right_phase[k + 1] = W{} - phase_of(conjugate(across.phase) * left_phase[k]);
    });
    for (int i = 0; i < m; i++)
      for (int j = 0; j < n; j++) u[i * n + j] = i == j ? left_phase[j] : W{};
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++) v[i * n + j] = i == j ? right_phase[j] : W{};
    for (int k = n - 1; k >= 0; k--) {
      apply_reflector<T, false>(u, k, m, n, a + k * n + k, n, left_gain[k], bidiagonal.dots);
      if (k + 1 < n) apply_reflector<T, true>(v, k + 1, n, n, a + k * n + k + 1, 1, right_gain[k], bidiagonal.dots);
    }

    for (int k = 0; k < n; k++) qr.limit = larger_of(qr.limit, larger_of(qr.d[k], qr.e[k]));
    qr.limit *= 2 * JacobiLimits<R>::kEpsilon;
    qr.end = WR{} + R(n - 1);
    int from, to;
    for (int sweeps = kSweepsOfValue * n; qr.next(from, to) && sweeps > 0; sweeps--) {
      qr.sweep(from, to);
      rotate_columns<T>(v, n, n, from, to, qr.cosine, qr.sine);
      rotate_columns<T>(u, m, n, from, to, qr.left_cosine, qr.left_sine);
    }

    normalise_columns<T>(u, m, n, qr.cosine);
    normalise_columns<T>(v, n, n, qr.cosine);
    WR largest{};
    for (int k = 0; k < n; k++) {
      const WR size = absolute(qr.d[k]);
      largest = larger_of(largest, size);
      rank[k] = WR{};
      for (int j = 0; j < n; j++) {
        const WR other = absolute(qr.d[j]);
        rank[k] += (other > size) | ((other == size) & (WR{} + R(j) < R(k))) ? WR{} + 1 : WR{};
      }
    }
    const WR status = given.status(largest, qr.end > 0 ? WR{} + R(kSweepsOfValue) : WR{});
    for (int l = 0; l < count; l++) {
      const int64_t b = first + l;
      const bool fails = get(status, l) != 0;
      x.info[b] = int32_t(get(status, l));
      for (int k = 0; k < n; k++) {
        const int64_t place = int64_t(get(rank[k], l));
        const R value = get(qr.d[k], l), sign = value < 0 ? R(-1) : R(1);
        x.s.at(b, place, 0) = fails ? not_a_number<R>() : get(given.unscaled(absolute(qr.d[k])), l);
        for (int i = 0; i < m; i++) x.u.at(b, i, place) = fails ? not_a_number<T>() : get(u[i * n + k], l) + T{};
        for (int i = 0; i < n; i++) x.v.at(b, i, place) = fails ? not_a_number<T>() : sign * get(v[i * n + k], l) + T{};
      }
    }
  }
}

KERNEL_FOR_ALL_TYPES(svd_lanes, SvdLanes)
