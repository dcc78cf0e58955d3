// The parts of one-sided Jacobi: powers of two, sizes, phases, and the rotation that makes two columns orthogonal.
//
// With squared norms α, β and inner product γ = pᴴq of two columns p and q:
//
//   t² + t(β − α)/|γ| − 1 = 0, the smaller root      c = 1/√(1 + t²), s = ct      p ← c p − s q', q ← s p + c q'
//
// with q' = conj(γ/|γ|) q for complex numbers. As corrections to p and q (Rutishauser) they do not drift: c rounded would shrink the columns a
// little each time. Columns are held as powers of two times vectors of about unit norm (Anda and Park 1994 scale theirs by cosines), which the
// coefficients take in: any two columns of the type's range can meet.
#pragma once

#include <cstring>

#include "lanes.cuh"

template <class R>
struct JacobiLimits;
template <>
struct JacobiLimits<float> {
  using Number = int32_t;
  static constexpr int kMantissaBits = 23, kBias = 127;
  static constexpr float kEpsilon = FLT_EPSILON, kLargest = FLT_MAX;
  static constexpr float kFar = 1e5f;                            // beyond every exponent
  static constexpr int kSolved = kMantissaBits - 1, kNear = 12;  // see svd_jacobi.cu
};
template <>
struct JacobiLimits<double> {
  using Number = int64_t;
  static constexpr int kMantissaBits = 52, kBias = 1023;
  static constexpr double kEpsilon = DBL_EPSILON, kLargest = DBL_MAX;
  static constexpr double kFar = 1e5;
  static constexpr int kSolved = kMantissaBits - 1, kNear = 100;
};

// What svd_lanes.cu marks a matrix with that it leaves to svd_jacobi.cu.
constexpr int kLeft = 1;

// Integers as wide as the numbers of WR, of one number unsigned: bits may be shifted out.
template <class WR>
struct BitsFor {
  using Type = decltype(WR{} < WR{});
};
template <>
struct BitsFor<float> {
  using Type = uint32_t;
};
template <>
struct BitsFor<double> {
  using Type = uint64_t;
};
template <class WR>
using BitsOf = typename BitsFor<WR>::Type;

// A small whole number and its bits, by adding 1.5·2^mantissa, which puts it into the last ones; machines convert long integers slowly.
template <class R, class WR>
DEVICE auto bits_of_whole(WR number) {
  using L = JacobiLimits<R>;
  const WR sum = number + R(3) * R(typename L::Number(1) << (L::kMantissaBits - 1));
  BitsOf<WR> bits;
  memcpy(&bits, &sum, sizeof bits);
  return bits;
}
template <class R, class WR, class P>
DEVICE WR whole_of_bits(P small) {
  using L = JacobiLimits<R>;
  const R offset = R(3) * R(typename L::Number(1) << (L::kMantissaBits - 1));
  typename L::Number offset_bits;
  memcpy(&offset_bits, &offset, sizeof offset);
  const BitsOf<WR> bits = small + offset_bits;
  WR sum;
  memcpy(&sum, &bits, sizeof sum);
  return sum - offset;
}

// 2^e for whole numbers e; 0 where that is not a normal number, and never more than the largest power of two.
template <class R, class WR>
DEVICE WR power_of_two(WR e) {
  using L = JacobiLimits<R>;
  const WR least = WR{} - R(L::kBias), most = WR{} + R(L::kBias), within = e < least ? least : e > most ? most : e;
  const BitsOf<WR> bits = bits_of_whole<R>(within + R(L::kBias)) << L::kMantissaBits;
  WR result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

// e of 2^e ≤ x < 2^(e+1); one below the smallest normal number's for any that is smaller.
template <class R, class WR>
DEVICE WR exponent_of(WR x) {
  using L = JacobiLimits<R>;
  BitsOf<WR> bits;
  memcpy(&bits, &x, sizeof bits);
  return whole_of_bits<R, WR>((bits >> L::kMantissaBits) - L::kBias);
}

template <class WR>
DEVICE WR larger_of(WR a, WR b) {
  return a > b ? a : b;
}
template <class WR>
DEVICE WR lower_of(WR a, WR b) {
  return a < b ? a : b;
}

// The larger of |re| and |im|.
template <class W>
DEVICE W largest_part(W a) {
  return absolute(a);
}
template <class W>
DEVICE W largest_part(Complex<W> a) {
  return larger_of(absolute(a.re), absolute(a.im));
}

// The larger of a's parts and what there was; infinite where one is not finite, and ever after.
template <class R, class W>
DEVICE W larger_or_bad(W largest, W a) {
  const W size = absolute(a), bad = W{} + R(INFINITY);
  return size <= largest ? largest : size <= JacobiLimits<R>::kLargest ? size : bad;
}
template <class R, class W>
DEVICE W larger_or_bad(W largest, Complex<W> a) {
  return larger_or_bad<R>(larger_or_bad<R>(largest, a.re), a.im);
}

template <class W>
DEVICE W scaled(W a, W by) {
  return by * a;
}
template <class W>
DEVICE Complex<W> scaled(Complex<W> a, W by) {
  return {by * a.re, by * a.im};
}

template <class W>
DEVICE W divided(W a, W by) {
  return a / by;
}
template <class W>
DEVICE Complex<W> divided(Complex<W> a, W by) {
  return {a.re / by, a.im / by};
}

template <class W>
DEVICE W size_squared(W a) {
  return a * a;
}
template <class W>
DEVICE W size_squared(Complex<W> a) {
  return fused(a.re, a.re, a.im * a.im);
}

// |a|, of which squares alone might underflow.
template <class W>
DEVICE W length_of(W a) {
  return absolute(a);
}
template <class W>
DEVICE W length_of(Complex<W> a) {
  const W larger = largest_part(a), divisor = larger > 0 ? larger : larger + 1;
  return larger * square_root(size_squared(divided(a, divisor)));
}

// a/|a|, or 1 for 0.
template <class W>
DEVICE W phase_of(W a) {
  return choose(a < 0, constant<W>(-1), constant<W>(1));
}
template <class W>
DEVICE Complex<W> phase_of(Complex<W> a) {
  const W zero{}, one = zero + 1, re = a.re < 0 ? -a.re : a.re, im = a.im < 0 ? -a.im : a.im, larger = re > im ? re : im;
  const W divisor = larger > 0 ? larger : one, x = a.re / divisor, y = a.im / divisor, size = square_root(fused(x, x, y * y));
  return {larger > 0 ? x / (larger > 0 ? size : one) : one, larger > 0 ? y / (larger > 0 ? size : one) : zero};
}

// |γ| of an inner product, or γ itself for real numbers; 1 where it is not wanted.
template <class W, class Mask>
DEVICE W size_or_one(W gamma, Mask wanted) {
  return wanted ? gamma : W{} + 1;
}
template <class W, class Mask>
DEVICE W size_or_one(Complex<W> gamma, Mask wanted) {
  return wanted ? square_root(size_squared(gamma)) : W{} + 1;
}

// What the squared norms and the exponents of two columns and their inner product make of them.
template <class W>
struct Tangent {
  W to_p, to_q;       // what of q goes to p and of p to q, as lengths: s·2^(q's exponent − p's) and the reverse
  W sine, remaining;  // s and 1/(1 + c)
  W less, more;       // what α loses and β gains

  // Of zeros where `rotates` is not set. `size` is |γ|, or γ itself for real numbers. Exponents are equal unless kScaled.
  template <class R, bool kScaled, class Mask>
  DEVICE static Tangent of(W alpha, W beta, W exponent_p, W exponent_q, W size, Mask rotates) {
    const W zero{}, one = zero + 1, twice = size + size;
    W scales = one, p2 = one, q2 = one;
    if constexpr (kScaled) {
      const W top = larger_of(exponent_p, exponent_q), scale_p = power_of_two<R>(exponent_p - top), scale_q = power_of_two<R>(exponent_q - top);
      scales = scale_p * scale_q;
      p2 = scale_p * scale_p;
      q2 = scale_q * scale_q;
    }
    // t is both/divisor. c and s come from the hypotenuse of the two: nothing waits for more than one quotient.
    const W both = twice * scales, gap = beta * q2 - alpha * p2, root = square_root(gap * gap + both * both),
            divisor = gap < 0 ? gap - root : gap + root;
    const W leg = rotates ? absolute(divisor) : one, hypotenuse = square_root(leg * leg + both * both);
    const W signed_twice = rotates ? (divisor < 0 ? zero - twice : twice) : zero, length = signed_twice / hypotenuse,
            change = signed_twice / leg * size;
    Tangent result;
    result.to_p = length * q2;
    result.to_q = length * p2;
    result.sine = length * scales;
    result.remaining = hypotenuse / (hypotenuse + leg);
    result.less = change * q2;
    result.more = change * p2;
    return result;
  }
};

// The rotation of two columns; of zeros, it does nothing.
template <class W>
struct Rotation {
  W from_q, from_p, half_p, half_q;

  // `plain`: of columns without exponents.
  DEVICE void set(const Tangent<W>& x, W, W, bool plain) {
    from_q = plain ? x.sine : x.to_p;
    from_p = plain ? x.sine : x.to_q;
    half_p = from_p * x.remaining;
    half_q = from_q * x.remaining;
  }
  DEVICE void apply(W& p, W& q) const {
    const W old = p;
    p = old - from_q * (q + half_p * old);
    q = q + from_p * (old - half_q * q);
  }
};

template <class W>
struct Rotation<Complex<W>> {
  Complex<W> from_q, from_p;  // with the phase of conj(γ), which neither column is turned by: that would round all of it, not only the correction
  W even;                     // 1 − c

  DEVICE void set(const Tangent<W>& x, Complex<W> gamma, W size, bool plain) {
    const W re = gamma.re / size, im = gamma.im / size;
    even = x.sine * x.sine * x.remaining;
    const W p = plain ? x.sine : x.to_p, q = plain ? x.sine : x.to_q;
    from_q = {p * re, -(p * im)};
    from_p = {q * re, -(q * im)};
  }
  DEVICE void apply(Complex<W>& p, Complex<W>& q) const {
    const Complex<W> old = p;
    p.re = old.re - (from_q.re * q.re - from_q.im * q.im + even * old.re);
    p.im = old.im - (from_q.re * q.im + from_q.im * q.re + even * old.im);
    q.re = q.re + (from_p.re * old.re + from_p.im * old.im - even * q.re);
    q.im = q.im + (from_p.re * old.im - from_p.im * old.re - even * q.im);
  }
};
