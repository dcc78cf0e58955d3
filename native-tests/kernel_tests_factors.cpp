// What is done to matrices and factors before and after: copies, the solvers' scale, phases, ties, checks.
// Before the kernels.
// clang-format off
#include "kernels.h"
// clang-format on
#include "canonical_gauge.cu"
#include "common.h"
#include "copy.cu"
#include "eigh_check.cu"
#include "resolve_ties.cu"
#include "svd_gauge.cu"
#include "svd_pack.cu"
#include "svd_unpack.cu"

// ---- copy

template <class T>
void test_copy() {
  for (const Shape shape : {Shape{0, 3}, Shape{3, 0}, Shape{1, 1}, Shape{5, 3}, Shape{3, 17}, Shape{33, 32}})
    testing.run(text("copy %s %dx%d", kSuffix<T>, int(shape.rows), int(shape.columns)), [&] {
      const int64_t batch = 3;
      Matrices<T> from(batch, shape.rows, shape.columns, any_layout_to_read()), to(batch, shape.rows, shape.columns, any_layout_to_write());
      fill_random(from);
      for (const Grid grid : grids_of_patches(batch * shape.rows, shape.rows == 33)) {
        to.poison();
        const Copy<T> arguments{from.input(), to.view(), batch, shape.rows, shape.columns};
        launch(copy_of(arguments), arguments, grid, 0);
        to.take_output();
        from.expect_untouched();
        testing.expect(to.same(from), "the copy differs");
      }
    });
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
              from.at(b, i, j) = rounded<T>(
                  number(Complex<long double>{size[b] * std::max(-4.0L, std::min(4.0L, kept)), size[b] * std::max(-4.0L, std::min(4.0L, given.im))}));
            }
        for (const int64_t b : {1, 3}) {
          // One part of one element, the last one in the first bad matrix.
          const int64_t i = b == 1 ? shape.rows - 1 : testing.below(shape.rows), j = b == 1 ? shape.columns - 1 : testing.below(shape.columns);
          Real<T>* parts = reinterpret_cast<Real<T>*>(&from.at(b, i, j));
          parts[testing.below(sizeof(T) / sizeof(Real<T>))] = b == 1 ? Real<T>(NAN) : -Real<T>(INFINITY);
        }
        for (const Grid grid : grids_of_patches(batch, shape.rows == 17)) {
          to.poison();
          info.poison();
          const SvdPack<T> arguments{from.input(), to.view(), info.view().data, batch, shape.rows, shape.columns, adjoint};
          launch(svd_pack_of(arguments), arguments, grid, 0);
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
        for (const Grid grid : grids_of_patches(batch, shape.rows == 17)) {
          info.fill([&](int64_t b, int64_t, int64_t) { return screened[b]; });
          to_u.poison();
          to_s.poison();
          to_v.poison();
          const SvdUnpack<T> arguments{u.input(),   s.input(),   v.input(),   solver_info.input().data,
                                       to_u.view(), to_s.view(), to_v.view(), info.view().data,
                                       batch,       m,           n,           adjoint};
          launch(svd_unpack_of(arguments), arguments, grid, svd_unpack_scratch_bytes<T>(m, n, grid.threads));
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
              testing.expect(good(b, number(to_s.at(b, j)), number(s.at(b, j) / SolverScale<R>::kPower), false), "S(%d, %d) is wrong", int(b),
                             int(j));
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

// ---- svd_gauge

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
        launch(svd_gauge_of(arguments), arguments, grid, svd_gauge_scratch_bytes<T>(m, n, grid.threads));
      });
      // The largest |(Jp + Jq)_ij| over pairs whose values differ by at most τ, over the largest column.
      for (int64_t b = 0; b < batch; b++) {
        const Dense cotangents[] = {dense_of(gu, b), dense_of(gv, b)};
        const Dense dependence = skew_part(adjoint(dense_of(u, b)) * cotangents[0]) + skew_part(adjoint(dense_of(v, b)) * cotangents[1]);
        long double most = 0, size = 0, norm = 0;
        for (int64_t i = 0; i < k; i++)
          for (int64_t j = i; j < k; j++) {
            if (s.at(b, i) - s.at(b, j) > R(1e-3) * s.at(b, 0)) continue;
            most = std::max(most, std::hypot(dependence(i, j).re, dependence(i, j).im));
            size = std::max(size, dependence(i, j).size);
          }
        for (const Dense& g : cotangents)
          for (int64_t j = 0; j < k; j++) {
            long double square = 0;
            for (int64_t i = 0; i < g.rows; i++) square += g(i, j).re * g(i, j).re + g(i, j).im * g(i, j).im;
            norm = std::max(norm, std::sqrt(square));
          }
        testing.expect(near(result.at(b, 0), {most / norm, 0, size / norm}, m + n), "the gauge of matrix %d is %Lg, expected %Lg", int(b),
                       (long double)(result.at(b, 0)), most / norm);
      }
    });
}

// ---- eigh_check

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
        launch(eigh_check_of(arguments), arguments, grid, 0);
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

// ---- canonical_gauge: U and V with other phases, of columns with a largest entry, with several, of zero, with NaN.

template <class T>
void test_canonical_gauge() {
  using R = Real<T>;
  for (const Shape shape : {Shape{1, 1}, Shape{4, 4}, Shape{9, 6}, Shape{6, 9}})
    testing.run(text("canonical_gauge %s %dx%d", kSuffix<T>, int(shape.rows), int(shape.columns)), [&] {
      const int64_t batch = 4, m = shape.rows, n = shape.columns, k = std::min(m, n);
      Matrices<T> given_u(batch, m, k), given_v(batch, n, k), u(batch, m, k, any_layout_to_write()), v(batch, n, k, any_layout_to_write());
      fill_random(given_u);
      fill_random(given_v);
      for (int64_t i = 0; i < m; i++) {
        if (i > 0) given_u.at(1, i, 0) = R(-1) * given_u.at(1, 0, 0);  // the first of several counts
        given_u.at(2, i, k - 1) = T{};
        given_u.at(3, i, 0) = not_a_number<T>();
      }
      for (const Grid grid : grids(batch * k, m == 9)) {
        u.fill([&](int64_t b, int64_t i, int64_t j) { return given_u.at(b, i, j); });
        v.fill([&](int64_t b, int64_t i, int64_t j) { return given_v.at(b, i, j); });
        const CanonicalGauge<T> arguments{u.view(), v.view(), batch, m, n, k};
        launch(canonical_gauge_of(arguments), arguments, grid, 0);
        u.take_output();
        v.take_output();
        for (int64_t b = 0; b < batch; b++)
          for (int64_t j = 0; j < k; j++) {
            int64_t pivot = 0;
            const auto size = [&](int64_t i) { return magnitude(given_u.at(b, i, j)); };
            for (int64_t i = 1; i < m; i++)
              if (size(i) > size(pivot)) pivot = i;
            const bool kept = !(size(pivot) > 0);
            const Number phase = kept ? number(1) : number((long double)(1) / size(pivot)) * adjoint(number(given_u.at(b, pivot, j)));
            const Number entry = number(u.at(b, pivot, j));
            testing.expect(kept || (entry.re > 0 && entry.im == 0), "the largest entry of column %d of matrix %d is not positive", int(j), int(b));
            for (int64_t i = 0; i < m; i++) {
              if (b == 3 && j == 0)
                testing.expect(!(real_part(u.at(b, i, j)) == real_part(u.at(b, i, j))), "U(%d, %d) of a column of NaN is a number", int(b), int(i));
              else
                testing.expect(near(u.at(b, i, j), phase * number(given_u.at(b, i, j)), 4), "U(%d, %d, %d) is wrong", int(b), int(i), int(j));
            }
            for (int64_t i = 0; i < n; i++)
              testing.expect(near(v.at(b, i, j), phase * number(given_v.at(b, i, j)), 4), "V(%d, %d, %d) is wrong", int(b), int(i), int(j));
          }
      }
    });
}

// ---- resolve_ties: every kind of spectrum; a distinct one stays as it is.

template <class R>
void test_resolve_ties() {
  for (const int64_t k : {1, 2, 3, 9})
    testing.run(text("resolve_ties %s %d", kSuffix<R>, int(k)), [&] {
      const int64_t batch = kSpectra;
      Matrices<R> given(batch, k, 1), s(batch, k, 1, any_layout_to_write());
      fill_spectra(given);
      for (const Grid grid : grids(batch, k == 3)) {
        s.fill([&](int64_t b, int64_t i, int64_t) { return given.at(b, i); });
        const ResolveTies<R> arguments{s.view(), batch, k};
        launch(resolve_ties_of(arguments), arguments, grid, 0);
        s.take_output();
        for (int64_t b = 0; b < batch; b++) {
          // √eps·s_1 and what rounding to the type costs a sum of it and a value.
          const long double gap = std::sqrt(kEpsilon<R>) * given.at(b, 0),
                            rounding = 2 * kEpsilon<R> * (given.at(b, 0) + k * gap) + Limits<R>::smallest_normal;
          long double least = gap;
          for (int64_t i = k - 1; i >= 0; i--) {
            const long double expected = std::max((long double)(given.at(b, i)), least);
            testing.expect(std::fabs(s.at(b, i) - expected) <= k * rounding, "S(%d, %d) is %g, expected %Lg", int(b), int(i), double(s.at(b, i)),
                           expected);
            testing.expect(given.at(b, i) < least + k * rounding || s.at(b, i) == given.at(b, i), "S(%d, %d) moved", int(b), int(i));
            least = expected + gap;
          }
        }
      }
    });
}

template <class T>
void test_factors() {
  test_copy<T>();
  test_svd_pack<T>();
  test_svd_unpack<T>();
  test_svd_gauge<T>();
  test_eigh_check<T>();
  test_canonical_gauge<T>();
}

void test_factor_kernels() {
  test_resolve_ties<float>();
  test_resolve_ties<double>();
  test_factors<float>();
  test_factors<double>();
  test_factors<Complex<float>>();
  test_factors<Complex<double>>();
}
