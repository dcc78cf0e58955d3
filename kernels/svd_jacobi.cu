// The thin SVD of a batch of small matrices in one kernel: QR decompositions, then one-sided Jacobi on a triangle (Drmač and Veselić, SIAM J. Matrix
// Anal. Appl. 29, 2008). With column scalings by powers of two throughout:
//
//   A P = Q R,  pivoted; a column of which only rounding is left, √m·eps of what was given, is null from there on
//   Rᴴ = Q₂ R₂, X = R₂ᴴ, close to diagonal: few sweeps do
//   X W = Z diag(S) by rotations of X's columns, which become Z
//   U = Q Z,  V = P Q₂ W
//
// A pair rotates where |pᴴq| > tol ‖p‖ ‖q‖, tol = √n·eps, so columns of very different size, and with them small singular values, keep their relative
// accuracy (Demmel and Veselić, SIAM J. Matrix Anal. Appl. 13, 1992). Norms go through a sweep by recurrence and are taken afresh for the next. The
// last sweep is one without a rotation, or one whose inner products and rotations are all so small that what they leave is below tol.
//
// W is not rotated along: X W = Z diag(S) is solved for it by forward substitution, whose error in a column is along those of smaller singular
// values, and taken out by Gram–Schmidt in ascending order, which leaves the residual of each column at rounding of that column. Where the singular
// values are too far apart for that, 2^kSolved, half the inverse of eps, the rotations are accumulated instead. Null columns of X and W are unit
// vectors.
//
// For m ≥ n; the caller gives a wide matrix as its adjoint. A matrix with NaN or infinity is marked −1, one that has a singular value beyond the
// type's range −3, one that still rotates in sweep kSweeps with that number; the factors of all three are NaN.
//
// A vector of lanes has one or several matrices (column_lanes.cuh); no result depends on what its neighbours are. Workspace of a vector, in rows
// of columns: reflectors of A, level by level | their g | reflectors of Rᴴ n | W n | Z. On the CPU it is scratch. On a GPU, where the more vectors
// fit into shared memory the faster all are, scratch is a stage on which one matrix at a time is worked on; the others are in global memory
// meanwhile.
#include "column_qr.cuh"
#include "column_rotation.cuh"
#include "lane_memory.cuh"
#include "view.cuh"

template <class T>
struct SvdJacobi {
  View<const T> a;  // m×n
  View<T> u;        // m×n, overwritten; absent with v
  View<Real<T>> s;  // n×1, overwritten, descending
  View<T> v;        // n×n, overwritten; absent: singular values alone
  int32_t* info;    // batch, overwritten: 0, −1, −3 or kSweeps; with left_alone read first
  T* workspace;     // on a GPU rows_of_workspace rows for each warp of the grid, overwritten
  int64_t batch, m, n;
  int64_t adjoint;     // 1: each element of a is conjugated
  int64_t left_alone;  // 1: matrices that are not marked kLeft are passed over
};

constexpr int kSweeps = 30;
#if defined(DIFFSVD_WHOLE_VECTORS)
constexpr int kColumnsOfLane = 8, kRowsOfLane = 4096;
#else
constexpr int kColumnsOfLane = 4;
#endif
#if !defined(__CUDACC__)
constexpr int kMostPairs = 32;
#endif

// Rows are decomposed so many at a time. JacobiForward.java knows this too.
#if !defined(DIFFSVD_WIDE)
constexpr bool kStaged = true;
DEVICE constexpr int rows_of_block(int columns) { return columns > 21 ? columns + columns / 2 : 32; }
#else
constexpr bool kStaged = false;
DEVICE constexpr int rows_of_block(int columns) { return columns > 32 ? 8 * columns : 256; }
#endif

template <class T, int kVectors, Teams kTeams>
struct VectorOfMatrices {
  using R = Real<T>;
  using W = Wide<T>;
  using WR = Wide<R>;
  using P = Places<R>;
  using L = JacobiLimits<R>;
  using Grid = Pairing<T, kVectors, kTeams>;
  using Mask = decltype(WR{} > WR{});
  static constexpr int kSlots = 2 * kVectors;

  const SvdJacobi<T>& x;
  const int m, n;
  const Grid at;
  const int64_t first;                           // the matrix of the vector's first team
  const uint32_t teams;                          // a bit for each that has a matrix to decompose
  int levels = 0, core_rows;                     // a tall matrix has levels, of which the last is the core
  Columns<T, kVectors> a, core, gains, r, z, w;  // in the workspace
  Columns<T, kVectors> stage;                    // of the core's rows
  ColumnsState<T, kVectors> given, triangle;
  WR norm[kSlots], exponent[kSlots];  // of Z's columns
  WR status{}, adjoint{};             // adjoint: 1 where the matrix is decomposed as its adjoint
  WR largest[kSlots];                 // part of each column as given

  DEVICE VectorOfMatrices(const SvdJacobi<T>& x, int team, int64_t first, W* workspace, W* scratch)
      : x(x), m(int(x.m)), n(int(x.n)), at(n, team), first(first), teams(teams_of(x, team, first)) {
    const int block = rows_of_block(n);
    int blocks = 0;
#if defined(__CUDACC__)
    workspace += own_lane();
    scratch += own_lane();
#endif
    a.data = workspace;
    stage.data = scratch;
    core = a;
    for (core_rows = m; core_rows > 2 * block; levels++) {
      core = core.from(core_rows);
      blocks += core_rows / block;
      core_rows = core_rows / block * n;
    }
    gains = core.from(core_rows);
    r = gains.from(blocks);
    w = r.from(n);
    z = w.from(n);
  }

  // Where some of the workspace is worked on, and how it comes there and back.
  DEVICE const Columns<T, kVectors>& place(const Columns<T, kVectors>& c) const { return kStaged ? stage : c; }
  DEVICE void bring(const Columns<T, kVectors>& c, int count) const {
    if constexpr (kStaged) copy(c, stage, count);
  }
  DEVICE void keep(const Columns<T, kVectors>& c, int count) const {
    if constexpr (kStaged) copy(stage, c, count);
  }
  DEVICE static void copy(const Columns<T, kVectors>& from, const Columns<T, kVectors>& to, int count) {
    for (int i = 0; i < count; i++)
      for (int s = 0; s < kSlots; s++) to(i, s) = from(i, s);
  }
  // A as it is given.
  DEVICE Columns<T, kVectors> input() const { return {levels > 0 ? a.data : place(core).data}; }

  DEVICE static uint32_t teams_of(const SvdJacobi<T>& x, int team, int64_t first) {
    uint32_t teams = 0;
    for (int t = 0; t < kVectorLanes<T> / team && first + t < x.batch; t++)
      if (!x.left_alone || x.info[first + t] == kLeft) teams |= uint32_t(1) << t;
    return teams;
  }

  // Calls body(lane, matrix) for the first lane of each team that has a matrix to decompose, or on a GPU for the own team's.
  template <class Body>
  DEVICE void for_teams(const Body& body) const {
#if defined(__CUDACC__)
    if (teams >> (at.base / at.team) & 1) body(at.base, first + at.base / at.team);
#else
    for (int t = 0; t < kVectorLanes<T> / at.team; t++)
      if (teams >> t & 1) body(t * at.team, first + t);
#endif
  }

  DEVICE void load() {
    for (int s = 0; s < kSlots; s++) largest[s] = WR{};
    for (int start = 0, step = rows_of_block(n); start < m; start += step) load(start, start + step < m ? start + step : m);
  }
  DEVICE void load(int first_row, int end) {
    const Columns<T, kVectors> a = input();
    for (int i = first_row; i < end; i++)
      for (int s = 0; s < kSlots; s++) a(i, s) = W{};
    vector_barrier();
    load_columns(a, first_row, end);
    vector_barrier();
    for (int i = first_row; i < end; i++)
      for (int s = 0; s < kSlots; s++) largest[s] = larger_or_bad<R>(largest[s], a(i, s));
  }
  DEVICE void load_columns(const Columns<T, kVectors>& a, int first_row, int end) {
#if defined(DIFFSVD_WIDE)
    if (Grid::kSingle && !x.left_alone && !any_in_vector(adjoint > 0)) {
      View<const T> from = x.a;
      from.data += first_row * from.row_stride;
      const int count = x.batch - first < kLanes<T> ? int(x.batch - first) : kLanes<T>;
      load_lanes(from, first, count, end - first_row, n,
                 [&](int i, int j, const W& value) { a(first_row + i, at.slot(j)) = x.adjoint ? conjugate(value) : value; });
      return;
    }
#endif
    for_teams([&](int base, int64_t b) {
      const View<const T> from = x.a.matrix(b);
      const bool turned = get(adjoint, base) > 0, conjugated = turned != (x.adjoint != 0);
      const int64_t across = turned ? from.row_stride : from.column_stride, along = turned ? from.column_stride : from.row_stride;
#if defined(__CUDACC__)
      const int start = own_lane() - base, step = at.team;
#else
      const int start = 0, step = 1;
#endif
      for (int j = start; j < n; j += step) {
        const int player = j + at.odd, pair = player < at.pairs ? player : player - at.pairs, slot = at.slot(j), lane = base + pair % at.team;
        const T* source = from.data + j * across + first_row * along;
        for (int i = first_row; i < end; i++, source += along) a.set(i, slot, lane, conjugated ? conjugate(*source) : *source);
      }
    });
  }

  // Small singular values are as accurate as columns brought to one size are well conditioned. A square matrix of which columns so scaled leave rows
  // of more different sizes than scaled rows leave columns becomes its adjoint. Sizes are exponents, of the largest part.
  DEVICE void orient() {
    const WR none = WR{} - L::kFar;
    WR of_rows{}, of_columns{}, exponent[kSlots], left[kSlots];
    for (int s = 0; s < kSlots; s++) {
      exponent[s] = exponent_or(none, largest[s]);
      left[s] = none;
    }
    for (int i = 0; i < m; i++) {
      WR row = none, row_left = none, own[kSlots];
      for (int s = 0; s < kSlots; s++) {
        own[s] = exponent_or(none, largest_part(input()(i, s)));
        row = larger_of(row, own[s]);
        row_left = own[s] > none ? larger_of(row_left, own[s] - exponent[s]) : row_left;
      }
      row = at.largest(row);
      row_left = at.largest(row_left);
      of_rows += row > none ? row_left : WR{};
      for (int s = 0; s < kSlots; s++) left[s] = own[s] > none ? larger_of(left[s], own[s] - row) : left[s];
    }
    for (int s = 0; s < kSlots; s++) of_columns += left[s] > none ? left[s] : WR{};
    adjoint = of_rows < 2 * at.sum(of_columns) - R(2) ? WR{} + 1 : WR{};
    if (any_in_vector(adjoint > 0)) load();
  }
  DEVICE static WR exponent_or(WR none, WR size) {
    const auto there = size > 0;
    return there ? exponent_of<R>(there ? size : WR{} + 1) : none;
  }

  // From the rows as loaded to the core, each column's largest part about 1, and its norms. Of a tall matrix blocks of rows are decomposed, their
  // triangles, one below the other, in blocks again, and so on (Demmel, Grigori, Hoemmen and Langou, SIAM J. Sci. Comput. 34, 2012).
  DEVICE void reduce() {
    WR most{}, up[kSlots], then[kSlots];
    for (int s = 0; s < kSlots; s++) most = larger_of(most, largest[s]);
    const Mask broken = at.largest(most) > L::kLargest;
    status = broken ? WR{} - 1 : WR{};
    for (int s = 0; s < kSlots; s++) {
      const auto there = (largest[s] > 0) & (largest[s] <= L::kLargest);
      given.exponent[s] = there ? exponent_of<R>(there ? largest[s] : largest[s] - largest[s] + 1) : WR{};
      const WR half = numbers_of<R>(places_of<R>(R(0.5) * given.exponent[s]));
      up[s] = power_of_two<R>(-half);
      then[s] = power_of_two<R>(half - given.exponent[s]);
      given.origin[s] = numbers_of<R>(at.column[s]);
    }
    Columns<T, kVectors> level = a, gain = gains;
    for (int l = 0; l < levels; l++) {
      const Columns<T, kVectors> next = level.from(rows_of(l));
      const int blocks = rows_of(l) / rows_of_block(n);
      for (int block = 0; block < blocks; block++) {
        const int start = start_of(l, block, blocks), count = start_of(l, block + 1, blocks) - start;
        const Columns<T, kVectors> own = level.from(start), triangles = next.from(block * n);
        if (l == 0) scale(own, count, broken, up, then);
        decompose<false>(own, at, count, triangle);
        for (int s = 0; s < kSlots; s++) {
          for (int i = 0; i < n; i++) triangles(i, s) = choose(at.column[s] == i, triangle.diagonal[s], choose(at.column[s] > i, own(i, s), W{}));
          gain(block, s) = scaled(unit_entry<W>(true), triangle.gain[s]);
        }
      }
      level = next;
      gain = gain.from(blocks);
    }
    for (int s = 0; levels > 0 && s < kSlots; s++) up[s] = then[s] = WR{} + 1;
    if (levels > 0) bring(core, core_rows);
    scale(place(core), core_rows, broken, up, then);
  }
  // An array of them could not be in registers, nor what is beside it.
  DEVICE int rows_of(int level) const {
    int rows = m;
    for (int l = 0; l < level; l++) rows = rows / rows_of_block(n) * n;
    return rows;
  }
  DEVICE int start_of(int level, int block, int blocks) const { return int(int64_t(rows_of(level)) * block / blocks); }

  DEVICE void scale(const Columns<T, kVectors>& c, int count, const Mask& broken, const WR (&up)[kSlots], const WR (&then)[kSlots]) {
    LongSum<WR> total[kSlots];
    for (int start = 0; start < count; start += kRowsOfSum) {
      WR some[kSlots];
      for (int s = 0; s < kSlots; s++) some[s] = WR{};
      for (int i = start; i < count && i < start + kRowsOfSum; i++)
        for (int s = 0; s < kSlots; s++) {
          const W value = choose(broken, W{}, scaled(scaled(c(i, s), up[s]), then[s]));
          c(i, s) = value;
          some[s] += size_squared(value);
        }
      for (int s = 0; s < kSlots; s++) total[s].add(some[s]);
    }
    for (int s = 0; s < kSlots; s++) given.norm[s] = given.given[s] = total[s].sum;
  }

  // Gives z's columns one exponent, with which rotations need not reckon; columns that are so near that their squares do not underflow.
  DEVICE void share_exponent(int rows, const WR& shared, const Mask& near) {
    WR scale[kSlots];
    for (int s = 0; s < kSlots; s++) {
      scale[s] = near ? power_of_two<R>(exponent[s] - shared) : WR{} + 1;
      exponent[s] = near ? shared : exponent[s];
    }
    for (int i = 0; i < rows; i++)
      for (int s = 0; s < kSlots; s++) place(z)(i, s) = scaled(place(z)(i, s), scale[s]);
  }

  // One-sided Jacobi on the columns of z; with `accumulates` w is rotated along, with `near` all exponents of a matrix are equal.
  DEVICE void rotate(const Grid& inner, bool near, bool accumulates) {
#if defined(__CUDACC__)
    const int rows = inner.columns;
    // Columns as long as registers hold them.
    if constexpr (Grid::kSingle) return rotate<HeldColumns<T, kVectors, kColumnsOfLane>>(inner, near, accumulates);
    if constexpr (sizeof(T) < 16) {
      if (rows <= 8) return rotate<HeldColumns<T, kVectors, 8>>(inner, near, accumulates);
      if (rows <= 16) return rotate<HeldColumns<T, kVectors, 16>>(inner, near, accumulates);
      if (rows <= 24) return rotate<HeldColumns<T, kVectors, 24>>(inner, near, accumulates);
      if (rows <= 32) return rotate<HeldColumns<T, kVectors, 32>>(inner, near, accumulates);
    } else {
      if (rows <= 8) return rotate<HeldColumns<T, kVectors, 8>>(inner, near, accumulates);
      if (rows <= 16) return rotate<HeldColumns<T, kVectors, 16>>(inner, near, accumulates);
    }
#endif
    rotate<StoredColumns<T, kVectors>>(inner, near, accumulates);
  }
  template <class Rotated>
  DEVICE void rotate(const Grid& inner, bool near, bool accumulates) {
    Rotated columns(place(z), inner.columns);
    const int rounds = 2 * inner.pairs - 1;
    const R tol2 = n * L::kEpsilon * L::kEpsilon, small2 = L::kEpsilon / n;
    const WR one = WR{} + 1;
    WR active = status < 0 ? WR{} : one;
    for (int sweep = 0; sweep < kSweeps && any_in_vector(active > 0); sweep++) {
      W gamma[kVectors], unused[kVectors];
      columns.take_norms(norm, gamma);
      WR open{};
      for (int round = 0; round < rounds; round++) {
        Rotation<W> rotations[kVectors], plain[kVectors];
        WR turns{};
        for (int v = 0; v < kVectors; v++) {
          const WR alpha = norm[v], beta = norm[kVectors + v], product = alpha * beta, gamma2 = size_squared(gamma[v]);
          const auto rotates = (gamma2 > tol2 * product) & (active > 0) & (inner.column[kVectors + v] >= 0);
          const auto size = size_or_one(gamma[v], rotates);
          const WR exponent_p = exponent[v], exponent_q = exponent[kVectors + v];
          const auto x = near ? Tangent<WR>::template of<R, false>(alpha, beta, exponent_p, exponent_q, size, rotates)
                              : Tangent<WR>::template of<R, true>(alpha, beta, exponent_p, exponent_q, size, rotates);
          rotations[v].set(x, gamma[v], size, false);
          if (accumulates) plain[v].set(x, gamma[v], size, true);
          const WR to_p = x.to_p * x.to_p * beta, to_q = x.to_q * x.to_q * alpha;
          open = rotates & ((gamma2 > small2 * product) | (to_p > small2 * alpha) | (to_q > small2 * beta)) ? one : open;
          turns = rotates ? one : turns;
          norm[v] = larger_of(alpha - x.less, WR{});
          norm[kVectors + v] = beta + x.more;
        }
        if (any_in_vector(turns > 0)) {
          columns.template turn<true, true>(inner, rotations, gamma);
          if (accumulates) StoredColumns<T, kVectors>(w, inner.columns).template turn<true, false>(inner, plain, unused);
        } else {
          columns.template turn<false, true>(inner, rotations, gamma);
          if (accumulates) StoredColumns<T, kVectors>(w, inner.columns).template turn<false, false>(inner, plain, unused);
        }
        inner.move_numbers(norm);
        if (!near) inner.move_numbers(exponent);
      }
      const auto goes_on = (inner.largest(open) > 0) & (active > 0);
      active = goes_on ? one : WR{};
    }
    columns.store(place(z));
    status = active > 0 ? WR{} + kSweeps : status;
  }

  // w ← W of X W = Z, X = R₂ᴴ scaled by the columns of Rᴴ.
  DEVICE void solve(const Grid& inner, const Mask& far) {
    const Columns<T, kVectors> w = place(this->w);
    vector_barrier();
    for (int i = 0; i < inner.columns; i++) {
      const W beta = inner.of_column(triangle.diagonal, i);
      const WR own = inner.of_column(triangle.exponent, i), size2 = size_squared(beta);
      const auto there = size2 > 0;
      const WR divisor = there ? size2 : size2 + 1;
      W sums[kSlots];
      for (int s = 0; s < kSlots; s++) sums[s] = scaled(z(i, s), power_of_two<R>(exponent[s] - own));
      const int slot = inner.slot(i);
      const auto lane = inner.lane_of(i);
      for (int l = 0; l < i; l++) {
        const W factor = W{} - conjugate(inner.broadcast(r, l, slot, lane));
        for (int s = 0; s < kSlots; s++) multiply_add(sums[s], factor, w(l, s));
      }
      for (int s = 0; s < kSlots; s++) w(i, s) = choose(far, w(i, s), choose(there, divided(beta * sums[s], divisor), W{}));  // by conj(beta)
    }
  }

  // Makes w's columns orthogonal, the one of the smallest singular value first.
  DEVICE void orthogonalise(const Grid& inner, const WR (&rank)[kSlots]) {
    const Columns<T, kVectors> w = place(this->w);
    const int rows = inner.columns;
    for (int place = inner.columns - 1; place >= 0; place--) {
      // Every team's column of this rank, to all of its lanes.
      P source = inner.base;
      WR slot_of{};
      for (int s = 0; s < kSlots; s++) {
        const auto here = rank[s] == R(place);
        const WR lane = inner.largest(here & (inner.column[s] >= 0) ? numbers_of<R>(inner.lane) + 1 : WR{});
        source = lane > 0 ? inner.base + places_of<R>(lane - 1) : source;
        slot_of = lane > 0 ? WR{} + R(s) : slot_of;
      }
      vector_barrier();
      const auto column_at = [&](int i) {
        if constexpr (!Grid::kUniform || Grid::kWhole) return inner.broadcast(w, i, int(get(slot_of, 0)), source);
        W result = inner.broadcast(w(i, 0), source);
        for (int s = 1; s < kSlots; s++) result = choose(slot_of == R(s), inner.broadcast(w(i, s), source), result);
        return result;
      };
      W along[kSlots];
      WR norm2{};
      for (int s = 0; s < kSlots; s++) along[s] = W{};
      for (int i = 0; i < rows; i++) {
        const W v = column_at(i);
        norm2 += size_squared(v);
        for (int s = 0; s < kSlots; s++) multiply_add(along[s], conjugate(v), w(i, s));
      }
      const auto there = norm2 > 0;
      W factor[kSlots];
      for (int s = 0; s < kSlots; s++) factor[s] = choose((rank[s] < R(place)) & there, divided(along[s], there ? WR{} - norm2 : norm2 - 1), W{});
      for (int i = 0; i < rows; i++) {
        const W v = column_at(i);
        for (int s = 0; s < kSlots; s++) {
          W sum = w(i, s);
          multiply_add(sum, factor[s], v);
#if defined(__CUDACC__)
          if (rank[s] < R(place))  // the others may still be about to read the column itself
#endif
            w(i, s) = sum;
        }
      }
    }
    vector_barrier();
  }

  // Numbers by slot of `from` as numbers by slot of `at`; 0 for columns that `from` has not.
  template <class X>
  DEVICE void spread(const Grid& from, X (&x)[kSlots]) const {
    X old[kSlots];
    for (int s = 0; s < kSlots; s++) old[s] = x[s];
    for (int s = 0; s < kSlots; s++) {
      const P player = at.column[s] + from.odd, pair = player < from.pairs ? player : player - from.pairs, inside = pair & P(P{} + (from.team - 1));
      X taken{};
      for (int t = 0; t < kSlots; t++) {
        const auto there = ((pair - inside == t % kVectors * from.team) & (t < kVectors ? player < from.pairs : player >= from.pairs)) &
                           ((at.column[s] >= 0) & (at.column[s] < from.columns));
        taken = choose(there, from.taken(old[t], from.base + inside), taken);
      }
      x[s] = taken;
    }
  }

  DEVICE void run() {
    load();
    if (m == n && n > 1) orient();
    reduce();
    decompose<true>(place(core), at, core_rows, given);
    keep(core, core_rows);
    // Where a vector has one matrix, its null columns are left out from here on.
    int columns = n;
    if constexpr (Grid::kWhole) {
      WR alive{};
      for (int s = 0; s < kSlots; s++) alive += (at.column[s] >= 0) & (given.died[s] > R(core_rows)) ? WR{} + 1 : WR{};
      columns = int(get(at.sum(alive), 0));
      columns = columns < 3 ? 3 : columns;  // two pairs, so that there is somewhere to move
    }
    const Grid inner(columns, at.team);
    for (int s = 0; s < kSlots; s++) triangle.exponent[s] = WR{};
    adjoint_of_r(core, at, given, place(r), inner, triangle.exponent);
    decompose<false>(place(r), inner, n, triangle);
    keep(r, n);
    adjoint_of_r(r, inner, triangle, place(z), inner, exponent);
    WR most = WR{} - L::kFar, least = WR{} - L::kFar;  // the exponents, and their opposites
    for (int s = 0; s < kSlots; s++) {
      const auto there = (inner.column[s] >= 0) & (exponent[s] > -L::kFar);
      most = there ? larger_of(most, exponent[s]) : most;
      least = there ? larger_of(least, -exponent[s]) : least;
    }
    most = inner.largest(most);
    const WR range = most + inner.largest(least);
    const Mask far = range > R(L::kSolved), near = range <= R(L::kNear);
    share_exponent(inner.columns, most, near);
    const bool accumulates = x.v && any_in_vector(far);
    for (int i = 0; accumulates && i < n; i++)
      for (int s = 0; s < kSlots; s++) w(i, s) = choose(inner.column[s] == i, unit_entry<W>(true), W{});
    rotate(inner, !any_in_vector(!near), accumulates);
    finish(inner, far, accumulates);
  }

  // From X's rotated columns and, where they were accumulated, the rotations to the factors.
  DEVICE void finish(const Grid& inner, const Mask& far, bool accumulated) {
    WR rank[kSlots], value[kSlots], most{};
    W unused[kVectors];
    StoredColumns<T, kVectors>(place(z), inner.columns).take_norms(norm, unused);
    sort(inner, rank);
    for (int s = 0; s < kSlots; s++) {
      norm[s] = square_root(norm[s]);
      const WR half = numbers_of<R>(places_of<R>(R(0.5) * exponent[s]));
      value[s] = (norm[s] > 0) & (inner.column[s] >= 0) ? norm[s] * power_of_two<R>(half) * power_of_two<R>(exponent[s] - half) : WR{};
      most = larger_of(most, value[s]);
    }
    status = (status == 0) & (inner.largest(most) > L::kLargest) ? WR{} - 3 : status;
    WR place_of[kSlots];
    for (int s = 0; s < kSlots; s++) place_of[s] = rank[s];
    if (inner.columns < n) {
      spread(inner, value);
      spread(inner, place_of);
      for (int s = 0; s < kSlots; s++) place_of[s] = at.column[s] >= inner.columns ? numbers_of<R>(at.column[s]) : place_of[s];
    }
    store_values(place_of, value);
    if (!x.v) return;
    keep(z, inner.columns);
    if (accumulated) bring(w, inner.columns);
    solve(inner, far);
    orthogonalise(inner, rank);
    complete(inner, place(w));
    apply_reflectors(r, inner, n, inner.columns, triangle.gain, place(w));
    normalise(place(w), n);
    store_right(place_of);
    bring(z, inner.columns);
    complete(inner, place(z));
    for (int i = n; i < core_rows; i++)
      for (int s = 0; s < kSlots; s++) place(z)(i, s) = W{};
    apply_reflectors(core, at, core_rows, inner.columns, given.gain, place(z));
    normalise(place(z), core_rows);
    store_left(place_of);
  }

  // Gives null columns unit vectors, also those that were left out.
  DEVICE void complete(const Grid& inner, const Columns<T, kVectors>& c) const {
    for (int i = 0; i < inner.columns; i++)
      for (int s = 0; s < kSlots; s++) c(i, s) = choose(norm[s] > 0, c(i, s), choose(inner.column[s] == i, unit_entry<W>(true), W{}));
    for (int i = 0; inner.columns < n && i < n; i++) {
      W row[kSlots];
      for (int s = 0; s < kSlots; s++) row[s] = i < inner.columns ? c(i, s) : W{};
      spread(inner, row);
      for (int s = 0; s < kSlots; s++) c(i, s) = choose((at.column[s] == i) & (at.column[s] >= inner.columns), unit_entry<W>(true), row[s]);
    }
  }

  // Brings columns to norm 1; reflectors have rounded it.
  DEVICE static void normalise(const Columns<T, kVectors>& c, int rows) {
    LongSum<WR> total[kSlots];
    for (int start = 0; start < rows; start += kRowsOfSum) {
      WR some[kSlots];
      for (int s = 0; s < kSlots; s++) some[s] = WR{};
      for (int i = start; i < rows && i < start + kRowsOfSum; i++)
        for (int s = 0; s < kSlots; s++) some[s] += size_squared(c(i, s));
      for (int s = 0; s < kSlots; s++) total[s].add(some[s]);
    }
    for (int s = 0; s < kSlots; s++) {
      const WR sum = total[s].sum, length = square_root(sum > 0 ? sum : sum + 1);
      for (int i = 0; i < rows; i++) c(i, s) = divided(c(i, s), length);
    }
  }

  // The place of each column in descending order of their norms.
  DEVICE void sort(const Grid& inner, WR (&rank)[kSlots]) const {
    WR power[kSlots], mantissa[kSlots];
    for (int s = 0; s < kSlots; s++) {
      const auto there = (inner.column[s] >= 0) & (norm[s] > 0);
      const WR size = there ? norm[s] : WR{} + 1, e = exponent_of<R>(size);
      power[s] = there ? exponent[s] + exponent[s] + e : WR{} - 4 * L::kFar;
      mantissa[s] = size * power_of_two<R>(-e);
      rank[s] = WR{};
    }
    for (int c = 0; c < inner.columns; c++) {
      const WR high = inner.of_column(power, c), low = inner.of_column(mantissa, c);
      for (int s = 0; s < kSlots; s++) {
        const auto tie = (high == power[s]) & (low == mantissa[s]) & (inner.column[s] > c);
        rank[s] += (high > power[s]) | ((high == power[s]) & (low > mantissa[s])) | tie ? WR{} + 1 : WR{};
      }
    }
  }

  // Calls body(lane, slot, matrix) for every column of a team's matrix, on a GPU for the own lane's.
  template <class Body>
  DEVICE void for_columns(int base, int64_t b, const Body& body) const {
#if defined(__CUDACC__)
    const int start = own_lane(), end = start + 1;
#else
    const int start = base, end = base + at.team;
#endif
    for (int s = 0; s < kSlots; s++)
      for (int l = start; l < end; l++)
        if (get(at.column[s], l) >= 0) body(l, s, b);
  }
  // And of every matrix.
  template <class Body>
  DEVICE void for_columns(const Body& body) const {
    for_teams([&](int base, int64_t b) { for_columns(base, b, body); });
  }
  DEVICE View<T> right(int lane) const { return either(get(adjoint, lane) > 0, x.u, x.v); }
  DEVICE View<T> left(int lane) const { return either(get(adjoint, lane) > 0, x.v, x.u); }
  // Number by number: a choice of addresses would keep both in memory.
  DEVICE static View<T> either(bool first, const View<T>& a, const View<T>& b) {
    return {first ? a.data : b.data, first ? a.row_stride : b.row_stride, first ? a.column_stride : b.column_stride,
            first ? a.batch_stride : b.batch_stride};
  }

  DEVICE void store_values(const WR (&rank)[kSlots], const WR (&value)[kSlots]) const {
    for_columns([&](int l, int s, int64_t b) {
      const int32_t code = int32_t(get(status, l));
      const int64_t place = int64_t(get(rank[s], l));
      if (place == 0) x.info[b] = code;
      x.s.at(b, place, 0) = code ? not_a_number<R>() : get(value[s], l);
    });
  }

  // V from w, whose rows are those of the pivoted columns.
  DEVICE void store_right(const WR (&rank)[kSlots]) const {
    const Columns<T, kVectors> w = place(this->w);
#if defined(__CUDACC__)
    for (int i = 0; i < n; i++) {
      const WR row = at.of_column(given.origin, i);
      for_columns([&](int l, int s, int64_t b) { right(l).at(b, int64_t(row), int64_t(rank[s])) = status == 0 ? w(i, s) + T{} : not_a_number<T>(); });
    }
#else
    int64_t to[2 * kMostPairs];
    for_teams([&](int base, int64_t b) {
      const int64_t stride = right(base).row_stride;
      for (int i = 0; i < n; i++) to[i] = stride * int64_t(get(given.origin[at.slot(i)], int(get(at.lane_of(i), base))));
      for_columns(base, b, [&](int l, int s, int64_t b) {
        const bool fails = get(status, l) != 0;
        T* const column = &right(l).at(b, 0, int64_t(get(rank[s], l)));
        for (int i = 0; i < n; i++) column[to[i]] = fails ? not_a_number<T>() : get(w(i, s), l) + T{};  // no sign to a zero
      });
    });
#endif
  }

  // U from the core's in z: each level's blocks of it from the rows of the next level's.
  DEVICE void store_left(const WR (&rank)[kSlots]) {
    Columns<T, kVectors> level = core, gain = r;
    if (levels > 0) keep(z, core_rows);
    for (int l = levels - 1; l >= 0; l--) {
      const int blocks = rows_of(l) / rows_of_block(n);
      const Columns<T, kVectors> next = z.from(rows_of(l + 1));
      level = level.from(-rows_of(l));
      gain = gain.from(-blocks);
      for (int block = 0; block < blocks; block++) {
        const int start = start_of(l, block, blocks), count = start_of(l, block + 1, blocks) - start;
        const Columns<T, kVectors> own = l > 0 ? next.from(start) : next;
        for (int i = 0; i < count; i++)
          for (int s = 0; s < kSlots; s++) own(i, s) = i < n ? z(block * n + i, s) : W{};
        WR own_gains[kSlots];
        for (int s = 0; s < kSlots; s++) own_gains[s] = real_part(gain(block, s));
        apply_reflectors(level.from(start), at, count, n, own_gains, own);
        if (l == 0) store_rows(own, start, count, rank);
      }
      z = next;
    }
    if (levels == 0) store_rows(place(z), 0, m, rank);
  }

  DEVICE void store_rows(const Columns<T, kVectors>& from, int start, int count, const WR (&rank)[kSlots]) const {
    for_columns([&](int l, int s, int64_t b) {
      const View<T> left = this->left(l);
      const bool fails = get(status, l) != 0;
      T* to = &left.at(b, start, int64_t(get(rank[s], l)));
      for (int i = 0; i < count; i++, to += left.row_stride) *to = fails ? not_a_number<T>() : get(from(i, s), l) + T{};
    });
  }

  // Rows of workspace.
  DEVICE static int64_t rows_of_workspace(int64_t m, int n) {
    const int block = rows_of_block(n);
    int64_t sum = m + 2 * n + (m < 2 * block ? m : 2 * block);
    for (int64_t rows = m; rows > 2 * block; rows = rows / block * n) sum += rows / block * (1 + 2 * n);
    return sum;
  }
  // Rows of the core.
  DEVICE static int rows_of_stage(int64_t m, int n) {
    while (m > 2 * rows_of_block(n)) m = m / rows_of_block(n) * n;
    return int(m);
  }
};

template <class T, int kVectors, Teams kTeams>
DEVICE void svd_of_vectors(const SvdJacobi<T>& x, const Block& block, int team) {
  using Vector = VectorOfMatrices<T, kVectors, kTeams>;
  constexpr int kRow = Columns<T, kVectors>::kRow;
  const int at_once = kVectorLanes<T> / team;
#if defined(__CUDACC__)
  const int own = block.thread() / kWarp, vectors = block.threads() / kWarp;
#else
  constexpr int own = 0, vectors = 1;  // a thread is a vector
  if (block.thread() > 0) return;
#endif
  const int64_t elements = Vector::rows_of_workspace(x.m, int(x.n)) * kRow;
  Wide<T>* scratch = reinterpret_cast<Wide<T>*>(block.scratch);
#if defined(DIFFSVD_WIDE)
  Wide<T>* const workspace = scratch + own * elements;
#else
  Wide<T>* const workspace = x.workspace + (block.number() * vectors + own) * elements;
  scratch += int64_t(own) * Vector::rows_of_stage(x.m, int(x.n)) * kRow;
#endif
  const int64_t units = (x.batch + at_once * vectors - 1) / (at_once * vectors);
  for (int64_t unit = block.first(units); unit < block.last(units); unit += block.step()) {
    const int64_t first = (unit * vectors + own) * at_once;
    if (first >= x.batch) continue;
    Vector vector(x, team, first, workspace, scratch);
    if (vector.teams) vector.run();
  }
}

// How a matrix lies in vectors: 2·kVectors of them, of one team or several.
template <int kVectors_, Teams kTeams_>
struct Arrangement {
  static constexpr int kVectors = kVectors_;
  static constexpr Teams kTeams = kTeams_;
};

// Calls body(arrangement, lanes of a team). Up to kColumnsOfLane columns a matrix has one lane, beyond them, or beyond kRowsOfLane rows, as many as
// it has pairs. Where lanes cannot exchange numbers it has one in any case.
#if defined(DIFFSVD_WHOLE_VECTORS)
template <class T, class Body>
DEVICE void with_arrangement(int64_t m, int64_t n, const Body& body) {
  constexpr int kLanesThere = kVectorLanes<T>, kMost = kMostPairs / kLanesThere;
  const int pairs = int(n + 1) / 2, vectors = (pairs + kLanesThere - 1) / kLanesThere;
  if (pairs == 1) return body(Arrangement<1, Teams::kSingle>(), 1);
  if (m <= kRowsOfLane) {
    if (pairs == 2) return body(Arrangement<2, Teams::kSingle>(), 1);
    if (pairs == 3) return body(Arrangement<3, Teams::kSingle>(), 1);
    if (pairs == 4) return body(Arrangement<4, Teams::kSingle>(), 1);
  }
  if constexpr (kLanesThere > kColumnsOfLane)
    if (pairs <= kColumnsOfLane) return body(Arrangement<1, Teams::kSome>(), kColumnsOfLane);
  if (vectors == 1) return body(Arrangement<1, Teams::kWhole>(), kLanesThere);
  if (vectors == 2) return body(Arrangement<2, Teams::kWhole>(), kLanesThere);
  if constexpr (kMost >= 4) {
    if (vectors == 3) return body(Arrangement<3, Teams::kWhole>(), kLanesThere);
    if (vectors == 4) return body(Arrangement<4, Teams::kWhole>(), kLanesThere);
  }
  if constexpr (kMost >= 8) {
    if (vectors <= 6) return body(Arrangement<6, Teams::kWhole>(), kLanesThere);
    return body(Arrangement<8, Teams::kWhole>(), kLanesThere);
  }
}
#else
template <class T, class Body>
DEVICE void with_arrangement(int64_t, int64_t n, const Body& body) {
  const int pairs = int(n + 1) / 2;
  if (n <= kColumnsOfLane) return body(Arrangement<2, Teams::kSingle>(), 1);
#if defined(__CUDACC__)
  int team = 4;
  while (team < pairs) team *= 2;
  body(Arrangement<1, Teams::kSome>(), team);
#else
  if (pairs <= 4) return body(Arrangement<4, Teams::kSingle>(), 1);
  body(Arrangement<kMostPairs, Teams::kSingle>(), 1);
#endif
}
#endif

#if !defined(__CUDACC__)
// The workspace of one vector.
template <class T>
DEVICE int64_t svd_jacobi_scratch_bytes(int64_t m, int64_t n, int64_t) {
  int64_t bytes = 0;
  with_arrangement<T>(m, n, [&](auto of, int) {
    using Of = decltype(of);
    bytes = VectorOfMatrices<T, Of::kVectors, Of::kTeams>::rows_of_workspace(m, int(n)) * Columns<T, Of::kVectors>::kRow * int64_t(sizeof(Wide<T>));
  });
  return bytes;
}
#endif

template <class T>
DEVICE void svd_jacobi(const SvdJacobi<T>& x, const Block& block) {
  // Inlined, or what a thread keeps of its arguments is in local memory.
  with_arrangement<T>(x.m, x.n, [&](auto of, int team) __attribute__((always_inline)) {
    svd_of_vectors<T, decltype(of)::kVectors, decltype(of)::kTeams>(x, block, team);
  });
}

// On an H100 as many float warps as 128 registers allow are faster than fewer with more; of the wider types it is the other way round at 32 columns.
KERNEL_OF_BLOCKS(svd_jacobi, f32, SvdJacobi<float>, __launch_bounds__(128, 4))
KERNEL(svd_jacobi, f64, SvdJacobi<double>)
KERNEL(svd_jacobi, c64, SvdJacobi<Complex<float>>)
KERNEL(svd_jacobi, c128, SvdJacobi<Complex<double>>)
KERNEL_SCRATCH_FOR_ALL_TYPES(svd_jacobi)
