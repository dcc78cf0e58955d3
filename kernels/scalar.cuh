// Real and complex numbers under the same names: a kernel is written once and instantiated for float, double, Complex<float>, Complex<double>.
#pragma once

#include <math.h>

#include <cfloat>
#include <type_traits>

#include "portable.cuh"

#if defined(__CUDACC__)
#elif defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// A GPU reads and writes a number at once, which takes an address that is a multiple of its size.
template <class R>
#if defined(__CUDACC__)
struct alignas(2 * sizeof(R)) Complex {
#else
struct Complex {
#endif
  R re, im;
};

template <class T>
struct Scalar {
  using Real = T;
};
template <class R>
struct Scalar<Complex<R>> {
  using Real = R;
};
template <class T>
using Real = typename Scalar<T>::Real;

// smallest_invertible: its reciprocal leaves room for sums of products.
template <class R>
struct Limits;
template <>
struct Limits<float> {
  static constexpr float epsilon = FLT_EPSILON, root_epsilon = 3.4526698e-4f, smallest_normal = FLT_MIN, smallest_invertible = 256 * FLT_MIN;
};
template <>
struct Limits<double> {
  static constexpr double epsilon = DBL_EPSILON, root_epsilon = 1.4901161193847656e-8, smallest_normal = DBL_MIN, smallest_invertible = 256 * DBL_MIN;
};

// a·b + c, rounded once where the machine can: one number and a vector of them come out alike, whatever else the compiler contracts.
template <class R>
DEVICE R fused(R a, R b, R c) {
#if defined(__CUDACC__)
  return fma(a, b, c);
#elif defined(__FMA__) || defined(__aarch64__)
  if constexpr (std::is_same_v<R, float>) {
    return __builtin_fmaf(a, b, c);
  } else if constexpr (std::is_same_v<R, double>) {
    return __builtin_fma(a, b, c);
  } else {
    constexpr bool kSingle = sizeof(a[0]) == sizeof(float);
#if defined(__aarch64__)
    if constexpr (kSingle) return R(vfmaq_f32(float32x4_t(c), float32x4_t(a), float32x4_t(b)));
    if constexpr (!kSingle) return R(vfmaq_f64(float64x2_t(c), float64x2_t(a), float64x2_t(b)));
#elif defined(__AVX512F__)
    if constexpr (kSingle) return R(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
    if constexpr (!kSingle) return R(_mm512_fmadd_pd(__m512d(a), __m512d(b), __m512d(c)));
#else
    if constexpr (kSingle) return R(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(c)));
    if constexpr (!kSingle) return R(_mm256_fmadd_pd(__m256d(a), __m256d(b), __m256d(c)));
#endif
  }
#else
  return a * b + c;
#endif
}

template <class R>
DEVICE Complex<R> operator+(Complex<R> a, Complex<R> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class R>
DEVICE Complex<R> operator-(Complex<R> a, Complex<R> b) {
  return {a.re - b.re, a.im - b.im};
}
template <class R>
DEVICE Complex<R> operator*(R a, Complex<R> b) {
  return {a * b.re, a * b.im};
}

template <class R>
DEVICE Complex<R> operator*(Complex<R> a, Complex<R> b) {
  return {fused(a.re, b.re, -(a.im * b.im)), fused(a.re, b.im, a.im * b.re)};
}

DEVICE float conjugate(float a) { return a; }
DEVICE double conjugate(double a) { return a; }
template <class R>
DEVICE Complex<R> conjugate(Complex<R> a) {
  return {a.re, -a.im};
}

DEVICE float real_part(float a) { return a; }
DEVICE double real_part(double a) { return a; }
template <class R>
DEVICE R real_part(Complex<R> a) {
  return a.re;
}

DEVICE float magnitude(float a) { return fabsf(a); }
DEVICE double magnitude(double a) { return fabs(a); }
template <class R>
DEVICE R magnitude(Complex<R> a) {
  return hypot(a.re, a.im);
}

// The larger of two numbers, NaN if either is.
template <class R>
DEVICE R larger(R a, R b) {
  return b > a || b != b ? b : a;
}

DEVICE bool is_finite(float a) { return fabsf(a) <= FLT_MAX; }
DEVICE bool is_finite(double a) { return fabs(a) <= DBL_MAX; }
template <class R>
DEVICE bool is_finite(Complex<R> a) {
  return is_finite(a.re) && is_finite(a.im);
}

// The number whose real part is `re`.
template <class T>
DEVICE T from_real(Real<T> re) {
  if constexpr (sizeof(T) == sizeof(Real<T>)) {
    return re;
  } else {
    return T{re, Real<T>{}};
  }
}

// NaN in every part.
template <class T>
DEVICE T not_a_number() {
  if constexpr (sizeof(T) == sizeof(Real<T>)) {
    return T(NAN);
  } else {
    return T{Real<T>(NAN), Real<T>(NAN)};
  }
}

// sum += a·b
template <class R>
DEVICE void multiply_add(R& sum, R a, R b) {
  sum = fused(a, b, sum);
}
template <class R>
DEVICE void multiply_add(Complex<R>& sum, Complex<R> a, Complex<R> b) {
  sum.re = fused(a.re, b.re, sum.re);
  sum.re = fused(-a.im, b.im, sum.re);
  sum.im = fused(a.re, b.im, sum.im);
  sum.im = fused(a.im, b.re, sum.im);
}
