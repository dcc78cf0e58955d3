// Products of small matrices on a GPU: four by four numbers of the result in a thread's registers, the operands in shared memory and read by 16
// bytes.
//
// A matrix has up to N rows and N columns, N known when compiled, and a thread for each of its tiles; what it has not of them is zero. A block is one
// warp and works on as many matrices as that makes, or on one whose tiles are more. Leading dimensions and the distance of matrices are such that the
// accesses of a warp fall into different banks.
//
// Where a block is one thread (the simulator and the native tests), that thread has all tiles: what is kept in registers over a barrier is an array
// of kOwn tiles.
#pragma once

#include "long_sums.cuh"
#include "view.cuh"

constexpr int kTile = 4;

#if defined(__CUDACC__)
#define PRAGMA(text) _Pragma(#text)
#define UNROLL(times) PRAGMA(unroll times)
#else
#define UNROLL(times)
#endif

template <class T>
struct alignas(16) Vector16 {
  static constexpr int kCount = 16 / sizeof(T);
  T x[kCount];
};

template <class T_, int kN>
struct Tiling {
  using T = T_;
  static constexpr int kSize = kN, kAcross = kN / kTile, kTeam = kAcross * kAcross;
  static constexpr int kThreads = kTeam < 32 ? 32 : kTeam, kMatrices = kThreads / kTeam;
  static constexpr int kVector = Vector16<T>::kCount;
  static constexpr int kLd = kTeam == 1 ? kN : kN + kVector, kArray = kN * kLd;
  // Of the matrices of a block, for so many arrays each.
  DEVICE static constexpr int distance(int arrays) { return arrays * kArray + kAcross * kVector; }
#if defined(__CUDACC__) || defined(DIFFSVD_THREADED_BLOCKS)
  static constexpr int kOwn = 1;
#else
  static constexpr int kOwn = kThreads;
#endif
};

// Calls body(k, matrix, member, row, column) for each tile that the thread has in the block's first `count` matrices: the k-th of its own, of which
// matrix, which of that, and where.
template <class S, class Body>
DEVICE void for_own_tiles(const Block& block, int count, const Body& body) {
  for (int k = 0; k < S::kOwn; k++) {
    const int task = S::kOwn == 1 ? block.thread() : k, matrix = task / S::kTeam, member = task % S::kTeam;
    if (matrix < count) body(k, matrix, member, member / S::kAcross, member % S::kAcross);
  }
}

// Four numbers of a row, the `part`-th four of kAcross: by 16 bytes, with those of the other parts between them.
template <class S, class T>
DEVICE void load_four(const T* row, int part, T (&to)[kTile]) {
  for (int v = 0; v < kTile / S::kVector; v++) {
    const auto numbers = reinterpret_cast<const Vector16<T>*>(row)[v * S::kAcross + part];
    for (int c = 0; c < S::kVector; c++) to[v * S::kVector + c] = numbers.x[c];
  }
}
template <class S, class T>
DEVICE void store_four(T* row, int part, const T (&from)[kTile]) {
  for (int v = 0; v < kTile / S::kVector; v++) {
    Vector16<T> numbers;
    for (int c = 0; c < S::kVector; c++) numbers.x[c] = from[v * S::kVector + c];
    reinterpret_cast<Vector16<T>*>(row)[v * S::kAcross + part] = numbers;
  }
}
// Where the i-th of them stands.
template <class S>
DEVICE int place_of(int part, int i) {
  return (i / S::kVector * S::kAcross + part) * S::kVector + i % S::kVector;
}

template <class T>
struct RegisterTile {
  T x[kTile][kTile];

  DEVICE void clear() {
    for (int i = 0; i < kTile; i++)
      for (int j = 0; j < kTile; j++) x[i][j] = T{};
  }
  DEVICE void add(const RegisterTile& other, RegisterTile& lost) {
    for (int i = 0; i < kTile; i++)
      for (int j = 0; j < kTile; j++) add_keeping(x[i][j], lost.x[i][j], other.x[i][j]);
  }
  DEVICE void conjugate_all() {
    for (int i = 0; i < kTile; i++)
      for (int j = 0; j < kTile; j++) x[i][j] = conjugate(x[i][j]);
  }
  // Column j by scale[j].
  template <class S>
  DEVICE void scale_columns(const Real<T>* scale, int column) {
    for (int i = 0; i < kTile; i++)
      for (int j = 0; j < kTile; j++) x[i][j] = scale[place_of<S>(column, j)] * x[i][j];
  }
  // Rows as place_of has them, and rows kAcross apart.
  template <class S>
  DEVICE void store_block(T* to, int row, int column) const {
    for (int i = 0; i < kTile; i++) store_four<S>(to + place_of<S>(row, i) * S::kLd, column, x[i]);
  }
  template <class S>
  DEVICE void store_rows(T* to, int row, int column) const {
    for (int i = 0; i < kTile; i++) store_four<S>(to + (row + S::kAcross * i) * S::kLd, column, x[i]);
  }
  template <class S>
  DEVICE void load_rows(const T* from, int row, int column) {
    for (int i = 0; i < kTile; i++) load_four<S>(from + (row + S::kAcross * i) * S::kLd, column, x[i]);
  }
  // Rows and columns kAcross apart.
  template <class S>
  DEVICE void scatter(T* to, int row, int column) const {
    for (int i = 0; i < kTile; i++)
      for (int j = 0; j < kTile; j++) to[(row + S::kAcross * i) * S::kLd + column + S::kAcross * j] = x[i][j];
  }

  // Block (row, column) of aᴴ b, of operands with `depth` rows.
  template <class S>
  DEVICE void add_adjoint_product(const T* a, const T* b, int depth, int row, int column) {
    UNROLL(4)
    for (int l = 0; l < depth; l++) {
      T left[kTile], right[kTile];
      load_four<S>(a + l * S::kLd, row, left);
      load_four<S>(b + l * S::kLd, column, right);
      for (int i = 0; i < kTile; i++)
        for (int j = 0; j < kTile; j++) multiply_add(x[i][j], conjugate(left[i]), right[j]);
    }
  }
  // Of a b, rows kAcross apart; of the conjugate of a where that is said.
  template <class S>
  DEVICE void add_product(const T* a, const T* b, int depth, int row, int column, bool conjugated = false) {
    UNROLL(2)
    for (int l = 0; l < depth; l += S::kVector) {
      Vector16<T> left[kTile];
      for (int i = 0; i < kTile; i++) left[i] = *reinterpret_cast<const Vector16<T>*>(a + (row + S::kAcross * i) * S::kLd + l);
      for (int c = 0; c < S::kVector; c++) {
        if (conjugated)
          for (int i = 0; i < kTile; i++) left[i].x[c] = conjugate(left[i].x[c]);
        T right[kTile];
        load_four<S>(b + (l + c) * S::kLd, column, right);
        for (int i = 0; i < kTile; i++)
          for (int j = 0; j < kTile; j++) multiply_add(x[i][j], left[i].x[c], right[j]);
      }
    }
  }
  // Of a bᴴ, rows and columns kAcross apart.
  template <class S>
  DEVICE void add_product_adjoint(const T* a, const T* b, int depth, int row, int column) {
    UNROLL(2)
    for (int l = 0; l < depth; l += S::kVector) {
      Vector16<T> left[kTile], right[kTile];
      for (int i = 0; i < kTile; i++) {
        left[i] = *reinterpret_cast<const Vector16<T>*>(a + (row + S::kAcross * i) * S::kLd + l);
        right[i] = *reinterpret_cast<const Vector16<T>*>(b + (column + S::kAcross * i) * S::kLd + l);
      }
      for (int c = 0; c < S::kVector; c++)
        for (int i = 0; i < kTile; i++)
          for (int j = 0; j < kTile; j++) multiply_add(x[i][j], left[i].x[c], conjugate(right[j].x[c]));
    }
  }
};

// Calls body(i, j) for the pairs i ≤ j < n that are `member`'s, folded into a rectangle of n + 1 columns so that all have as many.
template <class S, class Body>
DEVICE void for_own_pairs(int member, int n, const Body& body) {
  const int columns = n + 1, down = S::kTeam / columns, across = S::kTeam % columns;
  int r = member / columns, c = member % columns;
  UNROLL(1)
  for (int t = member; t < n * columns / 2; t += S::kTeam) {
    const bool upper = c < n - r;
    body(upper ? r : n - 1 - r, upper ? r + c : c - 1);
    r += down;
    c += across;
    if (c >= columns) {
      r++;
      c -= columns;
    }
  }
}

// Where `number` of the pieces of a block's matrices stands: kWidth neighbours in a row.
template <class S, int kWidth>
struct Piece {
  static constexpr int kInRow = S::kSize / kWidth, kInMatrix = kInRow * S::kSize;
  int matrix, row, column;
  DEVICE explicit Piece(int number) : matrix(number / kInMatrix), row(number / kInRow % S::kSize), column(number % kInRow * kWidth) {}
};

// A batch in global memory whose matrices pass through shared memory. Contiguous rows go by 16 bytes; else neighbouring threads go along the shorter
// stride.
template <class S, class T>
struct TileView {
  using Number = std::remove_const_t<T>;
  using Wide = std::conditional_t<std::is_const_v<T>, const Vector16<Number>, Vector16<Number>>;

  const View<T> view;
  const int columns;
  const bool wide, transposed;

  DEVICE TileView(const View<T>& view, int64_t columns)
      : view(view),
        columns(int(columns)),
        wide(view.column_stride == 1 && (view.row_stride | view.batch_stride | columns) % S::kVector == 0 &&
             reinterpret_cast<uintptr_t>(view.data) % sizeof(Wide) == 0),
        transposed(view.row_stride < view.column_stride) {}

  // Rows `row` and following, `rows` of them, of matrices `first` and following, `count` of them; zeros where there are none. They
  // are there after copies_arrived and a barrier.
  DEVICE void load(const Block& block, int64_t first, int count, int64_t row, int64_t rows, Number* to, int distance) const {
    T* const origin = view.data + first * view.batch_stride + row * view.row_stride;
    if (wide) {
      for_pieces<S::kVector, false>(block, origin, count, rows, to, distance, [](T* from, Number* to, bool there) {
        copy_to_shared(reinterpret_cast<Vector16<Number>*>(to), reinterpret_cast<Wide*>(from), there);
      });
    } else {
      const auto load = [](T* from, Number* to, bool there) { copy_to_shared(to, from, there); };
      if (transposed)
        for_pieces<1, true>(block, origin, count, rows, to, distance, load);
      else
        for_pieces<1, false>(block, origin, count, rows, to, distance, load);
    }
  }
  // The other way.
  DEVICE void store(const Block& block, int64_t first, int count, int64_t row, int64_t rows, Number* from, int distance) const {
    T* const origin = view.data + first * view.batch_stride + row * view.row_stride;
    if (wide) {
      for_pieces<S::kVector, false>(block, origin, count, rows, from, distance, [](T* to, Number* from, bool there) {
        if (there) *reinterpret_cast<Wide*>(to) = *reinterpret_cast<const Wide*>(from);
      });
    } else {
      const auto store = [](T* to, Number* from, bool there) {
        if (there) *to = *from;
      };
      if (transposed)
        for_pieces<1, true>(block, origin, count, rows, from, distance, store);
      else
        for_pieces<1, false>(block, origin, count, rows, from, distance, store);
    }
  }

 private:
  // A piece's place is the sum of what the thread's number and what the step contribute: all sizes are powers of two.
  template <int kWidth, bool kTransposed, class Body>
  DEVICE void for_pieces(const Block& block, T* origin, int count, int64_t rows, Number* tile, int distance, const Body& body) const {
    constexpr int kThreads = S::kThreads / S::kOwn, kPieces = Piece<S, kWidth>::kInMatrix * S::kMatrices;
    const int64_t row_stride = kTransposed ? view.column_stride : view.row_stride, column_stride = kTransposed ? view.row_stride : view.column_stride;
    const int rows_there = kTransposed ? columns : int(rows < S::kSize ? rows : S::kSize);
    const int columns_there = kTransposed ? int(rows < S::kSize ? rows : S::kSize) : columns;
    const Piece<S, kWidth> own(block.thread() & (kThreads - 1));
    T* const memory = origin + own.matrix * view.batch_stride + own.row * row_stride + own.column * column_stride;
    Number* const shared = tile + own.matrix * distance + (kTransposed ? own.column * S::kLd + own.row : own.row * S::kLd + own.column);
    UNROLL(16)
    for (int number = 0; number < kPieces; number += kThreads) {
      const Piece<S, kWidth> step(number);
      if (S::kOwn > 1 && step.matrix >= count) break;
      const int row = own.row + step.row, column = own.column + step.column;
      body(memory + step.matrix * view.batch_stride + step.row * row_stride + step.column * column_stride,
           shared + step.matrix * distance + (kTransposed ? step.column * S::kLd + step.row : step.row * S::kLd + step.column),
           own.matrix + step.matrix < count && row < rows_there && column < columns_there);
    }
  }
};

// Rows of W Vᴴ of the block's matrices, over `target`, which nobody reads any more, and from there to rows `row` and following of a batch; conjugated
// where that is said. After a barrier, and ends with one.
template <class S, class T>
DEVICE void store_product_adjoint(const Block& block, const T* w, const T* v, T* target, int distance, int depth, bool conjugated,
                                  const TileView<S, T>& to, int64_t first, int count, int64_t row, int64_t rows) {
  for_own_tiles<S>(block, count, [&](int, int matrix, int, int tile_row, int tile_column) {
    RegisterTile<T> product;
    product.clear();
    product.template add_product_adjoint<S>(w + matrix * distance, v + matrix * distance, depth, tile_row, tile_column);
    if (conjugated) product.conjugate_all();
    product.template scatter<S>(target + matrix * distance, tile_row, tile_column);
  });
  block.barrier();
  to.store(block, first, count, row, rows, target, distance);
  block.barrier();
}

// A symbol for each N and type, with as many registers as leave room for the blocks that shared memory has room for; body_scratch_bytes<T, N> is what
// a block needs.
#define KERNEL_OF_TILES(body, Arguments) \
  KERNEL_OF_SIZE(body, 4, Arguments)     \
  KERNEL_OF_SIZE(body, 8, Arguments)     \
  KERNEL_OF_SIZE(body, 16, Arguments)    \
  KERNEL_OF_SIZE(body, 32, Arguments)
#define KERNEL_OF_SIZE(body, N, Arguments)                                            \
  template <class T>                                                                  \
  DEVICE void body##_##N(const Arguments<T>& arguments, const Block& block) {         \
    body<N>(arguments, block);                                                        \
  }                                                                                   \
  template <class T>                                                                  \
  DEVICE int64_t body##_##N##_scratch_bytes(int64_t, int64_t, int64_t) {              \
    return body##_scratch_bytes<T, N>();                                              \
  }                                                                                   \
  KERNEL_OF_BLOCKS(body##_##N, f32, Arguments<float>, TILE_BOUNDS(N, 128))            \
  KERNEL_OF_BLOCKS(body##_##N, f64, Arguments<double>, TILE_BOUNDS(N, 168))           \
  KERNEL_OF_BLOCKS(body##_##N, c64, Arguments<Complex<float>>, TILE_BOUNDS(N, 168))   \
  KERNEL_OF_BLOCKS(body##_##N, c128, Arguments<Complex<double>>, TILE_BOUNDS(N, 255)) \
  KERNEL_SCRATCH_FOR_ALL_TYPES(body##_##N)
#define TILE_BOUNDS(N, registers) __launch_bounds__(Tiling<float, N>::kThreads, 65536 / (Tiling<float, N>::kThreads * registers))
