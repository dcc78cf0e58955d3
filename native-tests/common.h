// What the tests of all kernels share: types, tolerances, random inputs, grids.
#pragma once

#include "matrices.h"
#include "patches.cuh"
#include "reference.h"

struct Shape {
  int64_t rows, columns;
};

#if defined(__CUDACC__) || defined(DIFFSVD_THREADED_BLOCKS)
constexpr bool kThreads = true;
#else
constexpr bool kThreads = false;
#endif
// Under ThreadSanitizer everything takes longer, and a race does not need large matrices.
#if defined(__SANITIZE_THREAD__)
constexpr bool kSmall = true;
#else
constexpr bool kSmall = false;
#endif

template <class T>
constexpr const char* kSuffix = "?";
template <>
constexpr const char* kSuffix<float> = "f32";
template <>
constexpr const char* kSuffix<double> = "f64";
template <>
constexpr const char* kSuffix<Complex<float>> = "c64";
template <>
constexpr const char* kSuffix<Complex<double>> = "c128";

template <class R>
constexpr long double kEpsilon = sizeof(R) == 4 ? FLT_EPSILON : DBL_EPSILON;
template <class R>
constexpr long double kLargest = sizeof(R) == 4 ? FLT_MAX : DBL_MAX;

// ---- Tolerances: `length` is how many terms the longest chain of sums has; underflow costs a few times the smallest normal number.
// Where the expected number is not finite the computed one must not be either; beyond the type's range nothing is expected.
template <class T>
bool near(T computed, Number expected, int64_t length) {
  const Number c = number(computed);
  if (!std::isfinite(expected.size)) return !std::isfinite(c.re) || !std::isfinite(c.im);
  if (expected.size > kLargest<Real<T>> / 256) return true;
  const long double allowed = 2 * length * kEpsilon<Real<T>> * expected.size + length * length * Limits<Real<T>>::smallest_normal;
  return std::hypot(c.re - expected.re, c.im - expected.im) <= allowed;
}

template <class T>
void expect_near(const char* name, const Matrices<T>& computed, int64_t b, const Dense& expected, int64_t length) {
  for (int64_t i = 0; i < computed.rows; i++)
    for (int64_t j = 0; j < computed.columns; j++) {
      const Number c = number(computed.at(b, i, j)), e = expected(i, j);
      testing.expect(near(computed.at(b, i, j), e, length),
                     "%s(%" PRId64 ", %" PRId64 ", %" PRId64 ") is %.17Lg%+.17Lgi, expected %.17Lg%+.17Lgi of size %.3Lg", name, b, i, j, c.re, c.im,
                     e.re, e.im, e.size);
    }
}

// ---- What goes in.
template <class T>
Number random_number() {
  const long double re = testing.normal();
  return number(Complex<long double>{re, sizeof(T) == sizeof(Real<T>) ? 0 : testing.normal()});
}

template <class T>
void fill_random(Matrices<T>& a) {
  a.fill([](int64_t, int64_t, int64_t) { return rounded<T>(random_number<T>()); });
}

// Orthonormal columns, by Gram–Schmidt done twice.
template <class T>
Dense orthonormal(int64_t rows, int64_t columns) {
  Dense a = dense(rows, columns, [](int64_t, int64_t) { return random_number<T>(); });
  for (int64_t j = 0; j < columns; j++) {
    for (int64_t l = 0; l < 2 * j; l++) {
      Number along;
      for (int64_t i = 0; i < rows; i++) along = along + adjoint(a(i, l % j)) * a(i, j);
      for (int64_t i = 0; i < rows; i++) a(i, j) = a(i, j) - along * a(i, l % j);
    }
    long double square = 0;
    for (int64_t i = 0; i < rows; i++) square += a(i, j).re * a(i, j).re + a(i, j).im * a(i, j).im;
    for (int64_t i = 0; i < rows; i++) a(i, j) = number(Complex<long double>{a(i, j).re / std::sqrt(square), a(i, j).im / std::sqrt(square)});
  }
  return a;
}

template <class T>
void fill_orthonormal(Matrices<T>& a) {
  for (int64_t b = 0; b < a.batch; b++) {
    const Dense q = orthonormal<T>(a.rows, a.columns);
    for (int64_t i = 0; i < a.rows; i++)
      for (int64_t j = 0; j < a.columns; j++) a.at(b, i, j) = rounded<T>(q(i, j));
  }
}

enum class Spectrum { distinct, pair, triple, equal, neighbours, geometric, half_rank, zero, tiny, huge, subnormal };
constexpr int64_t kSpectra = 11;

template <class R>
R singular_value(Spectrum spectrum, int64_t i, int64_t k) {
  const auto tied = [&](int64_t count) { return i >= k / 3 && i < k / 3 + count ? k / 3 : i; };
  const long double largest = Limits<R>::smallest_normal < DBL_MIN * 2 ? 1e200L : 1e30L;
  switch (spectrum) {
    case Spectrum::distinct:
      return R(k - i + 0.25L);
    case Spectrum::pair:
      return R(k - tied(2) + 0.25L);
    case Spectrum::triple:
      return R(k - tied(3) + 0.25L);
    case Spectrum::equal:
      return R(1.5);
    case Spectrum::neighbours:  // all different, and all ties to the rule
      return R(1 - i * kEpsilon<R>);
    case Spectrum::geometric:
      return R(std::pow(1e-3L, (long double)(i) / k));
    case Spectrum::half_rank:
      return i < k / 2 ? R(k - i) : R(0);
    case Spectrum::zero:
      return R(0);
    case Spectrum::tiny:
      return R((k - tied(2)) / largest);
    case Spectrum::huge:
      return R((k - tied(2)) * largest);
    case Spectrum::subnormal:
      return Limits<R>::smallest_normal * R(k - i) / R(2 * k);
  }
  return R(0);
}

// Every kind in turn.
template <class R>
void fill_spectra(Matrices<R>& s, int64_t first = 0) {
  s.fill([&](int64_t b, int64_t i, int64_t) { return singular_value<R>(Spectrum((first + b) % kSpectra), i, s.rows); });
}

// The grids that a kernel must give the same bits on: fewer blocks than units of work, and more. `many`: more threads than there is work for, too.
// Under ThreadSanitizer, where every thread is one of the operating system's, so few are enough for that.
inline std::vector<Grid> grids(int64_t units, bool many) {
  if (!kThreads) return {{1, 1}, {2, 1}, {units + 3, 1}};
  if (kSmall && !many) return {{2, 3}};
  if (kSmall) return {{2, 3}, {units + 1, 4}, {1, 32}};
  if (!many) return {{1, 3}, {2, 1}};
  return {{1, 3}, {2, 1}, {units + 1, 32}, {1, 128}};
}

// The same for kernels whose blocks are whole warps on a GPU.
inline std::vector<Grid> grids_of_patches(int64_t units, bool many) {
  std::vector<Grid> all = grids(units, many);
  for (Grid& grid : all) grid.threads = (grid.threads + kPatch - 1) / kPatch * kPatch;
  return all;
}

// Launches the kernel of a file NAME_tiles.cu that is for matrices of n columns.
#define LAUNCH_TILES(body, T, n, arguments, blocks) \
  if ((n) <= 4)                                     \
    LAUNCH_SIZE(body, 4, T, arguments, blocks)      \
  else if ((n) <= 8)                                \
    LAUNCH_SIZE(body, 8, T, arguments, blocks)      \
  else if ((n) <= 16)                               \
    LAUNCH_SIZE(body, 16, T, arguments, blocks)     \
  else                                              \
    LAUNCH_SIZE(body, 32, T, arguments, blocks)
#define LAUNCH_SIZE(body, N, T, arguments, blocks) \
  launch(body##_##N##_of(arguments), arguments, {blocks, kThreads ? Tiling<T, N>::kThreads : 1}, body##_scratch_bytes<T, N>());

// Square, tall and wide, for each of many rules or functions, none of which knows a thread.
inline std::vector<Shape> few_shapes(bool wide) {
  std::vector<Shape> shapes = {{9, 5}};
  if (!kSmall) shapes.push_back({6, 6});
  if (!kSmall && wide) shapes.push_back({5, 8});
  return shapes;
}

template <class T>
Dense dense_of(const Matrices<T>& a, int64_t b) {
  return dense(a.rows, a.columns, [&](int64_t i, int64_t j) { return number(a.at(b, i, j)); });
}
template <class T>
Vector vector_of(const Matrices<T>& a, int64_t b) {
  Vector result(a.rows);
  for (int64_t i = 0; i < a.rows; i++) result[i] = a.at(b, i);
  return result;
}

template <class T>
bool finite(const Matrices<T>& a, int64_t b) {
  for (int64_t i = 0; i < a.rows; i++)
    for (int64_t j = 0; j < a.columns; j++) {
      const Number x = number(a.at(b, i, j));
      if (!std::isfinite(x.re) || !std::isfinite(x.im)) return false;
    }
  return true;
}

// Runs `run` on every grid, on the same inputs, and compares `output` with that of the first; sums may differ by the order of their terms.
template <class T, class Run>
void expect_same_on_every_grid(int64_t units, Matrices<T>& output, const Matrices<T>& initial, int64_t length, const Run& run) {
  Matrices<T> first(output.batch, output.rows, output.columns, any_layout_to_write());
  bool is_first = true;
  for (const Grid grid : grids(units, true)) {
    output.fill([&](int64_t b, int64_t i, int64_t j) { return initial.at(b, i, j); });
    run(grid);
    output.take_output();
    if (is_first) first.fill([&](int64_t b, int64_t i, int64_t j) { return output.at(b, i, j); });
    for (int64_t b = 0; b < output.batch; b++)
      for (int64_t i = 0; i < output.rows; i++)
        for (int64_t j = 0; j < output.columns; j++) {
          Number expected = number(first.at(b, i, j));
          expected.size = 16 * (1 + expected.size);
          testing.expect(near(output.at(b, i, j), expected, length), "(%d, %d, %d) depends on the grid", int(b), int(i), int(j));
        }
    is_first = false;
  }
}

template <class R>
void fill_descending(Matrices<R>& s) {
  s.fill([&](int64_t b, int64_t i, int64_t) { return R(i < 2 && b % 2 ? 4 : 4 - 3 * double(i) / double(s.rows)); });
}
