// The columns of small matrices in the lanes of a vector: a register on the CPU, a warp on a GPU. A team of neighbouring lanes, a power of two, has
// one matrix, and a vector those of several teams. Every lane has two columns of each of kVectors vectors, a p and a q, so that all the pairs of a
// round of a tournament meet inside their lanes at once.
//
// Column c of n is player c, or c + 1 where n is odd: then player 0 is nobody. Players 0 … h − 1 are the p, the others the q; pair i is in vector
// i / team, in lane i % team of its team. What a team computes depends on no other lane.
#pragma once

#include <utility>

#include "jacobi_rotation.cuh"

#if defined(__CUDACC__)

constexpr int kWarp = 32;
template <class T>
constexpr int kVectorLanes = kWarp;
constexpr int kStep = kWarp, kPadding = 1;  // with rows at an odd distance neither the lanes of a row nor those of a column share a bank
template <class R>
using Places = int;
DEVICE int own_lane() { return threadIdx.x % kWarp; }
template <class R>
DEVICE int lane_numbers() {
  return own_lane();
}
template <class R>
DEVICE R permuted(R x, int from) {
  return __shfl_sync(0xffffffffu, x, from);
}
template <class R>
DEVICE R permuted(R x, R y, int from) {
  const R a = __shfl_sync(0xffffffffu, x, from % kWarp), b = __shfl_sync(0xffffffffu, y, from % kWarp);
  return from < kWarp ? a : b;
}
// Of the lane before, and of the one after.
template <class R>
DEVICE R moved_up(R x) {
  return __shfl_up_sync(0xffffffffu, x, 1);
}
template <class R>
DEVICE R moved_down(R x) {
  return __shfl_down_sync(0xffffffffu, x, 1);
}
template <class R>
DEVICE Complex<R> moved_up(Complex<R> x) {
  return {moved_up(x.re), moved_up(x.im)};
}
template <class R>
DEVICE Complex<R> moved_down(Complex<R> x) {
  return {moved_down(x.re), moved_down(x.im)};
}
DEVICE bool any_in_vector(bool mask) { return __any_sync(0xffffffffu, mask); }
DEVICE void vector_barrier() { __syncwarp(); }

#else

template <class T>
constexpr int kVectorLanes = kLanes<T>;
constexpr int kStep = 1, kPadding = 0;
inline void vector_barrier() {}

#if defined(DIFFSVD_THREADED_BLOCKS) || defined(DIFFSVD_ONE_LANE)

template <class R>
using Places = int;
template <class R>
int lane_numbers() {
  return 0;
}
template <class R>
R permuted(R x, int) {
  return x;
}
template <class R>
R permuted(R x, R y, int from) {
  return from == 0 ? x : y;
}
inline bool any_in_vector(bool mask) { return mask; }

#else

template <class R>
struct PlacesOf {
  using Number = std::conditional_t<sizeof(R) == 4, int32_t, int64_t>;
  typedef Number Type __attribute__((vector_size(kWideBytes)));
};
template <class R>
using Places = typename PlacesOf<R>::Type;
template <class R>
DEVICE Places<R> lane_numbers() {
  Places<R> result;
  for (int l = 0; l < kLanes<R>; l++) result[l] = l;
  return result;
}
#if defined(__AVX2__)
#define DIFFSVD_WHOLE_VECTORS
#endif
template <class W, class P>
DEVICE W permuted(W x, P from) {
  return __builtin_shuffle(x, from);
}
template <class W, class P>
DEVICE W permuted(W x, W y, P from) {
  return __builtin_shuffle(x, y, from);
}
template <class Mask>
DEVICE bool any_in_vector(Mask mask) {
  return any_lane(mask);
}

// Lane l takes lane l − 1 of x, the first one the last of `before`; or lane l + 1 of x, the last one the first of `after`.
template <class W, int... kAt>
DEVICE W shifted_up(W before, W x, std::integer_sequence<int, kAt...>) {
  return __builtin_shufflevector(before, x, (int(sizeof...(kAt)) - 1 + kAt)...);
}
template <class W, int... kAt>
DEVICE W shifted_down(W x, W after, std::integer_sequence<int, kAt...>) {
  return __builtin_shufflevector(x, after, (1 + kAt)...);
}
template <class W>
DEVICE W shifted_up(W before, W x) {
  return shifted_up(before, x, std::make_integer_sequence<int, sizeof(W) / sizeof(x[0])>());
}
template <class W>
DEVICE W shifted_down(W x, W after) {
  return shifted_down(x, after, std::make_integer_sequence<int, sizeof(W) / sizeof(x[0])>());
}

#endif
#endif

// The type of the numbers of a vector of real ones.
#if defined(DIFFSVD_WIDE)
template <class W>
using RealOfWide = std::decay_t<decltype(W{}[0])>;
#else
template <class W>
using RealOfWide = W;
#endif

template <class R, class WR>
DEVICE Places<R> places_of(WR numbers) {
#if defined(DIFFSVD_WIDE)
  return bits_of_whole<R>(numbers) - bits_of_whole<R>(WR{});
#else
  return int(numbers);
#endif
}
template <class R, class P>
DEVICE Wide<R> numbers_of(P places) {
  return whole_of_bits<R, Wide<R>>(places);
}

template <class W>
DEVICE Complex<W> permuted(Complex<W> x, Places<RealOfWide<W>> from) {
  return {permuted(x.re, from), permuted(x.im, from)};
}
template <class W>
DEVICE Complex<W> permuted(Complex<W> x, Complex<W> y, Places<RealOfWide<W>> from) {
  return {permuted(x.re, y.re, from), permuted(x.im, y.im, from)};
}

#if defined(DIFFSVD_WHOLE_VECTORS)
template <class W>
DEVICE Complex<W> shifted_up(Complex<W> before, Complex<W> x) {
  return {shifted_up(before.re, x.re), shifted_up(before.im, x.im)};
}
template <class W>
DEVICE Complex<W> shifted_down(Complex<W> x, Complex<W> after) {
  return {shifted_down(x.re, after.re), shifted_down(x.im, after.im)};
}
#endif

// Rows of two vectors for each of kVectors, the p and then the q. On a GPU `data` is the own lane's.
template <class T, int kVectors>
struct Columns {
  static constexpr int kSlots = 2 * kVectors, kRow = kSlots * kStep + kPadding;
  Wide<T>* data;

  DEVICE Wide<T>& operator()(int row, int slot) const { return data[int64_t(row) * kRow + slot * kStep]; }
  DEVICE Columns from(int64_t row) const { return {data + row * kRow}; }
#if defined(__CUDACC__)
  // The number of another lane.
  DEVICE T& of_lane(int row, int slot, int lane) const { return data[int64_t(row) * kRow + slot * kStep + lane - own_lane()]; }
  DEVICE void set(int row, int slot, int lane, T value) const { of_lane(row, slot, lane) = value; }
#else
  DEVICE void set(int row, int slot, int lane, T value) const { put((*this)(row, slot), lane, value); }
#endif
};

// How many lanes make a team: one, all of a vector, or between.
enum class Teams { kSingle, kSome, kWhole };

// Which column is where.
template <class T, int kVectors, Teams kTeams>
struct Pairing {
  using R = Real<T>;
  using P = Places<R>;
  static constexpr int kSlots = 2 * kVectors;
  static constexpr bool kSingle = kTeams == Teams::kSingle, kWhole = kTeams == Teams::kWhole;
#if defined(DIFFSVD_WIDE)
  static constexpr bool kUniform = true;
#else
  static constexpr bool kUniform = false;
#endif
#if defined(DIFFSVD_WHOLE_VECTORS)
  static constexpr bool kExact = true;  // a lane that is a team has kVectors pairs
#else
  static constexpr bool kExact = false;  // or fewer
#endif
  int columns, odd, pairs, team, vectors;
  P base, lane;      // the first of the own team's lanes, and which of them the own is
  P column[kSlots];  // −1 for none
  P to_p, to_p_later, to_q, to_q_last;
  decltype(P{} == P{}) starts, ends;  // the lanes of the first and the last pair

  DEVICE Pairing(int columns, int team)
      : columns(columns), odd(columns % 2), pairs((columns + 1) / 2), team(kSingle ? 1 : team), base(lane_numbers<R>()), lane(base) {
    const P number = base;
    lane = number & P(P{} + (this->team - 1));
    base = number - lane;
    for (int s = 0; s < kSlots; s++) {
      const P pair = lane + s % kVectors * this->team;
      column[s] = pair < pairs ? pair + (s / kVectors * pairs - odd) : P{} - 1;
    }
    vectors = (pairs + this->team - 1) / this->team;
    starts = lane == (pairs > 1 ? 0 : -1);
    ends = lane == (pairs > 1 ? (pairs - 1) % this->team : -1);
    // Sources of a move: lanes of the first of two vectors, and beyond them those of the second.
    constexpr int kBeyond = kVectorLanes<T>;
    const P self = number, last = P{} + (pairs - 1) % this->team;
    to_p = lane == 0 ? self : lane == 1 ? base + kBeyond : lane < pairs ? number - 1 : self;
    to_p_later = lane == 0 ? P{} + (kBeyond - 1) : number - 1 + kBeyond;
    to_q = number + 1;
    to_q_last = pairs == 1 ? self : lane < last ? number + 1 : lane == last ? number + kBeyond : self;
  }
  // Of a pair; no division, which would take longer than what it is for.
  DEVICE int vector_of(int pair) const { return kSingle ? pair : kVectors == 1 ? 0 : kWhole ? pair / kVectorLanes<T> : pair / team; }
  DEVICE int within(int pair) const { return kSingle ? 0 : kVectors == 1 ? pair : pair & (team - 1); }
  DEVICE int slot(int c) const {
    const int player = c + odd, pair = player < pairs ? player : player - pairs;
    return (player < pairs ? 0 : kVectors) + vector_of(pair);
  }
  // The lane of column c in every team.
  DEVICE P lane_of(int c) const {
    const int player = c + odd, pair = player < pairs ? player : player - pairs;
    return base + within(pair);
  }
  template <class W>
  DEVICE W broadcast(const W& x, P from) const {
    if constexpr (kSingle) {
      return x;
    } else {
#if defined(DIFFSVD_WIDE)
      if constexpr (kWhole) return splat<W>(get(x, int(from[0])));
#endif
      return permuted(x, from);
    }
  }
  // To every lane of a team what one of them has in a row. A GPU reads it where it lies: after a vector_barrier(), if that lane has written it.
  template <class C>
  DEVICE auto broadcast(const C& columns, int row, int slot, P from) const {
#if defined(__CUDACC__)
    return columns.of_lane(row, slot, from);
#else
    return broadcast(columns(row, slot), from);
#endif
  }
  // Of every lane the number of another of its team.
  template <class W>
  DEVICE W taken(const W& x, P from) const {
    if constexpr (kSingle) {
      return x;
    } else {
      return permuted(x, from);
    }
  }
  // What column c has of numbers by slot.
  template <class W>
  DEVICE W of_column(const W (&x)[kSlots], int c) const {
    const int at = slot(c);
    W result = x[0];
    for (int s = 1; s < kSlots; s++) {
#if defined(__CUDACC__)
      const W other = x[s];  // read in any case: an address chosen would keep all of them out of the registers
      result = choose(s == at, other, result);
#else
      if (s == at) result = x[s];
#endif
    }
    return broadcast(result, lane_of(c));
  }
  // The largest number of a team, in every lane of it.
  template <class W>
  DEVICE W largest(W x) const {
    if constexpr (!kSingle)
      for (int distance = 1; distance < team; distance *= 2) {
        const W other = permuted(x, lane_numbers<R>() ^ distance);
        x = other > x ? other : x;
      }
    return x;
  }
  // The sum of a team's numbers, in every lane of it.
  template <class W>
  DEVICE W sum(W x) const {
    if constexpr (!kSingle)
      for (int distance = 1; distance < team; distance *= 2) x += permuted(x, lane_numbers<R>() ^ distance);
    return x;
  }
  // Everybody but player 0 goes one place on, round the table. The vectors of p and q are those that have
  // players.
  template <int kUsed, class W>
  DEVICE void move(W (&p)[kUsed], W (&q)[kUsed]) const {
    if constexpr (kSingle) {
#if defined(__CUDACC__)
      static_assert(kUsed <= 2);
      if constexpr (kUsed == 2) {
        const bool both = vectors == 2;
        const W old = p[1];
        p[1] = choose(both, q[0], old);
        q[0] = choose(both, q[1], q[0]);
        q[1] = choose(both, old, q[1]);
      }
      return;
#endif
      const int last = kExact ? kUsed - 1 : vectors - 1;
      if (last == 0) return;
      const W first = q[0], leaving = p[last];
      for (int v = kUsed - 1; v > 1; v--)
        if (v <= last) p[v] = p[v - 1];
      p[kUsed > 1 ? 1 : 0] = first;
      for (int v = 0; v + 1 < kUsed; v++)
        if (v < last) q[v] = q[v + 1];
      q[last] = leaving;
    } else {
#if defined(DIFFSVD_WHOLE_VECTORS)
      if constexpr (kWhole) {
        // What falls off the last pair's lane stays among lanes without a column.
        W before = p[0];
        const W entering = choose(starts, q[0], p[0]);
        p[0] = choose(starts, p[0], shifted_up(entering, entering));
        for (int v = 0; v < kUsed; v++) {
          const W old = v == 0 ? before : p[v];
          if (v > 0) p[v] = shifted_up(before, old);
          const W down = shifted_down(q[v], q[v + 1 < kUsed ? v + 1 : v]);
          q[v] = v + 1 == kUsed ? choose(ends, old, down) : down;
          before = old;
        }
        return;
      }
#endif
#if defined(__CUDACC__)
      if constexpr (kVectors == 1) {
        const W old = p[0], right = moved_up(choose(lane == 0, q[0], old)), left = moved_down(q[0]);
        p[0] = choose(lane == 0, old, right);
        q[0] = choose(lane == pairs - 1, old, left);
        return;
      }
#endif
      W before = p[0];
      p[0] = permuted(p[0], q[0], to_p);
      for (int v = 0; v < kUsed; v++) {
        const W old = v == 0 ? before : p[v];
        if (v > 0) p[v] = permuted(before, old, to_p_later);
        q[v] = v + 1 < kUsed ? permuted(q[v], q[v + 1 < kUsed ? v + 1 : v], to_q) : permuted(q[v], old, to_q_last);
        before = old;
      }
    }
  }
  template <class W>
  DEVICE void move_numbers(W (&x)[kSlots]) const {
    with_vectors<kVectors>([&](auto used) { move_some<decltype(used)::value>(x); });
  }
  // Calls body(a constant) for the number of vectors that have players; where a team is one lane, for all there are.
  template <int kUsed, class Body>
  DEVICE void with_vectors(const Body& body) const {
    if constexpr (!kSingle && kUsed > 1) {
      if (vectors < kUsed) return with_vectors<kUsed - 1>(body);
    }
    body(std::integral_constant<int, kUsed>());
  }
  template <int kUsed, class W>
  DEVICE void move_some(W (&x)[kSlots]) const {
    W p[kUsed], q[kUsed];
    for (int v = 0; v < kUsed; v++) {
      p[v] = x[v];
      q[v] = x[kVectors + v];
    }
    move(p, q);
    for (int v = 0; v < kUsed; v++) {
      x[v] = p[v];
      x[kVectors + v] = q[v];
    }
  }
};
