// C (+)= A·B or Aᴴ·B of row-major matrices in a block's scratch, one register tile of C per task.
//
// Where `lost` is given, in C's layout, it keeps what adding to C rounds away for the next product.
//
// Extents are padded: rows to a multiple of 4, columns and leading dimensions to padded(), with zeros in what is read, so that no tile has an edge.
#pragma once

#include "long_sums.cuh"
#include "team.cuh"

constexpr int kTileRows = 4, kTileColumns = 4;

// A row of n elements, in whole tiles. Java's FusedBackward computes the same.
template <class T>
DEVICE constexpr int padded(int64_t n) {
  return int(n + kTileColumns - 1) / kTileColumns * kTileColumns;
}

template <bool kAdjoint, class T>
DEVICE void tile_product(const Team& team, int rows, int columns, int depth, const T* __restrict__ a, int lda, const T* __restrict__ b, int ldb,
                         T* __restrict__ c, int ldc, bool accumulate, T* __restrict__ lost = nullptr) {
  constexpr int kColumns = kTileColumns;
  const int across = columns / kColumns;
  const int tiles = (rows + kTileRows - 1) / kTileRows * across;
  for (int tile = team.thread(); tile < tiles; tile += team.threads()) {
    const int i0 = tile / across * kTileRows, j0 = tile % across * kColumns;
    T sum[kTileRows][kColumns];
    for (int i = 0; i < kTileRows; i++)
      for (int j = 0; j < kColumns; j++) sum[i][j] = accumulate && !lost ? c[(i0 + i) * ldc + j0 + j] : T{};
    // One pointer for each row, not one index for all: of an index, GCC 12 with -mavx2 makes loads of Complex<float> that run up to three rows past
    // the tile, and so past the end of the scratch.
    const T* rows_of_a[kTileRows];
    for (int i = 0; i < kTileRows; i++) rows_of_a[i] = a + (i0 + i) * lda;
    for (int l = 0; l < depth; l++) {
      for (int i = 0; i < kTileRows; i++) {
        const T factor = kAdjoint ? conjugate(a[l * lda + i0 + i]) : rows_of_a[i][l];
        for (int j = 0; j < kColumns; j++) multiply_add(sum[i][j], factor, b[l * ldb + j0 + j]);
      }
    }
    for (int i = 0; i < kTileRows; i++)
      for (int j = 0; j < kColumns; j++) {
        const int at = (i0 + i) * ldc + j0 + j;
        if (accumulate && lost)
          add_keeping(c[at], lost[at], sum[i][j]);
        else
          c[at] = sum[i][j];
        if (!accumulate && lost) lost[at] = T{};
      }
  }
}
