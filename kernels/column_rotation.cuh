// The columns of small matrices as the rounds of a tournament rotate them (column_lanes.cuh): in memory, or held by the registers of a GPU.
#pragma once

#include "column_lanes.cuh"

template <class T, int kVectors>
struct StoredColumns {
  using W = Wide<T>;
  using WR = Wide<Real<T>>;
  const Columns<T, kVectors> c;
  const int rows;

  DEVICE StoredColumns(const Columns<T, kVectors>& c, int rows) : c(c), rows(rows) {}
  DEVICE void store(const Columns<T, kVectors>&) const {}

  // Squared norms and the inner products of the pairs.
  DEVICE void take_norms(WR (&norm)[2 * kVectors], W (&gamma)[kVectors]) const {
    for (int s = 0; s < 2 * kVectors; s++) norm[s] = WR{};
    for (int v = 0; v < kVectors; v++) gamma[v] = W{};
    for (int i = 0; i < rows; i++) {
      for (int s = 0; s < 2 * kVectors; s++) norm[s] += size_squared(c(i, s));
      for (int v = 0; v < kVectors; v++) multiply_add(gamma[v], conjugate(c(i, v)), c(i, kVectors + v));
    }
  }

  // Rotates the pairs and moves them on; with kDots γ becomes their next inner products.
  template <bool kRotates, bool kDots, class Grid>
  DEVICE void turn(const Grid& inner, const Rotation<W> (&rotations)[kVectors], W (&gamma)[kVectors]) const {
    inner.template with_vectors<kVectors>([&](auto used) { turn_some<decltype(used)::value, kRotates, kDots>(inner, rotations, gamma); });
  }

  // The columns are in the first kUsed vectors.
  template <int kUsed, bool kRotates, bool kDots, class Grid>
  DEVICE void turn_some(const Grid& inner, const Rotation<W> (&given)[kVectors], W (&gamma)[kVectors]) const {
    W sums[kUsed];
    Rotation<W> rotations[kUsed];
    for (int v = 0; v < kUsed; v++) {
      sums[v] = W{};
      rotations[v] = given[v];
    }
    const Grid grid = inner;
    for (int i = 0; i < rows; i++) {
      W p[kUsed], q[kUsed];
      for (int v = 0; v < kUsed; v++) {
        p[v] = c(i, v);
        q[v] = c(i, kVectors + v);
        if constexpr (kRotates) rotations[v].apply(p[v], q[v]);
      }
      grid.move(p, q);
      for (int v = 0; v < kUsed; v++) {
        c(i, v) = p[v];
        c(i, kVectors + v) = q[v];
        if constexpr (kDots) multiply_add(sums[v], conjugate(p[v]), q[v]);
      }
    }
    if constexpr (kDots)
      for (int v = 0; v < kUsed; v++) gamma[v] = sums[v];
  }
};

#if defined(__CUDACC__)

// Of up to kRows rows; those that the columns have not are zero.
template <class T, int kVectors, int kRows>
struct HeldColumns {
  using R = Real<T>;
  const int rows;
  T p[kRows][kVectors], q[kRows][kVectors];

  DEVICE HeldColumns(const Columns<T, kVectors>& c, int rows) : rows(rows) {
#pragma unroll
    for (int i = 0; i < kRows; i++)
      for (int v = 0; v < kVectors; v++) {
        p[i][v] = i < rows ? c(i, v) : T{};
        q[i][v] = i < rows ? c(i, kVectors + v) : T{};
      }
  }
  DEVICE void store(const Columns<T, kVectors>& c) const {
#pragma unroll
    for (int i = 0; i < kRows; i++)
      for (int v = 0; i < rows && v < kVectors; v++) {
        c(i, v) = p[i][v];
        c(i, kVectors + v) = q[i][v];
      }
  }

  DEVICE void take_norms(R (&norm)[2 * kVectors], T (&gamma)[kVectors]) const {
    for (int s = 0; s < 2 * kVectors; s++) norm[s] = R{};
    for (int v = 0; v < kVectors; v++) gamma[v] = T{};
#pragma unroll
    for (int i = 0; i < kRows; i++)
      for (int v = 0; v < kVectors; v++) {
        norm[v] += size_squared(p[i][v]);
        norm[kVectors + v] += size_squared(q[i][v]);
        multiply_add(gamma[v], conjugate(p[i][v]), q[i][v]);
      }
  }

  template <bool kRotates, bool kDots, class Grid>
  DEVICE void turn(const Grid& inner, const Rotation<T> (&rotations)[kVectors], T (&gamma)[kVectors]) {
    for (int v = 0; v < kVectors; v++) gamma[v] = T{};
#pragma unroll
    for (int i = 0; i < kRows; i++) {
      if constexpr (kRotates)
        for (int v = 0; v < kVectors; v++) rotations[v].apply(p[i][v], q[i][v]);
      inner.move(p[i], q[i]);
      for (int v = 0; v < kVectors; v++) multiply_add(gamma[v], conjugate(p[i][v]), q[i][v]);
    }
  }
};

#endif
