// Between a batch in memory and Wide<T>, a matrix per lane. Where rows or columns are contiguous, kLanes numbers of each matrix are one vector, and
// kLanes such vectors are transposed in registers; other strides go number by number.
#pragma once

#include <cstring>
#include <utility>

#include "lanes.cuh"
#include "view.cuh"

#if !defined(__CUDACC__) && !defined(DIFFSVD_THREADED_BLOCKS) && !defined(DIFFSVD_ONE_LANE)
#define DIFFSVD_TRANSPOSES_LANES

// The first `count` numbers at `from`, or of `value`; what lies beyond is neither read nor written.
template <class R>
DEVICE Wide<R> load_first(const R* from, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(R) == 4) return Wide<R>(_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), from));
  if constexpr (sizeof(R) == 8) return Wide<R>(_mm512_maskz_loadu_pd(__mmask8((1u << count) - 1), from));
#else
  Wide<R> value{};
  memcpy(&value, from, count == kLanes<R> ? sizeof value : count * sizeof(R));
  return value;
#endif
}
template <class R>
DEVICE void store_first(R* to, const Wide<R>& value, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(R) == 4) _mm512_mask_storeu_ps(to, __mmask16((1u << count) - 1), __m512(value));
  if constexpr (sizeof(R) == 8) _mm512_mask_storeu_pd(to, __mmask8((1u << count) - 1), __m512d(value));
#else
  memcpy(to, &value, count == kLanes<R> ? sizeof value : count * sizeof(R));
#endif
}

template <class V, int... kAt>
DEVICE void interleave(V a, V b, V& low, V& high, std::integer_sequence<int, kAt...>) {
  constexpr int kLength = sizeof...(kAt);
  low = __builtin_shufflevector(a, b, (kAt % 2 * kLength + kAt / 2)...);
  high = __builtin_shufflevector(a, b, (kAt % 2 * kLength + kAt / 2 + kLength / 2)...);
}

// Number j of vector i goes to number i of vector j. Interleaving the two halves rotates the bits of the place (i, j) by one; log₂ kLength times make
// (j, i).
template <class V, int kLength>
DEVICE void transpose(V (&x)[kLength]) {
  for (int round = 1; round < kLength; round *= 2) {
    V y[kLength];
    for (int i = 0; i < kLength / 2; i++) interleave(x[i], x[i + kLength / 2], y[2 * i], y[2 * i + 1], std::make_integer_sequence<int, kLength>());
    for (int i = 0; i < kLength; i++) x[i] = y[i];
  }
}

template <class W, class V>
DEVICE void take(W& element, const V* block) {
  element = block[0];
}
template <class W, class V>
DEVICE void take(Complex<W>& element, const V* block) {
  element = {block[0], block[1]};
}
template <class W, class V>
DEVICE void give(const W& element, V* block) {
  block[0] = element;
}
template <class W, class V>
DEVICE void give(const Complex<W>& element, V* block) {
  block[0] = element.re;
  block[1] = element.im;
}

// The elements of rows×columns along what is contiguous: `lines` of `length` numbers of type R, `stride` elements apart.
struct Walk {
  bool by_rows, contiguous;
  int rows, columns;
  int64_t lines, length, stride;

  template <class T>
  Walk(const View<T>& view, int rows, int columns) : rows(rows), columns(columns) {
    by_rows = view.column_stride == 1;
    contiguous = by_rows || view.row_stride == 1;
    lines = by_rows ? rows : columns;
    length = by_rows ? columns : rows;
    stride = by_rows ? view.row_stride : view.column_stride;
    if (stride == length) {
      length *= lines;
      lines = 1;
    }
    length *= sizeof(T) / sizeof(Real<std::remove_const_t<T>>);
  }
  void next(int& i, int& j) const {
    int &inner = by_rows ? j : i, &outer = by_rows ? i : j;
    if (++inner == (by_rows ? columns : rows)) {
      inner = 0;
      outer++;
    }
  }
};
#endif

// Calls to(i, j, element) for every element of rows×columns; its lane l is of matrix first + l, those from `count` on repeat the first. Threads of a
// team that share a matrix, where kLanes is 1, each take the elements that follow one another in memory.
template <class T, class To>
DEVICE void load_lanes(const View<const T>& from, int64_t first, int count, int rows, int columns, const To& to, int thread = 0, int threads = 1) {
  Wide<T> element{};
#if defined(DIFFSVD_TRANSPOSES_LANES)
  using R = Real<T>;
  constexpr int kLength = kLanes<T>, kNumbers = sizeof(T) / sizeof(R);
  const Walk walk(from, rows, columns);
  for (int64_t line = 0; walk.contiguous && line < walk.lines; line++) {
    const R* source[kLength];
    for (int l = 0; l < kLength; l++)
      source[l] = reinterpret_cast<const R*>(from.data + (first + (l < count ? l : 0)) * from.batch_stride + line * walk.stride);
    int i = walk.by_rows ? int(line) : 0, j = walk.by_rows ? 0 : int(line);
    for (int64_t start = 0; start < walk.length; start += kLength) {
      const int some = int(walk.length - start < kLength ? walk.length - start : kLength);
      Wide<R> block[kLength];
      for (int l = 0; l < kLength; l++) block[l] = load_first(source[l] + start, some);
      transpose(block);
      for (int e = 0; e < some; e += kNumbers) {
        take(element, block + e);
        to(i, j, element);
        walk.next(i, j);
      }
    }
  }
  if (walk.contiguous) return;
#endif
  const bool by_columns = from.row_stride == 1;
  for (int e = thread; e < rows * columns; e += threads) {
    const int i = by_columns ? e % rows : e / columns, j = by_columns ? e / rows : e % columns;
    for (int l = 0; l < kLanes<T>; l++) put(element, l, from.at(first + (l < count ? l : 0), i, j));
    to(i, j, element);
  }
}

// Writes element(i, j), whose lane l belongs to matrix first + l, for l < count.
template <class T, class Element>
DEVICE void store_lanes(const View<T>& to, int64_t first, int count, int rows, int columns, const Element& element) {
#if defined(DIFFSVD_TRANSPOSES_LANES)
  using R = Real<T>;
  constexpr int kLength = kLanes<T>, kNumbers = sizeof(T) / sizeof(R);
  const Walk walk(to, rows, columns);
  for (int64_t line = 0; walk.contiguous && line < walk.lines; line++) {
    int i = walk.by_rows ? int(line) : 0, j = walk.by_rows ? 0 : int(line);
    for (int64_t start = 0; start < walk.length; start += kLength) {
      const int some = int(walk.length - start < kLength ? walk.length - start : kLength);
      Wide<R> block[kLength];
      for (int e = some; e < kLength; e++) block[e] = Wide<R>{};
      for (int e = 0; e < some; e += kNumbers) {
        give(element(i, j), block + e);
        walk.next(i, j);
      }
      transpose(block);
      for (int l = 0; l < count; l++)
        store_first(reinterpret_cast<R*>(to.data + (first + l) * to.batch_stride + line * walk.stride) + start, block[l], some);
    }
  }
  if (walk.contiguous) return;
#endif
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      const Wide<T> value = element(i, j);
      for (int l = 0; l < count; l++) to.at(first + l, i, j) = get(value, l);
    }
}
