// The QR decomposition by Householder reflectors I − g vvᴴ of matrices whose columns are in lanes (column_lanes.cuh). A column has a power of two
// beside it, so that nothing in it over- or underflows whatever the others are, and is as accurate as if it were alone.
//
// v of reflector k stays in rows k … of column k, rows above the diagonal are those of R; R's diagonal is kept beside.
#pragma once

#include "column_lanes.cuh"
#include "jacobi_rotation.cuh"

constexpr int kRowsOfSum = 8;  // a sum goes by so many terms at a time

// A sum of many such partial sums, with what each addition rounds off carried along (Kahan), so that the number of rows costs no digits.
template <class W>
struct LongSum {
  W sum{}, rest{};

  DEVICE void add(W part) {
    const W more = part - rest, next = sum + more;
    rest = (next - sum) - more;
    sum = next;
  }
};

// What is known of the columns of a matrix, by slot.
template <class T, int kVectors>
struct ColumnsState {
  static constexpr int kSlots = 2 * kVectors;
  using WR = Wide<Real<T>>;
  WR exponent[kSlots];  // a column is 2^exponent times what is in memory
  WR norm[kSlots];      // squared, of what is left of it
  WR given[kSlots];     // squared, of all of it
  WR died[kSlots];      // the row from which on it is rounding, and null; beyond the last for none
  WR origin[kSlots];    // its number before pivoting
  Wide<T> diagonal[kSlots];
  WR gain[kSlots];  // g of its reflector
};

// sums[s] = Σ conj(v_i) x_is over rows from … to − 1, v being column k of a; of slots from kFrom on.
template <int kFrom, class T, int kVectors, class Grid>
DEVICE void dots_with_column(const Columns<T, kVectors>& a, const Grid& at, int k, int from, int to, const Columns<T, kVectors>& x,
                             Wide<T> (&sums)[2 * kVectors]) {
  using W = Wide<T>;
  const int slot = at.slot(k);
  const auto lane = at.lane_of(k);
  LongSum<W> total[2 * kVectors];
  for (int start = from; start < to; start += kRowsOfSum) {
    const int end = start + kRowsOfSum < to ? start + kRowsOfSum : to;
    W some[2 * kVectors];
    for (int s = 0; s < 2 * kVectors; s++) some[s] = W{};
    for (int i = start; i < end; i++) {
      const W v = conjugate(at.broadcast(a, i, slot, lane));
      for (int s = kFrom; s < 2 * kVectors; s++) multiply_add(some[s], v, x(i, s));
    }
    for (int s = kFrom; s < 2 * kVectors; s++) total[s].add(some[s]);
  }
  for (int s = 0; s < 2 * kVectors; s++) sums[s] = total[s].sum;
}

// a_is += factor_s x_i in rows from … to − 1, x being column k, of slots from kFrom on; with kNorms their squared norms.
template <int kFrom, bool kNorms, class T, int kVectors, class Grid>
DEVICE void add_column(const Columns<T, kVectors>& a, const Grid& at, int k, int from, int to, const Wide<T> (&factor)[2 * kVectors],
                       Wide<Real<T>> (&norm)[2 * kVectors]) {
  using W = Wide<T>;
  using WR = Wide<Real<T>>;
  const int slot = at.slot(k);
  const auto lane = at.lane_of(k);
  LongSum<WR> total[2 * kVectors];
  for (int start = from; start < to; start += kRowsOfSum) {
    const int end = start + kRowsOfSum < to ? start + kRowsOfSum : to;
    WR some[2 * kVectors];
    for (int s = 0; s < 2 * kVectors; s++) some[s] = WR{};
    for (int i = start; i < end; i++) {
      const W x = at.broadcast(a, i, slot, lane);
      for (int s = kFrom; s < 2 * kVectors; s++) {
        W sum = a(i, s);
        multiply_add(sum, factor[s], x);
#if defined(__CUDACC__)
        if (at.column[s] != k)  // the others may still be about to read it
#endif
          a(i, s) = sum;
        if (kNorms) some[s] += size_squared(sum);
      }
    }
    if (kNorms)
      for (int s = kFrom; s < 2 * kVectors; s++) total[s].add(some[s]);
  }
  if (kNorms)
    for (int s = kFrom; s < 2 * kVectors; s++) norm[s] = total[s].sum;
}

// log₂ of the squared norm, between the powers of two a line: any two compare as the norms do.
template <class R, class WR>
DEVICE WR logarithm(WR norm_squared, WR exponent) {
  const auto there = norm_squared > 0;
  const WR x = there ? norm_squared : norm_squared + 1, e = exponent_of<R>(x);
  return there ? exponent + exponent + e + (x * power_of_two<R>(-e) - 1) : norm_squared - JacobiLimits<R>::kFar;
}

// Exchanges what column k and column `to` have of numbers by slot.
template <class X, int kSlots, class Grid, class P>
DEVICE void exchange_numbers(X (&x)[kSlots], const Grid& at, int k, const P& to) {
  constexpr int kVectors = kSlots / 2;
  const P player = to + at.odd, pair = player < at.pairs ? player : player - at.pairs, inside = pair & P(P{} + (at.team - 1)),
          source = at.base + inside;
  const X old = at.of_column(x, k);
  X taken = at.taken(x[0], source);
  for (int s = 1; s < kSlots; s++) {
    const auto there = (pair - inside == s % kVectors * at.team) & (s < kVectors ? player < at.pairs : player >= at.pairs);
    taken = choose(there, at.taken(x[s], source), taken);
  }
  for (int s = 0; s < kSlots; s++) x[s] = choose(at.column[s] == to, old, choose(at.column[s] == k, taken, x[s]));
}

// Exchanges column k with column `with`, a number for each team.
template <class T, int kVectors, class Grid>
DEVICE void exchange(const Columns<T, kVectors>& a, const Grid& at, int rows, int k, const Wide<Real<T>>& with, ColumnsState<T, kVectors>& state) {
  using R = Real<T>;
  using P = Places<R>;
  using W = Wide<T>;
#if defined(DIFFSVD_WIDE)
  if constexpr (Grid::kWhole) {
    const int slot = at.slot(k), other = int(get(with, 0)), there = at.slot(other), from = int(at.lane_of(k)[0]), to = int(at.lane_of(other)[0]);
    const auto swap = [&](auto& x, auto& y) {
      const auto old = get(x, from);
      put(x, from, get(y, to));
      put(y, to, old);
    };
    for (int i = 0; i < rows; i++) swap(a(i, slot), a(i, there));
    for (auto* numbers : {&state.exponent, &state.norm, &state.given, &state.died, &state.origin}) swap((*numbers)[slot], (*numbers)[there]);
    return;
  }
#endif
  const P to = places_of<R>(with);
#if defined(__CUDACC__)
  // Rows by turns, each lane both numbers of some.
  vector_barrier();
  const int slot = at.slot(k), other = at.slot(to), lane = at.lane_of(k), there = at.lane_of(to);
  for (int i = at.lane; to != k && i < rows; i += at.team) {
    W &x = a.of_lane(i, slot, lane), &y = a.of_lane(i, other, there);
    const W old = x;
    x = y;
    y = old;
  }
#else
  for (int i = 0; i < rows; i++) {
    W row[2 * kVectors];
    for (int s = 0; s < 2 * kVectors; s++) row[s] = a(i, s);
    exchange_numbers(row, at, k, to);
    for (int s = 0; s < 2 * kVectors; s++) a(i, s) = row[s];
  }
#endif
  exchange_numbers(state.exponent, at, k, to);
  exchange_numbers(state.norm, at, k, to);
  exchange_numbers(state.given, at, k, to);
  exchange_numbers(state.died, at, k, to);
  exchange_numbers(state.origin, at, k, to);
}

// rows×n in a becomes reflectors and R. With kPivots the largest column goes first, and one of which no more than rounding is
// left is null from there on; state.norm and state.given are the squared norms then. Without, one is null where its squares would soon underflow.
template <bool kPivots, class T, int kVectors, class Grid>
DEVICE void decompose(const Columns<T, kVectors>& a, const Grid& at, int rows, ColumnsState<T, kVectors>& state) {
  using R = Real<T>;
  using W = Wide<T>;
  using WR = Wide<R>;
  using L = JacobiLimits<R>;
  constexpr int kSlots = 2 * kVectors;
  const WR zero{};
  const R epsilon2 = L::kEpsilon * L::kEpsilon, rounding = rows * epsilon2, tiny = epsilon2 * epsilon2;
  for (int s = 0; s < kSlots; s++) {
    state.diagonal[s] = W{};
    state.gain[s] = zero;
    state.died[s] = zero + R(rows + 1);
  }
  for (int k = 0; k < at.columns; k++) {
    if constexpr (kPivots) {
      WR most = zero - 2 * L::kFar, where = zero + R(k);
      for (int s = 0; s < kSlots; s++) {
        const auto null = state.norm[s] <= rounding * state.given[s];
        const auto dies = (null & (at.column[s] >= k)) & (state.died[s] > R(rows));
        state.died[s] = dies ? zero + R(k) : state.died[s];
        state.norm[s] = null ? zero : state.norm[s];
        const WR size = at.column[s] >= k ? logarithm<R>(state.norm[s], state.exponent[s]) : zero - 2 * L::kFar;
        const auto larger = size > most;
        most = larger ? size : most;
        where = larger ? numbers_of<R>(at.column[s]) : where;
      }
      const WR best = at.largest(most), candidate = at.largest(most >= best ? zero - where : zero - R(L::kFar));
      if (!any_in_vector(best > -L::kFar)) break;
      where = best > -L::kFar ? zero - candidate : zero + R(k);
      if (any_in_vector(where != R(k))) exchange(a, at, rows, k, where, state);
    }
    vector_barrier();
    W sums[kSlots];
    if (k + at.odd < at.pairs) {
      dots_with_column<0>(a, at, k, k + 1, rows, a, sums);
    } else {
      dots_with_column<kVectors>(a, at, k, k + 1, rows, a, sums);
    }
    // Nothing is reflected where there is nothing below the diagonal, so that diagonal matrices and permutations stay exact.
    W alpha = at.broadcast(a, k, at.slot(k), at.lane_of(k));
    WR below = real_part(at.of_column(sums, k));
    auto there = below + size_squared(alpha) > tiny;
    if constexpr (kPivots) there = at.of_column(state.norm, k) > 0;
    alpha = choose(there, alpha, W{});
    below = there ? below : zero;
    const auto reflects = below > 0;
    const W beta = choose(reflects, (zero - square_root(below + size_squared(alpha))) * phase_of(alpha), alpha), v = alpha - beta;
    const WR length2 = below + size_squared(v), gain = reflects ? 2 / (reflects ? length2 : length2 + 1) : zero;
    W factor[kSlots];
    for (int s = 0; s < kSlots; s++) {
      auto right = at.column[s] > k;
      if constexpr (kPivots) right = right & (state.norm[s] > 0);
      W along = sums[s], top = a(k, s);
      multiply_add(along, conjugate(v), top);
      factor[s] = choose(right, scaled(along, zero - gain), W{});
      multiply_add(top, factor[s], v);
      a(k, s) = choose(at.column[s] == k, v, top);
      state.diagonal[s] = choose(at.column[s] == k, beta, state.diagonal[s]);
      state.gain[s] = at.column[s] == k ? gain : state.gain[s];
    }
    if (k + at.odd < at.pairs) {
      add_column<0, kPivots>(a, at, k, k + 1, rows, factor, state.norm);
    } else {
      add_column<kVectors, kPivots>(a, at, k, k + 1, rows, factor, state.norm);
    }
    if constexpr (kPivots)
      for (int s = 0; s < kSlots; s++) state.norm[s] = state.died[s] > R(rows) ? state.norm[s] : zero;
  }
}

// x ← (I − huuᴴ)(I − gvvᴴ) x, v being column k of a and u the one before. What uᴴ takes of x once v is out comes from uᴴv, so that x is read twice
// for both and not for each (Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10, 1989).
template <class T, int kVectors, class Grid>
DEVICE void apply_two_reflectors(const Columns<T, kVectors>& a, const Grid& at, int rows, int k, const Wide<Real<T>>& g, const Wide<Real<T>>& h,
                                 const Columns<T, kVectors>& x) {
  using W = Wide<T>;
  constexpr int kSlots = 2 * kVectors;
  const int slot = at.slot(k), slot_before = at.slot(k - 1);
  const auto lane = at.lane_of(k), lane_before = at.lane_of(k - 1);
  const auto v = [&](int i) { return at.broadcast(a, i, slot, lane); };
  const auto u = [&](int i) { return at.broadcast(a, i, slot_before, lane_before); };
  LongSum<W> of_v[kSlots], of_u[kSlots], of_both;
  const W first = u(k - 1);
  for (int s = 0; s < kSlots; s++) of_u[s].add(conjugate(first) * x(k - 1, s));
  for (int start = k; start < rows; start += kRowsOfSum) {
    const int end = start + kRowsOfSum < rows ? start + kRowsOfSum : rows;
    W some_v[kSlots], some_u[kSlots], both{};
    for (int s = 0; s < kSlots; s++) some_v[s] = some_u[s] = W{};
    for (int i = start; i < end; i++) {
      const W own = v(i), before = conjugate(u(i));
      multiply_add(both, before, own);
      for (int s = 0; s < kSlots; s++) {
        const W value = x(i, s);
        multiply_add(some_v[s], conjugate(own), value);
        multiply_add(some_u[s], before, value);
      }
    }
    of_both.add(both);
    for (int s = 0; s < kSlots; s++) {
      of_v[s].add(some_v[s]);
      of_u[s].add(some_u[s]);
    }
  }
  W factor_v[kSlots], factor_u[kSlots];
  for (int s = 0; s < kSlots; s++) {
    factor_v[s] = (Wide<Real<T>>{} - g) * of_v[s].sum;
    W left = of_u[s].sum;
    multiply_add(left, of_both.sum, factor_v[s]);
    factor_u[s] = (Wide<Real<T>>{} - h) * left;
    multiply_add(x(k - 1, s), factor_u[s], first);
  }
  for (int i = k; i < rows; i++) {
    const W own = v(i), before = u(i);
    for (int s = 0; s < kSlots; s++) {
      W sum = x(i, s);
      multiply_add(sum, factor_v[s], own);
      multiply_add(sum, factor_u[s], before);
      x(i, s) = sum;
    }
  }
}

// x ← (I − g₀v₀v₀ᴴ)(I − g₁v₁v₁ᴴ) … x, of the first `reflectors` columns of a.
template <class T, int kVectors, class Grid>
DEVICE void apply_reflectors(const Columns<T, kVectors>& a, const Grid& at, int rows, int reflectors, const Wide<Real<T>> (&gains)[2 * kVectors],
                             const Columns<T, kVectors>& x) {
  using W = Wide<T>;
  using WR = Wide<Real<T>>;
  constexpr int kSlots = 2 * kVectors;
  int k = reflectors - 1;
  vector_barrier();
  if constexpr (kVectors <= 2)  // more would not stay in registers
    for (; k > 0; k -= 2) apply_two_reflectors(a, at, rows, k, at.of_column(gains, k), at.of_column(gains, k - 1), x);
  for (; k >= 0; k--) {
    const int slot = at.slot(k);
    const auto lane = at.lane_of(k);
    const WR gain = at.of_column(gains, k);
    W sums[kSlots], factor[kSlots];
    dots_with_column<0>(a, at, k, k, rows, x, sums);
    for (int s = 0; s < kSlots; s++) factor[s] = (WR{} - gain) * sums[s];
    for (int i = k; i < rows; i++) {
      const W v = at.broadcast(a, i, slot, lane);
      for (int s = 0; s < kSlots; s++) {
        W sum = x(i, s);
        multiply_add(sum, factor[s], v);
        x(i, s) = sum;
      }
    }
  }
}

// x ← the first columns of Rᴴ, as many as `to` has; column i times 2^exponent is row i of R conjugated.
template <class T, int kVectors, class Grid>
DEVICE void adjoint_of_r(const Columns<T, kVectors>& a, const Grid& at, const ColumnsState<T, kVectors>& state, const Columns<T, kVectors>& x,
                         const Grid& to, Wide<Real<T>> (&exponent)[2 * kVectors]) {
  using R = Real<T>;
  using W = Wide<T>;
  using WR = Wide<R>;
  constexpr int kSlots = 2 * kVectors;
  const int n = at.columns;
  const WR zero{};
  for (int s = 0; s < kSlots; s++) exponent[s] = zero - JacobiLimits<R>::kFar;
  for (int j = 0; j < n; j++)
    for (int s = 0; s < kSlots; s++) x(j, s) = W{};
  vector_barrier();
  for (int i = 0; i < to.columns; i++) {
    const W beta = at.of_column(state.diagonal, i);
    const WR size = largest_part(beta), own = at.of_column(state.exponent, i) + (size > 0 ? exponent_of<R>(size > 0 ? size : size + 1) : zero);
    const WR power = size > 0 ? own : zero + JacobiLimits<R>::kFar;
    W row[kSlots];
    for (int s = 0; s < kSlots; s++) {
      const W above = choose((at.column[s] > i) & (state.died[s] > R(i)), a(i, s), W{});
      row[s] = scaled(conjugate(choose(at.column[s] == i, beta, above)), power_of_two<R>(state.exponent[s] - power));
      exponent[s] = ((to.column[s] == i) & (size > 0)) ? own : exponent[s];
    }
    const int slot = to.slot(i);
    const auto lane = to.lane_of(i);
    if constexpr (Grid::kSingle) {
      for (int s = 0; s < kSlots; s++)
        for (int j = i; j < n; j++)
          if (at.slot(j) == s) x(j, slot) = row[s];
    } else {
      for (int l = 0; l < kLanes<T>; l++)
        for (int s = 0; s < kSlots; s++) {
          const int j = int(get(at.column[s], l));
          if (j >= i) x.set(j, slot, int(get(lane, l)), get(row[s], l));
        }
    }
  }
  vector_barrier();
}
