// Kernels that go over elements: those of a batch of matrices, shared out by patches.
//
//   CUDA   a patch has an element for each lane of a warp: eight neighbours in what is written, a sector of memory or more, in each of four rows. The
//          warps of all blocks go over the patches of all matrices, and the place of a patch is counted on from the one before, without a division.
//   CPU    a patch is rows of one matrix, as many as a thread has.
//
// Where matrices are transposed in memory, rows are columns. A block is whole warps. Kernels that look at a whole matrix have a team for it: on a GPU
// a warp where it is small, else a block, which go over it by patches too, or by columns, eight to a warp and every fourth row of one to a lane.
#pragma once

#include "view.cuh"

#if defined(__CUDACC__)
constexpr int kAlong = 8, kAcross = 4;
#else
constexpr int kAlong = 1, kAcross = 1;
#endif
constexpr int kPatch = kAlong * kAcross;

#if defined(__CUDACC__) || defined(DIFFSVD_THREADED_BLOCKS)

// The numbers have no sign: their products with strides take fewer instructions.
struct Patch {
  uint32_t b;     // its matrix
  uint32_t y, x;  // the lane's element: row and column, or column and row where that is transposed
  bool there, transposed;

  // Calls body(i, j) for each of its elements.
  template <class Body>
  DEVICE void for_elements(const Body& body) const {
    if (there) body(int64_t(transposed ? x : y), int64_t(transposed ? y : x));
  }
  // Calls body(i, j) for its share of the pairs i ≤ j < n of elements (i, j) and (j, i).
  template <class Body>
  DEVICE void for_pairs(int64_t n, const Body& body) const {
    if (there && y <= x && x < uint32_t(n)) body(int64_t(y), int64_t(x));
  }
};

template <class Body>
DEVICE void for_patches(const Block& block, int64_t batch, int64_t rows, int64_t columns, bool transposed, const Body& body) {
  if (rows == 0 || columns == 0) return;
  const auto across = uint32_t(transposed ? columns : rows), along = uint32_t(transposed ? rows : columns);
  const uint32_t down = (across + kAcross - 1) / kAcross, right = (along + kAlong - 1) / kAlong;
  const uint32_t warps = block.threads() / kPatch, lane = block.thread() % kPatch;
  const uint32_t number = uint32_t(block.number()) * warps + block.thread() / kPatch, step = uint32_t(block.step()) * warps;
  uint32_t c = number % right, r = number / right % down, b = number / right / down;
  const uint32_t step_c = step % right, step_r = step / right % down, step_b = step / right / down;
  while (b < uint32_t(batch)) {
    const uint32_t y = r * kAcross + lane / kAlong, x = c * kAlong + lane % kAlong;
    body(Patch{b, y, x, y < across && x < along, transposed});
    c += step_c;
    r += step_r;
    b += step_b;
    if (c >= right) {
      c -= right;
      r++;
    }
    if (r >= down) {
      r -= down;
      b++;
    }
  }
}

struct TeamColumns {
  static constexpr int kMost = 1;
  uint32_t j;  // the lane's column, the last one where there is none for it
  uint32_t first_row;
  bool there;

  // x summed over the lanes that share the column.
  template <class R>
  DEVICE R sum(R x) const {
#if defined(__CUDACC__)
    for (int distance = kAlong; distance < kPatch; distance *= 2) x += __shfl_xor_sync(~0u, x, distance);
#endif
    return x;
  }
  // Calls body(k, j) for each of them, the k-th.
  template <class Body>
  DEVICE void for_each(const Body& body) const {
    body(0, int64_t(j));
  }
  // Calls body(i, k, j) for the elements of `rows` rows.
  template <class Body>
  DEVICE void for_elements(int64_t rows, const Body& body) const {
    if (!there) return;
    for (auto i = int64_t(first_row); i < rows; i += kAcross) body(i, 0, int64_t(j));
  }
};

struct Team {
  const Block& block;
  bool small;

  DEVICE int warp() const { return small ? 0 : block.thread() / kPatch; }
  DEVICE int warps() const { return small ? 1 : block.threads() / kPatch; }
  DEVICE int thread() const { return small ? block.thread() % kPatch : block.thread(); }
  DEVICE int threads() const { return small ? kPatch : block.threads(); }
  // True on every thread where any thread passes true. A barrier too.
  DEVICE bool any(bool condition) const {
    if (!small) return block.any(condition);
#if defined(__CUDACC__)
    condition = __any_sync(~0u, condition);
#endif
    return condition;
  }
  // Calls body(i, j) for the thread's elements of a matrix, the same ones each time.
  template <class Body>
  DEVICE void for_elements(int64_t rows, int64_t columns, bool transposed, const Body& body) const {
    const auto across = uint32_t(transposed ? columns : rows), along = uint32_t(transposed ? rows : columns);
    const uint32_t lane = block.thread() % kPatch, row = (along + kAlong - 1) / kAlong * kAlong;
    uint32_t top = 0, left = warp() * kAlong;
    while (true) {
      while (left >= along) {
        left -= row;
        top += kAcross;
      }
      if (top >= across) break;
      const uint32_t y = top + lane / kAlong, x = left + lane % kAlong;
      if (y < across && x < along) body(int64_t(transposed ? x : y), int64_t(transposed ? y : x));
      left += warps() * kAlong;
    }
  }
  // Calls body(columns) for the thread's share of a matrix's columns.
  template <class Body>
  DEVICE void for_columns(int64_t columns, const Body& body) const {
    const uint32_t lane = block.thread() % kPatch, last = uint32_t(columns) - 1;
    for (uint32_t left = warp() * kAlong; left <= last; left += warps() * kAlong) {
      const uint32_t j = left + lane % kAlong;
      body(TeamColumns{j < last ? j : last, lane / kAlong, j <= last});
    }
  }
};

// Calls body(team, b) for each matrix of a batch, of so many elements each.
template <class Body>
DEVICE void for_matrices(const Block& block, int64_t batch, int64_t elements, const Body& body) {
  const bool small = elements <= 8 * kPatch;
  const uint32_t teams = small ? block.threads() / kPatch : 1, team = small ? block.thread() / kPatch : 0;
  for (uint32_t b = uint32_t(block.number()) * teams + team; b < uint32_t(batch); b += uint32_t(block.step()) * teams)
    body(Team{block, small}, int64_t(b));
}

#else

struct Patch {
  int64_t b;
  int64_t first, last, along;
  bool transposed;
  // By strips, whose lines of memory stay in the cache from row to row.
  template <class Body>
  void for_elements(const Body& body) const {
    constexpr int64_t kStrip = 256;
    for (int64_t left = 0; left < along; left += kStrip) {
      const int64_t right = left + kStrip < along ? left + kStrip : along;
      for (int64_t y = first; y < last; y++)
        for (int64_t x = left; x < right; x++) body(transposed ? x : y, transposed ? y : x);
    }
  }
  // By tiles, so that the columns of a pair's second elements stay in the cache.
  template <class Body>
  void for_pairs(int64_t n, const Body& body) const {
    constexpr int64_t kTile = 16;
    for (int64_t top = first; top < last; top += kTile)
      for (int64_t left = 0; left < n; left += kTile)
        for (int64_t i = top; i < last && i < top + kTile; i++)
          for (int64_t j = i > left ? i : left; j < n && j < left + kTile; j++) body(i, j);
  }
};

template <class Body>
inline void for_patches(const Block& block, int64_t batch, int64_t rows, int64_t columns, bool transposed, const Body& body) {
  if (rows == 0 || columns == 0) return;
  const int64_t across = transposed ? columns : rows, along = transposed ? rows : columns, units = batch * across;
  int64_t b = block.first(units) / across, first = block.first(units) % across, rest = block.last(units) - block.first(units);
  while (rest > 0) {
    const int64_t last = first + rest < across ? first + rest : across;
    body(Patch{b, first, last, along, transposed});
    rest -= last - first;
    first = 0;
    b++;
  }
}

struct TeamColumns {
  static constexpr int kMost = 16;
  int64_t first, last;
  static constexpr int first_row = 0;

  template <class R>
  static R sum(R x) {
    return x;
  }
  template <class Body>
  void for_each(const Body& body) const {
    for (int64_t j = first; j < last; j++) body(j - first, j);
  }
  template <class Body>
  void for_elements(int64_t rows, const Body& body) const {
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = first; j < last; j++) body(i, j - first, j);
  }
};

struct Team {
  const Block& block;
  static constexpr int thread() { return 0; }
  static constexpr int threads() { return 1; }
  static bool any(bool condition) { return condition; }
  template <class Body>
  void for_elements(int64_t rows, int64_t columns, bool transposed, const Body& body) const {
    ::for_elements(block, transposed ? columns : rows, transposed ? rows : columns,
                   [&](int64_t y, int64_t x) { body(transposed ? x : y, transposed ? y : x); });
  }
  template <class Body>
  void for_columns(int64_t columns, const Body& body) const {
    for (int64_t first = 0; first < columns; first += TeamColumns::kMost)
      body(TeamColumns{first, first + TeamColumns::kMost < columns ? first + TeamColumns::kMost : columns});
  }
};

template <class Body>
inline void for_matrices(const Block& block, int64_t batch, int64_t, const Body& body) {
  for (int64_t b = block.first(batch); b < block.last(batch); b++) body(Team{block}, b);
}

#endif
