// What ./run calls: FOLDER holds KERNEL.ptx and, but for `check`, KERNEL.cubin.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "cases.h"
#include "sass.h"

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

using Contents = std::vector<std::vector<unsigned char>>;
Contents contents_of(const Memory& memory) {
  Contents contents;
  for (const Buffer& b : memory.buffers) contents.emplace_back(b.data, b.data + b.bytes);
  return contents;
}

// ---- Whether a kernel is right.

template <class R>
double largest_difference(const unsigned char* a, const unsigned char* b, int64_t bytes) {
  double most = 0, size = 1e-300;
  for (int64_t n = 0; n < bytes / int64_t(sizeof(R)); n++) {
    R x, y;
    std::memcpy(&x, a + n * sizeof(R), sizeof(R));
    std::memcpy(&y, b + n * sizeof(R), sizeof(R));
    if (std::isnan(x) && std::isnan(y)) continue;
    if (std::isnan(x) || std::isnan(y)) return INFINITY;
    most = std::max(most, std::fabs(double(x) - double(y)));
    size = std::max(size, std::fabs(double(y)));
  }
  return most / size;
}

// What is wrong with the results, if anything; `expected` is what the reference made of the buffers.
std::string judge(const Case& c, const Memory& memory, const Contents& expected) {
  if (c.judge) return c.judge();
  double difference = 0;
  for (size_t n = 0; n < memory.buffers.size(); n++) {
    const Buffer& b = memory.buffers[n];
    if (b.name == "info") {
      if (std::memcmp(b.data, expected[n].data(), b.bytes) != 0) return "info differs";
    } else {
      difference = std::max(difference, c.single ? largest_difference<float>(b.data, expected[n].data(), b.bytes)
                                                 : largest_difference<double>(b.data, expected[n].data(), b.bytes));
    }
  }
  char text[60];
  std::snprintf(text, sizeof text, "differs from the reference by %.1e", difference);
  return difference <= (c.single ? 2e-4 : 1e-11) ? "" : text;
}

// Whether a kernel does as it should with some matrices of this shape; tells what it does not.
bool check_case(const Module& module, const std::string& kernel, const std::string& type, int64_t m, int64_t n, bool column_major) {
  Options options;
  options.column_major = column_major;
  Memory memory(96 << 20);
  Case c = make_case(memory, kernel, type, 67, m, n, Gpu(), [](int, int) { return 16; }, options);
  Contents expected;
  if (c.reference) {
    const Contents given = contents_of(memory);
    c.reference();
    expected = contents_of(memory);
    for (size_t b = 0; b < given.size(); b++) std::copy(given[b].begin(), given[b].end(), memory.buffers[b].data);
  }
  c.grid.blocks = std::min<int64_t>(c.grid.blocks, 2);  // so that blocks have several units
  Machine machine(module, memory);
  machine.run(module.kernel(c.symbol), c.grid);
  const std::string verdict = judge(c, memory, expected);
  if (verdict.empty() && machine.problems.empty()) return true;
  std::printf("%s %ldx%ld%s: %s\n", c.symbol.c_str(), long(m), long(n), column_major ? " column-major" : "",
              verdict.empty() ? "result good" : verdict.c_str());
  int told = 0;
  for (const auto& [problem, times] : machine.problems)
    if (told++ < 6) std::printf("    %d× %s\n", times, problem.c_str());
  return false;
}

int check(const std::string& folder, const std::vector<std::string>& which) {
  constexpr int64_t kShapes[][2] = {{3, 3}, {8, 8}, {16, 16}, {32, 32}, {64, 16}, {33, 33}, {5, 1}, {9, 4}};
  int bad = 0, cases = 0;
  for (const std::string& kernel : which) {
    const Module module = parse(read_file(folder + "/" + kernel + ".ptx"));
    for (const char* type : {"f32", "f64", "c64", "c128"})
      for (const auto& [m, n] : kShapes)
        for (const bool column_major : {false, true}) {
          if (!takes(kernel, type, n, column_major)) continue;
          cases++;
          bad += !check_case(module, kernel, type, m, n, column_major);
        }
    std::printf("%s done\n", kernel.c_str());
    std::fflush(stdout);
  }
  std::printf("%d cases, %d with a problem\n", cases, bad);
  return bad > 0;
}

// ---- What binds it.

// Blocks that one multiprocessor has room for, and what says so.
int resident_blocks(const Gpu& gpu, int threads, int shared_bytes, int registers, std::string& limit) {
  const int warps = (threads + 31) / 32;
  const int by_shared = int(gpu.shared / ((shared_bytes + 1024 + 127) / 128 * 128)), by_threads = gpu.threads / (32 * warps);
  const int by_registers = gpu.registers / (warps * ((registers + 7) / 8 * 8 * 32));
  const int least = std::min({gpu.blocks, by_shared, by_threads, by_registers});
  limit = least == by_shared ? "shared memory" : least == by_registers ? "registers" : least == by_threads ? "threads" : "blocks";
  return least;
}

// When the last block is done, in units of work of one block, with blocks dealt out as slots fall free.
double makespan(int64_t units, int64_t blocks, int64_t slots) {
  std::vector<double> free(std::min(slots, blocks), 0.0);
  std::make_heap(free.begin(), free.end(), std::greater<>());
  for (int64_t b = 0; b < blocks; b++) {
    std::pop_heap(free.begin(), free.end(), std::greater<>());
    free.back() += double(units / blocks + (b < units % blocks));
    std::push_heap(free.begin(), free.end(), std::greater<>());
  }
  return *std::max_element(free.begin(), free.end());
}

struct Bound {
  std::string name;
  double seconds;
};

// A launch of a kernel, of which a sample is run.
class Model {
 public:
  Model(const std::string& folder, const std::string& kernel, const std::string& type, const std::string& shape, Options options, const Gpu& gpu)
      : gpu_(gpu), module_(parse(read_file(folder + "/" + kernel + ".ptx"))), memory_(int64_t(512) << 20), machine_(module_, memory_) {
    name_ = kernel + " " + type + (options.column_major ? " column-major" : "") + (options.only_s ? " gS" : "");
    shape_ = shape;
    long batch, m, n;
    if (std::sscanf(shape.c_str(), "%ldx%ldx%ld", &batch, &m, &n) != 3) throw std::runtime_error("shape " + shape);
    const auto case_of = [&](Memory& memory, int64_t sample, const Residency& resident) {
      Options some = options;
      some.sample = sample;
      return make_case(memory, kernel, type, batch, m, n, gpu, resident, some);
    };
    Memory for_one(int64_t(512) << 20);
    const Case first = case_of(for_one, 1, [](int, int) { return 16; });
    const Function& function = module_.kernel(first.symbol);
    compiled_ = read_cubin(read_file(folder + "/" + kernel + ".cubin"), module_, function);
    const Residency resident = [&](int threads, int scratch_bytes) {
      return resident_blocks(gpu, threads, scratch_bytes + module_.shared_bytes, compiled_.registers, limit_);
    };
    if (options.sample == 0) {  // what two blocks do
      const Case one = case_of(for_one, 1, resident);
      const int64_t each = (one.full_units + one.full_blocks - 1) / one.full_blocks;
      const int64_t units_of_one = std::max<int64_t>(1, one.full_units / std::max<int64_t>(1, batch / one.matrices_of_unit));
      options.sample = std::clamp<int64_t>(2 * each * one.matrices_of_unit / units_of_one, std::min<int64_t>(batch, one.matrices_of_unit), batch);
    }
    c_ = case_of(memory_, options.sample, resident);
    resident_ = std::max(1, resident(c_.grid.threads, c_.grid.scratch_bytes));
    warps_ = (c_.grid.threads + 31) / 32;

    machine_.slots.resize(module_.code.size());
    for (size_t i = 0; i < module_.code.size(); i++) machine_.slots[i] = compiled_.costs[i].total();
    machine_.widths = compiled_.widths;
    machine_.latency = latencies_of(module_, compiled_);
    machine_.cache_bytes = std::max<int64_t>(4096, gpu.level1 / resident_ - (c_.grid.scratch_bytes + 1024));
    machine_.run(function, c_.grid);
    find_bounds();
  }

  void print_row() const {
    std::printf("| %s | %s | %.1f | %.1f | %.1f | %.1f | %s, %s | %d | %d |\n", name_.c_str(), shape_.c_str(), floor_ * 1e6, bounds_[0].seconds * 1e6,
                bounds_[0].seconds / floor_, latency_ * 1e6, bounds_[0].name.c_str(), bounds_[1].name.c_str(), compiled_.registers,
                resident_ * warps_);
    print_problems();
    std::fflush(stdout);
  }
  void print_everything() const;

 private:
  const Gpu gpu_;
  const Module module_;
  Memory memory_;
  Machine machine_;
  Compiled compiled_;
  Case c_;
  std::string name_, shape_, limit_;
  int resident_ = 0, warps_ = 0;
  // Of the whole launch, with seconds.
  double scale_ = 1, floor_ = 0, sectors_ = 0, latency_ = 0, tail_ = 1;
  Cost cost_;
  Tally all_;
  std::vector<Bound> bounds_;  // the largest first

  void find_bounds() {
    scale_ = double(c_.full_units) / double(c_.units);
    for (size_t i = 0; i < module_.code.size(); i++) {
      const Tally& t = machine_.tallies[i];
      for (int k = 0; k < kClasses; k++) cost_.of[k] += t.executed * compiled_.costs[i].of[k] * scale_;
      all_.wavefronts += t.wavefronts * scale_;
      all_.ideal_wavefronts += t.ideal_wavefronts * scale_;
      all_.sectors += t.sectors * scale_;
      all_.ideal_sectors += t.ideal_sectors * scale_;
      all_.lines += t.lines * scale_;
      all_.missed_sectors += t.missed_sectors * scale_;
    }
    for (const Buffer& b : memory_.buffers)
      if (b.name != "workspace")
        sectors_ += double(std::count(b.read_sectors.begin(), b.read_sectors.end(), true) +
                           std::count(b.written_sectors.begin(), b.written_sectors.end(), true)) *
                    double(c_.full_batch) / double(c_.batch);
    floor_ = sectors_ * 32 / gpu_.memory;
    const double pipe = gpu_.multiprocessors * gpu_.clock, cycles = pipe * gpu_.schedulers;
    bounds_ = {{"memory", floor_},
               {"L2", all_.missed_sectors * 32 / gpu_.level2},
               {"issue", cost_.total() / cycles},
               {"fp32+imul", (cost_.of[kFp32] + cost_.of[kMultiply]) / cycles},
               {"imul", 2 * cost_.of[kMultiply] / cycles},
               {"int", 2 * cost_.of[kInteger] / cycles},
               {"fp64", 2 * cost_.of[kFp64] / cycles},
               {"special", 8 * (cost_.of[kSpecialUnit] + cost_.of[kConvert64]) / cycles},
               {"shared+L1", (all_.wavefronts + all_.lines) / pipe}};
    std::sort(bounds_.begin(), bounds_.end(), [](const Bound& a, const Bound& b) { return a.seconds > b.seconds; });
    const int64_t slots = int64_t(resident_) * gpu_.multiprocessors;
    const double span = makespan(c_.full_units, c_.full_blocks, slots);
    tail_ = span / (double(c_.full_units) / double(std::min(slots, c_.full_blocks)));
    latency_ = span * machine_.block_cycles / double(c_.units) / gpu_.clock;
  }
  void print_problems() const {
    for (const auto& [problem, times] : machine_.problems) std::printf("PROBLEM %d× %s\n", times, problem.c_str());
  }
  void print_hot(const char* title, const std::function<std::string(const Location&)>& name) const;
};

void Model::print_everything() const {
  const double matrices = double(c_.full_batch), sum = cost_.total();
  std::printf("%s %s on %s: %ld blocks of %d threads, %d bytes of shared memory, %ld matrices in a block at a time\n", c_.symbol.c_str(),
              shape_.c_str(), gpu_.name.c_str(), long(c_.full_blocks), c_.grid.threads, c_.grid.scratch_bytes, long(c_.matrices_of_unit));
  std::printf("  run %ld of %ld matrices, %ld of %ld units of work\n", long(c_.batch), long(c_.full_batch), long(c_.units), long(c_.full_units));
  std::printf("  registers %d; %d blocks on a multiprocessor (by %s): %d warps of 64; tail %.2f\n", compiled_.registers, resident_, limit_.c_str(),
              resident_ * warps_, tail_);
  std::printf("  static: %d machine instructions and %d in subroutines, up to %d copies of a block\n", compiled_.instructions,
              compiled_.subroutine_instructions, compiled_.most_copies);
  double busy = 0;
  for (size_t i = 0; i < module_.code.size(); i++) busy += machine_.tallies[i].lanes * compiled_.costs[i].total() * scale_;
  std::printf("  warp instructions for a matrix: %.0f, lanes busy %.0f %%\n   ", sum / matrices, 100 * busy / sum / 32);
  for (int k = 0; k < kClasses; k++) std::printf(" %s %.0f %%", kClassNames[k], 100 * cost_.of[k] / sum);
  std::printf("\n  shared memory: %.0f wavefronts for a matrix, %.2f × the ideal\n", all_.wavefronts / matrices,
              all_.wavefronts / std::max(1.0, all_.ideal_wavefronts));
  std::printf("  global memory: %.0f sectors for a matrix, %.2f × the ideal, %.0f of them past L1 (%.2f × compulsory), %.0f lines\n",
              all_.sectors / matrices, all_.sectors / std::max(1.0, all_.ideal_sectors), all_.missed_sectors / matrices,
              all_.missed_sectors / sectors_, all_.lines / matrices);
  std::printf("  time ≥ %.1f µs, %.2f × the memory floor; by latency about %.1f µs, %.2f ×; bounds in µs:", bounds_[0].seconds * 1e6,
              bounds_[0].seconds / floor_, latency_ * 1e6, latency_ / floor_);
  for (const Bound& b : bounds_) std::printf(" %s %.1f", b.name.c_str(), b.seconds * 1e6);
  std::printf("\n");
  print_hot("by statement in the .cu file", [](const Location& l) { return l.outer_file + ":" + std::to_string(l.outer_line); });
  print_hot("by line, inlined functions too", [](const Location& l) { return l.file + ":" + std::to_string(l.line); });
  print_problems();
}

void Model::print_hot(const char* title, const std::function<std::string(const Location&)>& name) const {
  struct Sums {
    double slots = 0, real = 0, busy = 0, wavefronts = 0, sectors = 0, waits = 0;
  };
  std::map<std::string, Sums> by_line;
  for (size_t i = 0; i < module_.code.size(); i++) {
    const Tally& t = machine_.tallies[i];
    if (t.executed == 0) continue;
    const int location = module_.code[i].location;
    Sums& s = by_line[location < 0 ? "?" : name(module_.locations[location])];
    const Cost& cost = compiled_.costs[i];
    s.slots += t.executed * cost.total();
    s.real += t.executed * (cost.of[kFp32] + cost.of[kFp64]);
    s.busy += t.lanes * cost.total() / 32;
    s.wavefronts += t.wavefronts;
    s.sectors += t.sectors;
    s.waits += machine_.waits[i];
  }
  std::vector<std::pair<std::string, Sums>> order(by_line.begin(), by_line.end());
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second.slots > b.second.slots; });
  std::printf("  %s: share of issue slots (floating point among them), lanes busy, wavefronts, sectors for a matrix, share of a warp's time\n",
              title);
  for (size_t r = 0; r < order.size() && r < 16; r++) {
    const auto& [line, s] = order[r];
    std::printf("    %5.1f %% (%2.0f %%) %3.0f %% %8.1f %8.1f %5.1f %%  %s\n", 100 * s.slots * scale_ / cost_.total(),
                100 * s.real / std::max(1.0, s.slots), 100 * s.busy / std::max(1.0, s.slots), s.wavefronts * scale_ / double(c_.full_batch),
                s.sectors * scale_ / double(c_.full_batch), 100 * s.waits / machine_.warp_cycles, line.c_str());
  }
}

// The rows of docs/benchmarks/gpu-model.md for these kernels.
void print_table(const std::string& folder, const std::vector<std::string>& which, const Options& options, const Gpu& gpu) {
  using Words = std::vector<std::string>;
  struct Rows {
    Words kernels, types, shapes;
    bool column_major = false;
  };
  const Words all_types = {"f32", "f64", "c64", "c128"};
  const Words tiles = {"svd_backward_tiles", "spectral_forward_tiles", "spectral_backward_tiles"};
  const Rows table[] = {
      {tiles, all_types, {"100000x3x3", "100000x8x8", "100000x16x16", "20000x32x32", "20000x64x16"}},
      {tiles, {"f32", "f64", "c64"}, {"100000x5x5", "100000x12x12", "20000x24x24", "20000x31x31"}},
      {tiles, {"f32", "f64", "c64"}, {"100000x8x8", "20000x32x32"}, true},
      {{"svd_jacobi"}, all_types, {"100000x3x3", "100000x8x8", "50000x16x16", "20000x32x32", "20000x64x16", "5000x64x64"}},
      {{"svd_backward_core", "spectral_core", "svd_pushforward_core"},
       {"f32", "f64", "c64"},
       {"100000x8x8", "20000x32x32", "5000x64x64", "1000x128x128", "20000x64x16"}},
      {{"svd_pack", "svd_unpack", "copy", "spectral_scale"}, {"f32", "f64", "c64"}, {"100000x8x8", "20000x32x32", "1000x128x128"}},
      {{"spectral_parameter", "resolve_ties", "canonical_gauge", "f_matrix", "singular_value_loss", "svd_gauge", "truncated_step", "eigh_check"},
       {"f32"},
       {"100000x8x8", "20000x32x32"}}};
  std::printf("| kernel | batch | floor | bound | × | latency | what binds | registers | warps of 64 |\n|---|---|---|---|---|---|---|---|---|\n");
  for (const Rows& rows : table)
    for (const std::string& kernel : rows.kernels) {
      if (std::find(which.begin(), which.end(), kernel) == which.end()) continue;
      for (const std::string& type : rows.types)
        for (const std::string& shape : rows.shapes) {
          Options of_row = options;
          of_row.column_major |= rows.column_major;
          Model(folder, kernel, type, shape, of_row, gpu).print_row();
        }
    }
}

}  // namespace

int main(int count, char** words) {
  try {
    std::vector<std::string> w;
    Options options;
    Gpu gpu;
    for (int n = 1; n < count; n++) {
      const std::string word = words[n], name = word.substr(0, word.find('='));
      const int value = std::atoi(words[n] + std::min(word.size(), name.size() + 1));
      if (name == "--threads")
        options.threads = value;
      else if (name == "--blocks")
        options.blocks = value;
      else if (name == "--sample")
        options.sample = value;
      else if (name == "--function")
        options.function = value;
      else if (name == "--column-major")
        options.column_major = true;
      else if (name == "--only-s")
        options.only_s = true;
      else if (name == "--h200")
        gpu.name = "H200", gpu.memory = 4.3e12;
      else if (name[0] == '-')
        throw std::runtime_error("option " + word);
      else
        w.push_back(word);
    }
    if (w.size() == 1 && w[0] == "kernels") {
      for (const std::string& kernel : kernels()) std::puts(kernel.c_str());
    } else if (w.size() > 2 && w[0] == "check") {
      return check(w[1], {w.begin() + 2, w.end()});
    } else if (w.size() > 2 && w[0] == "table") {
      print_table(w[1], {w.begin() + 2, w.end()}, options, gpu);
    } else if (w.size() == 5 && (w[0] == "time" || w[0] == "row")) {
      const Model model(w[1], w[2], w[3], w[4], options, gpu);
      if (w[0] == "row")
        model.print_row();
      else
        model.print_everything();
    } else {
      throw std::runtime_error("usage: see run");
    }
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "ptx-model: %s\n", e.what());
    return 1;
  }
}
