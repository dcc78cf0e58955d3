// The backward and the forward derivative of the SVD, by every gradient rule.
// Before the kernels.
// clang-format off
#include "kernels.h"
// clang-format on
#include "f_matrix.cu"
#include "svd_backward_core.cu"
#include "svd_backward_tiles.cu"
#if !defined(__CUDACC__) && !defined(DIFFSVD_THREADED_BLOCKS)
// A thread of it works alone.
#define DIFFSVD_TESTS_LANES
#include "svd_backward_lanes.cu"
#endif
#include "common.h"
#include "svd_pushforward_core.cu"
#include "truncated_step.cu"

// Roundings of a rule, of the core's and of what is added to it.
constexpr int64_t kRuleLength = 24;

// ---- svd_backward_tiles, svd_backward_lanes

// The pullback of X (rows×columns); given is a set of bits: 1 gU, 2 gS, 4 gV.
template <class T>
struct Backward {
  using R = Real<T>;
  int64_t batch, rows, columns, k = std::min(rows, columns);
  int given;
  int64_t rank;  // that the cotangents have
  RuleArguments rule;
  bool lanes = false;  // svd_backward_lanes, for one thread, or svd_backward_tiles
  Matrices<T> u, v, gu, gv;
  Matrices<R> s, gs;

  Backward(int64_t batch, int64_t rows, int64_t columns, int given, int64_t rank, int64_t code = 0)
      : batch(batch),
        rows(rows),
        columns(columns),
        given(given),
        rank(rank),
        rule(default_rule<R>(code)),
        u(batch, rows, k, any_layout_to_write()),
        v(batch, columns, k, any_layout_to_write()),
        gu(batch, rows, rank, any_layout_to_read()),
        gv(batch, columns, rank, any_layout_to_read()),
        s(batch, k, 1, any_layout_to_write()),
        gs(batch, rank, 1, any_layout_to_read()) {
    fill_orthonormal(u);
    fill_orthonormal(v);
    fill_spectra(s, testing.below(kSpectra));
    fill_random(gu);
    fill_random(gv);
    fill_random(gs);
  }

  void run(Matrices<T>& gx, Grid grid) {
    const bool wide = rows < columns;
    const auto given_or_absent = [this](int bit, auto& a) { return given & bit ? a.input() : decltype(a.input()){}; };
    gx.poison();
    SvdBackward<T> arguments{
        u.input(), s.input(), v.input(), given_or_absent(1, gu), given_or_absent(2, gs), given_or_absent(4, gv), gx.view(), batch, rows, columns,
        rank,      wide,      rule};
    if (wide) {
      std::swap(arguments.u, arguments.v);
      std::swap(arguments.gu, arguments.gv);
      std::swap(arguments.m, arguments.n);
      arguments.gx = transposed(arguments.gx);
    }
    if (lanes) {
#if defined(DIFFSVD_TESTS_LANES)
      launch(svd_backward_lanes_of(arguments), arguments, grid, svd_backward_lanes_scratch_bytes<T>(arguments.m, k, 1));
#endif
    } else {
      LAUNCH_TILES(svd_backward_tiles, T, k, arguments, grid.blocks)
    }
    gx.take_output();
    for (Matrices<T>* input : {&u, &v}) input->expect_untouched();
    s.expect_untouched();
  }

  Dense expected(int64_t b) const {
    // The columns beyond the rank are zero.
    const auto padded = [&](int bit, const Matrices<T>& a) {
      return dense(a.rows, k, [&](int64_t i, int64_t j) { return given & bit && j < rank ? number(a.at(b, i, j)) : Number(); });
    };
    Vector slopes(k);
    for (int64_t i = 0; given & 2 && i < rank; i++) slopes[i] = gs.at(b, i);
    return gradient(dense_of(u, b), vector_of(s, b), dense_of(v, b), padded(1, gu), slopes, padded(4, gv),
                    ReferenceRule<R>(rule, k > 0 ? s.at(b, 0) : R(0)));
  }
};

template <class T>
void test_svd_backward(bool lanes, const Shape& shape, int given, int64_t rank, const RuleName& rule) {
  const int64_t batch = kSmall ? 2 : shape.rows * shape.columns < 200 ? kSpectra : 3;
  testing.run(text("%s %s %dx%d%s%s%s rank %d %s", lanes ? "svd_backward_lanes" : "svd_backward_tiles", kSuffix<T>, int(shape.rows),
                   int(shape.columns), given & 1 ? " gU" : "", given & 2 ? " gS" : "", given & 4 ? " gV" : "", int(rank), rule.name),
              [&] {
                Backward<T> backward(batch, shape.rows, shape.columns, given, rank, rule.code);
                Matrices<T> gx(batch, shape.rows, shape.columns, any_layout_to_write()), again(batch, shape.rows, shape.columns);
                backward.lanes = lanes;
                backward.run(gx, {1, 1});
                for (int64_t b = 0; b < batch && testing.good(); b++)
                  expect_near("gX", gx, b, backward.expected(b), shape.rows + 2 * shape.columns + kRuleLength);
                for (const Grid grid : grids(batch, given == 7 && shape.rows == 17)) {
                  backward.run(again, grid);
                  testing.expect(gx.same(again), "other bits on %d blocks", int(grid.blocks));
                }
              });
}

template <class T>
void test_svd_backward(bool lanes) {
  const char* const kernel = lanes ? "svd_backward_lanes" : "svd_backward_tiles";
  std::vector<Shape> shapes = {{1, 1},   {2, 2},   {3, 3},   {4, 4},   {8, 8},  {15, 15}, {16, 16}, {17, 17}, {2, 1},  {16, 1}, {5, 3},
                               {9, 7},   {17, 16}, {16, 15}, {33, 32}, {32, 8}, {31, 9},  {33, 4},  {64, 5},  {1, 2},  {1, 16}, {3, 5},
                               {16, 17}, {15, 16}, {5, 64},  {9, 31},  {8, 32}, {32, 33}, {33, 33}, {24, 12}, {12, 25}};
  if (kSmall) shapes = {{1, 1}, {3, 3}, {17, 16}, {5, 18}, {33, 20}};
  for (const Shape shape : shapes)
    for (int given = 0; given < 8; given++) {
      if (!lanes && std::min(shape.rows, shape.columns) > 32) continue;
      if (kSmall && shape.rows < 16 && given % 7 != 0) continue;
      test_svd_backward<T>(lanes, shape, given, std::min(shape.rows, shape.columns), kRules[0]);
    }
  for (const RuleName& rule : kRules)
    for (const Shape shape : few_shapes(true)) test_svd_backward<T>(lanes, shape, 7, std::min(shape.rows, shape.columns), rule);
  for (const Shape shape : few_shapes(true))
    for (int given = kSmall ? 7 : 1; given < 8; given++) test_svd_backward<T>(lanes, shape, given, 3, kRules[0]);

  testing.run(text("%s %s empty batch", kernel, kSuffix<T>), [&] {
    Backward<T> backward(0, 4, 4, 7, 4);
    backward.lanes = lanes;
    Matrices<T> gx(0, 4, 4);
    for (const Grid grid : grids(0, true)) backward.run(gx, grid);
  });

  testing.run(text("%s %s bad neighbour", kernel, kSuffix<T>), [&] {
    Backward<T> backward(3, 6, 4, 7, 4);
    backward.lanes = lanes;
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
void test_svd_backward_core(const RuleName& rule, const Shape& shape, int given) {
  using R = Real<T>;
  const int64_t batch = kSmall ? 3 : kSpectra;
  const RuleArguments chosen = default_rule<R>(rule.code);
  testing.run(text("svd_backward_core %s %dx%d%s%s%s %s", kSuffix<T>, int(shape.rows), int(shape.columns), given & 1 ? " gU" : "",
                   given & 2 ? " gS" : "", given & 4 ? " gV" : "", rule.name),
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
                  const ReferenceRule<R> reference(chosen, s.at(b, 0));
                  const Vector s_b = vector_of(s, b), gs_b = given & 2 ? vector_of(gs, b) : Vector(n);
                  const Dense p_b = given & 1 ? dense_of(given_p, b) : zero, gu_b = dense_of(gu, b);
                  const Dense m_b = core(p_b, given & 4 ? dense_of(q, b) : zero, s_b, gs_b, reference);
                  expected_p.push_back(tall ? m_b - times_inverse(p_b, s_b, reference) : m_b);
                  expected_w.push_back(rotates ? times_inverse(gu_b, s_b, reference)
                                               : dense(m, n, [&](int64_t i, int64_t j) { return gu_b(i, j) * number(gs_b[j]); }));
                }
                bool first = true;
                for (const Grid grid : grids_of_patches(batch * m, given == 7 && m == 17)) {
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
                                                     chosen};
                  launch(svd_backward_core_of(arguments), arguments, grid, 0);
                  if (rotates) p.take_output();
                  if (scales) w.take_output();
                  for (int64_t b = 0; b < batch && first; b++) {
                    if (rotates) expect_near("C", p, b, expected_p[b], kRuleLength);
                    if (scales) expect_near("W", w, b, expected_w[b], kRuleLength);
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

template <class T>
void test_svd_backward_core() {
  std::vector<Shape> shapes = {{1, 1}, {3, 3}, {5, 3}, {8, 8}, {17, 16}, {16, 16}, {33, 9}, {64, 5}};
  if (kSmall) shapes = {{1, 1}, {9, 9}, {17, 10}};
  for (const Shape shape : shapes)
    for (int given = 0; given < 8; given++) test_svd_backward_core<T>(kRules[0], shape, given);
  for (const RuleName& rule : kRules)
    for (const Shape shape : few_shapes(false)) test_svd_backward_core<T>(rule, shape, 7);
}

// ---- f_matrix

template <class R>
void test_f_matrix(const RuleName& rule, int64_t k, int wanted) {
  const RuleArguments given = default_rule<R>(rule.code);
  testing.run(
      text("f_matrix %s %d%s%s%s %s", kSuffix<R>, int(k), wanted & 1 ? " F" : "", wanted & 2 ? " gap" : "", wanted & 4 ? " sum" : "", rule.name),
      [&] {
        const int64_t batch = kSpectra + 1;
        Matrices<R> s(batch, k, 1, any_layout_to_write());
        Matrices<R> f(batch, k, k, any_layout_to_write()), gap(batch, k, k, any_layout_to_write()), sum(batch, k, k, any_layout_to_write());
        fill_spectra(s);
        const int64_t bad = kSpectra;
        s.at(bad, k / 2) = R(NAN);
        for (const Grid grid : grids(batch, k == 8)) {
          for (Matrices<R>* output : {&f, &gap, &sum}) output->poison();
          const auto view = [&](int bit, Matrices<R>& a) { return wanted & bit ? a.view() : View<R>{}; };
          const FMatrix<R> arguments{s.input(), view(1, f), view(2, gap), view(4, sum), batch, k, given};
          launch(f_matrix_of(arguments), arguments, grid, 0);
          if (wanted & 1) f.take_output();
          if (wanted & 2) gap.take_output();
          if (wanted & 4) sum.take_output();
          s.expect_untouched();
          for (int64_t b = 0; b < batch; b++) {
            const ReferenceRule<R> reference(given, s.at(b, 0));
            for (int64_t i = 0; i < k; i++)
              for (int64_t j = 0; j < k; j++) {
                const long double s_i = s.at(b, i), s_j = s.at(b, j);
                const bool broken = std::isnan(s_i) || std::isnan(s_j), no_phase = i == j && rule.code == 7;
                const StandIns expected = stand_ins(reference, s_i, s_j, i, j);
                if (wanted & 2)
                  testing.expect(broken ? std::isnan(gap.at(b, i, j)) : near(gap.at(b, i, j), number(expected.gap), kRuleLength),
                                 "gap(%d, %d, %d) is %g, expected %Lg", int(b), int(i), int(j), double(gap.at(b, i, j)), expected.gap);
                if (wanted & 4)
                  testing.expect(broken && !no_phase ? std::isnan(sum.at(b, i, j)) : near(sum.at(b, i, j), number(expected.sum), kRuleLength),
                                 "sum(%d, %d, %d) is %g, expected %Lg", int(b), int(i), int(j), double(sum.at(b, i, j)), expected.sum);
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

template <class R>
void test_f_matrix() {
  for (const int64_t k : {1, 2, 3, 8, 17, 33})
    for (int wanted = 1; wanted < 8; wanted++)
      if (!kSmall || (k <= 8 && wanted % 3 == 1)) test_f_matrix<R>(kRules[0], k, wanted);
  for (const RuleName& rule : kRules) test_f_matrix<R>(rule, kSmall ? 3 : 11, 7);
}

// ---- svd_pushforward_core

template <class T>
void test_svd_pushforward_core(const RuleName& rule, const Shape& shape) {
  using R = Real<T>;
  const int64_t batch = kSmall ? 3 : kSpectra, m = shape.rows, n = shape.columns;
  const RuleArguments chosen = default_rule<R>(rule.code);
  testing.run(text("svd_pushforward_core %s %dx%d %s", kSuffix<T>, int(m), int(n), rule.name), [&] {
    Matrices<R> s(batch, n, 1, any_layout_to_write()), ds(batch, n, 1, any_layout_to_write());
    Matrices<T> t(batch, m, n, any_layout_to_read()), given(batch, n, n), d(batch, n, n, any_layout_to_write());
    Matrices<T> w(batch, m, n, any_layout_to_write()), skew(batch, n, n, any_layout_to_write());
    fill_spectra(s, testing.below(kSpectra));
    fill_random(t);
    fill_random(given);
    for (const Grid grid : grids_of_patches(batch * m, m == 17)) {
      for (Matrices<T>* output : {&w, &skew}) output->poison();
      ds.poison();
      d.fill([&](int64_t b, int64_t i, int64_t j) { return given.at(b, i, j); });
      const SvdPushforwardCore<T> arguments{d.view(), skew.view(), s.input(), ds.view(), t.input(), m > n ? w.view() : View<T>{},
                                            batch,    m,           n,         chosen};
      launch(svd_pushforward_core_of(arguments), arguments, grid, 0);
      for (Matrices<T>* output : {&d, &skew}) output->take_output();
      if (m > n) w.take_output();
      ds.take_output();
      t.expect_untouched();
      for (int64_t b = 0; b < batch; b++) {
        const ReferenceRule<R> reference(chosen, s.at(b, 0));
        const Dense d_b = dense_of(given, b), even = hermitian_part(d_b), odd = skew_part(d_b);
        const Vector s_b = vector_of(s, b);
        // Ω, N = ½(D + Dᴴ) g(s_j − s_i) ± ½(D − Dᴴ) h(s_j + s_i)
        const auto rotation = [&](long double sign) {
          return dense(n, n, [&](int64_t i, int64_t j) {
            const StandIns of = stand_ins(reference, s_b[i], s_b[j], i, j);
            const Number phase = number(sign * of.sum) * odd(i, j);
            return i == j ? phase : number(of.gap) * even(i, j) + phase;
          });
        };
        Dense left = rotation(1);
        for (int64_t i = 0; i < n; i++)
          for (int64_t j = 0; j < n; j++)
            if (i != j) left(i, j) = left(i, j) + number(reference.tied(s_b[i], s_b[j])) * d_b(i, j);
        expect_near("Omega", d, b, m > n ? left - times_inverse(d_b, s_b, reference) : left, kRuleLength);
        expect_near("N", skew, b, rotation(-1), kRuleLength);
        if (m > n) expect_near("W", w, b, times_inverse(dense_of(t, b), s_b, reference), kRuleLength);
        for (int64_t i = 0; i < n; i++) testing.expect(ds.at(b, i) == real_part(given.at(b, i, i)), "dS(%d, %d) is wrong", int(b), int(i));
      }
    }
  });
}

template <class T>
void test_svd_pushforward_core() {
  for (const Shape shape : {Shape{1, 1}, Shape{4, 4}, Shape{11, 6}, Shape{17, 9}}) test_svd_pushforward_core<T>(kRules[0], shape);
  for (const RuleName& rule : kRules)
    for (const Shape shape : few_shapes(false)) test_svd_pushforward_core<T>(rule, shape);
}

// ---- truncated_step: the contract suite of Java has its formula; here no grid of threads changes a result.

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
          launch(truncated_step_of(arguments), arguments, grid, truncated_step_scratch_bytes<T>(m, rank, grid.threads));
          for (Matrices<T>* state : {&residual, &p}) state->take_output();
          norms.take_output();
          relative.take_output();
        });
      });
}

// The published example [[2, 4], [−4, 2]] from NumPy's factors: F is 9e13, and what is left of the sum is the rounding of each product.
void test_svd_inv() {
  testing.run("svd_backward_core f64 as published", [] {
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
    launch(svd_backward_core_of(arguments), arguments, {1, kPatch}, 0);
    p.take_output();
    testing.expect(p.at(0, 0, 1) == above && p.at(0, 1, 0) == below, "%.17g and %.17g, expected %.17g and %.17g", p.at(0, 0, 1), p.at(0, 1, 0), above,
                   below);
  });
}

// A code that no rule has must not be taken for another, and one that a rule has is tested.
template <class R>
void test_rule_codes() {
  testing.run(text("f_matrix %s codes of rules", kSuffix<R>), [] {
    const int64_t n = 3;
    Matrices<R> s(1, n, 1), gap(1, n, n), sum(1, n, n);
    s.fill([](int64_t, int64_t i, int64_t) { return R(4 - i); });
    for (int64_t code = -1; code <= 64; code++) {
      const FMatrix<R> arguments{s.input(), {}, gap.view(), sum.view(), 1, n, {code, 1e-3}};
      launch(f_matrix_of(arguments), arguments, {1, 1}, 0);
      gap.take_output();
      sum.take_output();
      const bool known = std::any_of(std::begin(kRules), std::end(kRules), [&](const RuleName& rule) { return rule.code == code; });
      testing.expect(known || (!finite(gap, 0) && !finite(sum, 0)), "with_rule of gradient_rules.cuh has a rule %d, kRules of rules.h has none",
                     int(code));
      testing.expect(!known || finite(gap, 0), "kRules of rules.h has a rule %d, with_rule of gradient_rules.cuh has no case for it", int(code));
    }
  });
}

template <class T>
void test_derivatives() {
  test_svd_backward<T>(false);
#if defined(DIFFSVD_TESTS_LANES)
  test_svd_backward<T>(true);
#endif
  test_svd_backward_core<T>();
  test_svd_pushforward_core<T>();
  test_truncated_step<T>();
}

void test_backward_kernels() {
  test_rule_codes<float>();
  test_rule_codes<double>();
  test_f_matrix<float>();
  test_f_matrix<double>();
  test_svd_inv();
  test_derivatives<float>();
  test_derivatives<double>();
  test_derivatives<Complex<float>>();
  test_derivatives<Complex<double>>();
}
