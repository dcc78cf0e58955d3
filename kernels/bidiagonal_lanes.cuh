// The bidiagonal form of small matrices by Householder's reflectors from both sides (Golub and Kahan, SIAM J. Numer. Anal. 2, 1965).
//
// A row is stored as vectors W, a number is of type E. Where both are Wide<T>, a vector is one element, of a matrix in each lane. Where E is T, there
// is one matrix, and a vector is as many elements of its row as there are lanes; those beyond the row's end are zero. Both come out alike to the last
// bit: the operations of a matrix are the same, in the same order, and every sum of products is fused as it is written.
#pragma once

#include "jacobi_rotation.cuh"
#include "lane_memory.cuh"

// So many matrices take as long one by one as in a vector.
template <class T>
constexpr int kOneByOne = kLanes<T> / 8 + 2;

// Shares a batch out: calls together(first, count) for what fills a vector, or nearly, and alone(matrix) for each of the few that would not.
template <class T, class Together, class Alone>
DEVICE void for_vectors(int64_t batch, const Block& block, const Together& together, const Alone& alone) {
  const int64_t units = (batch + kLanes<T> - 1) / kLanes<T>;
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t first = unit * kLanes<T>;
    const int count = batch - first < kLanes<T> ? int(batch - first) : kLanes<T>;
    if (count < kLanes<T> && count <= kOneByOne<T>) {
      for (int l = 0; l < count; l++) alone(first + l);
    } else {
      together(first, count);
    }
  }
}

// a·by, which no sum that it goes into is fused with.
template <class W>
DEVICE W rounded(const W& a, const W& by) {
  return fused(a, by, W{});
}
template <class W>
DEVICE Complex<W> rounded(const Complex<W>& a, const W& by) {
  return {rounded(a.re, by), rounded(a.im, by)};
}

template <class W>
DEVICE void add_square(W& sum, const W& a) {
  sum = fused(a, a, sum);
}
template <class W>
DEVICE void add_square(W& sum, const Complex<W>& a) {
  add_square(sum, a.re);
  add_square(sum, a.im);
}

// I − gain·v vᴴ makes x, of squared length `squared`, −ahead times the first unit vector; v is x with `ahead` more in front.
template <class W, class WR>
struct Reflector {
  WR length, gain;
  W phase, ahead;

  DEVICE Reflector(const W& first, const WR& squared) {
    length = square_root(squared);
    phase = phase_of(first);
    ahead = rounded(phase, length);
    const WR product = length * (length + length_of(first));
    const auto there = product > Limits<std::decay_t<decltype(get(length, 0))>>::smallest_normal;
    gain = there ? 1 / (there ? product : length + 1) : WR{};
  }
};

// How many elements of a row a vector is.
template <class E, class W>
constexpr int kWidth = sizeof(W) / sizeof(E);

// Among the real numbers of a row: those of a vector follow one another, and then its imaginary parts.
template <class E, class W>
DEVICE int place_of_real_part(int j) {
  return j + (j & -kWidth<E, W>);
}

template <class E, class W>
DEVICE E element(const W* row, int j) {
  if constexpr (kWidth<E, W> == 1) {
    return row[j];
  } else if constexpr (std::is_same_v<E, Real<E>>) {
    return reinterpret_cast<const E*>(row)[j];
  } else {
    const auto* const number = reinterpret_cast<const Real<E>*>(row) + place_of_real_part<E, W>(j);
    return {number[0], number[kWidth<E, W>]};
  }
}
template <class E, class W>
DEVICE void set_element(W* row, int j, const E& value) {
  if constexpr (kWidth<E, W> == 1) {
    row[j] = value;
  } else if constexpr (std::is_same_v<E, Real<E>>) {
    reinterpret_cast<E*>(row)[j] = value;
  } else {
    auto* const number = reinterpret_cast<Real<E>*>(row) + place_of_real_part<E, W>(j);
    number[0] = value.re;
    number[kWidth<E, W>] = value.im;
  }
}
// The same number for all elements of a vector.
template <class W, class E>
DEVICE W for_vector(const E& value) {
  if constexpr (kWidth<E, W> == 1) {
    return value;
  } else {
    return splat<W>(value);
  }
}

constexpr int kRowsOfBlock = 32;

// Sums over the rows from `from` to `to` of vectors from `first` on, by so many rows at a time: with hundreds of them one after the other, numbers of
// one sign lose digits. add(i, last) adds rows i to last − 1 to `sums`, which is overwritten, as `blocks` is.
template <class W, class Add>
DEVICE void sum_rows(W* sums, W* blocks, int first, int length, int from, int to, const Add& add) {
  for (int j = first; j < length; j++) sums[j] = W{};
  for (int i = from; i < to; i += kRowsOfBlock) {
    const int last = to - i < kRowsOfBlock ? to : i + kRowsOfBlock;
    for (int j = first; i > from && j < length; j++) {
      blocks[j] = i > from + kRowsOfBlock ? blocks[j] + sums[j] : sums[j];
      sums[j] = W{};
    }
    add(i, last);
  }
  for (int j = first; to - from > kRowsOfBlock && j < length; j++) sums[j] = blocks[j] + sums[j];
}

template <class W, class E = W>
struct Bidiagonalisation {
  using ER = Real<E>;
  static constexpr int kWidth = ::kWidth<E, W>;
  static constexpr int kRowsAtOnce = (sizeof(W) == sizeof(Real<W>) ? 4 : 2) * (kWidth > 1 ? 2 : 1);
  const int n;
  W* const a;       // rows of vectors
  W* const left;    // by column, what a row takes of it times its element of v; zero where the reflectors are done
  W* const right;   // by column, v of the reflector from the right; zero there too
  W* const dots;    // by column, its inner product with the column that is next
  W* const blocks;  // by column, the sum over those blocks of rows that are done

  DEVICE int vectors() const { return (n + kWidth - 1) / kWidth; }
  DEVICE W* row(int i) const { return a + int64_t(i) * vectors(); }

  // Takes the reflectors of column and row k out of kRows rows from row i on.
  template <bool kRight, int kRows>
  DEVICE void reflect(int k, int i, const ER& gain) const {
    W* const rows = row(i);
    const int length = vectors();
    E v[kRows], z[kRows];
    W from_left[kRows], from_right[kRows], next[kRows];
    for (int r = 0; r < kRows; r++) {
      v[r] = E{} - element<E>(rows + r * length, k);
      z[r] = E{};
      from_left[r] = for_vector<W>(v[r]);
    }
    // Where single elements of a vector are needed too, the left reflector is taken out of whole rows before.
    constexpr bool kLeftFirst = kRight && kWidth > 1;
    for (int j = (k + 1) / kWidth; kLeftFirst && j < length; j++)
      for (int r = 0; r < kRows; r++) multiply_add(rows[r * length + j], from_left[r], left[j]);
    const auto without_left = [&](int r, int j) {
      E x = element<E>(rows + r * length, j);
      if (!kLeftFirst) multiply_add(x, v[r], element<E>(left, j));
      return x;
    };
    for (int j = k + 1; kRight && j < n; j++)
      for (int r = 0; r < kRows; r++) multiply_add(z[r], without_left(r, j), conjugate(element<E>(right, j)));
    for (int r = 0; r < kRows; r++) {
      z[r] = scaled(E{} - z[r], gain);
      from_right[r] = for_vector<W>(z[r]);
      E x{};
      if (k + 1 < n) x = without_left(r, k + 1);
      if (k + 1 < n && kRight) multiply_add(x, z[r], element<E>(right, k + 1));
      next[r] = for_vector<W>(conjugate(x));
    }
    for (int j = (k + 1) / kWidth; j < length; j++) {
      W sum = dots[j];
      for (int r = 0; r < kRows; r++) {
        W x = rows[r * length + j];
        if (!kLeftFirst) multiply_add(x, from_left[r], left[j]);
        if (kRight) multiply_add(x, from_right[r], right[j]);
        rows[r * length + j] = x;
        multiply_add(sum, next[r], x);
      }
      dots[j] = sum;
    }
  }

  // From column k's inner products with itself and those right of it to those of column k + 1; rows k … m − 1. The vectors of the reflectors stay
  // where they made zeros. Calls to(k, reflector of the column, reflector of the row).
  template <bool kRight, class To>
  DEVICE void step(int k, int m, const To& to) const {
    W* const own = row(k);
    const Reflector<E, ER> down(element<E>(own, k), real_part(element<E>(dots, k)));
    const E head = element<E>(own, k) + down.ahead;
    set_element(own, k, head);
    const int first = (k + 1) / kWidth, length = vectors();
    const W ahead = for_vector<W>(conjugate(down.ahead)), taken = for_vector<W>(E{} - head);
    for (int j = first; j < length; j++) {
      multiply_add(dots[j], ahead, own[j]);
      left[j] = scaled(dots[j], for_vector<Real<W>>(down.gain));
    }
    const auto end_reflectors = [&](W* of_row) {
      for (int j = first * kWidth; j <= k; j++) set_element(of_row, j, E{});
    };
    end_reflectors(left);
    for (int j = first; j < length; j++) {
      multiply_add(own[j], taken, left[j]);
      right[j] = own[j];
    }
    end_reflectors(right);
    ER squared{};
    for (int j = k + 1; j < n; j++) add_square(squared, element<E>(right, j));
    const Reflector<E, ER> across(k + 1 < n ? element<E>(right, k + 1) : E{}, squared);
    to(k, down, across);
    if (k + 1 == n) return;
    const E right_head = element<E>(right, k + 1) + across.ahead;
    set_element(right, k + 1, right_head);
    if (kRight) set_element(own, k + 1, right_head);
    sum_rows(dots, blocks, first, length, k + 1, m, [&](int i, int last) {
      for (; i + kRowsAtOnce <= last; i += kRowsAtOnce) reflect<kRight, kRowsAtOnce>(k, i, across.gain);
      for (; i < last; i++) reflect<kRight, 1>(k, i, across.gain);
    });
  }

  DEVICE void begin(int m) const {
    const int length = vectors();
    sum_rows(dots, blocks, 0, length, 0, m, [&](int i, int last) {
      for (; i < last; i++) {
        const W first = for_vector<W>(conjugate(element<E>(row(i), 0)));
        for (int j = 0; j < length; j++) multiply_add(dots[j], first, row(i)[j]);
      }
    });
  }

  template <class To>
  DEVICE void run(int m, const To& to) const {
    begin(m);
    for (int k = 0; k < n; k++) step<true>(k, m, to);
  }

  // Leaves the triangle of the QR decomposition in the first n rows.
  DEVICE void triangle(int m) const {
    begin(m);
    for (int k = 0; k < n; k++) step<false>(k, m, [&](int k, const auto& down, const auto&) { set_element(row(k), k, E{} - down.ahead); });
    for (int i = 0; i < n; i++)
      for (int j = 0; j < i; j++) set_element(row(i), j, E{});
  }
};

// A batch's matrices in lanes, or one matrix, each to be brought to a largest part of about 1.
template <class T, class W = Wide<T>, class E = W>
struct Scaled {
  using R = Real<T>;
  using ER = Real<E>;
  using L = JacobiLimits<R>;
  ER largest{};
  ER part{}, rest{};  // the power of two in two parts: its reciprocal need not be a number of the type

  // Into rows of n from the matrix `first` on, as it is.
  DEVICE Scaled(const View<const T>& from, int64_t first, int count, int m, int n, W* a) {
    const int length = (n + kWidth<E, W> - 1) / kWidth<E, W>;
    const auto take = [&](int i, int j, const E& value) {
      set_element(a + i * length, j, value);
      largest = larger_or_bad<R>(largest, value);
    };
    if constexpr (std::is_same_v<E, Wide<T>>) {
      load_lanes(from, first, count, m, n, take);
    } else {
      for (int t = 0; t < m * length; t++) a[t] = W{};
      for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) take(i, j, from.at(first, i, j));
    }
  }
  // Scales so many vectors; those of a matrix that has a number which is not finite, or that is not wanted, become zero.
  DEVICE void scale(W* a, int vectors, const ER& wanted) {
    const auto there = (largest > 0) & (largest <= L::kLargest);
    const ER exponent = there ? exponent_of<R>(there ? largest : ER{} + 1) : ER{}, reach = ER{} + R(L::kBias / 2);
    part = exponent > reach ? reach : exponent < -reach ? -reach : exponent;
    rest = exponent - part;
    const Real<W> down = for_vector<Real<W>>(power_of_two<R>(-part)), further = for_vector<Real<W>>(power_of_two<R>(-rest));
    const Real<W> kept = for_vector<Real<W>>(largest > L::kLargest ? ER{} : wanted);
    for (int t = 0; t < vectors; t++) a[t] = choose(kept > 0, scaled(scaled(a[t], down), further), W{});
  }
  DEVICE ER unscaled(const ER& value) const { return value * power_of_two<R>(part) * power_of_two<R>(rest); }
  // Of the scaled matrix's, with what else is wrong.
  DEVICE ER status(const ER& largest_value, const ER& otherwise) const {
    return largest > L::kLargest ? ER{} - 1 : unscaled(largest_value) > L::kLargest ? ER{} - 3 : otherwise;
  }
};
