// ptx-model check FOLDER LIBRARY [KERNEL]                       every kernel against the CPU library, with all checks
// ptx-model time FOLDER KERNEL TYPE BATCHxMxN [OPTION …]        what binds it on a GPU, and where its instructions go
// ptx-model row FOLDER KERNEL TYPE BATCHxMxN [OPTION …]         the same, as one row of a table
//
// FOLDER holds KERNEL.ptx and KERNEL.cubin, as ./run makes them.
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "cases.h"
#include "sass.h"

namespace {

struct Gpu {
  std::string name = "H100 SXM";
  int multiprocessors = 132, schedulers = 4;
  double clock = 1.7e9, memory = 3.0e12, level2 = 5.5e12;
  int registers = 65536, threads = 2048, blocks = 32;
  int64_t shared = 233472, level1 = 262144;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

Element element_of(const std::string& name) {
  if (name == "f32") return Element::f32;
  if (name == "f64") return Element::f64;
  if (name == "c64") return Element::c64;
  if (name == "c128") return Element::c128;
  throw std::runtime_error("type " + name);
}

// Blocks that one multiprocessor has room for, and what says so.
int resident_blocks(const Gpu& gpu, const Launch& launch, int static_shared, int registers, std::string& limit) {
  const int warps = (launch.threads + 31) / 32;
  const int64_t per_block = (launch.scratch_bytes + static_shared + 1024 + 127) / 128 * 128;
  const int by_shared = int(gpu.shared / per_block), by_threads = gpu.threads / (32 * warps);
  const int by_registers = registers > 0 ? gpu.registers / (warps * ((registers + 7) / 8 * 8 * 32)) : gpu.blocks;
  const int least = std::min({gpu.blocks, by_shared, by_threads, by_registers});
  limit = least == by_shared ? "shared memory" : least == by_registers ? "registers" : least == by_threads ? "threads" : "blocks";
  return std::max(least, 0);
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

template <class R>
double largest_difference(const unsigned char* a, const unsigned char* b, int64_t bytes) {
  double most = 0, size = 1e-300;
  for (int64_t n = 0; n < bytes / int64_t(sizeof(R)); n++) {
    R x, y;
    std::memcpy(&x, a + n * sizeof(R), sizeof(R));
    std::memcpy(&y, b + n * sizeof(R), sizeof(R));
    if (x != x && y != y) continue;
    if (x != x || y != y) return INFINITY;
    most = std::max(most, std::fabs(double(x) - double(y)));
    size = std::max(size, std::fabs(double(y)));
  }
  return most / size;
}

// What is wrong with the results; places are copies of the buffers from before the run.
std::string judge(const Case& c, const Memory& memory, const std::vector<unsigned char*>& places, void* host) {
  if (c.judge) return c.judge(c, memory);
  Case on_host = c;
  if (c.team_field >= 0) on_host.fields[c.team_field].value = 1;
  const std::vector<unsigned char> arguments = on_host.arguments(places);
  void* const scratch = std::aligned_alloc(64, (c.host_scratch + 63) / 64 * 64);
  const int64_t host_launch[4] = {0, 1, 1, reinterpret_cast<int64_t>(scratch)};
  const auto function = reinterpret_cast<int64_t (*)(const void*, const void*)>(dlsym(host, c.host_symbol.c_str()));
  if (!function) throw std::runtime_error("the library has no " + c.host_symbol);
  function(arguments.data(), host_launch);
  std::free(scratch);
  const bool single = c.element == Element::f32 || c.element == Element::c64;
  double difference = 0;
  for (size_t b = 0; b < memory.buffers.size(); b++) {
    const Buffer& buffer = memory.buffers[b];
    if (buffer.name == "info") {
      if (std::memcmp(buffer.data, places[b], buffer.bytes) != 0) return "info differs";
    } else {
      difference = std::max(difference, single ? largest_difference<float>(buffer.data, places[b], buffer.bytes) : largest_difference<double>(buffer.data, places[b], buffer.bytes));
    }
  }
  char text[60];
  std::snprintf(text, sizeof text, "differs from the CPU by %.1e", difference);
  return difference <= c.tolerance ? "" : text;
}

int check(const std::string& folder, const std::string& library, const std::string& only) {
  void* const host = dlopen(library.c_str(), RTLD_NOW);
  if (!host) throw std::runtime_error(dlerror());
  int bad = 0, cases = 0;
  const int64_t shapes[][3] = {{67, 3, 3}, {67, 8, 8}, {67, 16, 16}, {67, 32, 32}, {67, 64, 16}, {67, 33, 33}, {67, 5, 1}, {67, 9, 4}};
  for (const std::string& kernel : kernels()) {
    if ((!only.empty() && kernel != only) || !std::ifstream(folder + "/" + kernel + ".ptx")) continue;
    const Module module = parse(read_file(folder + "/" + kernel + ".ptx"));
    for (const char* type : {"f32", "f64", "c64", "c128"}) {
      const bool real_only = kernel == "f_matrix" || kernel == "resolve_ties" || kernel == "singular_value_loss";
      if (real_only && type[0] == 'c') continue;
      for (const auto& shape : shapes) {
        for (const bool column_major : {false, true}) {
          if ((column_major && (kernel == "svd_jacobi" || real_only)) || (kernel == "svd_backward_tiles" && shape[2] > 32)) continue;
          Options options;
          options.column_major = column_major;
          Memory memory(96 << 20);
          const Case c = make_case(memory, kernel, element_of(type), shape[0], shape[1], shape[2], Limits(), options);
          // Two blocks at most, so that blocks have several units.
          Launch launch = c.launch;
          launch.blocks = std::min<int64_t>(launch.blocks, 2);
          std::vector<std::vector<unsigned char>> copies;
          std::vector<unsigned char*> places;
          for (const Buffer& b : memory.buffers) copies.emplace_back(b.data, b.data + b.bytes);
          for (auto& copy : copies) places.push_back(copy.data());
          Machine machine(module, memory);
          machine.run(module.kernel(c.symbol), launch);

          const std::string verdict = judge(c, memory, places, host);
          cases++;
          if (verdict.empty() && machine.problems.empty()) continue;
          bad++;
          std::printf("%s %ldx%ld%s: %s\n", c.symbol.c_str(), long(shape[1]), long(shape[2]), column_major ? " column-major" : "", verdict.empty() ? "result good" : verdict.c_str());
          int told = 0;
          for (const auto& [problem, times] : machine.problems)
            if (told++ < 6) std::printf("    %d× %s\n", times, problem.c_str());
        }
      }
    }
    std::printf("%s done\n", kernel.c_str());
    std::fflush(stdout);
  }
  std::printf("%d cases, %d with a problem\n", cases, bad);
  return bad > 0;
}

struct Bound {
  std::string name;
  double seconds;
};

void model(const std::string& folder, const std::string& kernel, const std::string& type, const std::string& shape, const Options& given, const Gpu& gpu,
           bool row, bool without_cubin, const std::string& library) {
  long batch, m, n;
  if (std::sscanf(shape.c_str(), "%ldx%ldx%ld", &batch, &m, &n) != 3) throw std::runtime_error("shape " + shape);
  Options options = given;
  const Module module = parse(read_file(folder + "/" + kernel + ".ptx"));
  Memory arguments_only(int64_t(512) << 20);
  Options one_matrix = options;
  one_matrix.sample = 1;
  const Function& function = module.kernel(make_case(arguments_only, kernel, element_of(type), batch, m, n, Limits(), one_matrix).symbol);
  const Compiled compiled = without_cubin ? guess(module) : read_cubin(read_file(folder + "/" + kernel + ".cubin"), module, function);
  const Compiled table = guess(module);
  std::string limit;
  Limits limits;
  limits.resident = [&](int threads, int scratch_bytes) {
    Launch launch;
    launch.threads = threads;
    launch.scratch_bytes = scratch_bytes;
    return resident_blocks(gpu, launch, module.shared_bytes, compiled.registers, limit);
  };
  // A sample: at least a few blocks.
  if (options.sample == 0) {
    Memory probe(int64_t(512) << 20);
    Options tiny = options;
    tiny.sample = 1;
    const Case one = make_case(probe, kernel, element_of(type), batch, m, n, limits, tiny);
    const int64_t each = (one.full_units + one.full_blocks - 1) / one.full_blocks;
    const int64_t units_of_one = std::max<int64_t>(1, one.full_units / std::max<int64_t>(1, batch / one.teams));
    options.sample = int(std::min<int64_t>(batch, std::max<int64_t>(one.teams, 2 * each * one.teams / units_of_one)));
  }
  Memory memory(int64_t(512) << 20);
  const Case c = make_case(memory, kernel, element_of(type), batch, m, n, limits, options);
  const int resident = limits.resident(c.launch.threads, c.launch.scratch_bytes);

  Machine machine(module, memory);
  machine.slots.resize(module.code.size());
  for (size_t i = 0; i < module.code.size(); i++) machine.slots[i] = compiled.costs[i].total();
  machine.widths = compiled.widths;
  machine.latency = latencies_of(module, compiled);
  machine.cache_bytes = std::max<int64_t>(4096, (gpu.level1 - int64_t(resident) * (c.launch.scratch_bytes + 1024)) / std::max(1, resident));
  std::vector<std::vector<unsigned char>> copies;
  std::vector<unsigned char*> places;
  for (const Buffer& b : memory.buffers) copies.emplace_back(b.data, b.data + b.bytes);
  for (auto& copy : copies) places.push_back(copy.data());
  machine.run(function, c.launch);
  if (!library.empty() || c.judge) {
    void* const host = library.empty() ? nullptr : dlopen(library.c_str(), RTLD_NOW);
    const std::string verdict = judge(c, memory, places, host);
    if (!verdict.empty()) std::printf("WRONG: %s\n", verdict.c_str());
  }

  const double scale = double(c.full_units) / double(c.units);
  Cost sum;
  double by_table = 0, ptx = 0, lane_slots = 0;
  Tally all;
  double shared_ptx = 0, shared_sass = 0, sectors = 0;
  for (size_t i = 0; i < module.code.size(); i++) {
    const Tally& t = machine.tallies[i];
    if (t.executed == 0) continue;
    for (int k = 0; k < kClasses; k++) sum.of[k] += t.executed * compiled.costs[i].of[k] * scale;
    by_table += t.executed * table.costs[i].total() * scale;
    ptx += t.executed * scale;
    lane_slots += t.lanes / t.executed * t.executed * compiled.costs[i].total() * scale;
    all.wavefronts += t.wavefronts * scale;
    all.ideal_wavefronts += t.ideal_wavefronts * scale;
    all.sectors += t.sectors * scale;
    all.ideal_sectors += t.ideal_sectors * scale;
    all.lines += t.lines * scale;
    all.missed_sectors += t.missed_sectors * scale;
    if ((module.code[i].op == Op::load || module.code[i].op == Op::store) && module.code[i].space == Space::shared) {
      shared_ptx += t.executed * scale;
      shared_sass += t.executed * compiled.costs[i].of[kShared] * scale;
    }
  }
  for (const Buffer& b : memory.buffers)
    if (b.name != "workspace") sectors += double(std::count(b.read_sectors.begin(), b.read_sectors.end(), true) + std::count(b.written_sectors.begin(), b.written_sectors.end(), true)) *
               double(c.full_batch) / double(c.batch);
  const double floor = sectors * 32 / gpu.memory, cycles = gpu.multiprocessors * gpu.schedulers * gpu.clock, pipe = gpu.multiprocessors * gpu.clock;
  const int64_t slots = int64_t(resident) * gpu.multiprocessors;
  const double span = makespan(c.full_units, c.full_blocks, std::max<int64_t>(slots, 1));
  const double unit_cycles = machine.block_cycles / double(c.units);
  const double tail = span / (double(c.full_units) / double(std::min(slots, c.full_blocks)));

  std::vector<Bound> bounds = {{"memory", floor},
                               {"L2", all.missed_sectors * 32 / gpu.level2},
                               {"issue", sum.total() / cycles},
                               {"fp32+imul", (sum.of[kFp32] + sum.of[kMultiply]) / cycles},
                               {"imul", 2 * sum.of[kMultiply] / cycles},
                               {"int", 2 * sum.of[kInteger] / cycles},
                               {"fp64", 2 * sum.of[kFp64] / cycles},
                               {"special", 8 * (sum.of[kSpecialUnit] + sum.of[kConvert64]) / cycles},
                               {"shared+L1", (all.wavefronts + all.lines) / pipe},
                               {"latency", span * unit_cycles / gpu.clock}};
  std::vector<Bound> sorted = bounds;
  std::sort(sorted.begin(), sorted.end(), [](const Bound& a, const Bound& b) { return a.seconds > b.seconds; });

  std::vector<Bound> throughput = sorted;
  throughput.erase(std::find_if(throughput.begin(), throughput.end(), [](const Bound& b) { return b.name == "latency"; }));
  const double bound = throughput[0].seconds, waiting = bounds.back().seconds;
  if (row) {
    std::printf("| %s %s | %s | %.1f | %.1f | %.1f | %.1f | %s %.1f, %s %.1f | %.0f | %.0f %% | %.1f | %.1f | %d×%d, %d |\n", kernel.c_str(), type.c_str(), shape.c_str(), floor * 1e6,
                bound * 1e6, bound / floor, waiting * 1e6, throughput[0].name.c_str(), throughput[0].seconds * 1e6, throughput[1].name.c_str(),
                throughput[1].seconds * 1e6, sum.total() / double(c.full_batch), 100 * lane_slots / sum.total() / 32,
                all.wavefronts / std::max(1.0, all.ideal_wavefronts), all.sectors / std::max(1.0, all.ideal_sectors), resident, (c.launch.threads + 31) / 32, compiled.registers);
    for (const auto& [problem, times] : machine.problems) std::printf("    %d× %s\n", times, problem.c_str());
    return;
  }
  std::printf("%s %s on %s: %ld blocks of %d threads, %d bytes of shared memory, %ld matrices in a block at a time\n", c.symbol.c_str(), shape.c_str(), gpu.name.c_str(),
              long(c.full_blocks), c.launch.threads, c.launch.scratch_bytes, long(c.teams));
  std::printf("  simulated %ld of %ld matrices, %ld of %ld units, scaled by units\n", long(c.batch), long(c.full_batch), long(c.units), long(c.full_units));
  std::printf("  registers %d; %d blocks on a multiprocessor (by %s): %d warps of 64; %ld units on %ld slots, tail %.2f\n", compiled.registers, resident, limit.c_str(),
              resident * ((c.launch.threads + 31) / 32), long(c.full_units), long(slots), tail);
  std::printf("  static: %.0f PTX, %d SASS and %d in subroutines, up to %d copies of a block\n", compiled.ptx_instructions, compiled.instructions,
              compiled.subroutine_instructions, compiled.most_copies);
  std::printf("  warp instructions for a matrix: %.0f SASS (%.0f PTX, %.0f by the table of costs), lanes busy %.0f %%\n", sum.total() / double(c.full_batch),
              ptx / double(c.full_batch), by_table / double(c.full_batch), 100 * lane_slots / sum.total() / 32);
  std::printf("   ");
  for (int k = 0; k < kClasses; k++) std::printf(" %s %.0f %%", kClassNames[k], 100 * sum.of[k] / sum.total());
  std::printf("\n  shared memory: %.0f wavefronts for a matrix, %.2f × the ideal; %.2f machine instructions for a PTX one\n", all.wavefronts / double(c.full_batch),
              all.wavefronts / std::max(1.0, all.ideal_wavefronts), shared_sass / std::max(1.0, shared_ptx));
  std::printf("  global memory: %.0f sectors for a matrix, %.2f × the ideal, %.0f of them past L1 (%.2f × compulsory), %.0f lines; compulsory %.0f bytes a matrix\n",
              all.sectors / double(c.full_batch), all.sectors / std::max(1.0, all.ideal_sectors), all.missed_sectors / double(c.full_batch), all.missed_sectors / sectors,
              all.lines / double(c.full_batch), sectors * 32 / double(c.full_batch));
  std::printf("  latency: %.0f cycles for a unit of a block\n", unit_cycles);
  std::printf("  time ≥ %.1f µs, %.2f × the memory floor, %.5f µs a matrix; by latency about %.1f µs, %.2f ×; bounds in µs:", bound * 1e6, bound / floor,
              1e6 * bound / double(c.full_batch), waiting * 1e6, waiting / floor);
  for (const Bound& b : throughput) std::printf(" %s %.1f", b.name.c_str(), b.seconds * 1e6);
  std::printf("\n");

  const auto hot = [&](const char* title, bool outer) {
    std::map<std::string, std::array<double, 6>> by_line;
    const double waited = machine.warp_cycles;
    for (size_t i = 0; i < module.code.size(); i++) {
      const Tally& t = machine.tallies[i];
      if (t.executed == 0) continue;
      const int l = module.code[i].location;
      const std::string key = l < 0 ? "?" : outer ? module.locations[l].outer_file + ":" + std::to_string(module.locations[l].outer_line)
                                                  : module.locations[l].file + ":" + std::to_string(module.locations[l].line);
      auto& sums = by_line[key];
      const double cost = t.executed * compiled.costs[i].total() * scale;
      sums[0] += cost;
      sums[1] += t.wavefronts * scale;
      sums[2] += t.sectors * scale;
      sums[3] += cost * t.lanes / t.executed / 32;
      sums[5] += machine.waits[i];
      sums[4] += t.executed * (compiled.costs[i].of[kFp32] + compiled.costs[i].of[kFp64]) * scale;
    }
    std::vector<std::pair<std::string, std::array<double, 6>>> order(by_line.begin(), by_line.end());
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second[0] > b.second[0]; });
    std::printf("  %s: share of issue slots (floating point among them), lanes busy, wavefronts, sectors for a matrix, share of a warp's time\n", title);
    for (size_t r = 0; r < order.size() && r < 16; r++) {
      const auto& s = order[r].second;
      std::printf("    %5.1f %% (%2.0f %%) %3.0f %% %8.1f %8.1f %5.1f %%  %s\n", 100 * s[0] / sum.total(), 100 * s[4] / std::max(1.0, s[0]), 100 * s[3] / std::max(1.0, s[0]),
                  s[1] / double(c.full_batch), s[2] / double(c.full_batch), 100 * s[5] / waited, order[r].first.c_str());
    }
  };
  hot("by statement in the .cu file", true);
  hot("by line, inlined functions too", false);
  for (const auto& [problem, times] : machine.problems) std::printf("  PROBLEM %d× %s\n", times, problem.c_str());
}

}  // namespace

int main(int count, char** words) {
  try {
    const std::vector<std::string> w(words + 1, words + count);
    if (w.size() >= 3 && w[0] == "check") return check(w[1], w[2], w.size() > 3 ? w[3] : "");
    if (w.size() >= 5 && (w[0] == "time" || w[0] == "row")) {
      Options options;
      Gpu gpu;
      bool without_cubin = false;
      std::string library;
      for (size_t n = 5; n < w.size(); n++) {
        const size_t equals = w[n].find('=');
        const std::string name = w[n].substr(0, equals);
        const int value = equals == std::string::npos ? 1 : std::atoi(w[n].c_str() + equals + 1);
        if (name == "--team") options.team = value;
        else if (name == "--threads") options.threads = value;
        else if (name == "--scratch") options.scratch = value;
        else if (name == "--team-scratch") options.scratch_per_team = value;
        else if (name == "--blocks") options.blocks = value;
        else if (name == "--unit") options.matrices_per_unit = value;
        else if (name == "--sample") options.sample = value;
        else if (name == "--rule") options.rule = value;
        else if (name == "--column-major") options.column_major = true;
        else if (name == "--only-s") options.only_s = true;
        else if (name == "--library") library = w[n].substr(equals + 1);
        else if (name == "--no-cubin") without_cubin = true;
        else if (name == "--h200") gpu.name = "H200", gpu.memory = 4.3e12;
        else throw std::runtime_error("option " + w[n]);
      }
      model(w[1], w[2], w[3], w[4], options, gpu, w[0] == "row", without_cubin, library);
      return 0;
    }
    std::fputs("usage: ptx-model check|time|row …, see README.md\n", stderr);
    return 2;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "ptx-model: %s\n", e.what());
    return 1;
  }
}
