#include "cases.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <random>
#include <type_traits>

// Of the kernels the host gets what is called here.
#define KERNEL_IN_f32(...)
#define KERNEL_IN_f64(...)
#define KERNEL_IN_c64(...)
#define KERNEL_IN_c128(...)
#include "canonical_gauge.cu"
#include "copy.cu"
#include "eigh_check.cu"
#include "f_matrix.cu"
#include "resolve_ties.cu"
#include "singular_value_loss.cu"
#include "spectral_backward_tiles.cu"
#include "spectral_core.cu"
#include "spectral_forward_tiles.cu"
#include "spectral_parameter.cu"
#include "spectral_scale.cu"
#include "svd_backward_core.cu"
#include "svd_backward_tiles.cu"
#include "svd_gauge.cu"
#include "svd_jacobi.cu"
#include "svd_pack.cu"
#include "svd_pushforward_core.cu"
#include "svd_unpack.cu"
#include "truncated_step.cu"

namespace {

// Of Java's Backend.Limits for a GPU.
constexpr int kThreads = 128, kResidentBlocks = 132 * 16;

int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <class T>
constexpr const char* kSuffix = "_f32";
template <>
constexpr const char* kSuffix<double> = "_f64";
template <>
constexpr const char* kSuffix<Complex<float>> = "_c64";
template <>
constexpr const char* kSuffix<Complex<double>> = "_c128";

// Calls body with the number of columns that a kernel of tiles is compiled for.
template <class Body>
Case with_size(int64_t n, const Body& body) {
  if (n <= 4) return body(std::integral_constant<int, 4>());
  if (n <= 8) return body(std::integral_constant<int, 8>());
  if (n <= 16) return body(std::integral_constant<int, 16>());
  return body(std::integral_constant<int, 32>());
}

template <class T>
class Maker {
  using R = Real<T>;
  enum class Content { random, nothing };

 public:
  Maker(Memory& memory, const std::string& kernel, int64_t batch, int64_t m, int64_t n, const Gpu& gpu, const Residency& resident,
        const Options& options)
      : memory_(memory), gpu_(gpu), resident_(resident), options_(options), m_(m), n_(n) {
    c_.symbol = kernel + kSuffix<T>;
    c_.single = sizeof(R) == 4;
    c_.full_batch = batch;
    c_.batch = options.sample > 0 ? std::min(options.sample, batch) : batch;
  }

  Case make(const std::string& kernel) {
    const int64_t batch = c_.batch, m = m_, n = n_;
    const auto by_matrix = [](int64_t b) { return b; };
    const auto by_element = [m, n](int64_t b) { return quotient_up(b * m * n, kThreads); };
    const auto by_column = [n](int64_t b) { return b * n; };
    const int64_t column_scratch = column_scratch_bytes<T>(kThreads), real_column_scratch = column_scratch_bytes<R>(kThreads);
    if (kernel == "svd_backward_tiles")
      return with_size(n, [&](auto size) {
        const bool rotates = !options_.only_s;
        const SvdBackward<T> x{in("u", m, n),
                               values("s"),
                               in("v", n, n),
                               rotates ? in("gu", m, n) : View<const T>{},
                               values("gs"),
                               rotates ? in("gv", n, n) : View<const T>{},
                               out("gx", m, n),
                               batch,
                               m,
                               n,
                               n,
                               0,
                               rule()};
        tiles<Tiling<T, size>>(svd_backward_tiles_scratch_bytes<T, size>());
        return done(x, &svd_backward_tiles<size, T>);
      });
    if (kernel == "spectral_forward_tiles")
      return with_size(n, [&](auto size) {
        const SpectralForward<T> x{in("u", m, n), in("v", n, n), spectrum(), out("y", m, n), batch, m, n, 0};
        tiles<Tiling<T, size>>(spectral_forward_tiles_scratch_bytes<T, size>());
        return done(x, &spectral_forward_tiles<size, T>);
      });
    if (kernel == "spectral_backward_tiles")
      return with_size(n, [&](auto size) {
        const SpectralBackward<T> x{
            in("u", m, n), in("v", n, n), spectrum(), in("g", m, n), values("gs"), out("gx", m, n), real_out("gp", 1), batch, m, n, 0, 0};
        tiles<Tiling<T, size>>(spectral_backward_tiles_scratch_bytes<T, size>());
        return done(x, &spectral_backward_tiles<size, T>);
      });
    if (kernel == "svd_jacobi") return jacobi();
    if (kernel == "svd_backward_core") {
      const SvdBackwardCore<T> x{inout("p", n, n), in("q", n, n), values("s"), values("gs"), in("gu", m, n), projected(), batch, m, n, n, n, rule()};
      launch(by_element, 0);
      return done(x, &svd_backward_core<T>);
    }
    if (kernel == "spectral_core") {
      const SpectralCore<T> x{inout("a", n, n), spectrum(), {}, in("t", m, n), projected(), batch, m, n, 0};
      launch(by_element, 0);
      return done(x, &spectral_core<T>);
    }
    if (kernel == "svd_pushforward_core") {
      const SvdPushforwardCore<T> x{
          inout("d", n, n), out("skew", n, n), values("s"), real_out("ds", n), in("t", m, n), projected(), batch, m, n, rule()};
      launch(by_element, 0);
      return done(x, &svd_pushforward_core<T>);
    }
    if (kernel == "svd_pack") {
      const SvdPack<T> x{in("from", m, n), solvers("to", m, n, Content::nothing), info("info", 7), batch, m, n, 0};
      launch(by_matrix, 0);
      return done(x, &svd_pack<T>);
    }
    if (kernel == "svd_unpack") {
      const SvdUnpack<T> x{constant(solvers("u", m, n, Content::random)),
                           values("s"),
                           constant(solvers("v", n, n, Content::random)),
                           info("solver info", 0),
                           out("to u", m, n),
                           real_out("to s", n),
                           out("to v", n, n),
                           info("info", 0),
                           batch,
                           m,
                           n,
                           1};
      launch(by_matrix, real_column_scratch);
      return done(x, &svd_unpack<T>);
    }
    if (kernel == "copy") {
      const Copy<T> x{in("from", m, n), matrices<T>("to", m, n, Content::nothing, true, !options_.column_major), batch, m, n};
      launch(by_element, 0);
      return done(x, &copy<T>);
    }
    if (kernel == "spectral_scale") {
      const SpectralScale<T> x{in("u", m, n), spectrum(), out("w", m, n), batch, m, n};
      launch(by_element, 0);
      return done(x, &spectral_scale<T>);
    }
    if (kernel == "spectral_parameter") {
      const SpectralParameter<T> x{in("a", n, n), spectrum(), real_out("gp", 1), batch, n};
      launch(by_matrix, 0);
      return done(x, &spectral_parameter<T>);
    }
    if (kernel == "canonical_gauge") {
      const CanonicalGauge<T> x{inout("u", m, n), inout("v", n, n), batch, m, n, n};
      launch(by_column, 0);
      return done(x, &canonical_gauge<T>);
    }
    if (kernel == "svd_gauge") {
      const SvdGauge<T> x{in("u", m, n), values("s"), in("v", n, n), in("gu", m, n), in("gv", n, n), real_out("result", 1), batch, m, n, n, n, 0.1};
      launch(by_matrix, column_scratch);
      return done(x, &svd_gauge<T>);
    }
    if (kernel == "truncated_step") {
      const TruncatedStep<T> x{values("s"),
                               in("product", m, n),
                               inout("x", m, n),
                               inout("residual", m, n),
                               inout("p", m, n),
                               norms("norms", 2),
                               real_out("relative", n),
                               batch,
                               m,
                               n,
                               1};
      launch(by_column, real_column_scratch);
      return done(x, &truncated_step<T>);
    }
    if (kernel == "eigh_check") {
      const EighCheck<T> x{in("a", n, n), inout("u", n, n), norms("s", 1), in("v", n, n), info("info", 0), batch, n};
      launch(by_matrix, 0);
      return done(x, &eigh_check<T>);
    }
    if constexpr (std::is_same_v<T, R>) {
      if (kernel == "resolve_ties") {
        const ResolveTies<R> x{norms("s", 1), batch, n};
        launch(by_matrix, 0);
        return done(x, &resolve_ties<R>);
      }
      if (kernel == "f_matrix") {
        const FMatrix<R> x{values("s"), out("f", n, n), out("gap", n, n), out("sum", n, n), batch, n, rule()};
        launch(by_matrix, 0);
        return done(x, &f_matrix<R>);
      }
      if (kernel == "singular_value_loss") {
        const SingularValueLoss<R> x{values("s"), real_out("loss", 1), real_out("gs", n), batch, n, options_.function, 1.5};
        launch(by_matrix, 0);
        return done(x, &singular_value_loss<R>);
      }
    }
    throw std::runtime_error("no case for " + c_.symbol);
  }

 private:
  Case c_;
  Memory& memory_;
  const Gpu& gpu_;
  const Residency& resident_;
  const Options& options_;
  const int64_t m_, n_;
  std::mt19937_64 random_{12345};

  double normal() { return std::normal_distribution<double>()(random_); }
  void put_normal(float& x) { x = float(normal()); }
  void put_normal(double& x) { x = normal(); }
  template <class N>
  void put_normal(Complex<N>& x) {
    put_normal(x.re);
    put_normal(x.im);
  }

  // What has no content is NaN.
  template <class E>
  View<E> matrices(const std::string& name, int64_t rows, int64_t columns, Content content, bool writable, bool column_major) {
    const int64_t count = c_.batch * rows * columns;
    E* const data = reinterpret_cast<E*>(memory_.allocate(name, count * sizeof(E), writable));
    std::memset(static_cast<void*>(data), 0xff, count * sizeof(E));
    if (content == Content::random)
      for (int64_t x = 0; x < count; x++) put_normal(data[x]);
    return {data, column_major ? 1 : columns, column_major ? rows : 1, rows * columns};
  }
  template <class E>
  static View<const E> constant(const View<E>& x) {
    return {x.data, x.row_stride, x.column_stride, x.batch_stride};
  }
  View<const T> in(const std::string& name, int64_t rows, int64_t columns) {
    return constant(matrices<T>(name, rows, columns, Content::random, false, options_.column_major));
  }
  View<T> out(const std::string& name, int64_t rows, int64_t columns) {
    return matrices<T>(name, rows, columns, Content::nothing, true, options_.column_major);
  }
  View<T> inout(const std::string& name, int64_t rows, int64_t columns) {
    return matrices<T>(name, rows, columns, Content::random, true, options_.column_major);
  }
  View<T> solvers(const std::string& name, int64_t rows, int64_t columns, Content content) {
    return matrices<T>(name, rows, columns, content, true, true);
  }
  View<T> projected() { return m_ > n_ ? out("w", m_, n_) : View<T>{}; }
  View<R> real_out(const std::string& name, int64_t rows) { return matrices<R>(name, rows, 1, Content::nothing, true, false); }
  // n rows of positive numbers, descending and well apart.
  View<R> norms(const std::string& name, int64_t columns, bool writable = true) {
    const View<R> x = matrices<R>(name, n_, columns, Content::random, writable, false);
    for (int64_t i = 0; i < c_.batch * n_ * columns; i++)
      x.data[i] = R((double(n_ - i / columns % n_) + 0.3 * std::tanh(double(x.data[i]))) / double(n_));
    return x;
  }
  View<const R> values(const std::string& name) { return constant(norms(name, 1, false)); }
  int32_t* info(const std::string& name, int32_t value) {
    int32_t* const data = reinterpret_cast<int32_t*>(memory_.allocate(name, c_.batch * int64_t(sizeof(int32_t)), true));
    std::fill_n(data, c_.batch, value);
    return data;
  }
  RuleArguments rule() const { return {options_.function, double(Limits<R>::epsilon) * double(std::max(m_, n_))}; }
  SpectralArguments<R> spectrum() { return {values("s"), {}, {}, {options_.function, 0.3, 0}}; }

  // A kernel whose blocks share out units of work, as LaunchShape.forUnits has it; `units` of a batch. most_blocks: where it is launched otherwise.
  void launch(const std::function<int64_t(int64_t)>& units, int64_t scratch_bytes, int threads = kThreads, int64_t most_blocks = kResidentBlocks) {
    c_.units = units(c_.batch);
    c_.full_units = units(c_.full_batch);
    c_.full_blocks = std::clamp<int64_t>(most_blocks, 1, c_.full_units);
    // Of the units that are run a block gets as many as in the full launch.
    const int64_t each = quotient_up(c_.full_units, c_.full_blocks);
    c_.grid.blocks = options_.blocks ? options_.blocks : std::max<int64_t>(1, quotient_up(c_.units, each));
    c_.grid.threads = options_.threads ? options_.threads : threads;
    c_.grid.scratch_bytes = int(scratch_bytes);
  }
  // As RegisterTiles launches it.
  template <class S>
  void tiles(int64_t scratch_bytes) {
    c_.symbol.insert(c_.symbol.rfind('_'), "_" + std::to_string(S::kSize));
    c_.matrices_of_unit = S::kMatrices;
    launch([](int64_t b) { return quotient_up(b, S::kMatrices); }, scratch_bytes, S::kThreads,
           gpu_.multiprocessors * resident_(S::kThreads, int(scratch_bytes)));
  }
  template <class Arguments>
  void take(const Arguments& x) {
    static_assert(std::is_trivially_copyable_v<Arguments>);
    c_.grid.arguments.resize(sizeof x);
    std::memcpy(c_.grid.arguments.data(), &x, sizeof x);
  }
  // The reference is the kernel's own code, compiled for the host: a block of one thread.
  template <class Arguments>
  Case done(const Arguments& x, void (*body)(const Arguments&, const Block&)) {
    take(x);
    c_.reference = [x, body, bytes = c_.grid.scratch_bytes] {
      std::vector<double> scratch(bytes / sizeof(double) + 1);
      body(x, Block{reinterpret_cast<unsigned char*>(scratch.data()), 0, 1});
    };
    return std::move(c_);
  }

  // As JacobiForward launches it.
  Case jacobi() {
    const int64_t m = m_, n = n_, rows_of_block = n > 21 ? n + n / 2 : 32;
    int64_t stage = m, workspace = m + 2 * n + std::min(m, 2 * rows_of_block);
    for (; stage > 2 * rows_of_block; stage = stage / rows_of_block * n) workspace += stage / rows_of_block * (1 + 2 * n);
    const int64_t row = (64 * (n <= 4 ? 2 : 1) + 1) * sizeof(T);
    int64_t team = n <= 4 ? 1 : 4;
    while (n > 4 && 2 * team < n) team *= 2;
    c_.matrices_of_unit = 32 / team;
    SvdJacobi<T> x{in("a", m, n), out("u", m, n), real_out("s", n), out("v", n, n), info("info", 7), nullptr, c_.batch, m, n, 0, 0};
    launch([each = c_.matrices_of_unit](int64_t b) { return quotient_up(b, each); }, stage * row, 32,
           std::min<int64_t>(gpu_.multiprocessors * resident_(32, int(stage * row)), (int64_t(1) << 28) / (workspace * row)));
    x.workspace = reinterpret_cast<T*>(memory_.allocate("workspace", c_.grid.blocks * workspace * row, true));
    take(x);
    c_.judge = [x] { return judge(x); };
    return std::move(c_);
  }

  static std::complex<double> number(R x) { return double(x); }
  template <class N>
  static std::complex<double> number(const Complex<N>& x) {
    return {double(x.re), double(x.im)};
  }
  static std::string judge(const SvdJacobi<T>& x) {
    double rest = 0, skew = 0;
    for (int64_t b = 0; b < x.batch; b++) {
      if (x.info[b] != 0) return "info " + std::to_string(x.info[b]);
      const auto a = [&](int64_t i, int64_t j) { return number(x.a.at(b, i, j)); };
      const auto u = [&](int64_t i, int64_t j) { return number(x.u.at(b, i, j)); };
      const auto v = [&](int64_t i, int64_t j) { return number(x.v.at(b, i, j)); };
      const auto s = [&](int64_t i) { return double(x.s.at(b, i, 0)); };
      for (int64_t j = 1; j < x.n; j++)
        if (!(s(j) <= s(j - 1))) return "S is not descending";
      for (int64_t i = 0; i < x.m; i++)
        for (int64_t j = 0; j < x.n; j++) {
          std::complex<double> sum = 0;
          for (int64_t l = 0; l < x.n; l++) sum += u(i, l) * s(l) * std::conj(v(j, l));
          rest = std::max(rest, std::abs(sum - a(i, j)) / s(0));
        }
      for (int64_t i = 0; i < x.n; i++)
        for (int64_t j = 0; j < x.n; j++) {
          std::complex<double> uu = 0, vv = 0;
          for (int64_t l = 0; l < x.m; l++) uu += std::conj(u(l, i)) * u(l, j);
          for (int64_t l = 0; l < x.n; l++) vv += std::conj(v(l, i)) * v(l, j);
          skew = std::max({skew, std::abs(uu - double(i == j)), std::abs(vv - double(i == j))});
        }
    }
    char text[100];
    std::snprintf(text, sizeof text, "A − U S Vᴴ %.1e, orthogonality %.1e", rest, skew);
    const double limit = 20 * double(Limits<R>::epsilon) * double(x.n + 4);
    return rest < limit && skew < limit ? "" : text;
  }
};

}  // namespace

std::vector<std::string> kernels() {
  return {"svd_backward_tiles",
          "spectral_forward_tiles",
          "spectral_backward_tiles",
          "svd_jacobi",
          "svd_backward_core",
          "spectral_core",
          "svd_pushforward_core",
          "svd_pack",
          "svd_unpack",
          "copy",
          "spectral_scale",
          "spectral_parameter",
          "resolve_ties",
          "canonical_gauge",
          "f_matrix",
          "singular_value_loss",
          "svd_gauge",
          "truncated_step",
          "eigh_check"};
}

bool takes(const std::string& kernel, const std::string& type, int64_t n, bool column_major) {
  const bool of_values = kernel == "f_matrix" || kernel == "resolve_ties" || kernel == "singular_value_loss";
  if (of_values) return type[0] == 'f' && !column_major;
  return kernel.find("_tiles") == std::string::npos || n <= 32;
}

Case make_case(Memory& memory, const std::string& kernel, const std::string& type, int64_t batch, int64_t m, int64_t n, const Gpu& gpu,
               const Residency& resident, const Options& options) {
  if (type == "f32") return Maker<float>(memory, kernel, batch, m, n, gpu, resident, options).make(kernel);
  if (type == "f64") return Maker<double>(memory, kernel, batch, m, n, gpu, resident, options).make(kernel);
  if (type == "c64") return Maker<Complex<float>>(memory, kernel, batch, m, n, gpu, resident, options).make(kernel);
  if (type == "c128") return Maker<Complex<double>>(memory, kernel, batch, m, n, gpu, resident, options).make(kernel);
  throw std::runtime_error("no type " + type);
}
