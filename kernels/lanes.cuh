// One element of several matrices at once: Wide<T> is to T what a vector register is to a number. On the CPU it holds kLanes<T> numbers, so that a
// kernel for small matrices keeps every lane busy whatever their size; on a GPU, where threads share a matrix, and in tests that stand for one, it is
// T itself.
//
// Arithmetic and comparison go lane by lane; a comparison gives a mask, and choose(mask, a, b) takes a where it is set.
// CpuBackend.java knows kWideBytes of each build too.
#pragma once

#include "scalar.cuh"

#if defined(__CUDACC__) || defined(DIFFSVD_THREADED_BLOCKS) || defined(DIFFSVD_ONE_LANE)

template <class T>
struct WideOf {
  using Type = T;
  static constexpr int kLanes = 1;
};
DEVICE float square_root(float a) { return sqrtf(a); }
DEVICE double square_root(double a) { return sqrt(a); }
DEVICE bool any_lane(bool mask) { return mask; }
template <class T>
DEVICE T get(const T& wide, int) {
  return wide;
}
template <class T>
DEVICE void put(T& wide, int, T value) {
  wide = value;
}

#else
#define DIFFSVD_WIDE

#if defined(__AVX512F__)
constexpr int kWideBytes = 64;
#elif defined(__AVX__)
constexpr int kWideBytes = 32;
#else
constexpr int kWideBytes = 16;
#endif

template <class T>
struct WideOf {
  typedef T Type __attribute__((vector_size(kWideBytes)));
  static constexpr int kLanes = kWideBytes / sizeof(T);
};
template <class R>
struct WideOf<Complex<R>> {
  using Type = Complex<typename WideOf<R>::Type>;
  static constexpr int kLanes = WideOf<R>::kLanes;
};

template <class W>
DEVICE W square_root(W a) {
  W result{};
  for (int l = 0; l < int(sizeof(W) / sizeof(a[0])); l++) result[l] = sqrt(a[l]);
  return result;
}
// Whether any lane is set.
template <class Mask>
DEVICE bool any_lane(Mask mask) {
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask(reinterpret_cast<__m512i>(mask), reinterpret_cast<__m512i>(mask)) != 0;
#elif defined(__AVX__)
  return _mm256_movemask_ps(reinterpret_cast<__m256>(mask)) != 0;
#else
  auto either = mask[0];
  for (int l = 1; l < int(sizeof(Mask) / sizeof(mask[0])); l++) either |= mask[l];
  return either != 0;
#endif
}
template <class W>
DEVICE auto get(const W& wide, int l) {
  return wide[l];
}
template <class R>
DEVICE auto get(const Complex<R>& wide, int l) {
  return Complex<decltype(wide.re[0] + wide.re[0])>{wide.re[l], wide.im[l]};
}
template <class W, class R>
DEVICE void put(W& wide, int l, R value) {
  wide[l] = value;
}
template <class W, class R>
DEVICE void put(Complex<W>& wide, int l, Complex<R> value) {
  wide.re[l] = value.re;
  wide.im[l] = value.im;
}

// Of one number, where a kernel is instantiated for a matrix by itself.
DEVICE bool any_lane(bool mask) { return mask; }
DEVICE float square_root(float a) { return sqrtf(a); }
DEVICE double square_root(double a) { return sqrt(a); }
DEVICE float get(const float& a, int) { return a; }
DEVICE double get(const double& a, int) { return a; }
DEVICE Complex<float> get(const Complex<float>& a, int) { return a; }
DEVICE Complex<double> get(const Complex<double>& a, int) { return a; }
DEVICE void put(float& a, int, float value) { a = value; }
DEVICE void put(double& a, int, double value) { a = value; }

inline WideOf<float>::Type conjugate(WideOf<float>::Type a) { return a; }
inline WideOf<double>::Type conjugate(WideOf<double>::Type a) { return a; }
inline WideOf<float>::Type real_part(WideOf<float>::Type a) { return a; }
inline WideOf<double>::Type real_part(WideOf<double>::Type a) { return a; }

#endif

template <class T>
using Wide = typename WideOf<T>::Type;
template <class T>
constexpr int kLanes = WideOf<T>::kLanes;

// How many matrices an element of type W is of, where one of a matrix is T.
template <class T, class W>
constexpr int kMatricesOf = sizeof(W) / sizeof(T);

// A lane's number.
template <class W>
using Lane = std::decay_t<decltype(get(W{}, 0))>;

// The same number in every lane.
template <class W>
DEVICE W constant(double value) {
  return W{} + Lane<W>(value);
}

template <class W, class R>
DEVICE W splat(R value) {
  return W{} + value;
}
template <class W, class R>
DEVICE W splat(Complex<R> value) {
  return {decltype(W{}.re){} + value.re, decltype(W{}.re){} + value.im};
}

template <class Mask, class W>
DEVICE W choose(Mask mask, W a, W b) {
  return mask ? a : b;
}
template <class Mask, class W>
DEVICE Complex<W> choose(Mask mask, Complex<W> a, Complex<W> b) {
  return {mask ? a.re : b.re, mask ? a.im : b.im};
}

template <class WR>
DEVICE WR absolute(WR a) {
  return a < 0 ? -a : a;
}

// 1 or 0, for an entry of the identity.
template <class W>
struct Unit {
  DEVICE static W entry(bool diagonal) { return diagonal ? W{} + 1 : W{}; }
};
template <class W>
struct Unit<Complex<W>> {
  DEVICE static Complex<W> entry(bool diagonal) { return {Unit<W>::entry(diagonal), W{}}; }
};
template <class W>
DEVICE W unit_entry(bool diagonal) {
  return Unit<W>::entry(diagonal);
}
