// The bidiagonal form of small matrices, one in each lane, by Householder's reflectors from both sides (Golub and Kahan, SIAM J. Numer. Anal. 2, 1965).
#pragma once

#include "jacobi_rotation.cuh"
#include "lane_memory.cuh"

// I − gain·v vᴴ makes x, of squared length `squared`, −ahead times the first unit vector; v is x with `ahead` more in front.
template <class W, class WR>
struct Reflector {
  WR length, gain;
  W phase, ahead;

  DEVICE Reflector(const W& first, const WR& squared) {
    length = square_root(squared);
    phase = phase_of(first);
    ahead = scaled(phase, length);
    const WR product = length * (length + length_of(first));
    const auto there = product > Limits<std::decay_t<decltype(get(length, 0))>>::smallest_normal;
    gain = there ? 1 / (there ? product : length + 1) : WR{};
  }
};

template <class T>
struct Bidiagonalisation {
  using R = Real<T>;
  using W = Wide<T>;
  using WR = Wide<R>;
  const int n;
  W* const a;      // rows of n
  W* const left;   // by column, what a row takes of it times its element of v
  W* const right;  // by column, v of the reflector from the right
  W* const dots;   // by column, its inner product with the column that is next

  DEVICE W* row(int i) const { return a + int64_t(i) * n; }

  // Takes the reflectors of column and row k out of kRows rows from row i on.
  template <bool kRight, int kRows>
  DEVICE void reflect(int k, int i, const WR& gain) const {
    W* const rows = row(i);
    W v[kRows], z[kRows], next[kRows];
    for (int r = 0; r < kRows; r++) {
      v[r] = W{} - rows[r * n + k];
      z[r] = next[r] = W{};
    }
    for (int j = k + 1; kRight && j < n; j++)
      for (int r = 0; r < kRows; r++) {
        W x = rows[r * n + j];
        multiply_add(x, v[r], left[j]);
        multiply_add(z[r], x, conjugate(right[j]));
      }
    for (int r = 0; kRight && r < kRows; r++) z[r] = scaled(W{} - z[r], gain);
    for (int j = k + 1; j < n; j++) {
      W sum = dots[j];
      for (int r = 0; r < kRows; r++) {
        W x = rows[r * n + j];
        multiply_add(x, v[r], left[j]);
        if (kRight) multiply_add(x, z[r], right[j]);
        rows[r * n + j] = x;
        if (j == k + 1) next[r] = conjugate(x);
        multiply_add(sum, next[r], x);
      }
      dots[j] = sum;
    }
  }

  // From column k's inner products with itself and those right of it to those of column k + 1; rows k … m − 1. The vectors of the reflectors stay where
  // they made zeros. Calls to(k, reflector of the column, reflector of the row).
  template <bool kRight, class To>
  DEVICE void step(int k, int m, const To& to) const {
    W* const own = row(k);
    const Reflector<W, WR> down(own[k], real_part(dots[k]));
    own[k] = own[k] + down.ahead;
    WR squared{};
    for (int j = k + 1; j < n; j++) {
      multiply_add(dots[j], conjugate(down.ahead), own[j]);
      left[j] = scaled(dots[j], down.gain);
      multiply_add(own[j], W{} - own[k], left[j]);
      right[j] = own[j];
      squared += size_squared(own[j]);
      dots[j] = W{};
    }
    const Reflector<W, WR> across(k + 1 < n ? right[k + 1] : W{}, squared);
    to(k, down, across);
    if (k + 1 == n) return;
    right[k + 1] = right[k + 1] + across.ahead;
    if (kRight) own[k + 1] = right[k + 1];
    constexpr int kRows = sizeof(T) == sizeof(R) ? 4 : 2;
    int i = k + 1;
    for (; i + kRows <= m; i += kRows) reflect<kRight, kRows>(k, i, across.gain);
    for (; i < m; i++) reflect<kRight, 1>(k, i, across.gain);
  }

  DEVICE void begin(int m) const {
    for (int j = 0; j < n; j++) dots[j] = W{};
    for (int i = 0; i < m; i++)
      for (int j = 0; j < n; j++) multiply_add(dots[j], conjugate(row(i)[0]), row(i)[j]);
  }

  template <class To>
  DEVICE void run(int m, const To& to) const {
    begin(m);
    for (int k = 0; k < n; k++) step<true>(k, m, to);
  }

  // Leaves the triangle of the QR decomposition in the first n rows.
  DEVICE void triangle(int m) const {
    begin(m);
    for (int k = 0; k < n; k++) step<false>(k, m, [&](int k, const auto& down, const auto&) { left[k] = W{} - down.ahead; });
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < i; j++) row(i)[j] = W{};
      row(i)[i] = left[i];
    }
  }
};

// A batch's matrices in lanes, each brought to a largest part of about 1.
template <class T>
struct ScaledLanes {
  using R = Real<T>;
  using WR = Wide<R>;
  using L = JacobiLimits<R>;
  WR largest{};
  WR part, rest;  // the power of two in two parts: its reciprocal need not be a number of the type

  // Into rows of n from the matrix `first` on; zeros where a number is not finite.
  DEVICE ScaledLanes(const View<const T>& from, int64_t first, int count, int m, int n, Wide<T>* a) {
    load_lanes(from, first, count, m, n, [&](int i, int j, const Wide<T>& value) {
      a[i * n + j] = value;
      largest = larger_or_bad<R>(largest, value);
    });
    const auto broken = largest > L::kLargest;
    const auto there = (largest > 0) & (largest <= L::kLargest);
    const WR exponent = there ? exponent_of<R>(there ? largest : WR{} + 1) : WR{}, reach = WR{} + R(L::kBias / 2);
    part = exponent > reach ? reach : exponent < -reach ? -reach : exponent;
    rest = exponent - part;
    for (int t = 0; t < m * n; t++) a[t] = choose(broken, Wide<T>{}, scaled(scaled(a[t], power_of_two<R>(-part)), power_of_two<R>(-rest)));
  }
  DEVICE WR unscaled(const WR& value) const { return value * power_of_two<R>(part) * power_of_two<R>(rest); }
  // Of the scaled matrix's, with what else is wrong.
  DEVICE WR status(const WR& largest_value, const WR& otherwise) const {
    return largest > L::kLargest ? WR{} - 1 : unscaled(largest_value) > L::kLargest ? WR{} - 3 : otherwise;
  }
};
