// The singular values alone of a batch of small matrices: reflectors from both sides make each bidiagonal (bidiagonal_lanes.cuh), differential
// quotient-difference transforms with shifts find the values (Fernando and Parlett, Numer. Math. 67, 1994). As in svd_lanes.cu, a vector has a matrix
// in each lane, or few matrices are done one by one, to the same bits.
//
// Values are right to eps·s₁, as LAPACK's are; of small ones svd_jacobi.cu keeps more digits. For m ≥ n; the caller gives a wide matrix as its
// transpose. A matrix with NaN or infinity is marked −1, one that has a singular value beyond the type's range −3, one that takes more than
// kTransforms·n transforms with that number; the values of all three are NaN.
#include "bidiagonal_lanes.cuh"
#include "view.cuh"

template <class T>
struct SvdValues {
  View<const T> a;  // m×n
  View<Real<T>> s;  // n×1, overwritten, descending
  int32_t* info;    // batch, overwritten: 0, −1, −3 or kTransforms
  int64_t batch, m, n;
};

constexpr int kTransforms = 30;

// The eigenvalues of BᵀB for a bidiagonal matrix B, whose squared elements are q on the diagonal and e beside it. A transform with shift σ leaves
// those of BBᵀ − σI, smaller ones of e, and q of the last row, which nears the smallest. The shift is Laguerre's lower bound of that, from the traces
// of the inverse and of its square: all of q stay positive but for rounding, after which a transform is repeated with a quarter of the shift. Where
// an e has become negligible the rows below are a block by themselves, and those above wait.
template <class R, class WR>
struct Quotients {
  static constexpr R kLargest = JacobiLimits<R>::kLargest;
  static constexpr R kNothing = sizeof(R) == 4 ? R(0x1p-100) : R(0x1p-900);  // beside the largest of q, about 1; so that 1/0 is a number
  const int n;
  WR *q, *e, *next_q, *next_e;   // n + 1 of each
  WR *const first, *const base;  // by row, where the block that ends there begins, and its shift so far
  WR* const values;              // n
  WR limit{}, shift{}, failed{};
  WR start{}, split{}, end{};  // the block of each lane, and where its last part begins
  WR shifted{}, rest{};        // the sum of shifts and what it rounds off

  // Squares what it is given, B's elements, and reverses the rows of matrices with the smaller end first, or they would have to change places.
  DEVICE void arrange() {
    WR largest{};
    for (int i = 0; i < n; i++) {
      q[i] *= q[i];
      e[i] *= e[i];
      largest = larger_of(largest, larger_of(q[i], e[i]));
      next_q[i] = next_e[i] = WR{};
    }
    limit = largest * (JacobiLimits<R>::kEpsilon * JacobiLimits<R>::kEpsilon / 16);
    const auto turned = q[n - 1] > 2 * q[0];
    const auto turn = [&](WR& x, WR& y) {
      const WR old = x;
      x = turned ? y : x;
      y = turned ? old : y;
    };
    for (int i = 0; i < n - 1 - i; i++) turn(q[i], q[n - 1 - i]);
    for (int i = 0; i < n - 2 - i; i++) turn(e[i], e[n - 2 - i]);
    q[n] = next_q[n] = e[n - 1] = WR{};
    end = WR{} + R(n - 1);
  }

  // Goes on to the last part of each lane's block, and past those of one row, which are found. Gives the last row of any lane, −1 when all is done.
  DEVICE int divide() {
    int last = -1;
    for (int l = 0; l < kMatricesOf<R, WR>; l++) {
      int from = int(get(split, l)), to = int(get(end, l));
      if (to < 0) continue;
      if (from > int(get(start, l))) {
        put(first[from - 1], l, get(start, l));
        put(base[from - 1], l, get(shifted, l));
      }
      while (to >= 0 && from == to) {
        const R own = get(q[to], l);
        put(values[to], l, (own > 2 * kNothing ? own : R(0)) + get(shifted, l));
        if (--to < 0) break;
        // Above the first row of the first block there is nothing.
        from = int(get(first[to], l));
        put(shifted, l, get(base[to], l));
        put(rest, l, R(0));
      }
      if (to >= 0) put(e[to], l, R(0));
      put(start, l, R(from));
      put(split, l, R(from));
      put(end, l, R(to));
      last = to > last ? to : last;
    }
    return last;
  }

  DEVICE void choose_shift(int last) {
    const WR none{}, one = none + 1;
    WR smallest = none + kLargest, beside = none, inverse = none, squares = none, trace = none, trace2 = none;
    for (int i = 0; i <= last; i++) {
      const auto own = (start <= R(i)) & (end >= R(i));
      const WR w = own ? one / larger_of(q[i], none + kNothing) : none;
      smallest = lower_of(smallest, own ? q[i] : none + kLargest);
      // Element (i, i) of the inverse, and the squares of its column down to there.
      inverse = fused(beside, inverse, one) * w;
      squares = fused(inverse, inverse, rounded(beside * w, squares));
      trace += inverse;
      trace2 += squares + fused(-inverse, inverse, squares);
      beside = e[i];
    }
    const R rounding = 4 * n * JacobiLimits<R>::kEpsilon;
    const WR count = end - start + one, spread = (count - one) * fused(-trace, trace, rounded((one + rounding) * count, trace2));
    const WR bound = (one - rounding) * count / (trace + square_root(spread > 0 ? spread : none));
    const auto usable = (smallest > 2 * kNothing) & (count * count * trace2 <= kLargest) & (bound > 0);
    shift = failed > 0 ? shift / 4 : usable ? bound : none;
  }

  DEVICE void transform(int last) {
    const WR none{}, one = none + 1;
    WR d = q[0] - shift, least = none, begin = start;
    for (int i = 0; i <= last; i++) {
      const auto own = (start <= R(i)) & (end >= R(i));
      least = lower_of(least, own ? d : none);
      d = larger_of(d, none + kNothing);
      const WR sum = d + e[i], quotient = q[i + 1] / sum, product = e[i] * quotient;
      next_q[i] = own ? sum : q[i];
      next_e[i] = own ? product : e[i];
      begin = own & (end > R(i)) & (product <= limit) ? none + R(i + 1) : begin;
      d = start > R(i) ? q[i + 1] - shift : fused(d, quotient, -shift);
    }
    const auto fails = least < 0;
    failed = fails ? one : none;
    if (any_lane(fails))
      for (int i = 0; i <= last; i++) {
        next_q[i] = fails ? q[i] : next_q[i];
        next_e[i] = fails ? e[i] : next_e[i];
      }
    split = fails ? start : begin;
    exchange(q, next_q);
    exchange(e, next_e);
    const WR more = (fails ? none : shift) - rest, total = shifted + more;
    rest = (total - shifted) - more;
    shifted = total;
  }
  DEVICE static void exchange(WR*& x, WR*& y) {
    WR* const old = x;
    x = y;
    y = old;
  }

  // 1 in lanes where that did not come to an end.
  DEVICE WR find() {
    arrange();
    int last = divide();
    for (int i = 0; last >= 0 && i < kTransforms * n; i++) {
      choose_shift(last);
      transform(last);
      last = divide();
    }
    sort();
    return end >= 0 ? WR{} + 1 : WR{};
  }

  DEVICE void sort() const {
    for (int i = 1; i < n; i++)
      for (int j = i; j > 0; j--) {
        const WR above = values[j - 1], below = values[j];
        values[j - 1] = larger_of(above, below);
        values[j] = lower_of(above, below);
      }
  }
};

// Of one matrix, where E is T, or of one in each lane, where it is Wide<T>; see bidiagonal_lanes.cuh.
template <class T, class W, class E>
DEVICE void find_values(const SvdValues<T>& x, int64_t first, int count, unsigned char* scratch) {
  using R = Real<T>;
  using ER = Real<E>;
  const int m = int(x.m), n = int(x.n), row = (n + kWidth<E, W> - 1) / kWidth<E, W>;
  W* const a = reinterpret_cast<W*>(scratch);
  const Bidiagonalisation<W, E> bidiagonal{n, a, a + m * n, a + (m + 1) * n, a + (m + 2) * n, a + (m + 3) * n};
  ER* const real = reinterpret_cast<ER*>(a + (m + 4) * n);
  ER* const values = real + 6 * (n + 1);
  Scaled<T, W, E> given(x.a, first, count, m, n, a);
  given.scale(a, m * row, ER{} + 1);
  for (int j = 0; j < row; j++) bidiagonal.left[j] = bidiagonal.right[j] = W{};
  Quotients<R, ER> quotients{n, real, real + (n + 1), real + 2 * (n + 1), real + 3 * (n + 1), real + 4 * (n + 1), real + 5 * (n + 1), values};
  const bool tall = 3 * m > 5 * n;
  if (tall) bidiagonal.triangle(m);
  bidiagonal.run(tall ? n : m, [&](int k, const auto& down, const auto& across) {
    quotients.q[k] = down.length;
    quotients.e[k] = across.length;
  });
  const ER failed = quotients.find() * R(kTransforms);
  for (int i = 0; i < n; i++) values[i] = square_root(values[i]);
  const ER status = given.status(values[0], failed);
  for (int i = 0; i < n; i++) values[i] = given.unscaled(values[i]);
  for (int l = 0; l < count; l++) {
    const int32_t code = int32_t(get(status, l));
    x.info[first + l] = code;
    for (int i = 0; i < n; i++) x.s.at(first + l, i, 0) = code ? not_a_number<R>() : get(values[i], l);
  }
}

// In elements of a vector of lanes: A and four rows | six of Quotients' and the values. A row of reals counts as one of T.
template <class T>
DEVICE int64_t svd_values_lanes_scratch_bytes(int64_t m, int64_t n, int64_t) {
  return ((m + 4) * n + 6 * (n + 1) + n) * int64_t(sizeof(Wide<T>));
}

template <class T>
DEVICE void svd_values_lanes(const SvdValues<T>& x, const Block& block) {
  for_vectors<T>(
      x.batch, block, [&](int64_t first, int count) { find_values<T, Wide<T>, Wide<T>>(x, first, count, block.scratch); },
      [&](int64_t matrix) { find_values<T, Wide<T>, T>(x, matrix, 1, block.scratch); });
}

KERNEL_FOR_ALL_TYPES(svd_values_lanes, SvdValues)
KERNEL_SCRATCH_FOR_ALL_TYPES(svd_values_lanes)
