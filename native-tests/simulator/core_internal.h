// The part of the core that only the driver's stand-in sees.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core.h"

namespace simulator {

struct Graph {
  std::vector<std::function<void()>> nodes;
};

struct Stream {
  bool blocking = false;  // waits for the legacy stream, and is waited for by it
  std::deque<std::function<void()>> queue;
  uint64_t queued = 0, done = 0;
  std::unique_ptr<Graph> capture;  // what is being captured, or null
  bool capture_broken = false;
  uint64_t follows = 0;  // the stream whose event it last waited for
};

struct Allocation {
  uint64_t bytes;
  bool host;         // page-locked host memory
  uint64_t context;  // that it was made in
  bool kept = false;
};

struct PrimaryContext {
  uint64_t handle = 0;  // while it is retained
  int retained = 0, kept_retained = 0;
};

// What a fatbin has of a kernel.
struct KernelCode {
  bool machine = false, ptx = false;
  int64_t parameter_bytes = -1;  // as its PTX says
};

using Module = std::map<std::string, KernelCode>;

struct Function {
  uint64_t module;
  std::string name;
  void (*body)(const void* arguments, const void* launch);
  bool threaded;
  int64_t argument_bytes;
  int most_scratch;
  int64_t scratch;  // what the kernel says that it needs, where that is one number; else −1
};

struct State {
  std::recursive_mutex mutex;

  bool initialized = false;
  int lost = 0;  // the status that sticks, or 0

  int compute_capability = 80, multiprocessors = 3;
  int most_scratch = 163 << 10;  // of a block that asks for it
  uint64_t memory_bytes = uint64_t{8} << 30;
  uint64_t used_bytes = 0;

  std::map<uint64_t, Kind> handles;
  std::map<uint64_t, uint64_t> handle_bytes;   // of those that take device memory
  std::set<uint64_t> kept_handles;             // with Allocation::kept, what the command "keep" found
  std::map<uint64_t, Allocation> allocations;  // by address
  std::map<uint64_t, Stream> streams;
  std::map<uint64_t, Module> modules;
  std::map<uint64_t, Function> functions;
  std::map<uint64_t, Graph> graphs, graph_execs;
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> events;  // stream and position; stream 0 where not recorded

  int devices = 1;
  std::map<int, PrimaryContext> primary_contexts;  // by device
  std::map<uint64_t, int> contexts;                // the device of each
  std::map<uint64_t, uint64_t> owners;             // the context that another handle was made in

  uint64_t expected_stream = 0;  // 0: any
  bool threaded = false;         // functions that are looked up from now on run with their true number of threads
  void* kernels = nullptr;
  void* threaded_kernels = nullptr;
  void* blas = nullptr;

  std::map<std::string, uint64_t> calls;
  std::vector<std::string> traced;  // the names of the calls since "trace"
  bool tracing = false;
  std::vector<std::string> violations;
};

State& state();

uint64_t allocate(uint64_t bytes);  // 0 where there is no room
bool release(uint64_t address);
bool guards_intact(std::string* damage);

// The handles that every context has: the legacy stream and the calling thread's own.
constexpr uint64_t kLegacyStream = 1, kPerThreadStream = 2;
Stream* find_stream(uint64_t handle);
void run_until(Stream& stream, uint64_t position);
void run_all();
bool any_capture();
void break_captures();

// Makes a context of a device, and destroys one with what is in it; what would be used after it is named.
uint64_t make_context(int device);
void destroy_context(Call& call, uint64_t context);

// The contexts of the calling thread, the current one last.
std::vector<uint64_t>& context_stack();
uint64_t current_context();  // 0 where there is none
// Whether a handle was made in the current context, as most calls want it.
bool is_of_current_context(uint64_t handle);

// One command of a test; the answer, or text that begins with "error: ".
std::string control(const std::string& command);

}  // namespace simulator
