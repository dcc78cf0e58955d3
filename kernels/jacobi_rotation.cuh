// The parts of one-sided Jacobi: the numbers of its scaling, products of columns, and the rotation that makes two columns with squared norms α, β and
// inner product γ = a_pᴴ a_q orthogonal:
//
//   t² + t(β − α)/|γ| − 1 = 0, the smaller root      c = 1/√(1 + t²), s = ct      a_p ← c a_p − s a_q', a_q ← s a_p + c a_q'
//
// with a_q' = conj(γ/|γ|) a_q for complex numbers. As corrections to a_p and a_q (Rutishauser), s and tan of half the angle in place of c, they do
// not drift: c rounded would shrink the columns a little each time.
#pragma once

#include <cstring>

#include "lanes.cuh"

template <class R>
struct JacobiLimits;
template <>
struct JacobiLimits<float> {
  using Bits = uint32_t;
  static constexpr int kMantissaBits = 23, kBias = 127;
  static constexpr int kTarget = 24;  // the squared inner product of two columns of 4096 such elements is finite
  static constexpr float kEpsilon = FLT_EPSILON, kLargest = FLT_MAX;
  static constexpr float kNull = 1e-5f;  // tol² kNull⁴ is a normal number
};
template <>
struct JacobiLimits<double> {
  using Bits = uint64_t;
  static constexpr int kMantissaBits = 52, kBias = 1023;
  static constexpr int kTarget = 200;
  static constexpr double kEpsilon = DBL_EPSILON, kLargest = DBL_MAX;
  static constexpr double kNull = 1e-66;
};

template <class R>
DEVICE R power_of_two(int exponent) {
  using L = JacobiLimits<R>;
  const typename L::Bits bits = typename L::Bits(exponent + L::kBias) << L::kMantissaBits;
  R result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

// e of 2^e ≤ x < 2^(e+1); one below the smallest normal number's for any that is smaller.
template <class R>
DEVICE int exponent_of(R x) {
  typename JacobiLimits<R>::Bits bits;
  memcpy(&bits, &x, sizeof bits);
  return int(bits >> JacobiLimits<R>::kMantissaBits) - JacobiLimits<R>::kBias;
}

// Brings numbers whose largest is given to about 2^kTarget, and back: by two powers of two, because one would not always be a normal number.
template <class T>
struct Scale {
  using R = Real<T>;
  using WR = Wide<R>;
  WR up_first{}, up_then{}, down_first{}, down_then{};

  DEVICE explicit Scale(WR largest) {
    for (int l = 0; l < kLanes<T>; l++) {
      const R most = get(largest, l);
      const int shift = most > 0 && most <= JacobiLimits<R>::kLargest ? JacobiLimits<R>::kTarget - exponent_of(most) : 0, half = shift / 2;
      put(up_first, l, power_of_two<R>(half));
      put(up_then, l, power_of_two<R>(shift - half));
      put(down_first, l, power_of_two<R>(half - shift));
      put(down_then, l, power_of_two<R>(-half));
    }
  }
  template <class W>
  DEVICE W up(W value) const {
    return up_then * (up_first * value);
  }
  DEVICE WR down(WR value) const { return down_then * (down_first * value); }
};

// The larger of |a| and what there was; infinite where a is not finite, and ever after.
template <class R, class W>
DEVICE W larger_or_bad(W largest, W a) {
  const W size = a < 0 ? -a : a, bad = W{} + R(INFINITY);
  return size <= largest ? largest : size <= JacobiLimits<R>::kLargest ? size : bad;
}
template <class R, class W>
DEVICE W larger_or_bad(W largest, Complex<W> a) {
  return larger_or_bad<R>(larger_or_bad<R>(largest, a.re), a.im);
}

template <class W>
DEVICE W size_squared(W a) {
  return a * a;
}
template <class W>
DEVICE W size_squared(Complex<W> a) {
  return a.re * a.re + a.im * a.im;
}

template <class W>
DEVICE auto norm_squared(const W* a, int m) {
  auto sum = size_squared(a[0]);
  for (int i = 1; i < m; i++) sum += size_squared(a[i]);
  return sum;
}

// aᴴ b
template <class W>
DEVICE W inner(const W* a, const W* b, int m) {
  W sum{};
  for (int i = 0; i < m; i++) multiply_add(sum, conjugate(a[i]), b[i]);
  return sum;
}

// The smaller root t for γ of either sign; not for α = β and γ = 0.
template <class W>
DEVICE W jacobi_tangent(W alpha, W beta, W gamma) {
  const W twice = gamma + gamma, gap = beta - alpha, root = square_root(gap * gap + twice * twice);
  return twice / (gap < 0 ? gap - root : gap + root);
}

// Does nothing in the lanes where `rotates` is not set.
template <class W>
struct Rotation {
  W s, half;  // half = s/(1 + c), the tangent of half the angle
  W shift;    // what α loses and β gains

  template <class Mask>
  DEVICE Rotation(W alpha, W beta, W gamma, Mask rotates) {
    const W zero{}, one = zero + 1, t = rotates ? jacobi_tangent(alpha, beta, rotates ? gamma : one) : zero;
    const W c = one / square_root(one + t * t);
    s = c * t;
    half = s / (one + c);
    shift = t * gamma;
  }
  DEVICE void apply(W& p, W& q) const {
    const W old = p;
    p = old - s * (q + half * old);
    q = q + s * (old - half * q);
  }
};

template <class W>
struct Rotation<Complex<W>> {
  Complex<W> s;   // with the phase of conj(γ), which neither column is turned by: that would round all of it, not only the correction
  W even, shift;  // even = |s|²/(1 + c)

  template <class Mask>
  DEVICE Rotation(W alpha, W beta, Complex<W> gamma, Mask rotates) {
    const W zero{}, one = zero + 1, size = rotates ? square_root(size_squared(gamma)) : one;
    const W t = rotates ? jacobi_tangent(alpha, beta, size) : zero;
    const W c = one / square_root(one + t * t), sine = c * t;
    even = sine * sine / (one + c);
    shift = t * size;
    s.re = rotates ? sine * (gamma.re / size) : zero;
    s.im = rotates ? sine * (-gamma.im / size) : zero;
  }
  DEVICE void apply(Complex<W>& p, Complex<W>& q) const {
    const Complex<W> old = p;
    p.re = old.re - (s.re * q.re - s.im * q.im + even * old.re);
    p.im = old.im - (s.re * q.im + s.im * q.re + even * old.im);
    q.re = q.re + (s.re * old.re + s.im * old.im - even * q.re);
    q.im = q.im + (s.re * old.im - s.im * old.re - even * q.im);
  }
};
