// Spectral functions and losses of singular values.
// Before the kernels.
// clang-format off
#include "kernels.h"
// clang-format on
#include "common.h"
#include "singular_value_loss.cu"
#include "spectral_backward_tiles.cu"
#include "spectral_core.cu"
#include "spectral_forward_tiles.cu"
#include "spectral_parameter.cu"
#include "spectral_reference.h"
#include "spectral_scale.cu"

// Roundings of a function, its divided difference and the sums they go into.
constexpr int64_t kFunctionLength = 24;
// Without those at the edge of the type's range, where powers leave it.
constexpr int64_t kPlainSpectra = int64_t(Spectrum::tiny);

// What stands in a spectrum: a function, or a table of its values or thresholds.
enum class Table { none, values, thresholds };
constexpr const char* kTableNames[] = {"", " table of values", " table of thresholds"};

// Spectra and what a kernel is to see of them.
template <class T>
struct Spectral {
  using R = Real<T>;
  const int64_t batch = kPlainSpectra, m, n;
  const FunctionUnderTest function;
  const Table table;
  Matrices<R> s, values, slopes;

  Spectral(const Shape& shape, const FunctionUnderTest& function, Table table)
      : m(shape.rows),
        n(shape.columns),
        function(function),
        table(table),
        s(batch, n, 1, any_layout_to_write()),
        values(batch, n, 1, any_layout_to_write()),
        slopes(batch, n, 1, any_layout_to_write()) {
    fill_spectra(s);
    values.fill([&](int64_t b, int64_t i, int64_t) { return table == Table::thresholds ? R(0.4L * (i + 1)) : R(reference().value(s.at(b, i))); });
    slopes.fill([&](int64_t b, int64_t i, int64_t) { return R(reference().slope(s.at(b, i))); });
  }

  SpectralArguments<R> arguments() {
    return {s.input(),
            table == Table::none ? View<const R>{} : values.input(),
            table == Table::values ? slopes.input() : View<const R>{},
            {function.code, function.parameter, function.cut}};
  }
  std::string name(const char* kernel) const {
    return text("%s %s %dx%d %s=%g%s", kernel, kSuffix<T>, int(m), int(n), function.name, function.parameter, kTableNames[int(table)]);
  }

  ReferenceFunction reference() const { return {function.code, (long double)(R(function.parameter))}; }
  // A value as the function sees it: 0 up to the cut.
  long double at(int64_t b, int64_t i) const {
    return table == Table::none && s.at(b, i) <= R(function.cut) * s.at(b, 0) ? 0 : (long double)(s.at(b, i));
  }
  Number value(int64_t b, int64_t i) const {
    if (table == Table::none) return number(reference().value(at(b, i)));
    if (table == Table::values) return number((long double)(values.at(b, i)));
    return above(b, i) ? number((long double)(s.at(b, i))) - number((long double)(values.at(b, i))) : Number();
  }
  Number slope(int64_t b, int64_t i) const {
    if (table == Table::none) return number(reference().slope(at(b, i)));
    return number(table == Table::values ? (long double)(slopes.at(b, i)) : above(b, i) ? 1 : 0);
  }
  Number difference(int64_t b, int64_t i, int64_t j) const {
    const long double gap = at(b, i) - at(b, j);  // i ≤ j
    if (table == Table::none) return number(reference().difference(at(b, i), at(b, j)));
    if (gap > Limits<R>::root_epsilon * s.at(b, 0)) return number(1 / gap) * (value(b, i) - value(b, j));
    return number(0.5L) * (slope(b, i) + slope(b, j));
  }
  // (f_i + f_j)/(s_i + s_j)
  Number mean(int64_t b, int64_t i, int64_t j) const {
    const long double sum = at(b, i) + at(b, j);
    return sum == 0 ? slope(b, i) : number(1 / sum) * (value(b, i) + value(b, j));
  }
  // C, of A = Uᴴ G V; gs may be null.
  Dense core(int64_t b, const Dense& a, bool hermitian, const Matrices<R>* gs) const {
    const Dense even = hermitian_part(a), odd = skew_part(a);
    const Dense inner = dense(n, n, [&](int64_t i, int64_t j) {
      Number c = even(i, j) * difference(b, std::min(i, j), std::max(i, j));
      if (!hermitian) c = c + odd(i, j) * mean(b, i, j);
      if (gs && i == j) c = c + number((long double)(gs->at(b, i)));
      return c;
    });
    return m > n ? inner - times_ratios(b, a) : inner;
  }
  // Column j times f_j/s_j.
  Dense times_ratios(int64_t b, const Dense& x) const {
    return dense(x.rows, n, [&](int64_t i, int64_t j) { return x(i, j) * mean(b, j, j); });
  }
  // Of the parameter, or of what is given for each value.
  Dense parameter_gradient(int64_t b, const Dense& a) const {
    Dense gp{table == Table::none ? 1 : n, 1};
    for (int64_t i = 0; i < n; i++) {
      const Number part{a(i, i).re, 0, a(i, i).size};
      if (table == Table::none) gp(0, 0) = gp(0, 0) + number(reference().parameter(at(b, i))) * part;
      if (table == Table::values) gp(i, 0) = part;
      if (table == Table::thresholds) gp(i, 0) = number(-1) * slope(b, i) * part;
    }
    return gp;
  }

 private:
  bool above(int64_t b, int64_t i) const { return s.at(b, i) > values.at(b, i); }
};

// Calls test(shape, function, table) for every function, and for tables.
template <class T, class Test>
void for_spectra(const char* kernel, const Test& test, const std::vector<Shape>& shapes = {{1, 1}, {4, 4}, {17, 9}}) {
  const auto run = [&](const Shape& shape, const FunctionUnderTest& function, Table table) {
    testing.run(Spectral<T>(shape, function, table).name(kernel), [&] {
      Spectral<T> spectral(shape, function, table);
      test(spectral);
    });
  };
  for (const Shape shape : shapes)
    for (const Table table : {Table::none, Table::values, Table::thresholds}) run(shape, kFunctions[3], table);
  for (const FunctionUnderTest& function : kFunctions)
    for (const Shape shape : few_shapes(false)) run(shape, function, Table::none);
}

template <class T>
void test_spectral_core() {
  using R = Real<T>;
  for_spectra<T>("spectral_core", [](Spectral<T>& spectral) {
    const int64_t batch = spectral.batch, m = spectral.m, n = spectral.n;
    Matrices<T> given(batch, n, n), a(batch, n, n, any_layout_to_write()), t(batch, m, n, any_layout_to_read()),
        w(batch, m, n, any_layout_to_write());
    Matrices<R> gs(batch, n, 1, any_layout_to_read());
    fill_random(given);
    fill_random(t);
    fill_random(gs);
    for (const bool hermitian : {false, true})
      for (const Grid grid : grids_of_patches(batch * m, m == 17)) {
        const bool tall = m > n;
        w.poison();
        a.fill([&](int64_t b, int64_t i, int64_t j) { return given.at(b, i, j); });
        const SpectralCore<T> arguments{
            a.view(), spectral.arguments(), hermitian ? View<const R>{} : gs.input(), t.input(), tall ? w.view() : View<T>{}, batch, m, n, hermitian};
        launch(spectral_core_of(arguments), arguments, grid, 0);
        a.take_output();
        if (tall) w.take_output();
        spectral.s.expect_untouched();
        t.expect_untouched();
        for (int64_t b = 0; b < batch; b++) {
          expect_near(hermitian ? "C of a Hermitian matrix" : "C", a, b, spectral.core(b, dense_of(given, b), hermitian, hermitian ? nullptr : &gs),
                      kFunctionLength);
          if (tall) expect_near("W", w, b, spectral.times_ratios(b, dense_of(t, b)), kFunctionLength);
        }
      }
  });
}

template <class T>
void test_spectral_scale() {
  for_spectra<T>("spectral_scale", [](Spectral<T>& spectral) {
    const int64_t batch = spectral.batch, m = spectral.m, n = spectral.n;
    Matrices<T> u(batch, m, n, any_layout_to_read()), w(batch, m, n, any_layout_to_write());
    fill_random(u);
    for (const Grid grid : grids_of_patches(batch * m, m == 17)) {
      w.poison();
      const SpectralScale<T> arguments{u.input(), spectral.arguments(), w.view(), batch, m, n};
      launch(spectral_scale_of(arguments), arguments, grid, 0);
      w.take_output();
      u.expect_untouched();
      for (int64_t b = 0; b < batch; b++)
        expect_near("W", w, b, dense(m, n, [&](int64_t i, int64_t j) { return spectral.value(b, j) * number(u.at(b, i, j)); }), kFunctionLength);
    }
  });
}

template <class T>
void test_spectral_parameter() {
  using R = Real<T>;
  for_spectra<T>("spectral_parameter", [](Spectral<T>& spectral) {
    const int64_t batch = spectral.batch, n = spectral.n, count = spectral.table == Table::none ? 1 : n;
    Matrices<T> a(batch, n, n, any_layout_to_read());
    Matrices<R> gp(batch, count, 1, any_layout_to_write());
    fill_random(a);
    for (const Grid grid : grids(batch, spectral.m == 17)) {
      gp.poison();
      const SpectralParameter<T> arguments{a.input(), spectral.arguments(), gp.view(), batch, n};
      launch(spectral_parameter_of(arguments), arguments, grid, 0);
      gp.take_output();
      a.expect_untouched();
      for (int64_t b = 0; b < batch; b++) {
        expect_near("gp", gp, b, spectral.parameter_gradient(b, dense_of(a, b)), n + kFunctionLength);
      }
    }
  });
}

// ---- spectral_forward_tiles, spectral_backward_tiles

const std::vector<Shape> kShapesOfTiles = {{1, 1}, {4, 4}, {20, 3}, {8, 8}, {6, 5}, {16, 16}, {17, 9}, {33, 31}};

template <class T>
void test_spectral_forward_tiles() {
  const auto test = [](Spectral<T>& spectral) {
    const int64_t batch = spectral.batch, m = spectral.m, n = spectral.n;
    Matrices<T> u(batch, m, n, any_layout_to_read()), v(batch, n, n, any_layout_to_read());
    fill_random(u);
    fill_random(v);
    for (const bool wide : {false, true})
      for (const Grid grid : grids(batch, m == 17)) {
        Matrices<T> y(batch, wide ? n : m, wide ? m : n, any_layout_to_write());
        y.poison();
        const SpectralForward<T> arguments{u.input(), v.input(), spectral.arguments(), wide ? transposed(y.view()) : y.view(), batch, m, n, wide};
        LAUNCH_TILES(spectral_forward_tiles, T, n, arguments, grid.blocks)
        y.take_output();
        for (Matrices<T>* input : {&u, &v}) input->expect_untouched();
        for (int64_t b = 0; b < batch; b++) {
          const Dense u_b = dense_of(u, b), w = dense(m, n, [&](int64_t i, int64_t j) { return spectral.value(b, j) * u_b(i, j); });
          const Dense expected = w * adjoint(dense_of(v, b));
          expect_near("Y", y, b, wide ? adjoint(expected) : expected, n + kFunctionLength);
        }
      }
  };
  for_spectra<T>("spectral_forward_tiles", test, kShapesOfTiles);
}

template <class T>
void test_spectral_backward_tiles() {
  using R = Real<T>;
  const auto test = [](Spectral<T>& spectral) {
    const int64_t batch = spectral.batch, m = spectral.m, n = spectral.n;
    Matrices<T> u(batch, m, n, any_layout_to_write()), v(batch, n, n, any_layout_to_write());
    Matrices<R> gs(batch, n, 1, any_layout_to_read()), gp(batch, spectral.table == Table::none ? 1 : n, 1, any_layout_to_write());
    fill_orthonormal(u);
    fill_orthonormal(v);
    fill_random(gs);
    for (const bool wide : {false, true})
      for (const bool plain : {false, true})  // without gS and gp; Hermitian where square
        for (const Grid grid : grids(batch, m == 17)) {
          const bool hermitian = plain && m == n;
          Matrices<T> g(batch, wide ? n : m, wide ? m : n, any_layout_to_read()), gx(batch, g.rows, g.columns, any_layout_to_write());
          fill_random(g);
          gx.poison();
          gp.poison();
          const SpectralBackward<T> arguments{u.input(),
                                              v.input(),
                                              spectral.arguments(),
                                              wide ? transposed(g.input()) : g.input(),
                                              plain ? View<const R>{} : gs.input(),
                                              wide ? transposed(gx.view()) : gx.view(),
                                              plain ? View<R>{} : gp.view(),
                                              batch,
                                              m,
                                              n,
                                              wide,
                                              hermitian};
          LAUNCH_TILES(spectral_backward_tiles, T, n, arguments, grid.blocks)
          gx.take_output();
          if (!plain) gp.take_output();
          for (Matrices<T>* input : {&u, &v, &g}) input->expect_untouched();
          for (int64_t b = 0; b < batch; b++) {
            const Dense u_b = dense_of(u, b), v_b = dense_of(v, b), g_b = wide ? adjoint(dense_of(g, b)) : dense_of(g, b);
            const Dense t = g_b * v_b, a = adjoint(u_b) * t, uc = u_b * spectral.core(b, a, hermitian, plain ? nullptr : &gs);
            const Dense w = m > n ? uc + spectral.times_ratios(b, t) : uc, expected = w * adjoint(v_b);
            expect_near("gX", gx, b, wide ? adjoint(expected) : expected, m + 3 * n + kFunctionLength);
            if (!plain) expect_near("gp", gp, b, spectral.parameter_gradient(b, a), m + 2 * n + kFunctionLength);
          }
        }
  };
  for_spectra<T>("spectral_backward_tiles", test, kShapesOfTiles);
}

// ---- singular_value_loss

// Every loss of SingularValueLoss.java and of with_loss in singular_value_loss.cu.
struct LossUnderTest {
  int64_t code;
  const char* name;
  double parameter;
};
constexpr LossUnderTest kLosses[] = {
    {0, "nuclear norm", 0}, {1, "Schatten norm", 3}, {1, "Schatten norm", 1.5}, {2, "spectral norm", 0}, {3, "log det", 0.5}};

template <class R>
void test_singular_value_loss() {
  for (const LossUnderTest& loss : kLosses)
    for (const int64_t k : {1, 2, 9})
      for (const bool slopes : {true, false}) {
        if (kSmall && (k == 2 || !slopes)) continue;
        testing.run(text("singular_value_loss %s %d %s=%g%s", kSuffix<R>, int(k), loss.name, loss.parameter, slopes ? " gS" : ""), [&] {
          const int64_t batch = kPlainSpectra;
          Matrices<R> s(batch, k, 1, any_layout_to_write()), value(batch, 1, 1, any_layout_to_write()), gs(batch, k, 1, any_layout_to_write());
          fill_spectra(s);
          for (const Grid grid : grids(batch, k == 9)) {
            value.poison();
            gs.poison();
            const SingularValueLoss<R> arguments{s.input(), value.view(), slopes ? gs.view() : View<R>{}, batch, k, loss.code, loss.parameter};
            launch(singular_value_loss_of(arguments), arguments, grid, 0);
            value.take_output();
            if (slopes) gs.take_output();
            s.expect_untouched();
            for (int64_t b = 0; b < batch; b++) {
              const long double p = loss.parameter, largest = s.at(b, 0);
              Number sum;
              int64_t tied = 0;
              for (int64_t i = 0; i < k; i++) {
                const long double s_i = s.at(b, i);
                sum = sum + number(loss.code == 1 ? std::pow(s_i, p) : loss.code == 3 ? std::log(s_i + p) : s_i);
                if (largest - s_i <= k * kEpsilon<R> * largest) tied++;
              }
              Number expected = sum;
              if (loss.code == 1) expected = number(std::pow(sum.re, 1 / p));
              if (loss.code == 2) expected = number(largest);
              testing.expect(near(value.at(b, 0), expected, k + kFunctionLength), "the loss of matrix %d is %g, expected %Lg", int(b),
                             double(value.at(b, 0)), expected.re);
              for (int64_t i = 0; slopes && i < k; i++) {
                const long double s_i = s.at(b, i);
                const long double slope = loss.code == 3   ? 1 / (s_i + p)
                                          : s_i == 0       ? 0
                                          : loss.code == 0 ? 1
                                          : loss.code == 1 ? std::pow(s_i / expected.re, p - 1)
                                          : i < tied       ? 1 / (long double)(tied)
                                                           : 0;
                testing.expect(near(gs.at(b, i), number(slope), k + kFunctionLength), "gS(%d, %d) is %g, expected %Lg", int(b), int(i),
                               double(gs.at(b, i)), slope);
              }
            }
          }
        });
      }
}

// ---- A code that no function and no loss has must not be taken for another, and one that has is tested.

template <class R>
void test_spectral_codes() {
  const auto known = [](const auto& all, int64_t code) {
    return std::any_of(std::begin(all), std::end(all), [&](const auto& one) { return one.code == code; });
  };
  testing.run(text("spectral_scale %s codes of functions", kSuffix<R>), [&] {
    Matrices<R> s(1, 2, 1), u(1, 2, 2), w(1, 2, 2);
    s.fill([](int64_t, int64_t i, int64_t) { return R(4 - i); });
    fill_random(u);
    for (int64_t code = -1; code <= 64; code++) {
      const SpectralScale<R> arguments{u.input(), {s.input(), {}, {}, {code, 0.5, 0}}, w.view(), 1, 2, 2};
      launch(spectral_scale_of(arguments), arguments, {1, kPatch}, 0);
      w.take_output();
      const bool tested = known(kFunctions, code);
      testing.expect(tested || !finite(w, 0),
                     "with_function of spectral_functions.cuh has a function %d, kFunctions of spectral_reference.h has none", int(code));
      testing.expect(!tested || finite(w, 0),
                     "kFunctions of spectral_reference.h has a function %d, with_function of spectral_functions.cuh has no case for it", int(code));
    }
  });
  testing.run(text("singular_value_loss %s codes of losses", kSuffix<R>), [&] {
    Matrices<R> s(1, 2, 1), loss(1, 1, 1), gs(1, 2, 1);
    s.fill([](int64_t, int64_t i, int64_t) { return R(4 - i); });
    for (int64_t code = -1; code <= 64; code++) {
      const SingularValueLoss<R> arguments{s.input(), loss.view(), gs.view(), 1, 2, code, 0.5};
      launch(singular_value_loss_of(arguments), arguments, {1, 1}, 0);
      loss.take_output();
      gs.take_output();
      const bool tested = known(kLosses, code);
      testing.expect(tested || (!finite(loss, 0) && !finite(gs, 0)), "with_loss of singular_value_loss.cu has a loss %d, kLosses here has none",
                     int(code));
      testing.expect(!tested || finite(loss, 0), "kLosses here has a loss %d, with_loss of singular_value_loss.cu has no case for it", int(code));
    }
  });
}

template <class T>
void test_spectral() {
  test_spectral_core<T>();
  test_spectral_scale<T>();
  test_spectral_parameter<T>();
  test_spectral_forward_tiles<T>();
  test_spectral_backward_tiles<T>();
}

void test_spectral_kernels() {
  test_spectral_codes<float>();
  test_spectral_codes<double>();
  test_singular_value_loss<float>();
  test_singular_value_loss<double>();
  test_spectral<float>();
  test_spectral<double>();
  test_spectral<Complex<float>>();
  test_spectral<Complex<double>>();
}
