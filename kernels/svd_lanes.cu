// The thin SVD of a batch of small matrices: reflectors from both sides make each bidiagonal (bidiagonal_lanes.cuh), rotations of neighbouring
// columns make that diagonal (Golub and Reinsch, Numer. Math. 14, 1970) and go along both factors.
//
//   A = U₀ L B Rᴴ V₀ᴴ,  U₀ and V₀ products of reflectors, L and R diagonal, |L| = |R| = 1, so that B is real and not negative
//   B = G diag(S) Hᵀ,   products of rotations; U = U₀ L G,  V = V₀ R H
//
// A vector has a matrix in each lane. The last few of a batch, or all of a small one, are decomposed one by one instead, and vectors go along rows,
// or along columns while rotations do; with the same operations in the same order, so that a matrix has the same factors in any batch.
//
// Values are right to eps·s₁, and zero below that; of small ones svd_jacobi.cu keeps more digits. With `leaves` this kernel therefore takes the even
// matrices alone, whose columns, and rows if they are square, have largest parts within 2^kEven of each other: the difference is no more than that
// factor there. It marks the others kLeft, and those that do not converge. An element beside B's diagonal counts as zero at 2·eps of the largest:
// rotations round as much.
//
// For m ≥ n; the caller gives a wide matrix as its adjoint. A matrix with NaN or infinity is marked −1, one that has a singular value beyond the
// type's range −3, one that takes more than kSweepsOfValue·n sweeps with that number; the factors of all three are NaN.
#include "bidiagonal_lanes.cuh"
#include "view.cuh"

template <class T>
struct SvdLanes {
  View<const T> a;  // m×n
  View<T> u;        // m×n, overwritten
  View<Real<T>> s;  // n×1, overwritten, descending
  View<T> v;        // n×n, overwritten
  int32_t* info;    // batch, overwritten: 0, −1, −3, kSweepsOfValue or kLeft
  int64_t batch, m, n;
  int64_t adjoint;  // 1: each element of a is conjugated
  int64_t leaves;   // 1: factors of matrices that are marked kLeft are not touched
};

constexpr int kSweepsOfValue = 30, kEven = 6;

// x := (I − gain·v vᴴ) x for rows from k to m and columns from k on, left of which they are zero. of(i) is the element of v that meets row i, or its
// conjugate. Rows are `length` vectors.
template <class W, class E, class Of>
DEVICE void apply_reflector(W* x, int length, int k, int m, const Of& of, const Real<E>& gain, W* dots, W* blocks) {
  constexpr int kRows = Bidiagonalisation<W, E>::kRowsAtOnce;
  const int start = k / kWidth<E, W>;
  const auto add_dots = [&](int i, auto rows) {
    constexpr int kCount = decltype(rows)::value;
    W factor[kCount];
    for (int r = 0; r < kCount; r++) factor[r] = for_vector<W>(conjugate(of(i + r)));
    for (int j = start; j < length; j++) {
      W sum = dots[j];
      for (int r = 0; r < kCount; r++) multiply_add(sum, factor[r], x[(i + r) * length + j]);
      dots[j] = sum;
    }
  };
  const auto take = [&](int i, auto rows) {
    constexpr int kCount = decltype(rows)::value;
    W factor[kCount];
    for (int r = 0; r < kCount; r++) factor[r] = for_vector<W>(scaled(E{} - of(i + r), gain));
    for (int j = start; j < length; j++) {
      const W dot = dots[j];
      for (int r = 0; r < kCount; r++) multiply_add(x[(i + r) * length + j], factor[r], dot);
    }
  };
  const std::integral_constant<int, kRows> some;
  const std::integral_constant<int, 1> one;
  sum_rows(dots, blocks, start, length, k, m, [&](int i, int last) {
    for (; i + kRows <= last; i += kRows) add_dots(i, some);
    for (; i < last; i++) add_dots(i, one);
  });
  int i = k;
  for (; i + kRows <= m; i += kRows) take(i, some);
  for (; i < m; i++) take(i, one);
}

// a·x + b·y.
template <class W>
DEVICE W combined(const W& a, const W& x, const W& b, const W& y) {
  return fused(a, x, b * y);
}
template <class W>
DEVICE Complex<W> combined(const W& a, const Complex<W>& x, const W& b, const Complex<W>& y) {
  return {combined(a, x.re, b, y.re), combined(a, x.im, b, y.im)};
}

// sum + Re(a b).
template <class W>
DEVICE void add_real_part(W& sum, const W& a, const W& b) {
  sum = fused(a, b, sum);
}
template <class W>
DEVICE void add_real_part(W& sum, const Complex<W>& a, const Complex<W>& b) {
  sum = fused(-a.im, b.im, fused(a.re, b.re, sum));
}

// Rotations of the neighbouring columns from `from` to `to` of a matrix of rows of n.
template <class W>
DEVICE void rotate_columns(W* x, int rows, int n, int from, int to, const Real<W>* cosine, const Real<W>* sine) {
  constexpr int kRows = Bidiagonalisation<W>::kRowsAtOnce;
  const auto turn = [&](W* row, auto count) {
    constexpr int kCount = decltype(count)::value;
    W p[kCount];
    for (int r = 0; r < kCount; r++) p[r] = row[r * n + from];
    for (int j = from; j < to; j++)
      for (int r = 0; r < kCount; r++) {
        const W q = row[r * n + j + 1];
        row[r * n + j] = combined(cosine[j], p[r], sine[j], q);
        p[r] = combined(cosine[j], q, -sine[j], p[r]);
      }
    for (int r = 0; r < kCount; r++) row[r * n + to] = p[r];
  };
  int i = 0;
  for (; i + kRows <= rows; i += kRows) turn(x + i * n, std::integral_constant<int, kRows>());
  for (; i < rows; i++) turn(x + i * n, std::integral_constant<int, 1>());
}

// The rotation of two stored columns of `length` vectors, one after the other.
template <class W>
DEVICE void rotate_stored(W* left, int length, const Real<W>& cosine, const Real<W>& sine) {
  W* const right = left + length;
  for (int i = 0; i < length; i++) {
    const W p = left[i], q = right[i];
    left[i] = combined(cosine, p, sine, q);
    right[i] = combined(cosine, q, -sine, p);
  }
}

// The bidiagonal matrix of d and, right of each, e, on its way to a diagonal one.
template <class R, class WR>
struct ImplicitQr {
  const int n;
  WR *const d, *const e;                // n each
  int most = 0;                         // all lanes' ends are there or above it
  WR limit{}, start{}, end{}, shift{};  // a lane's block from row start to row end

  // Finds the last block of each lane that is not diagonal, and its shift: the smaller singular value of its last two rows. Rows of any lane.
  DEVICE bool next(int& from, int& to) {
    WR last{}, before{}, beside{}, first{}, least_diagonal{};
    end = WR{};
    start = WR{} + R(n);
    auto goes_on = end > start;
    for (int j = 0; j < most; j++) {
      const auto large = absolute(e[j]) > limit;
      const auto begins = goes_on ? goes_on < goes_on : large;
      start = begins ? WR{} + R(j) : start;
      first = begins ? d[j] : first;
      const WR above = absolute(d[j]), below = absolute(d[j + 1]), lower = lower_of(above, below);
      least_diagonal = begins ? lower : large ? lower_of(least_diagonal, lower) : least_diagonal;
      end = large ? WR{} + R(j + 1) : end;
      before = large ? d[j] : before;
      beside = large ? e[j] : beside;
      last = large ? d[j + 1] : last;
      goes_on = large;
    }
    from = n;
    to = 0;
    for (int l = 0; l < kMatricesOf<R, WR>; l++) {
      from = lower_of(from, int(get(start, l)));
      to = larger_of(to, int(get(end, l)));
    }
    most = to;
    const WR one = WR{} + 1, f = absolute(before), g = absolute(beside), h = absolute(last), small = lower_of(f, h), large = larger_of(f, h);
    // Of [f g; 0 h], without its squares (LAPACK's dlas2).
    const WR divisor = larger_of(larger_of(large, g), WR{} + Limits<R>::smallest_normal), x = large / divisor, y = small / divisor, z = g / divisor;
    const WR sum = square_root(combined(x + y, x + y, z, z)) + square_root(combined(x - y, x - y, z, z));
    const WR least = rounded(small + small, x / (sum > 0 ? sum : one));
    const WR size = absolute(first), ratio = least / larger_of(size, WR{} + Limits<R>::smallest_normal);
    // One so much smaller or larger than the first row's changes nothing, or hides a singular value near zero, to which a sweep without a shift
    // leads. Nor does a shift get past a zero on the diagonal.
    shift = (size > 0) & (least_diagonal > limit) & (ratio * ratio >= JacobiLimits<R>::kEpsilon) & (ratio * JacobiLimits<R>::kEpsilon <= 1) ? least
                                                                                                                                            : WR{};
    return to > 0;
  }

  // The rotation that makes (f, g) to (r, 0).
  DEVICE static void rotation(const WR& f, const WR& g, WR& c, WR& s, WR& r) {
    r = square_root(combined(f, f, g, g));
    const auto there = r > R(kSmallest);
    const WR inverse = 1 / r;
    // To length 1, or a thousand of them would scale the values by what they have in common.
    const WR x = f * inverse, y = g * inverse, half = R(-0.5) * fused(x, x, fused(y, y, WR{} - 1));
    c = there ? fused(x, half, x) : WR{} + 1;
    s = there ? fused(y, half, y) : WR{};
    r = there ? r : f;
  }
  // Below it squares are no normal numbers; beside elements of about 1 it is nothing.
  static constexpr R kSmallest = sizeof(R) == 4 ? R(0x1p-62) : R(0x1p-510);

  // A sweep over the blocks. Lanes of other rows turn nothing. Calls turn(j, cosine, sine, of the left side) for the rotations of columns j and j
  // + 1.
  template <class Turn>
  DEVICE void sweep(int from, int to, const Turn& turn) {
    const WR none{}, one = none + 1;
    WR f{}, g{};
    for (int j = from; j < to; j++) {
      const auto begins = start == R(j), within = start <= R(j), goes_on = end > R(j);
      // A block that is the only one is all of the rows.
      const auto own = [&](const WR& a, const WR& b) { return kMatricesOf<R, WR> == 1 || (within & goes_on) ? a : b; };
      WR here = d[j], beside = e[j], below = d[j + 1], cosine, sine, left_cosine, left_sine, r;
      if (any_lane(begins)) {
        const WR size = absolute(here), sign = here < 0 ? -one : one,
                 bulge = size > 0 ? (size - shift) * (sign + shift / (size > 0 ? here : one)) : none;
        f = begins ? bulge : f;
        g = begins ? beside : g;
      }
      rotation(f, g, cosine, sine, r);
      cosine = own(cosine, one);
      sine = own(sine, none);
      if (j > from) e[j - 1] = begins ? e[j - 1] : own(r, e[j - 1]);
      f = combined(cosine, here, sine, beside);
      beside = combined(cosine, beside, -sine, here);
      g = sine * below;
      below = cosine * below;
      rotation(f, g, left_cosine, left_sine, r);
      left_cosine = own(left_cosine, one);
      left_sine = own(left_sine, none);
      turn(j, cosine, sine, left_cosine, left_sine);
      d[j] = own(r, d[j]);
      f = combined(left_cosine, beside, left_sine, below);
      below = combined(left_cosine, below, -left_sine, beside);
      const WR after = j + 1 < n - 1 ? e[j + 1] : none;
      g = left_sine * after;
      if (j + 1 < n - 1) e[j + 1] = end > R(j + 1) ? own(left_cosine * after, after) : after;
      e[j] = own(f, e[j]);
      d[j + 1] = own(below, d[j + 1]);
    }
  }
};

// Of one matrix, where E is T, or of one in each lane, where it is Wide<T>; see bidiagonal_lanes.cuh.
template <class T, class W, class E>
struct GolubKahan {
  using R = Real<T>;
  using WR = Real<W>;
  using ER = Real<E>;
  static constexpr bool kAlone = !std::is_same_v<W, E>;
  const SvdLanes<T>& x;
  const int m, n, row, column;  // a row and a column are so many vectors
  W *const a, *const u, *const v;
  const Bidiagonalisation<W, E> bidiagonal;
  E *const left_phase, *const right_phase;
  ER *const left_gain, *const right_gain, *const rank;
  ER *const cosine, *const sine, *const left_cosine, *const left_sine;
  ImplicitQr<R, ER> qr;

  DEVICE GolubKahan(const SvdLanes<T>& x, unsigned char* scratch)
      : x(x),
        m(int(x.m)),
        n(int(x.n)),
        row((n + kWidth<E, W> - 1) / kWidth<E, W>),
        column((m + kWidth<E, W> - 1) / kWidth<E, W>),
        a(reinterpret_cast<W*>(scratch)),
        u(a + m * n),
        v(u + m * n),
        bidiagonal{n, a, v + n * n, v + (n + 1) * n, v + (n + 2) * n, v + (n + 3) * n},
        left_phase(reinterpret_cast<E*>(v + (n + 4) * n)),
        right_phase(left_phase + n),
        left_gain(reinterpret_cast<ER*>(right_phase + n + 1)),
        right_gain(left_gain + n),
        rank(right_gain + n),
        cosine(rank + n),
        sine(cosine + n),
        left_cosine(sine + n),
        left_sine(left_cosine + n),
        qr{n, left_sine + n, left_sine + 2 * n} {}

  DEVICE void decompose(int64_t first, int count) {
    Scaled<T, W, E> given(x.a, first, count, m, n, a);
    const ER one = ER{} + 1, wanted = x.leaves ? (is_even() ? one : ER{}) : one;
    scale(given, a, wanted);
    make_bidiagonal();
    make_diagonal();
    refine(first, count, wanted);
    finish(given, wanted, first, count);
  }

  // Of the matrix that was loaded, or of its conjugate.
  DEVICE void scale(Scaled<T, W, E>& given, W* loaded, const ER& wanted) const {
    given.scale(loaded, m * row, wanted);
    if (x.adjoint)
      for (int t = 0; t < m * row; t++) loaded[t] = conjugate(loaded[t]);
  }

  // Whether columns, and rows of a square matrix, as given, have sizes that are not far apart; zeros have none.
  DEVICE auto is_even() const {
    WR* const of_column = reinterpret_cast<WR*>(bidiagonal.dots);
    ER most{}, least = ER{} + JacobiLimits<R>::kLargest;
    const auto take = [&](const WR* sizes, int count) {
      for (int j = 0; j < count; j++) {
        const ER size = element<ER>(sizes, j);
        most = larger_of(most, size);
        least = size > 0 ? lower_of(least, size) : least;
      }
    };
    for (int j = 0; j < row; j++) of_column[j] = WR{};
    for (int i = 0; i < m; i++) {
      WR all{};
      for (int j = 0; j < row; j++) {
        const WR size = largest_part(a[i * row + j]);
        of_column[j] = larger_of(of_column[j], size);
        all = larger_of(all, size);
      }
      if (m != n) continue;
      ER of_row{};
      for (int l = 0; l < kWidth<E, W>; l++) of_row = larger_of(of_row, element<ER>(&all, l));
      least = of_row > 0 ? lower_of(least, of_row) : least;
    }
    take(of_column, n);
    return most <= least * power_of_two<R>(ER{} + R(kEven));
  }

  // B to qr, the products of the reflectors and the phases to u and v.
  DEVICE void make_bidiagonal() {
    right_phase[0] = unit_entry<E>(true);
    for (int j = 0; j < row; j++) bidiagonal.left[j] = bidiagonal.right[j] = W{};
    bidiagonal.run(m, [&](int k, const auto& down, const auto& across) {
      qr.d[k] = down.length;
      qr.e[k] = across.length;
      left_gain[k] = down.gain;
      right_gain[k] = across.gain;
      // What the reflectors leave is −ahead; conj(L) times it times R is its length. Phases of products keep the length 1 of what they are made of.
      left_phase[k] = E{} - phase_of(down.phase * right_phase[k]);
      right_phase[k + 1] = E{} - phase_of(conjugate(across.phase) * left_phase[k]);
    });
    for (int t = 0; t < m * row; t++) u[t] = W{};
    for (int t = 0; t < n * row; t++) v[t] = W{};
    for (int k = n - 1; k >= 0; k--) {
      set_element(u + k * row, k, left_phase[k]);
      set_element(v + k * row, k, right_phase[k]);
      apply_reflector<W, E>(u, row, k, m, [&](int i) { return element<E>(a + i * row, k); }, left_gain[k], bidiagonal.dots, bidiagonal.blocks);
      if (k + 1 < n)
        apply_reflector<W, E>(
            v, row, k + 1, n, [&](int i) { return conjugate(element<E>(a + k * row, i)); }, right_gain[k], bidiagonal.dots, bidiagonal.blocks);
    }
  }

  // B to the singular values, the rotations along u and v; of one matrix its columns, of U to a, of V to v.
  DEVICE void make_diagonal() {
    if constexpr (kAlone) {
      for (int t = 0; t < n * column; t++) a[t] = W{};
      for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) set_element(a + j * column, i, element<E>(u + i * row, j));
      for (int j = 0; j < n; j++)
        for (int i = 0; i < j; i++) {
          const E upper = element<E>(v + i * row, j);
          set_element(v + i * row, j, element<E>(v + j * row, i));
          set_element(v + j * row, i, upper);
        }
    }
    qr.limit = ER{};
    for (int k = 0; k < n; k++) qr.limit = larger_of(qr.limit, larger_of(qr.d[k], qr.e[k]));
    qr.limit *= 2 * JacobiLimits<R>::kEpsilon;
    qr.most = n - 1;
    int from, to;
    for (int sweeps = kSweepsOfValue * n; qr.next(from, to) && sweeps > 0; sweeps--) {
      if constexpr (kAlone) {
        // While one rotation goes along the factors, the next is found.
        qr.sweep(from, to, [&](int j, const ER& c, const ER& s, const ER& left_c, const ER& left_s) {
          rotate_stored(v + j * row, row, for_vector<WR>(c), for_vector<WR>(s));
          rotate_stored(a + j * column, column, for_vector<WR>(left_c), for_vector<WR>(left_s));
        });
      } else {
        qr.sweep(from, to, [&](int j, const ER& c, const ER& s, const ER& left_c, const ER& left_s) {
          cosine[j] = c;
          sine[j] = s;
          left_cosine[j] = left_c;
          left_sine[j] = left_s;
        });
        rotate_columns(v, n, n, from, to, cosine, sine);
        rotate_columns(u, m, n, from, to, left_cosine, left_sine);
      }
    }
  }

  // Of the factors as make_diagonal leaves them.
  DEVICE E left(int i, int j) const {
    if constexpr (kAlone)
      return element<E>(a + j * column, i);
    else
      return u[i * n + j];
  }
  DEVICE E right(int i, int j) const {
    if constexpr (kAlone)
      return element<E>(v + j * row, i);
    else
      return v[i * n + j];
  }

  // Brings the columns of U and V to norm 1, which reflectors and rotations have rounded, and takes for the values what A itself makes of them,
  // d = Re(uᴴ A v), which is off by less than the sweeps were.
  DEVICE void refine(int64_t first, int count, const ER& wanted) {
    ER *const left_norm = cosine, *const right_norm = sine;
    sum_rows(left_norm, left_cosine, 0, n, 0, m, [&](int i, int last) {
      for (; i < last; i++)
        for (int k = 0; k < n; k++) add_square(left_norm[k], left(i, k));
    });
    sum_rows(right_norm, left_cosine, 0, n, 0, n, [&](int i, int last) {
      for (; i < last; i++)
        for (int k = 0; k < n; k++) add_square(right_norm[k], right(i, k));
    });
    W* const again = kAlone ? u : a;  // what is no longer needed
    Scaled<T, W, E> given(x.a, first, count, m, n, again);
    scale(given, again, wanted);
    for (int k = 0; k < n; k++) {
      left_norm[k] = 1 / square_root(left_norm[k]);
      right_norm[k] = 1 / square_root(right_norm[k]);
    }
    W* const products = bidiagonal.dots;  // Aᵀ conj(u)
    for (int k = 0; k < n; k++) {
      for (int j = 0; j < row; j += 4) {
        const int some = row - j < 4 ? row - j : 4;
        for (int i = 0; i < m;) {
          W sum[4] = {};
          const int start = i, last = m - i < kRowsOfBlock ? m : i + kRowsOfBlock;
          for (; i < last; i++) {
            const W factor = for_vector<W>(conjugate(left(i, k)));
            for (int l = 0; l < 4 && l < some; l++) multiply_add(sum[l], again[i * row + j + l], factor);
          }
          for (int l = 0; l < some; l++) products[j + l] = start == 0 ? sum[l] : products[j + l] + sum[l];
        }
      }
      ER value{};
      for (int j = 0; j < n; j++) add_real_part(value, element<E>(products, j), right(j, k));
      qr.d[k] = value * left_norm[k] * right_norm[k];
    }
  }

  // Writes the factors in order of the singular values.
  DEVICE void finish(const Scaled<T, W, E>& given, const ER& wanted, int64_t first, int count) {
    const ER *const left_norm = cosine, *const right_norm = sine;
    ER* const value = left_cosine;
    ER largest{};
    for (int k = 0; k < n; k++) largest = larger_of(largest, absolute(qr.d[k]));
    for (int k = 0; k < n; k++) {
      const ER size = absolute(qr.d[k]);
      qr.d[k] = size > largest * JacobiLimits<R>::kEpsilon ? qr.d[k] : ER{};
      value[k] = given.unscaled(absolute(qr.d[k]));
    }
    for (int k = 0; k < n; k++) {
      const ER size = absolute(qr.d[k]);
      rank[k] = ER{};
      for (int j = 0; j < n; j++) {
        const ER other = absolute(qr.d[j]);
        rank[k] += (other > size) | ((other == size) & (ER{} + R(j) < R(k))) ? ER{} + 1 : ER{};
      }
    }
    const ER unfinished = ER{} + R(x.leaves ? kLeft : kSweepsOfValue), uneven = wanted > 0 ? ER{} : ER{} + R(kLeft),
             status = given.status(largest, qr.end > 0 ? unfinished : uneven);
    for (int l = 0; l < count; l++) {
      const int64_t b = first + l;
      const int32_t code = int32_t(get(status, l));
      x.info[b] = code;
      if (code == kLeft) continue;
      for (int k = 0; k < n; k++) {
        const int64_t place = int64_t(get(rank[k], l));
        const R sign = get(qr.d[k], l) < 0 ? R(-1) : R(1);
        const R of_left = code ? not_a_number<R>() : get(left_norm[k], l), of_right = code ? not_a_number<R>() : sign * get(right_norm[k], l);
        x.s.at(b, place, 0) = code ? not_a_number<R>() : get(value[k], l);
        T* to = &x.u.at(b, 0, place);
        for (int i = 0; i < m; i++, to += x.u.row_stride) *to = of_left * get(left(i, k), l) + T{};
        to = &x.v.at(b, 0, place);
        for (int i = 0; i < n; i++, to += x.v.row_stride) *to = of_right * get(right(i, k), l) + T{};
      }
    }
  }
};

// In elements of a vector of lanes: A, U | V and four rows | a row of left and of right phases, seven of GolubKahan's and two of ImplicitQr's, and an
// element over. A row of reals counts as one of T.
template <class T>
DEVICE int64_t svd_lanes_scratch_bytes(int64_t m, int64_t n, int64_t) {
  return ((2 * m + n + 6) * n + 1 + 9 * n) * int64_t(sizeof(Wide<T>));
}

template <class T>
DEVICE void svd_lanes(const SvdLanes<T>& x, const Block& block) {
  for_vectors<T>(
      x.batch, block, [&](int64_t first, int count) { GolubKahan<T, Wide<T>, Wide<T>>(x, block.scratch).decompose(first, count); },
      [&](int64_t matrix) { GolubKahan<T, Wide<T>, T>(x, block.scratch).decompose(matrix, 1); });
}

KERNEL_FOR_ALL_TYPES(svd_lanes, SvdLanes)
KERNEL_SCRATCH_FOR_ALL_TYPES(svd_lanes)
