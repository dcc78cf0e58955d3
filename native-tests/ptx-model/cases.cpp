#include "cases.h"

#include <algorithm>
#include <complex>
#include <cstring>

int size_of(Element e) { return e == Element::i32 || e == Element::f32 ? 4 : e == Element::c128 ? 16 : 8; }

std::vector<unsigned char> Case::arguments(const std::vector<unsigned char*>& places) const {
  std::vector<unsigned char> bytes(fields.size() * 8);
  for (size_t f = 0; f < fields.size(); f++) {
    const uint64_t value = fields[f].buffer < 0 ? fields[f].value : reinterpret_cast<uint64_t>(places[fields[f].buffer]);
    std::memcpy(&bytes[8 * f], &value, 8);
  }
  return bytes;
}

namespace {

struct Batch {
  int buffer = -1;
  int64_t row = 0, column = 0, matrix = 0;
};

int highest_bit(int x) {
  int bit = 1;
  while (2 * bit <= x) bit *= 2;
  return x < 1 ? 0 : bit;
}

class Maker {
 public:
  Case c;
  Memory& memory;
  const Limits& limits;
  const Options& options;
  const Element real;
  std::mt19937_64 random{12345};

  Maker(Memory& memory, const std::string& kernel, Element element, int64_t batch, int64_t m, int64_t n, const Limits& limits, const Options& options)
      : memory(memory), limits(limits), options(options), real(element == Element::f32 || element == Element::c64 ? Element::f32 : Element::f64) {
    c.kernel = kernel;
    c.element = element;
    c.symbol = kernel + (element == Element::f32 ? "_f32" : element == Element::f64 ? "_f64" : element == Element::c64 ? "_c64" : "_c128");
    c.host_symbol = c.symbol;
    c.full_batch = batch;
    c.batch = options.sample > 0 ? std::min<int64_t>(options.sample, batch) : batch;
    c.m = m;
    c.n = n;
    c.tolerance = real == Element::f32 ? 2e-4 : 1e-11;
  }

  double normal() { return std::normal_distribution<double>()(random); }
  void put(unsigned char* at, Element e, double re, double im = 0) {
    const float parts32[2] = {float(re), float(im)};
    const double parts64[2] = {re, im};
    if (e == Element::f32 || e == Element::c64) std::memcpy(at, parts32, size_of(e));
    else std::memcpy(at, parts64, size_of(e));
  }
  // Random numbers; for output NaN.
  Batch matrices(const std::string& name, Element e, int64_t rows, int64_t columns, bool output, bool filled, bool column_major) {
    const int64_t count = c.batch * rows * columns;
    unsigned char* const data = memory.allocate(name, count * size_of(e), output);
    for (int64_t x = 0; x < count; x++) {
      if (filled) put(data + x * size_of(e), e, normal(), normal());
      else std::memset(data + x * size_of(e), 0xff, size_of(e));
    }
    return {int(memory.buffers.size()) - 1, column_major ? 1 : columns, column_major ? rows : 1, rows * columns};
  }
  Batch in(const std::string& name, int64_t rows, int64_t columns) { return matrices(name, c.element, rows, columns, false, true, options.column_major); }
  Batch out(const std::string& name, int64_t rows, int64_t columns) { return matrices(name, c.element, rows, columns, true, false, options.column_major); }
  Batch inout(const std::string& name, int64_t rows, int64_t columns) { return matrices(name, c.element, rows, columns, true, true, options.column_major); }
  Batch real_out(const std::string& name, int64_t rows, int64_t columns) { return matrices(name, real, rows, columns, true, false, false); }
  // Descending, well apart.
  Batch values(const std::string& name, int64_t n, bool writable = false) {
    const Batch b = matrices(name, real, n, 1, writable, true, false);
    for (int64_t x = 0; x < c.batch * n; x++) put(memory.buffers[b.buffer].data + x * size_of(real), real, (double(n - x % n) + 0.3 * std::tanh(normal())) / double(n));
    return b;
  }
  int info(const std::string& name, int value) {
    int32_t* const data = reinterpret_cast<int32_t*>(memory.allocate(name, c.batch * 4, true));
    for (int64_t b = 0; b < c.batch; b++) data[b] = value;
    return int(memory.buffers.size()) - 1;
  }

  // Uninitialised memory that no result is in.
  int scratch(const std::string& name, int64_t bytes) {
    memory.allocate(name, bytes, true);
    return int(memory.buffers.size()) - 1;
  }

  void add(const Batch& b) {
    c.fields.push_back({0, b.buffer});
    for (const int64_t stride : {b.row, b.column, b.matrix}) c.fields.push_back({uint64_t(stride), -1});
  }
  void add(int64_t value) { c.fields.push_back({uint64_t(value), -1}); }
  void add_absent() {
    for (int n = 0; n < 4; n++) add(int64_t(0));
  }
  void add_address(int buffer) { c.fields.push_back({0, buffer}); }
  void add_real(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, 8);
    c.fields.push_back({bits, -1});
  }
  void add_rule() {
    add(int64_t(options.rule));
    add_real((real == Element::f32 ? 1.1920929e-7 : 2.220446049250313e-16) * double(std::max(c.m, c.n)));
  }
  void add_spectrum(const Batch& s) {
    add(s);
    add_absent();
    add_absent();
    add(int64_t(options.rule ? options.rule : 1));
    add_real(0.3);
    add_real(0);
  }

  // units_per_batch: how many units a batch of so many matrices is.
  void shape(const std::function<int64_t(int64_t)>& units, int threads, int64_t scratch, int64_t most_blocks = 0) {
    const int64_t of = options.matrices_per_unit;
    c.units = of ? (c.batch + of - 1) / of : units(c.batch);
    c.full_units = of ? (c.full_batch + of - 1) / of : units(c.full_batch);
    if (of) c.teams = of;
    if (most_blocks == 0) most_blocks = int64_t(limits.multiprocessors) * limits.blocks_per_multiprocessor;
    c.full_blocks = std::max<int64_t>(1, std::min(c.full_units, most_blocks));
    // Of the simulated units a block gets as many as in the full launch.
    const int64_t each = (c.full_units + c.full_blocks - 1) / c.full_blocks;
    c.launch.blocks = options.blocks ? options.blocks : std::max<int64_t>(1, (c.units + each - 1) / each);
    c.launch.threads = options.threads ? options.threads : threads;
    c.launch.scratch_bytes = options.scratch >= 0 ? options.scratch : int(scratch);
  }
  void matrix_per_block() {
    shape([](int64_t b) { return b; }, limits.threads, 0);
  }
};

template <class R>
std::string judge_svd(const Case& c, const Memory& memory, bool is_complex) {
  const int64_t m = c.m, n = c.n;
  const auto get = [&](int buffer, int64_t matrix, int64_t rows, int64_t columns, int64_t i, int64_t j) {
    const R* const p = reinterpret_cast<const R*>(memory.buffers[buffer].data) + ((matrix * rows + i) * columns + j) * (is_complex ? 2 : 1);
    return std::complex<double>(p[0], is_complex ? p[1] : R(0));
  };
  double worst = 0, orthogonal = 0;
  for (int64_t b = 0; b < c.batch; b++) {
    if (reinterpret_cast<const int32_t*>(memory.buffers[4].data)[b] != 0) return "info is not 0";
    const R* const s = reinterpret_cast<const R*>(memory.buffers[2].data) + b * n;
    for (int64_t j = 1; j < n; j++)
      if (!(s[j] <= s[j - 1])) return "S is not descending";
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        std::complex<double> sum = 0;
        for (int64_t l = 0; l < n; l++) sum += get(1, b, m, n, i, l) * double(s[l]) * std::conj(get(3, b, n, n, j, l));
        worst = std::max(worst, std::abs(sum - get(0, b, m, n, i, j)) / s[0]);
      }
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) {
        std::complex<double> uu = 0, vv = 0;
        for (int64_t l = 0; l < m; l++) uu += std::conj(get(1, b, m, n, l, i)) * get(1, b, m, n, l, j);
        for (int64_t l = 0; l < n; l++) vv += std::conj(get(3, b, n, n, l, i)) * get(3, b, n, n, l, j);
        orthogonal = std::max({orthogonal, std::abs(uu - double(i == j)), std::abs(vv - double(i == j))});
      }
  }
  char text[100];
  std::snprintf(text, sizeof text, "A − U S Vᴴ %.1e, orthogonality %.1e", worst, orthogonal);
  const double limit = (sizeof(R) == 4 ? 1.2e-7 : 2.3e-16) * 20 * double(n + 4);
  return worst < limit && orthogonal < limit ? "" : text;
}

}  // namespace

std::vector<std::string> kernels() {
  return {"svd_backward", "svd_backward_tiles", "svd_jacobi", "svd_backward_core", "spectral_core", "svd_pushforward_core", "svd_pack", "svd_unpack", "copy", "spectral_scale",
          "spectral_parameter", "resolve_ties", "canonical_gauge", "f_matrix", "singular_value_loss", "svd_gauge", "truncated_step", "eigh_check"};
}

Case make_case(Memory& memory, const std::string& kernel, Element element, int64_t batch, int64_t m, int64_t n, const Limits& limits, const Options& options) {
  Maker k(memory, kernel, element, batch, m, n, limits, options);
  Case& c = k.c;
  const int64_t bytes = size_of(element), real_bytes = size_of(k.real);
  const auto finish = [&](int64_t extra) {
    k.add(c.batch);
    if (extra) return;
    k.add(m);
    k.add(n);
  };
  if (kernel == "svd_backward") {
    // FusedBackward.teams
    const int64_t across = (n + 3) / 4, ld = 4 * across, slab = std::min<int64_t>(16, (m + 3) / 4 * 4);
    const int team = options.team ? options.team : std::min(limits.threads, highest_bit(int(2 * across * across - 1)));
    const int64_t scratch = options.scratch_per_team ? options.scratch_per_team : (2 * ld + 2 * slab) * ld * bytes + 3 * ld * real_bytes;
    const int64_t teams = std::min<int64_t>((options.threads ? options.threads : limits.threads) / team, limits.scratch_bytes / scratch);
    k.add(k.in("u", m, n));
    k.add(k.values("s", n));
    k.add(k.in("v", n, n));
    if (options.only_s) k.add_absent();
    else k.add(k.in("gu", m, n));
    k.add(k.values("gs", n));
    if (options.only_s) k.add_absent();
    else k.add(k.in("gv", n, n));
    k.add(k.out("gx", m, n));
    finish(0);
    k.add(n);  // rank
    k.add(int64_t(0));
    k.add_rule();
    c.team_field = int(c.fields.size());
    k.add(int64_t(team));
    c.teams = teams;
    k.shape([=](int64_t b) { return (b + teams - 1) / teams; }, int(teams * team), teams * scratch);
    c.host_scratch = (2 * ld + 2 * slab) * ld * bytes + 3 * ld * real_bytes;
  } else if (kernel == "svd_backward_tiles") {
    // RegisterTiles; the CPU's kernel has the same arguments
    const int64_t size = n <= 4 ? 4 : highest_bit(int(2 * n - 1)), team = size / 4 * (size / 4), threads = std::max<int64_t>(32, team), vector = 16 / bytes;
    const int64_t distance = 4 * size * (team == 1 ? size : size + vector) + size / 4 * vector, matrices = threads / team;
    const int64_t scratch = matrices * (distance * bytes + (3 * size + 1) * real_bytes);
    const std::string suffix = c.symbol.substr(kernel.size());
    c.symbol = kernel + "_" + std::to_string(size) + suffix;
    c.host_symbol = "svd_backward_lanes" + suffix;
    k.add(k.in("u", m, n));
    k.add(k.values("s", n));
    k.add(k.in("v", n, n));
    if (options.only_s) k.add_absent();
    else k.add(k.in("gu", m, n));
    k.add(k.values("gs", n));
    if (options.only_s) k.add_absent();
    else k.add(k.in("gv", n, n));
    k.add(k.out("gx", m, n));
    finish(0);
    k.add(n);  // rank
    k.add(int64_t(0));
    k.add_rule();
    c.teams = matrices;
    k.shape([=](int64_t b) { return (b + matrices - 1) / matrices; }, int(threads), scratch, limits.multiprocessors * limits.resident(int(threads), int(scratch)));
    c.host_scratch = n * (3 * m + 3 * n + 2) * bytes * (32 / real_bytes);
  } else if (kernel == "svd_jacobi") {
    // JacobiForward
    const auto rows_of_block = n > 21 ? n + n / 2 : 32;
    int64_t stage = m, workspace = m + 2 * n + std::min(m, 2 * rows_of_block);
    for (; stage > 2 * rows_of_block; stage = stage / rows_of_block * n) workspace += stage / rows_of_block * (1 + 2 * n);
    const int64_t row = (64 * (n <= 4 ? 2 : 1) + 1) * bytes;
    const int64_t at_once = n <= 4 ? 32 : 32 / std::max(4, highest_bit(int(2 * ((n + 1) / 2) - 1)));
    const Batch a = k.in("a", m, n), u = k.out("u", m, n), values = k.real_out("s", n, 1), v = k.out("v", n, n);
    k.add(a);
    k.add(u);
    k.add(values);
    k.add(v);
    k.add_address(k.info("info", 7));
    c.teams = at_once;
    const int64_t most_blocks = std::min<int64_t>(limits.multiprocessors * limits.resident(32, int(stage * row)), (int64_t(1) << 28) / (workspace * row));
    k.shape([=](int64_t b) { return (b + at_once - 1) / at_once; }, 32, stage * row, most_blocks);
    k.add_address(k.scratch("workspace", c.launch.blocks * workspace * row));
    finish(0);
    k.add(int64_t(0));
    k.add(int64_t(0));
    const bool is_complex = bytes > real_bytes;
    if (!options.column_major)
      c.judge = [=](const Case& done, const Memory& memory) { return real_bytes == 4 ? judge_svd<float>(done, memory, is_complex) : judge_svd<double>(done, memory, is_complex); };
  } else if (kernel == "svd_backward_core") {
    const int64_t per = (m + 7) / 8;
    k.add(k.inout("p", n, n));
    k.add(k.in("q", n, n));
    k.add(k.values("s", n));
    k.add(k.values("gs", n));
    k.add(k.in("gu", m, n));
    if (m > n) k.add(k.out("w", m, n));
    else k.add_absent();
    finish(0);
    k.add(n);
    k.add(n);
    k.add_rule();
    k.shape([=](int64_t b) { return b * per; }, limits.threads, 0);
  } else if (kernel == "spectral_core") {
    const int64_t per = (m + 7) / 8;
    k.add(k.inout("a", n, n));
    k.add_spectrum(k.values("s", n));
    k.add_absent();
    k.add(k.in("t", m, n));
    if (m > n) k.add(k.out("w", m, n));
    else k.add_absent();
    finish(0);
    k.add(int64_t(0));
    k.shape([=](int64_t b) { return b * per; }, limits.threads, 0);
  } else if (kernel == "svd_pushforward_core") {
    const int64_t per = (m + 7) / 8;
    k.add(k.inout("d", n, n));
    k.add(k.out("skew", n, n));
    k.add(k.values("s", n));
    k.add(k.real_out("ds", n, 1));
    k.add(k.in("t", m, n));
    if (m > n) k.add(k.out("w", m, n));
    else k.add_absent();
    finish(0);
    k.add_rule();
    k.shape([=](int64_t b) { return b * per; }, limits.threads, 0);
  } else if (kernel == "svd_pack") {  // row-major to the solver's column-major
    k.add(k.in("from", m, n));
    k.add(k.matrices("to", element, m, n, true, false, true));
    k.add_address(k.info("info", 7));
    finish(0);
    k.add(int64_t(0));
    k.matrix_per_block();
  } else if (kernel == "svd_unpack") {
    k.add(k.matrices("u", element, m, n, true, true, true));
    k.add(k.values("s", n));
    k.add(k.matrices("v", element, n, n, false, true, true));
    k.add_address(k.info("solver info", 0));
    k.add(k.out("to u", m, n));
    k.add(k.real_out("to s", n, 1));
    k.add(k.out("to v", n, n));
    k.add_address(k.info("info", 0));
    finish(0);
    k.add(int64_t(1));
    k.matrix_per_block();
  } else if (kernel == "copy") {
    k.add(k.in("from", m, n));
    k.add(k.matrices("to", element, m, n, true, false, !options.column_major));
    finish(0);
    k.shape([=](int64_t b) { return b * m; }, limits.threads, 0);
  } else if (kernel == "spectral_scale") {
    k.add(k.in("u", m, n));
    k.add_spectrum(k.values("s", n));
    k.add(k.out("w", m, n));
    finish(0);
    k.shape([=](int64_t b) { return b * m; }, limits.threads, 0);
  } else if (kernel == "spectral_parameter") {
    k.add(k.in("a", n, n));
    k.add_spectrum(k.values("s", n));
    k.add(k.real_out("gp", 1, 1));
    k.add(c.batch);
    k.add(n);
    k.shape([](int64_t b) { return b; }, limits.threads, 0);
  } else if (kernel == "resolve_ties") {
    k.add(k.values("s", n, true));
    k.add(c.batch);
    k.add(n);
    k.matrix_per_block();
  } else if (kernel == "canonical_gauge") {
    k.add(k.inout("u", m, n));
    k.add(k.inout("v", n, n));
    finish(1);
    k.add(m);
    k.add(n);
    k.add(n);
    k.shape([=](int64_t b) { return b * n; }, limits.threads, 0);
  } else if (kernel == "f_matrix") {
    k.add(k.values("s", n));
    for (const char* name : {"f", "gap", "sum"}) k.add(k.real_out(name, n, n));
    k.add(c.batch);
    k.add(n);
    k.add_rule();
    k.matrix_per_block();
  } else if (kernel == "singular_value_loss") {
    k.add(k.values("s", n));
    k.add(k.real_out("loss", 1, 1));
    k.add(k.real_out("gs", n, 1));
    k.add(c.batch);
    k.add(n);
    k.add(int64_t(options.rule));
    k.add_real(1.5);
    k.matrix_per_block();
  } else if (kernel == "svd_gauge") {
    k.add(k.in("u", m, n));
    k.add(k.values("s", n));
    k.add(k.in("v", n, n));
    k.add(k.in("gu", m, n));
    k.add(k.in("gv", n, n));
    k.add(k.real_out("result", 1, 1));
    for (const int64_t x : {c.batch, m, n, n, n}) k.add(x);
    k.add_real(0.1);
    k.shape([](int64_t b) { return b; }, limits.threads, 2 * limits.threads * real_bytes);
    c.host_scratch = 2 * real_bytes;
  } else if (kernel == "truncated_step") {
    k.add(k.values("s", n));
    k.add(k.in("product", m, n));
    for (const char* name : {"x", "residual", "p"}) k.add(k.inout(name, m, n));
    k.add(k.matrices("norms", k.real, n, 2, true, true, false));
    k.add(k.real_out("relative", n, 1));
    for (const int64_t x : {c.batch, m, n}) k.add(x);
    k.add(int64_t(1));
    k.shape([=](int64_t b) { return b * n; }, limits.threads, limits.threads * real_bytes);
    c.host_scratch = real_bytes;
  } else if (kernel == "eigh_check") {
    k.add(k.in("a", n, n));
    k.add(k.inout("u", n, n));
    k.add(k.values("s", n, true));
    k.add(k.in("v", n, n));
    k.add_address(k.info("info", 0));
    k.add(c.batch);
    k.add(n);
    k.matrix_per_block();
  } else {
    throw std::runtime_error("no case for " + kernel);
  }
  std::vector<unsigned char*> places;
  for (const Buffer& b : memory.buffers) places.push_back(b.data);
  c.launch.arguments = c.arguments(places);
  return std::move(k.c);
}
