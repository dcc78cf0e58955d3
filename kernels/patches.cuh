// Kernels that go over elements: those of a batch of matrices, shared out by patches.
//
//   CUDA   a patch has an element for each lane of a warp: eight neighbours in what is written, a sector of memory or more, in each of four rows. The
//          warps of all blocks go over the patches of all matrices, and the place of a patch is counted on from the one before, without a division.
//   CPU    a patch is rows of one matrix, as many as a thread has.
//
// Where matrices are transposed in memory, rows are columns. A block is whole warps. Kernels that look at a whole matrix have a team for it: on a GPU
// a warp where it is small, else a block, which go over it by patches too, or by columns, eight to a warp and every fourth row of one to a lane.
// Where there are fewer columns than the warps could take, several warps share them, and scratch carries what they find.
#pragma once

#include "scalar.cuh"
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

// The value of the lane whose number differs in one bit.
template <class R>
DEVICE R of_partner(R x, [[maybe_unused]] int bit) {
#if defined(__CUDACC__)
  x = __shfl_xor_sync(~0u, x, bit);
#endif
  return x;
}
template <class R>
DEVICE Complex<R> of_partner(Complex<R> x, int bit) {
  return {of_partner(x.re, bit), of_partner(x.im, bit)};
}

class TeamColumns {
 public:
  static constexpr int kMost = 1;

  // Of eight columns from `left` on, whose rows 2^sharing neighbours among the warps share; an idle one has none of them.
  DEVICE TeamColumns(const Block& block, uint32_t left, uint32_t columns, int sharing, bool idle = false)
      : block_(block),
        sharing_(sharing),
        j_(left + block.thread() % kAlong < columns ? left + block.thread() % kAlong : columns - 1),
        there_(!idle && left + block.thread() % kAlong < columns),
        part_(block.thread() / kPatch & ((1 << sharing) - 1)),
        row_(block.thread() % kPatch / kAlong) {}

  // Calls body(k, j) for each of them, the k-th. Where there is none for a lane, it is the last one of the matrix.
  template <class Body>
  DEVICE void for_each(const Body& body) const {
    body(0, int64_t(j_));
  }
  // The same on one lane for each.
  template <class Body>
  DEVICE void once_for_each(const Body& body) const {
    if (there_ && part_ == 0 && row_ == 0) body(0, int64_t(j_));
  }
  // Calls body(i, k, j) for the lane's elements of `rows` rows, the same ones each time.
  template <class Body>
  DEVICE void for_elements(int64_t rows, const Body& body) const {
    if (!there_) return;
    const int all = int(rows), part = ((all + (kAcross << sharing_) - 1) >> sharing_) / kAcross * kAcross, first = part_ * part;
    const int last = first + part < all ? first + part : all;
    for (int i = first + row_; i < last; i += kAcross) body(int64_t(i), 0, int64_t(j_));
  }
  // For all lanes of a column: the sum of what they pass, and the largest. To be called by all lanes, whatever their column.
  template <class X>
  DEVICE X sum(X x) const {
    return joined(x, [](X a, X b) { return a + b; });
  }
  template <class R>
  DEVICE R largest(R x) const {
    return joined(x, [](R a, R b) { return larger(a, b); });
  }
  // True on every lane where any lane passes true, of any column that shares barriers with this one.
  DEVICE bool any(bool condition) const {
    if (sharing_ > 0) return block_.any(condition);
#if defined(__CUDACC__)
    condition = __any_sync(~0u, condition);
#endif
    return condition;
  }

 private:
  template <class X, class Join>
  DEVICE X joined(X x, const Join& join) const {
    for (int bit = kAlong; bit < kPatch; bit *= 2) x = join(x, of_partner(x, bit));
    if (sharing_ == 0) return x;
    X* const parts = reinterpret_cast<X*>(block_.scratch);
    const int warp = block_.thread() / kPatch, column = block_.thread() % kAlong;
    if (block_.thread() % kPatch < kAlong) parts[warp * kAlong + column] = x;
    block_.barrier();
    const int first = warp - part_, last = first + (1 << sharing_), end = block_.threads() / kPatch;
    x = parts[first * kAlong + column];
    for (int w = first + 1; w < last && w < end; w++) x = join(x, parts[w * kAlong + column]);
    block_.barrier();
    return x;
  }

  const Block& block_;
  int sharing_;
  uint32_t j_;
  bool there_;
  int part_, row_;
};

struct Team {
  const Block& block;
  bool small;

  DEVICE int warp() const { return small ? 0 : block.thread() / kPatch; }
  DEVICE int warps() const { return small ? 1 : block.threads() / kPatch; }
  DEVICE int thread() const { return small ? block.thread() % kPatch : block.thread(); }
  DEVICE int threads() const { return small ? kPatch : block.threads(); }
  // The largest of all threads' numbers.
  template <class R>
  DEVICE R largest(R x) const {
    for (int bit = 1; bit < kPatch; bit *= 2) x = larger(x, of_partner(x, bit));
    if (small) return x;
    R* const parts = reinterpret_cast<R*>(block.scratch);
    if (block.thread() % kPatch == 0) parts[warp()] = x;
    block.barrier();
    x = parts[0];
    for (int w = 1; w < warps(); w++) x = larger(x, parts[w]);
    block.barrier();
    return x;
  }
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
    const int groups = (int(columns) + kAlong - 1) / kAlong;
    int sharing = 0;
    while ((groups << sharing) * 2 <= warps()) sharing++;
    int left = (warp() >> sharing) * kAlong;
    // Once at least, since warps without columns wait at the others' barriers.
    do {
      body(TeamColumns(block, uint32_t(left), uint32_t(columns), sharing));
      left += (warps() >> sharing) * kAlong;
    } while (left < columns);
  }
};

// Calls body(columns, b) for the columns of a batch, of so many rows each; a warp goes over eight of them, or a block where they are tall.
template <class Body>
DEVICE void for_columns(const Block& block, int64_t batch, int64_t rows, int64_t columns, const Body& body) {
  const uint32_t groups = (uint32_t(columns) + kAlong - 1) / kAlong, units = uint32_t(batch) * groups;
  const int warps = block.threads() / kPatch, warp = block.thread() / kPatch;
  int sharing = 0;
  if (rows > 16 * kAcross)
    while ((2 << sharing) <= warps) sharing++;
  // Of a tall block, warps over a power of two have no columns, and wait at the others' barriers.
  const uint32_t teams = warps >> sharing, team = sharing > 0 ? 0 : warp;
  const bool idle = warp >> sharing >= int(teams);
  for (uint32_t unit = uint32_t(block.number()) * teams + team; unit < units; unit += uint32_t(block.step()) * teams)
    body(TeamColumns(block, unit % groups * kAlong, uint32_t(columns), sharing, idle), int64_t(unit / groups));
}

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

class TeamColumns {
 public:
  static constexpr int kMost = 16;

  TeamColumns(int64_t first, int64_t columns) : first_(first), last_(first + kMost < columns ? first + kMost : columns) {}

  template <class Body>
  void for_each(const Body& body) const {
    for (int64_t j = first_; j < last_; j++) body(j - first_, j);
  }
  template <class Body>
  void once_for_each(const Body& body) const {
    for_each(body);
  }
  template <class Body>
  void for_elements(int64_t rows, const Body& body) const {
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = first_; j < last_; j++) body(i, j - first_, j);
  }
  template <class X>
  static X sum(X x) {
    return x;
  }
  template <class R>
  static R largest(R x) {
    return x;
  }
  static bool any(bool condition) { return condition; }

 private:
  int64_t first_, last_;
};

struct Team {
  const Block& block;
  static constexpr int thread() { return 0; }
  static constexpr int threads() { return 1; }
  static bool any(bool condition) { return condition; }
  template <class R>
  static R largest(R x) {
    return x;
  }
  template <class Body>
  void for_elements(int64_t rows, int64_t columns, bool transposed, const Body& body) const {
    ::for_elements(block, transposed ? columns : rows, transposed ? rows : columns,
                   [&](int64_t y, int64_t x) { body(transposed ? x : y, transposed ? y : x); });
  }
  template <class Body>
  void for_columns(int64_t columns, const Body& body) const {
    for (int64_t first = 0; first < columns; first += TeamColumns::kMost) body(TeamColumns(first, columns));
  }
};

template <class Body>
inline void for_columns(const Block& block, int64_t batch, int64_t, int64_t columns, const Body& body) {
  const int64_t groups = (columns + TeamColumns::kMost - 1) / TeamColumns::kMost, units = batch * groups;
  for (int64_t unit = block.first(units); unit < block.last(units); unit++)
    body(TeamColumns(unit % groups * TeamColumns::kMost, columns), unit / groups);
}

template <class Body>
inline void for_matrices(const Block& block, int64_t batch, int64_t, const Body& body) {
  for (int64_t b = block.first(batch); b < block.last(batch); b++) body(Team{block}, b);
}

#endif

// The scratch of a block of a kernel that sums over columns, a number for each thread.
template <class T>
DEVICE int64_t column_scratch_bytes(int64_t threads) {
  return threads * int64_t(sizeof(T));
}
