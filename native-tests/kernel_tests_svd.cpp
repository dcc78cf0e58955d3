// The decompositions. They have no barriers, and none of their threads shares anything with another, so that there is no race to look for.
#if !defined(DIFFSVD_THREADED_BLOCKS)
// Before the kernels.
// clang-format off
#include "kernels.h"
// clang-format on
#include "svd_jacobi.cu"
#if !defined(__CUDACC__)
#include "svd_lanes.cu"
#include "svd_values_lanes.cu"
#endif

#include "common.h"

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
  // Matrix b by itself.
  static Views one(const Views& x, int64_t b) { return {x.a.matrix(b), x.u.matrix(b), x.s.matrix(b), x.v.matrix(b), x.info + b}; }
#if !defined(__CUDACC__)
  SvdLanes<T> lanes(const Views& x, bool leaves) const { return {x.a, x.u, x.s, x.v, x.info, batch, m, n, conjugated, leaves}; }
  SvdValues<T> values(const Views& x) const { return {x.a, x.s, x.info, batch, m, n}; }
  int64_t jacobi_scratch() const { return svd_jacobi_scratch_bytes<T>(m, n, 1); }
  int64_t lanes_scratch() const { return svd_lanes_scratch_bytes<T>(m, n, 1); }
  int64_t values_scratch() const { return svd_values_lanes_scratch_bytes<T>(m, n, 1); }
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
        testing.expect(b == 1 ? std::isnan(s.at(b, i)) : std::abs(s.at(b, i) - values.at(b, i)) <= 40 * m * kEpsilon<R> * values.at(b, 0),
                       "S(%d) alone", int(b));
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
  for (const Shape shape : {Shape{1, 1}, Shape{2, 2}, Shape{3, 3}, Shape{7, 1}, Shape{6, 5}, Shape{11, 5}, Shape{16, 16}, Shape{40, 9}, Shape{24, 24},
                            Shape{33, 33}, Shape{64, 64}, Shape{300, 5}}) {
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
    const int64_t warps = std::min((grid.threads + kWarp - 1) / kWarp, most_scratch_bytes() / (stage * int64_t(sizeof(T)))),
                  scratch = warps * stage * int64_t(sizeof(T));
    grid.threads = warps * kWarp;
    T* const workspace = static_cast<T*>(allocate(grid.blocks * warps * (4 * m + 4 * n) * row * sizeof(T)));
#else
    T* const workspace = nullptr;
    const int64_t scratch = all.jacobi_scratch();
#endif
    Matrices<Real<T>> values(all.batch, all.n, 1);
    for (const bool vectors : {true, false}) {
      all.run([&](const auto& x) {
        const SvdJacobi<T> arguments = all.jacobi(x, workspace, vectors, false);
        launch(svd_jacobi_of(arguments), arguments, grid, scratch);
      });
      if (vectors)
        all.expect_factors();
      else
        all.expect_values(values);
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
  testing.expect(own.u.same(all.u) && own.s.same(all.s) && own.v.same(all.v) && own.info.same(all.info),
                 "a matrix by itself has other bits than in a vector");
}

template <class T>
void test_svd_lanes() {
  test_decompositions<T>("svd_lanes", [](Decompositions<T>& all, const Shape& shape, Grid grid) {
    all.run([&](const auto& x) {
      const SvdLanes<T> even = all.lanes(x, true);
      launch(svd_lanes_of(even), even, grid, all.lanes_scratch());
      testing.expect(all.n == 1 || x.info[4] == kLeft, "the graded matrix is not left to svd_jacobi");
      const SvdJacobi<T> others = all.jacobi(x, nullptr, true, true);
      launch(svd_jacobi_of(others), others, grid, all.jacobi_scratch());
    });
    all.expect_factors();
    const auto lanes = [&](const auto& x, int64_t batch, Grid grid) {
      SvdLanes<T> arguments = all.lanes(x, false);
      arguments.batch = batch;
      launch(svd_lanes_of(arguments), arguments, grid, all.lanes_scratch());
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
      launch(svd_jacobi_of(jacobi), jacobi, grid, all.jacobi_scratch());
    });
    expected.fill([&](int64_t b, int64_t i, int64_t) { return all.s.at(b, i); });
    const auto values = [&](const auto& x, int64_t batch, Grid grid) {
      SvdValues<T> arguments = all.values(x);
      arguments.batch = batch;
      launch(svd_values_lanes_of(arguments), arguments, grid, all.values_scratch());
    };
    all.run([&](const auto& x) { values(x, all.batch, grid); });
    all.expect_values(expected);
    expect_same_by_itself(all, shape, [&](const auto& x) { values(x, 1, Grid{1, 1}); });
  });
}

#endif

template <class T>
void test_decompositions() {
  test_svd_jacobi<T>();
#if !defined(__CUDACC__)
  test_svd_lanes<T>();
  test_svd_values_lanes<T>();
#endif
}

void test_svd_kernels() {
  test_decompositions<float>();
  test_decompositions<double>();
  test_decompositions<Complex<float>>();
  test_decompositions<Complex<double>>();
}
#else
void test_svd_kernels() {}
#endif
