// The kernels alone, against the textbook formula in long double. Compiled by the C++ compiler as serial code, under the sanitizers and with one
// thread per CUDA thread, and by nvcc for a GPU; see CMakeLists.txt. usage: kernel_tests [PART OF A CASE'S NAME]
#include "team.cuh"

#if defined(DIFFSVD_THREADED_BLOCKS)
#include <cstring>

// A test of this test: DIFFSVD_SKIP_BARRIER=svd_backward.cu:97 takes out the barrier in that line, all of them takes out every one, and ThreadSanitizer must
// notice.
inline bool skips_barrier(const char* file, int line) {
  static const char* const skipped = std::getenv("DIFFSVD_SKIP_BARRIER");
  const char* slash = std::strrchr(file, '/');
  char here[200];
  if (skipped && std::strcmp(skipped, "all") == 0) return true;
  return skipped && std::snprintf(here, sizeof here, "%s:%d", slash ? slash + 1 : file, line) > 0 && std::strcmp(here, skipped) == 0;
}
#define barrier() barrier_unless(skips_barrier(__FILE__, __LINE__))
#endif

#include "copy.cu"
#include "eigh_check.cu"
#include "f_matrix.cu"
#include "spectral_core.cu"
#include "svd_backward.cu"
#include "svd_backward_core.cu"
#include "svd_backward_lanes.cu"
#include "svd_gauge.cu"
#if !defined(DIFFSVD_THREADED_BLOCKS)
// They have no barriers, and none of their threads shares anything with another.
#include "svd_jacobi.cu"
#include "svd_lanes.cu"
#include "svd_values_lanes.cu"
#endif
#include "svd_pack.cu"
#include "svd_pushforward_core.cu"
#include "svd_unpack.cu"
#include "truncated_step.cu"
#undef barrier

#include "matrices.h"
#include "reference.h"

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

#define FUNCTION_OF(body, suffix, Arguments) \
  inline auto function_of(const Arguments&) { return &body##_##suffix; }
#define FUNCTION_OF_REAL_TYPES(body, Arguments) FUNCTION_OF(body, f32, Arguments<float>) FUNCTION_OF(body, f64, Arguments<double>)
#define FUNCTION_OF_ALL_TYPES(body, Arguments) \
  FUNCTION_OF_REAL_TYPES(body, Arguments) FUNCTION_OF(body, c64, Arguments<Complex<float>>) FUNCTION_OF(body, c128, Arguments<Complex<double>>)
FUNCTION_OF_ALL_TYPES(copy, Copy)
FUNCTION_OF_ALL_TYPES(eigh_check, EighCheck)
FUNCTION_OF_REAL_TYPES(f_matrix, FMatrix)
FUNCTION_OF_ALL_TYPES(svd_backward, SvdBackward)
FUNCTION_OF_ALL_TYPES(svd_backward_core, SvdBackwardCore)
FUNCTION_OF_ALL_TYPES(spectral_core, SpectralCore)
FUNCTION_OF_ALL_TYPES(svd_gauge, SvdGauge)
#if !defined(DIFFSVD_THREADED_BLOCKS)
FUNCTION_OF_ALL_TYPES(svd_jacobi, SvdJacobi)
#endif
FUNCTION_OF_ALL_TYPES(svd_pack, SvdPack)
FUNCTION_OF_ALL_TYPES(svd_pushforward_core, SvdPushforwardCore)
FUNCTION_OF_ALL_TYPES(svd_unpack, SvdUnpack)
FUNCTION_OF_ALL_TYPES(truncated_step, TruncatedStep)

#define LANES_OF(body, suffix, Arguments) \
  inline auto lanes_of(const Arguments&) { return &body##_##suffix; }
#define LANES_OF_ALL_TYPES(body, Arguments) \
  LANES_OF(body, f32, Arguments<float>)     \
  LANES_OF(body, f64, Arguments<double>) LANES_OF(body, c64, Arguments<Complex<float>>) LANES_OF(body, c128, Arguments<Complex<double>>)
LANES_OF_ALL_TYPES(svd_backward_lanes, SvdBackward)
#if !defined(DIFFSVD_THREADED_BLOCKS)
LANES_OF_ALL_TYPES(svd_lanes, SvdLanes)
LANES_OF_ALL_TYPES(svd_values_lanes, SvdValues)
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

// As GradientRule.moorePenrose() in Java.
template <class T>
RuleArguments default_rule() {
  return {0, double(std::pow(kEpsilon<Real<T>>, 0.75L))};
}

// ---- Tolerances: `length` is how many terms the longest chain of sums has; underflow costs a few times the smallest normal number.
template <class T>
bool near(T computed, Number expected, int64_t length) {
  const Number c = number(computed);
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
std::vector<Grid> grids(int64_t units, bool many) {
  if (!kThreads) return {{1, 1}, {2, 1}, {units + 3, 1}};
  if (!many) return {{1, 3}, {2, 1}};
  if (kSmall) return {{1, 3}, {2, 1}, {units + 1, 4}, {1, 32}};
  return {{1, 3}, {2, 1}, {units + 1, 32}, {1, 128}};
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

// ---- svd_backward

// FusedBackward.teamBytes in Java.
template <class T>
int64_t team_bytes(int64_t m, int64_t n) {
  const int64_t row = (n + 3) / 4 * 4, slab = std::min<int64_t>(16, (m + 3) / 4 * 4);
  return (2 * row + 2 * slab) * row * int64_t(sizeof(T)) + 3 * row * int64_t(sizeof(Real<T>));
}

// The pullback of X (rows×columns); given is a set of bits: 1 gU, 2 gS, 4 gV.
template <class T>
struct Backward {
  using R = Real<T>;
  int64_t batch, rows, columns, k = std::min(rows, columns);
  int given;
  bool lanes = false;  // the lane tier, for one thread, or the block tier
  Matrices<T> u, v, gu, gv;
  Matrices<R> s, gs;

  Backward(int64_t batch, int64_t rows, int64_t columns, int given)
      : batch(batch),
        rows(rows),
        columns(columns),
        given(given),
        u(batch, rows, k, any_layout_to_write()),
        v(batch, columns, k, any_layout_to_write()),
        gu(batch, rows, k, any_layout_to_read()),
        gv(batch, columns, k, any_layout_to_read()),
        s(batch, k, 1, any_layout_to_write()),
        gs(batch, k, 1, any_layout_to_read()) {
    fill_orthonormal(u);
    fill_orthonormal(v);
    fill_spectra(s, testing.below(kSpectra));
    fill_random(gu);
    fill_random(gv);
    fill_random(gs);
  }

  // Of teams as large as Java makes them a block has room for all.
  bool fits(Grid grid, int64_t team) const { return grid.threads / team * team_bytes<T>(std::max(rows, columns), k) <= most_scratch_bytes(); }

  void run(Matrices<T>& gx, Grid grid, int64_t team = 1) {
    const bool wide = rows < columns;
    const auto given_or_absent = [this](int bit, auto& a) { return given & bit ? a.input() : decltype(a.input()){}; };
    gx.poison();
    SvdBackward<T> arguments{u.input(),
                             s.input(),
                             v.input(),
                             given_or_absent(1, gu),
                             given_or_absent(2, gs),
                             given_or_absent(4, gv),
                             gx.view(),
                             batch,
                             rows,
                             columns,
                             k,
                             wide,
                             default_rule<T>(),
                             team};
    if (wide) {
      std::swap(arguments.u, arguments.v);
      std::swap(arguments.gu, arguments.gv);
      std::swap(arguments.m, arguments.n);
      arguments.gx = transposed(arguments.gx);
    }
    const int64_t elements = k * (3 * arguments.m + 3 * k + 2);  // FusedBackward.laneElements in Java
    if (lanes) {
      launch(lanes_of(arguments), arguments, grid, elements * int64_t(sizeof(Wide<T>)));
    } else {
      launch(function_of(arguments), arguments, grid, grid.threads / team * team_bytes<T>(arguments.m, k));
    }
    gx.take_output();
    for (Matrices<T>* input : {&u, &v}) input->expect_untouched();
    s.expect_untouched();
  }

  Dense expected(int64_t b) const {
    const auto given_or_zero = [&](int bit, const Matrices<T>& a) { return given & bit ? dense_of(a, b) : Dense{a.rows, a.columns}; };
    return gradient(dense_of(u, b), vector_of(s, b), dense_of(v, b), given_or_zero(1, gu), given & 2 ? vector_of(gs, b) : Vector(k),
                    given_or_zero(4, gv), Pseudoinverse::of(default_rule<T>().parameter, k > 0 ? s.at(b, 0) : R(0)));
  }
};

struct Shape {
  int64_t rows, columns;
};

template <class T>
void test_svd_backward() {
  std::vector<Shape> shapes = {{1, 1},   {2, 2},   {3, 3},   {4, 4},   {8, 8},  {15, 15}, {16, 16}, {17, 17}, {2, 1},  {16, 1}, {5, 3},
                               {9, 7},   {17, 16}, {16, 15}, {33, 32}, {32, 8}, {31, 9},  {33, 4},  {64, 5},  {1, 2},  {1, 16}, {3, 5},
                               {16, 17}, {15, 16}, {5, 64},  {9, 31},  {8, 32}, {32, 33}, {33, 33}, {24, 12}, {12, 25}};
  if (kSmall) shapes = {{1, 1}, {3, 3}, {17, 16}, {5, 18}};
  for (const Shape shape : shapes)
    for (int given = 0; given < 8; given++) {
      const int64_t batch = kSmall ? 2 : shape.rows * shape.columns < 200 ? kSpectra : 3;
      if (kSmall && shape.rows < 16 && given % 7 != 0) continue;
      testing.run(text("svd_backward %s %dx%d%s%s%s", kSuffix<T>, int(shape.rows), int(shape.columns), given & 1 ? " gU" : "", given & 2 ? " gS" : "",
                       given & 4 ? " gV" : ""),
                  [&] {
                    Backward<T> backward(batch, shape.rows, shape.columns, given);
                    Matrices<T> gx(batch, shape.rows, shape.columns, any_layout_to_write()), again(batch, shape.rows, shape.columns);
                    for (const bool lanes : {false, true}) {
                      if (lanes && kThreads) continue;
                      backward.lanes = lanes;
                      backward.run(gx, {1, 1});
                      for (int64_t b = 0; b < batch && testing.good(); b++)
                        expect_near("gX", gx, b, backward.expected(b), shape.rows + 2 * shape.columns + 8);
                      for (const Grid grid : grids(batch, given == 7 && shape.rows == 17)) {
                        for (int64_t team = grid.threads; team >= 1 && grid.threads % team == 0; team = team > 1 && team < 4 ? 1 : team / 4) {
                          if (!backward.fits(grid, team)) continue;
                          backward.run(again, grid, team);
                          testing.expect(gx.same(again), "other bits on %d blocks of %d threads in teams of %d", int(grid.blocks), int(grid.threads),
                                         int(team));
                        }
                      }
                    }
                  });
    }

  testing.run(text("svd_backward %s empty batch", kSuffix<T>), [&] {
    Backward<T> backward(0, 4, 4, 7);
    Matrices<T> gx(0, 4, 4);
    for (const Grid grid : grids(0, true)) backward.run(gx, grid);
  });

  testing.run(text("svd_backward %s bad neighbour", kSuffix<T>), [&] {
    Backward<T> backward(3, 6, 4, 7);
    Matrices<T> clean(3, 6, 4), gx(3, 6, 4);
    fill_random(backward.gu);
    backward.run(clean, {1, 1});
    backward.s.at(1, 2) = Real<T>(NAN);
    backward.run(gx, {1, 1});
    testing.expect(gx.same(clean, 0) && gx.same(clean, 2), "NaN in the singular values of one matrix changed another");
    testing.expect(!finite(gx, 1), "NaN in the singular values gave a finite gradient");
    backward.s.at(1, 2) = backward.s.at(1, 1);
    backward.u.at(1, 5, 0) = rounded<T>(Number{NAN, 0});
    backward.run(gx, {2, 1});
    testing.expect(gx.same(clean, 0) && gx.same(clean, 2), "NaN in U of one matrix changed another");
    testing.expect(!finite(gx, 1), "NaN in U gave a finite gradient");
  });
}

// ---- svd_backward_core

template <class T>
void test_svd_backward_core() {
  using R = Real<T>;
  std::vector<Shape> shapes = {{1, 1}, {3, 3}, {5, 3}, {8, 8}, {17, 16}, {16, 16}, {33, 9}, {64, 5}};
  if (kSmall) shapes = {{1, 1}, {9, 9}, {17, 10}};
  const int64_t batch = kSmall ? 3 : kSpectra;
  for (const Shape shape : shapes)
    for (int given = 0; given < 8; given++)
      testing.run(text("svd_backward_core %s %dx%d%s%s%s", kSuffix<T>, int(shape.rows), int(shape.columns), given & 1 ? " gU" : "",
                       given & 2 ? " gS" : "", given & 4 ? " gV" : ""),
                  [&] {
                    const int64_t m = shape.rows, n = shape.columns;
                    const bool rotates = given & 5, tall = m > n && given & 1, scales = tall || !rotates;
                    // What ProductBackward gives it in each case; P is not looked at where gU is absent.
                    Matrices<T> p(batch, n, n, any_layout_to_write()), q(batch, n, n, any_layout_to_write()), gu(batch, m, n, any_layout_to_read());
                    Matrices<T> w(batch, m, n, any_layout_to_write()), given_p(batch, n, n);
                    Matrices<T> first_p(batch, n, n), first_w(batch, m, n);
                    Matrices<R> s(batch, n, 1), gs(batch, n, 1, any_layout_to_read());
                    fill_random(given_p);
                    fill_random(q);
                    fill_random(gu);
                    fill_random(gs);
                    fill_spectra(s, testing.below(kSpectra));
                    const Dense zero{n, n};
                    std::vector<Dense> expected_p, expected_w;
                    for (int64_t b = 0; b < batch; b++) {
                      const auto inverse = Pseudoinverse::of(default_rule<T>().parameter, s.at(b, 0));
                      const Vector s_b = vector_of(s, b), gs_b = given & 2 ? vector_of(gs, b) : Vector(n);
                      const Dense p_b = given & 1 ? dense_of(given_p, b) : zero, gu_b = dense_of(gu, b);
                      const Dense m_b = core(p_b, given & 4 ? dense_of(q, b) : zero, s_b, gs_b, inverse);
                      expected_p.push_back(tall ? m_b - times_inverse(p_b, s_b, inverse) : m_b);
                      expected_w.push_back(rotates ? times_inverse(gu_b, s_b, inverse)
                                                   : dense(m, n, [&](int64_t i, int64_t j) { return gu_b(i, j) * number(gs_b[j]); }));
                    }
                    bool first = true;
                    for (const Grid grid : grids(batch * m / 8, given == 7 && m == 17)) {
                      p.poison();
                      if (given & 1) p.fill([&](int64_t b, int64_t i, int64_t j) { return given_p.at(b, i, j); });
                      w.poison();
                      const SvdBackwardCore<T> arguments{rotates ? p.view() : View<T>{},
                                                         given & 4 ? q.input() : View<const T>{},
                                                         s.input(),
                                                         given & 2 ? gs.input() : View<const R>{},
                                                         rotates && !(given & 1) ? View<const T>{} : gu.input(),
                                                         scales ? w.view() : View<T>{},
                                                         batch,
                                                         m,
                                                         n,
                                                         given & 1 ? n : 0,
                                                         n,
                                                         default_rule<T>()};
                      launch(function_of(arguments), arguments, grid, 0);
                      if (rotates) p.take_output();
                      if (scales) w.take_output();
                      for (int64_t b = 0; b < batch && first; b++) {
                        if (rotates) expect_near("C", p, b, expected_p[b], 8);
                        if (scales) expect_near("W", w, b, expected_w[b], 8);
                      }
                      if (first) {
                        first_p.fill([&](int64_t b, int64_t i, int64_t j) { return p.at(b, i, j); });
                        first_w.fill([&](int64_t b, int64_t i, int64_t j) { return w.at(b, i, j); });
                      }
                      first = false;
                      testing.expect(!rotates || p.same(first_p), "C: other bits on %d blocks", int(grid.blocks));
                      testing.expect(!scales || w.same(first_w), "W: other bits on %d blocks", int(grid.blocks));
                    }
                  });
}

// ---- f_matrix

template <class R>
void test_f_matrix() {
  for (const int64_t k : {1, 2, 3, 8, 17, 33})
    for (int wanted = 1; wanted < 8; wanted++) {
      if (kSmall && (k > 8 || wanted % 3 != 1)) continue;
      testing.run(text("f_matrix %s %d%s%s%s", kSuffix<R>, int(k), wanted & 1 ? " F" : "", wanted & 2 ? " gap" : "", wanted & 4 ? " sum" : ""), [&] {
        const int64_t batch = kSpectra + 1;
        Matrices<R> s(batch, k, 1, any_layout_to_write());
        Matrices<R> f(batch, k, k, any_layout_to_write()), gap(batch, k, k, any_layout_to_write()), sum(batch, k, k, any_layout_to_write());
        fill_spectra(s);
        const int64_t bad = kSpectra;
        s.at(bad, k / 2) = R(NAN);
        for (const Grid grid : grids(batch, k == 8)) {
          for (Matrices<R>* output : {&f, &gap, &sum}) output->poison();
          const auto view = [&](int bit, Matrices<R>& a) { return wanted & bit ? a.view() : View<R>{}; };
          const FMatrix<R> arguments{s.input(), view(1, f), view(2, gap), view(4, sum), batch, k, default_rule<R>()};
          launch(function_of(arguments), arguments, grid, 0);
          if (wanted & 1) f.take_output();
          if (wanted & 2) gap.take_output();
          if (wanted & 4) sum.take_output();
          s.expect_untouched();
          for (int64_t b = 0; b < batch; b++) {
            const auto inverse = Pseudoinverse::of(default_rule<R>().parameter, s.at(b, 0));
            for (int64_t i = 0; i < k; i++)
              for (int64_t j = 0; j < k; j++) {
                const long double s_i = s.at(b, i), s_j = s.at(b, j);
                const bool broken = std::isnan(s_i) || std::isnan(s_j);
                if (wanted & 2)
                  testing.expect(broken ? std::isnan(gap.at(b, i, j)) : near(gap.at(b, i, j), inverse(s_j - s_i), 1), "gap(%d, %d, %d) is %g", int(b),
                                 int(i), int(j), double(gap.at(b, i, j)));
                if (wanted & 4)
                  testing.expect(broken ? std::isnan(sum.at(b, i, j)) : near(sum.at(b, i, j), inverse(s_j + s_i), 1), "sum(%d, %d, %d) is %g", int(b),
                                 int(i), int(j), double(sum.at(b, i, j)));
                if (wanted & 1) {
                  const R computed = f.at(b, i, j);
                  const long double exact = i == j ? 0 : 1 / (s_j - s_i) / (s_j + s_i), limit = sizeof(R) == 4 ? FLT_MAX : DBL_MAX;
                  const bool good = i == j                        ? computed == 0
                                    : broken                      ? std::isnan(computed)
                                    : s_i == s_j                  ? std::isinf(computed)
                                    : !(std::fabs(exact) < limit) ? std::isinf(computed)
                                                                  : near(computed, number(exact), 4);
                  testing.expect(good, "F(%d, %d, %d) is %g, expected %Lg", int(b), int(i), int(j), double(computed), exact);
                }
              }
          }
        }
      });
    }
}

// ---- svd_pack

template <class T>
void test_svd_pack() {
  for (const Shape shape : {Shape{1, 1}, Shape{2, 2}, Shape{5, 3}, Shape{17, 16}, Shape{33, 1}, Shape{12, 12}})
    for (const int adjoint : {0, 1})
      testing.run(text("svd_pack %s %dx%d%s", kSuffix<T>, int(shape.rows), int(shape.columns), adjoint ? " conjugated" : ""), [&] {
        const int64_t batch = 5;
        Matrices<T> from(batch, shape.rows, shape.columns, any_layout_to_write()), to(batch, shape.rows, shape.columns, any_layout_to_write());
        Matrices<int32_t> info(batch, 1, 1);
        fill_random(from);
        // Ordinary, bad, tiny, bad, huge; powers of two, so that products with them are exact.
        using Scale = SolverScale<Real<T>>;
        const auto poisoned = [](int64_t b) { return b == 1 || b == 3; };
        const int32_t expected_info[] = {0, -1, -Scale::kExponent, -1, Scale::kExponent};
        const long double power = Scale::kPower, scale[] = {1, 1, power, 1, 1 / power}, size[] = {1, 1, Scale::kSmall / 8, 1, Scale::kLarge * 64};
        for (int64_t b = 0; b < batch; b++)
          for (int64_t i = 0; i < shape.rows; i++)
            for (int64_t j = 0; j < shape.columns; j++) {
              const Number given = number(from.at(b, i, j));
              // At least one part of a matrix is far from the limits on either side; that of a single element may be small.
              const long double kept = shape.rows == 1 ? 1 : given.re;
              from.at(b, i, j) = rounded<T>(number(Complex<long double>{size[b] * std::max(-4.0L, std::min(4.0L, kept)), size[b] * std::max(-4.0L, std::min(4.0L, given.im))}));
            }
        for (const int64_t b : {1, 3}) {
          // One part of one element, the last one in the first bad matrix.
          const int64_t i = b == 1 ? shape.rows - 1 : testing.below(shape.rows), j = b == 1 ? shape.columns - 1 : testing.below(shape.columns);
          Real<T>* parts = reinterpret_cast<Real<T>*>(&from.at(b, i, j));
          parts[testing.below(sizeof(T) / sizeof(Real<T>))] = b == 1 ? Real<T>(NAN) : -Real<T>(INFINITY);
        }
        for (const Grid grid : grids(batch, shape.rows == 17)) {
          to.poison();
          info.poison();
          const SvdPack<T> arguments{from.input(), to.view(), info.view().data, batch, shape.rows, shape.columns, adjoint};
          launch(function_of(arguments), arguments, grid, 0);
          to.take_output();
          info.take_output();
          from.expect_untouched();
          for (int64_t b = 0; b < batch; b++) {
            testing.expect(info.at(b, 0) == expected_info[b], "info(%d) is %d", int(b), info.at(b, 0));
            for (int64_t i = 0; i < shape.rows; i++)
              for (int64_t j = 0; j < shape.columns; j++) {
                Number expected = number(from.at(b, i, j));
                if (poisoned(b)) expected = number(i == j ? 1.0L : 0.0L);
                if (!poisoned(b)) expected = number(Complex<long double>{expected.re * scale[b], (adjoint ? -expected.im : expected.im) * scale[b]});
                const Number computed = number(to.at(b, i, j));
                testing.expect(computed.re == expected.re && computed.im == expected.im, "(%d, %d, %d) is %Lg%+Lgi", int(b), int(i), int(j),
                               computed.re, computed.im);
              }
          }
        }
      });
}

// ---- svd_unpack

template <class T>
void test_svd_unpack() {
  using R = Real<T>;
  for (const Shape shape : {Shape{1, 1}, Shape{3, 3}, Shape{5, 3}, Shape{17, 16}, Shape{33, 1}})
    for (const int adjoint : {0, 1})
      testing.run(text("svd_unpack %s %dx%d%s", kSuffix<T>, int(shape.rows), int(shape.columns), adjoint ? " conjugated" : ""), [&] {
        const int64_t batch = 5, m = shape.rows, n = shape.columns;
        Matrices<T> u(batch, m, n, any_layout_to_write()), v(batch, n, n, any_layout_to_write());
        Matrices<T> to_u(batch, m, n, any_layout_to_write()), to_v(batch, n, n, any_layout_to_write());
        Matrices<R> s(batch, n, 1, any_layout_to_write()), to_s(batch, n, 1, any_layout_to_write());
        Matrices<int32_t> solver_info(batch, 1, 1), info(batch, 1, 1);
        fill_random(u);
        fill_random(v);
        fill_random(s);
        s.at(4, 0) = SolverScale<R>::kPower;
        const int32_t exponent = SolverScale<R>::kExponent, screened[] = {-exponent, -1, exponent, -1, exponent}, solver[] = {0, 0, 7, 2, 0},
                      expected[] = {0, -1, 7, -1, -3};
        solver_info.fill([&](int64_t b, int64_t, int64_t) { return solver[b]; });
        for (const Grid grid : grids(batch, shape.rows == 17)) {
          info.fill([&](int64_t b, int64_t, int64_t) { return screened[b]; });
          to_u.poison();
          to_s.poison();
          to_v.poison();
          const SvdUnpack<T> arguments{u.view(),    s.input(),   v.input(),   solver_info.input().data,
                                       to_u.view(), to_s.view(), to_v.view(), info.view().data,
                                       batch,       m,           n,           adjoint};
          launch(function_of(arguments), arguments, grid, 0);
          to_u.take_output();
          to_s.take_output();
          to_v.take_output();
          info.take_output();
          const auto good = [&](int64_t b, Number computed, Number given, bool conjugated) {
            if (expected[b] != 0) return std::isnan(computed.re) && (computed.im == 0 || std::isnan(computed.im));
            return computed.re == given.re && computed.im == (conjugated ? -given.im : given.im);
          };
          for (int64_t b = 0; b < batch; b++) {
            testing.expect(info.at(b, 0) == expected[b], "info(%d) is %d", int(b), info.at(b, 0));
            for (int64_t j = 0; j < n; j++) {
              testing.expect(good(b, number(to_s.at(b, j)), number(s.at(b, j) / SolverScale<R>::kPower), false), "S(%d, %d) is wrong", int(b), int(j));
              long double squared = 0;
              for (int64_t i = 0; i < m; i++) {
                const Number given = number(u.at(b, i, j));
                squared += given.re * given.re + given.im * given.im;
              }
              for (int64_t i = 0; i < m; i++) {
                const Number computed = number(to_u.at(b, i, j)), given = number(1 / std::sqrt(squared)) * number(u.at(b, i, j));
                const bool near = std::hypot(computed.re - given.re, computed.im - given.im) <= 4 * kEpsilon<R>;
                testing.expect(expected[b] == 0 ? near : good(b, computed, given, false), "U(%d, %d, %d) is wrong", int(b), int(i), int(j));
              }
              for (int64_t i = 0; i < n; i++)
                testing.expect(good(b, number(to_v.at(b, i, j)), number(v.at(b, i, j)), adjoint), "V(%d, %d, %d) is wrong", int(b), int(i), int(j));
            }
          }
        }
      });
}

// ---- svd_jacobi, svd_lanes, svd_values_lanes

#if !defined(DIFFSVD_THREADED_BLOCKS)

// Of column i of a and column j of b.
Number dot(const Dense& a, const Dense& b, int64_t i, int64_t j) {
  Number sum;
  for (int64_t l = 0; l < a.rows; l++) sum = sum + adjoint(a(l, i)) * b(l, j);
  return sum;
}

// A batch with what is known of it, and what a kernel is to write.
template <class T>
struct Decompositions {
  using R = Real<T>;
  const int64_t m, n, batch;
  const int conjugated;
  Matrices<T> a, u, v;
  Matrices<R> s;
  Matrices<int32_t> info;

  // Random; bad; zero; of rank one; graded over the whole range; then one more than lanes for random ones.
  Decompositions(const Shape& shape, int conjugated)
      : m(shape.rows),
        n(shape.columns),
        batch(kSmall ? 5 : 5 + kLanes<T> + 1),
        conjugated(conjugated),
        a(batch, m, n, any_layout_to_write()),
        u(batch, m, n, any_layout_to_write()),
        v(batch, n, n, any_layout_to_write()),
        s(batch, n, 1, any_layout_to_write()),
        info(batch, 1, 1) {
    fill_random(a);
    a.at(1, m - 1, n - 1) = rounded<T>(number(Complex<long double>{NAN, 0}));
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        a.at(2, i, j) = T{};
        a.at(3, i, j) = a.at(3, i, 0);
        a.at(4, i, j) = R(std::pow(Limits<R>::smallest_normal, (long double)(j) / n)) * a.at(4, i, j);
      }
  }

  // As kernels see them.
  struct Views {
    View<const T> a;
    View<T> u;
    View<R> s;
    View<T> v;
    int32_t* info;
  };

  SvdJacobi<T> jacobi(const Views& x, T* workspace, bool vectors, bool left_alone) const {
    return {x.a, vectors ? x.u : View<T>{}, x.s, vectors ? x.v : View<T>{}, x.info, workspace, batch, m, n, conjugated, left_alone};
  }
  SvdLanes<T> lanes(const Views& x, bool leaves) const { return {x.a, x.u, x.s, x.v, x.info, batch, m, n, conjugated, leaves}; }
  SvdValues<T> values(const Views& x) const { return {x.a, x.s, x.info, batch, m, n}; }
  // Matrix b by itself.
  static Views one(const Views& x, int64_t b) { return {x.a.matrix(b), x.u.matrix(b), x.s.matrix(b), x.v.matrix(b), x.info + b}; }
#if !defined(__CUDACC__)
  int64_t jacobi_scratch(const Grid& grid) const { return grid.threads * (2 * m + 2 * n) * 2 * kMostPairs * int64_t(sizeof(Wide<T>)); }
  int64_t lanes_scratch() const { return ((2 * m + n + 6) * n + 1 + 9 * n) * int64_t(sizeof(Wide<T>)); }
  int64_t values_scratch() const { return ((m + 4) * n + 6 * (n + 1) + n) * int64_t(sizeof(Wide<T>)); }
#endif

  template <class Run>
  void run(const Run& run) {
    u.poison();
    s.poison();
    v.poison();
    info.poison();
    run(Views{a.input(), u.view(), s.view(), v.view(), info.view().data});
    u.take_output();
    s.take_output();
    v.take_output();
    info.take_output();
    a.expect_untouched();
  }

  void expect_factors() {
    expect_info();
    testing.expect(std::isnan(s.at(1, 0)) && !finite(u, 1) && !finite(v, 1), "factors of a bad matrix");
    for (int64_t b = 0; b < batch; b++)
      if (b != 1) expect_decomposition(b);
  }
  void expect_values(const Matrices<R>& values) {
    expect_info();
    for (int64_t b = 0; b < batch; b++)
      for (int64_t i = 0; i < n; i++)
        testing.expect(b == 1 ? std::isnan(s.at(b, i)) : std::abs(s.at(b, i) - values.at(b, i)) <= 40 * m * kEpsilon<R> * values.at(b, 0), "S(%d) alone", int(b));
  }

 private:
  void expect_info() {
    for (int64_t b = 0; b < batch; b++) testing.expect(info.at(b, 0) == (b == 1 ? -1 : 0), "info(%d) is %d", int(b), info.at(b, 0));
  }
  void expect_decomposition(int64_t b) {
    const Dense left = dense_of(u, b), right = dense_of(v, b);
    const long double allowed = 40 * std::max<int64_t>(m, 4) * kEpsilon<R>;
    long double off = 0, residual = 0;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) {
        const Number x = dot(left, left, i, j), y = dot(right, right, i, j);
        off = std::max({off, std::hypot(x.re - (i == j), x.im), std::hypot(y.re - (i == j), y.im)});
      }
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        Number sum;
        for (int64_t l = 0; l < n; l++) sum = sum + number((long double)(s.at(b, l))) * left(i, l) * adjoint(right(j, l));
        const Number given = number(a.at(b, i, j));
        residual = std::max(residual, std::hypot(sum.re - given.re, sum.im - (conjugated ? -given.im : given.im)));
      }
    for (int64_t i = 1; i < n; i++) testing.expect(s.at(b, i - 1) >= s.at(b, i) && s.at(b, i) >= 0, "order of S");
    testing.expect(off <= allowed, "matrix %d: UᴴU or VᴴV is off by %.2Lg", int(b), off);
    testing.expect(residual <= allowed * s.at(b, 0), "matrix %d: residual %.2Lg", int(b), residual);
  }
};

template <class T, class Test>
void test_decompositions(const char* kernel, const Test& test) {
  for (const Shape shape :
       {Shape{1, 1}, Shape{2, 2}, Shape{3, 3}, Shape{7, 1}, Shape{6, 5}, Shape{11, 5}, Shape{16, 16}, Shape{40, 9}, Shape{24, 24}, Shape{33, 33}, Shape{64, 64}, Shape{300, 5}}) {
    if (kSmall && shape.rows > 16) continue;
    for (const int conjugated : {0, 1})
      testing.run(text("%s %s %dx%d%s", kernel, kSuffix<T>, int(shape.rows), int(shape.columns), conjugated ? " conjugated" : ""), [&] {
        Decompositions<T> all(shape, conjugated);
        for (Grid grid : grids(all.batch, shape.rows == 6 || shape.rows == 11)) test(all, shape, grid);
      });
  }
}

template <class T>
void test_svd_jacobi() {
  test_decompositions<T>("svd_jacobi", [](Decompositions<T>& all, const Shape&, Grid grid) {
#if defined(__CUDACC__)
    // Whole warps, as many as shared memory has room for.
    const int64_t m = all.m, n = all.n, row = (n > 4 ? 2 : 4) * kWarp + kPadding, stage = std::min(m, std::max<int64_t>(64, 3 * n)) * row;
    const int64_t warps = std::min((grid.threads + kWarp - 1) / kWarp, most_scratch_bytes() / (stage * int64_t(sizeof(T)))), scratch = warps * stage * int64_t(sizeof(T));
    grid.threads = warps * kWarp;
    T* const workspace = static_cast<T*>(allocate(grid.blocks * warps * (4 * m + 4 * n) * row * sizeof(T)));
#else
    T* const workspace = nullptr;
    const int64_t scratch = all.jacobi_scratch(grid);
#endif
    Matrices<Real<T>> values(all.batch, all.n, 1);
    for (const bool vectors : {true, false}) {
      all.run([&](const auto& x) {
        const SvdJacobi<T> arguments = all.jacobi(x, workspace, vectors, false);
        launch(function_of(arguments), arguments, grid, scratch);
      });
      if (vectors) all.expect_factors();
      else all.expect_values(values);
      values.fill([&](int64_t b, int64_t i, int64_t) { return all.s.at(b, i); });
    }
#if defined(__CUDACC__)
    release(workspace);
#endif
  });
}

#if !defined(__CUDACC__)

// The batch `all`, each matrix of it by itself by launch(views), must have the bits that `all` has.
template <class T, class Launch>
void expect_same_by_itself(const Decompositions<T>& all, const Shape& shape, const Launch& launch) {
  Decompositions<T> own(shape, all.conjugated);
  own.a.fill([&](int64_t b, int64_t i, int64_t j) { return all.a.at(b, i, j); });
  own.run([&](const auto& x) {
    for (int64_t b = 0; b < own.batch; b++) launch(Decompositions<T>::one(x, b));
  });
  testing.expect(own.u.same(all.u) && own.s.same(all.s) && own.v.same(all.v) && own.info.same(all.info), "a matrix by itself has other bits than in a vector");
}

template <class T>
void test_svd_lanes() {
  test_decompositions<T>("svd_lanes", [](Decompositions<T>& all, const Shape& shape, Grid grid) {
    all.run([&](const auto& x) {
      const SvdLanes<T> even = all.lanes(x, true);
      launch(lanes_of(even), even, grid, all.lanes_scratch());
      testing.expect(all.n == 1 || x.info[4] == kLeft, "the graded matrix is not left to svd_jacobi");
      const SvdJacobi<T> others = all.jacobi(x, nullptr, true, true);
      launch(function_of(others), others, grid, all.jacobi_scratch(grid));
    });
    all.expect_factors();
    const auto lanes = [&](const auto& x, int64_t batch, Grid grid) {
      SvdLanes<T> arguments = all.lanes(x, false);
      arguments.batch = batch;
      launch(lanes_of(arguments), arguments, grid, all.lanes_scratch());
    };
    all.run([&](const auto& x) { lanes(x, all.batch, grid); });
    all.expect_factors();
    expect_same_by_itself(all, shape, [&](const auto& x) { lanes(x, 1, Grid{1, 1}); });
  });
}

template <class T>
void test_svd_values_lanes() {
  test_decompositions<T>("svd_values_lanes", [](Decompositions<T>& all, const Shape& shape, Grid grid) {
    Matrices<Real<T>> expected(all.batch, all.n, 1);
    all.run([&](const auto& x) {
      const SvdJacobi<T> jacobi = all.jacobi(x, nullptr, true, false);
      launch(function_of(jacobi), jacobi, grid, all.jacobi_scratch(grid));
    });
    expected.fill([&](int64_t b, int64_t i, int64_t) { return all.s.at(b, i); });
    const auto values = [&](const auto& x, int64_t batch, Grid grid) {
      SvdValues<T> arguments = all.values(x);
      arguments.batch = batch;
      launch(lanes_of(arguments), arguments, grid, all.values_scratch());
    };
    all.run([&](const auto& x) { values(x, all.batch, grid); });
    all.expect_values(expected);
    expect_same_by_itself(all, shape, [&](const auto& x) { values(x, 1, Grid{1, 1}); });
  });
}

#endif
#endif

// ---- copy

template <class T>
void test_copy() {
  for (const Shape shape : {Shape{0, 3}, Shape{3, 0}, Shape{1, 1}, Shape{5, 3}, Shape{3, 17}, Shape{33, 32}})
    testing.run(text("copy %s %dx%d", kSuffix<T>, int(shape.rows), int(shape.columns)), [&] {
      const int64_t batch = 3;
      Matrices<T> from(batch, shape.rows, shape.columns, any_layout_to_read()), to(batch, shape.rows, shape.columns, any_layout_to_write());
      fill_random(from);
      for (const Grid grid : grids(batch * shape.rows, shape.rows == 33)) {
        to.poison();
        const Copy<T> arguments{from.input(), to.view(), batch, shape.rows, shape.columns};
        launch(function_of(arguments), arguments, grid, 0);
        to.take_output();
        from.expect_untouched();
        testing.expect(to.same(from), "the copy differs");
      }
    });
}

// ---- Kernels whose formulas the contract suites of Java check: here that no grid of threads changes a result, and what is read and written.

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

template <class T>
void test_cores() {
  using R = Real<T>;
  for (const Shape shape : {Shape{1, 1}, Shape{4, 4}, Shape{11, 6}, Shape{17, 9}})
    testing.run(text("spectral_core, svd_pushforward_core %s %dx%d", kSuffix<T>, int(shape.rows), int(shape.columns)), [&] {
      const int64_t batch = 3, m = shape.rows, n = shape.columns, units = batch * ((m + 7) / 8);
      Matrices<R> s(batch, n, 1, any_layout_to_read()), ds(batch, n, 1, any_layout_to_write());
      Matrices<T> t(batch, m, n, any_layout_to_read()), initial(batch, n, n, any_layout_to_write()), a(batch, n, n, any_layout_to_write());
      Matrices<T> w(batch, m, n, any_layout_to_write()), skew(batch, n, n, any_layout_to_write());
      fill_descending(s);
      fill_random(t);
      fill_random(initial);
      expect_same_on_every_grid(units, a, initial, 4, [&](Grid grid) {
        w.poison();
        const SpectralCore<T> arguments{a.view(), {s.input(), {}, {}, {1, 1.5, 0}}, {}, t.input(), m > n ? w.view() : View<T>{}, batch, m, n, 0};
        launch(function_of(arguments), arguments, grid, 0);
        if (m > n) w.take_output();
        s.expect_untouched();
        t.expect_untouched();
      });
      expect_same_on_every_grid(units, a, initial, 4, [&](Grid grid) {
        w.poison();
        skew.poison();
        ds.poison();
        const SvdPushforwardCore<T> arguments{a.view(), skew.view(), s.input(), ds.view(),        t.input(), m > n ? w.view() : View<T>{},
                                              batch,    m,           n,         default_rule<T>()};
        launch(function_of(arguments), arguments, grid, 0);
        if (m > n) w.take_output();
        skew.take_output();
        ds.take_output();
      });
    });
}

template <class T>
void test_svd_gauge() {
  using R = Real<T>;
  for (const Shape shape : {Shape{1, 1}, Shape{4, 4}, Shape{9, 6}, Shape{6, 9}})
    testing.run(text("svd_gauge %s %dx%d", kSuffix<T>, int(shape.rows), int(shape.columns)), [&] {
      const int64_t batch = 3, m = shape.rows, n = shape.columns, k = std::min(m, n);
      Matrices<R> s(batch, k, 1, any_layout_to_read()), result(batch, 1, 1, any_layout_to_write()), initial(batch, 1, 1, any_layout_to_write());
      Matrices<T> u(batch, m, k, any_layout_to_read()), v(batch, n, k, any_layout_to_read()), gu(batch, m, k, any_layout_to_read()),
          gv(batch, n, k, any_layout_to_read());
      fill_descending(s);
      for (Matrices<T>* input : {&u, &v, &gu, &gv}) fill_random(*input);
      initial.fill([](int64_t, int64_t, int64_t) { return R(0); });
      expect_same_on_every_grid(batch, result, initial, m + n, [&](Grid grid) {
        const SvdGauge<T> arguments{u.input(), s.input(), v.input(), gu.input(), gv.input(), result.view(), batch, m, n, k, k, 1e-3};
        launch(function_of(arguments), arguments, grid, 2 * grid.threads * int64_t(sizeof(R)));
      });
    });
}

template <class T>
void test_truncated_step() {
  using R = Real<T>;
  for (const bool start : {true, false})
    for (const Shape shape : {Shape{1, 1}, Shape{5, 3}, Shape{19, 2}})
      testing.run(text("truncated_step %s %dx%d%s", kSuffix<T>, int(shape.rows), int(shape.columns), start ? " start" : ""), [&] {
        const int64_t batch = 2, m = shape.rows, rank = shape.columns;
        Matrices<R> s(batch, rank, 1, any_layout_to_read()), norms(batch, rank, 2, any_layout_to_write()),
            relative(batch, rank, 1, any_layout_to_write());
        Matrices<T> product(batch, m, rank, any_layout_to_read()), initial(batch, m, rank, any_layout_to_write());
        Matrices<T> x(batch, m, rank, any_layout_to_write()), residual(batch, m, rank, any_layout_to_write()),
            p(batch, m, rank, any_layout_to_write());
        fill_descending(s);
        fill_random(product);
        fill_random(initial);
        expect_same_on_every_grid(batch * rank, x, initial, m, [&](Grid grid) {
          for (Matrices<T>* state : {&residual, &p}) state->fill([&](int64_t b, int64_t i, int64_t j) { return initial.at(b, i, j); });
          norms.fill([](int64_t, int64_t, int64_t) { return R(1); });
          relative.poison();
          const TruncatedStep<T> arguments{
              s.input(), product.input(), x.view(), residual.view(), p.view(), norms.view(), relative.view(), batch, m, rank, start};
          launch(function_of(arguments), arguments, grid, grid.threads * int64_t(sizeof(R)));
          for (Matrices<T>* state : {&residual, &p}) state->take_output();
          norms.take_output();
          relative.take_output();
        });
      });
}

// A good matrix, one that is not Hermitian, one with a negative eigenvalue among equal ones, and one that has no decomposition.
template <class T>
void test_eigh_check() {
  using R = Real<T>;
  for (const int64_t n : {1, 2, 9})
    testing.run(text("eigh_check %s %d", kSuffix<T>, int(n)), [&] {
      const int64_t batch = 4;
      Matrices<T> a(batch, n, n, any_layout_to_write()), u(batch, n, n, any_layout_to_write()), v(batch, n, n, any_layout_to_write());
      Matrices<R> s(batch, n, 1, any_layout_to_write());
      Matrices<int32_t> info(batch, 1, 1);
      const bool asymmetric = n > 1;  // where there is something beside the diagonal
      const int32_t expected[] = {0, asymmetric ? -4 : 0, -2, 7};
      std::vector<Dense> vectors;
      for (int64_t b = 0; b < batch; b++) vectors.push_back(orthonormal<T>(n, n));
      a.fill([&](int64_t b, int64_t i, int64_t j) {
        return rounded<T>(number(b == 1 && asymmetric && i == n - 1 && j == 0 ? 1.0L / 16 : i == j ? 2.0L : i < j ? 2 * kEpsilon<R> : 0.0L));
      });
      v.fill([&](int64_t b, int64_t i, int64_t j) { return rounded<T>(vectors[b](i, j)); });
      for (const Grid grid : grids(batch, n == 9)) {
        info.fill([&](int64_t b, int64_t, int64_t) { return b == 3 ? 7 : 0; });
        s.fill([&](int64_t b, int64_t, int64_t) { return b == 3 ? R(NAN) : R(2); });
        // I − 2ddᴴ with d = (1, …, 1)/√n turns all columns a little, so that none of a large group has a negative cosine.
        u.fill([&](int64_t b, int64_t i, int64_t j) {
          Number turned = vectors[b](i, j);
          for (int64_t l = 0; b == 2 && l < n; l++) turned = turned - number(2.0L / n) * vectors[b](i, l);
          return rounded<T>(turned);
        });
        const EighCheck<T> arguments{a.input(), u.view(), s.view(), v.input(), info.view().data, batch, n};
        launch(function_of(arguments), arguments, grid, 0);
        u.take_output();
        s.take_output();
        info.take_output();
        a.expect_untouched();
        v.expect_untouched();
        for (int64_t b = 0; b < batch; b++) {
          testing.expect(info.at(b, 0) == expected[b], "info(%d) is %d", int(b), info.at(b, 0));
          testing.expect(std::isnan(s.at(b, n - 1)) == (expected[b] != 0), "S of matrix %d", int(b));
          if (b < 3) testing.expect(finite(u, b) == (expected[b] == 0), "U of matrix %d", int(b));
        }
      }
    });
}

// The published example [[2, 4], [−4, 2]] from NumPy's factors: F is 9e13, and what is left of the sum is the rounding of each product.
void test_svd_inv() {
  testing.run("svd_backward_core f64 svd-inv as published", [] {
    Matrices<double> s(1, 2, 1), gs(1, 2, 1), p(1, 2, 2), q(1, 2, 2);
    const double values[] = {0x1.1e3779b97f4a8p+2, 0x1.1e3779b97f4a7p+2}, left[] = {0.4472135954999579, 1.3416407864998738};
    // Rows of P and Q are multiples of S + 0.1, but for the sign.
    s.fill([&](int64_t, int64_t i, int64_t) { return values[i]; });
    gs.fill([&](int64_t, int64_t i, int64_t) { return left[i]; });
    q.fill([&](int64_t, int64_t i, int64_t j) { return (i == 0 ? -1 : 1) * (left[j] * (values[j] + 0.1)); });
    p.fill([&](int64_t, int64_t i, int64_t j) { return i == j ? 0.0 : j == 1 ? q.at(0, 1, 0) : q.at(0, 0, 1); });
    const volatile double square_0 = values[0] * values[0], square_1 = values[1] * values[1];
    const double f = 1 / (square_1 - square_0), dp = p.at(0, 0, 1) - p.at(0, 1, 0), dq = q.at(0, 0, 1) - q.at(0, 1, 0);
    const volatile double fp = f * dp, fq = f * dq;
    const volatile double above_p = values[1] * fp, above_q = values[0] * fq, below_p = values[0] * fp, below_q = values[1] * fq;
    const double above = above_p + above_q, below = below_p + below_q;
    testing.expect(dp == -dq && above == 0.5, "dP %.17g, dQ %.17g: above %g", dp, dq, above);
    const SvdBackwardCore<double> arguments{p.view(), q.input(), s.input(), gs.input(), {}, {}, 1, 2, 2, 2, 2, {7, 0}};
    launch(function_of(arguments), arguments, {1, 1}, 0);
    p.take_output();
    testing.expect(p.at(0, 0, 1) == above && p.at(0, 1, 0) == below, "%.17g and %.17g, expected %.17g and %.17g", p.at(0, 0, 1), p.at(0, 1, 0), above, below);
  });
}

// A code that no rule and no function has must not be taken for another.
template <class R>
void test_unknown_codes() {
  testing.run(text("unknown codes %s", kSuffix<R>), [] {
    const int64_t n = 3;
    Matrices<R> s(1, n, 1), gap(1, n, n), sum(1, n, n), a(1, n, n), t(1, n, n);
    s.fill([](int64_t, int64_t i, int64_t) { return R(4 - i); });
    fill_random(t);
    for (const int64_t code : {-1, 10, 1000}) {
      gap.fill([](int64_t, int64_t, int64_t) { return R(1); });
      sum.fill([](int64_t, int64_t, int64_t) { return R(1); });
      const FMatrix<R> rule{s.input(), {}, gap.view(), sum.view(), 1, n, {code, 1e-3}};
      launch(function_of(rule), rule, {1, 1}, 0);
      gap.take_output();
      sum.take_output();
      fill_random(a);
      const SpectralCore<R> function{a.view(), {s.input(), {}, {}, {code, 0.5, 0}}, {}, t.input(), {}, 1, n, n, 0};
      launch(function_of(function), function, {1, 1}, 0);
      a.take_output();
      for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
          testing.expect(i == j || (std::isnan(gap.at(0, i, j)) && std::isnan(sum.at(0, i, j))), "rule %d is another", int(code));
          testing.expect(std::isnan(a.at(0, i, j)), "function %d is another", int(code));
        }
    }
  });
}

template <class T>
void test_all_of_type() {
  test_copy<T>();
  test_svd_pack<T>();
  test_svd_unpack<T>();
#if !defined(DIFFSVD_THREADED_BLOCKS)
  test_svd_jacobi<T>();
#if !defined(__CUDACC__)
  test_svd_lanes<T>();
  test_svd_values_lanes<T>();
#endif
#endif
  test_cores<T>();
  test_svd_gauge<T>();
  test_truncated_step<T>();
  test_eigh_check<T>();
  test_svd_backward_core<T>();
  test_svd_backward<T>();
}

int main(int count, char** words) {
  if (count > 1) testing.filter = words[1];
  std::printf("seed %" PRIu64 "\n", testing.seed);
  test_f_matrix<float>();
  test_f_matrix<double>();
  test_svd_inv();
  test_unknown_codes<float>();
  test_unknown_codes<double>();
  test_all_of_type<float>();
  test_all_of_type<double>();
  test_all_of_type<Complex<float>>();
  test_all_of_type<Complex<double>>();
  std::printf("%d passed, %d failed\n", testing.passed, testing.failed);
  return testing.failed > 0;
}
