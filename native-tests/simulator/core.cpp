#include "core.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "core_internal.h"

namespace simulator {

namespace {

constexpr uint64_t kPage = 4096, kPoisonBytes = 1 << 20, kAlignment = 256, kArenaBytes = uint64_t{1} << 40;
constexpr unsigned char kGuard = 0xA5;

struct CallFault {
  std::string name;  // "any" for whatever comes
  uint64_t countdown;
  int status;
  bool sticks;
};
std::vector<CallFault> call_faults;
struct SolverFault {
  int countdown;
  int32_t info;
};
std::vector<SolverFault> solver_faults;

uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

constexpr int kReserved = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

// Device memory lies in one range that is reserved once and given out without ever coming back, each allocation at the end of its pages and before
// pages that cannot be touched: use after free, or behind an end, is a fault, and never another allocation's data.
struct Arena {
  uint64_t base = 0, next = 0;

  bool contains(uint64_t address) const { return base != 0 && address >= base && address < base + kArenaBytes; }

  bool open() {
    if (base) return true;
    void* memory = mmap(nullptr, kArenaBytes, PROT_NONE, kReserved, -1, 0);
    if (memory == MAP_FAILED) return false;
    base = reinterpret_cast<uint64_t>(memory);
    next = base + kPage;
    return true;
  }
};
Arena arena;

// Makes a range of memory that reads as all ones and takes no memory until it is written: workspaces are large, and tests touch little of them.
bool map_poison(uint64_t begin, uint64_t bytes) {
  static const int file = [] {
    const int made = memfd_create("poison", MFD_CLOEXEC);
    const std::string ones(kPoisonBytes, '\xFF');
    return made >= 0 && write(made, ones.data(), ones.size()) == ssize_t(ones.size()) ? made : -1;
  }();
  for (uint64_t done = 0; done < bytes; done += kPoisonBytes) {
    const uint64_t part = bytes - done < kPoisonBytes ? bytes - done : kPoisonBytes;
    void* const at = reinterpret_cast<void*>(begin + done);
    if (mmap(at, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, file, 0) != at) return false;
  }
  return true;
}

// Where a fault in queued work goes back to.
thread_local sigjmp_buf fault_exit;
thread_local volatile bool in_work = false;
struct sigaction other_handler;

void on_fault(int signal, siginfo_t* info, void* context) {
  if (in_work && arena.contains(reinterpret_cast<uint64_t>(info->si_addr))) siglongjmp(fault_exit, 1);
  // Not ours: Java's, which uses faults for its own ends.
  if (other_handler.sa_flags & SA_SIGINFO) {
    other_handler.sa_sigaction(signal, info, context);
  } else if (other_handler.sa_handler != SIG_DFL && other_handler.sa_handler != SIG_IGN) {
    other_handler.sa_handler(signal);
  } else {
    sigaction(signal, &other_handler, nullptr);
  }
}

void catch_faults() {
  static bool done = false;
  if (done) return;
  done = true;
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, &other_handler);
}

struct Padding {
  uint64_t begin, data, end, limit;  // guard bytes in [begin, data) and [end, limit)
};
Padding padding(uint64_t address, uint64_t bytes) {
  return {address / kPage * kPage, address, address + bytes, address + round_up(bytes, kAlignment)};
}

int library_status(Library library, int status) {
  switch (library) {
    case Library::kCublas:
      return 13;  // CUBLAS_STATUS_EXECUTION_FAILED
    case Library::kCusolver:
      return 6;  // CUSOLVER_STATUS_EXECUTION_FAILED
    default:
      return status;
  }
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kContext:
      return "context";
    case Kind::kModule:
      return "module";
    case Kind::kFunction:
      return "function";
    case Kind::kStream:
      return "stream";
    case Kind::kEvent:
      return "event";
    case Kind::kGraph:
      return "graph";
    case Kind::kGraphExec:
      return "executable graph";
    case Kind::kCublas:
      return "cuBLAS handle";
    case Kind::kCusolver:
      return "cuSOLVER handle";
    default:
      return "gesvdjInfo";
  }
}

void run(const std::function<void()>& work) {
  State& s = state();
  if (s.lost) return;
  if (sigsetjmp(fault_exit, 1) != 0) {
    in_work = false;
    s.lost = kIllegalAddress;
    return;
  }
  in_work = true;
  work();
  in_work = false;
  std::string damage;
  if (!guards_intact(&damage)) {
    s.violations.push_back("written outside an allocation: " + damage);
    s.lost = kIllegalAddress;
  }
}

}  // namespace

State& state() {
  static State* state = new State;  // never destroyed: Java's threads outlive this library's statics
  return *state;
}

std::vector<uint64_t>& context_stack() {
  thread_local std::vector<uint64_t> stack;
  return stack;
}

uint64_t current_context() { return context_stack().empty() ? 0 : context_stack().back(); }

bool is_of_current_context(uint64_t handle) {
  const auto owner = state().owners.find(handle);
  return owner == state().owners.end() || owner->second == current_context();
}

uint64_t make_context(int device) {
  const uint64_t context = make_handle(Kind::kContext);
  state().contexts[context] = device;
  return context;
}

void destroy_context(Call& call, uint64_t context) {
  for (const auto& [handle, owner] : state().owners) {
    const Kind kind = state().handles[handle];
    if (owner == context && kind != Kind::kFunction) call.wrong(std::string("a ") + kind_name(kind) + " outlives its context", kSuccess);
  }
  state().contexts.erase(context);
  drop_handle(context);
}

Call::Call(const char* name, Library library, bool needs_context) : name_(name), lock_(state().mutex) {
  State& s = state();
  s.calls[name]++;
  if (s.tracing) s.traced.push_back(name);
  for (CallFault& fault : call_faults) {
    if (fault.countdown == 0 || (fault.name != "any" && fault.name != name)) continue;
    if (--fault.countdown > 0) continue;
    status_ = fault.status;
    if (fault.sticks) {
      s.lost = fault.status;
      status_ = library_status(library, fault.status);
    }
    return;
  }
  if (s.lost && library != Library::kDriver) {
    status_ = library_status(library, s.lost);
  } else if (s.lost && needs_context) {
    status_ = s.lost;
  } else if (needs_context && !is_handle(current_context(), Kind::kContext)) {
    s.violations.push_back(std::string(name) + ": no context is current");
    status_ = library == Library::kDriver ? kInvalidContext : 1;  // NOT_INITIALIZED of cuBLAS and cuSOLVER
  }
}

Call::~Call() = default;

int Call::wrong(const std::string& what, int status) {
  state().violations.push_back(std::string(name_) + ": " + what);
  status_ = status;
  return status;
}

int unsupported(const char* name, int status) {
  std::lock_guard<std::recursive_mutex> lock(state().mutex);
  state().violations.push_back(std::string(name) + ": the simulator does not have it");
  std::fprintf(stderr, "diffsvd simulator: %s is not supported\n", name);
  return status;
}

uint64_t make_handle(Kind kind, uint64_t device_bytes) {
  static uint64_t next = 0x51d0000000000000;  // no address, so that nothing mistakes it for one
  State& s = state();
  if (device_bytes > s.memory_bytes - s.used_bytes) return 0;
  next += 16;
  s.handles[next] = kind;
  if (kind != Kind::kContext) s.owners[next] = current_context();
  if (device_bytes) s.handle_bytes[next] = device_bytes;
  s.used_bytes += device_bytes;
  return next;
}

bool is_handle(uint64_t handle, Kind kind) {
  const auto found = state().handles.find(handle);
  return found != state().handles.end() && found->second == kind;
}

void drop_handle(uint64_t handle) {
  State& s = state();
  s.handles.erase(handle);
  s.owners.erase(handle);
  const auto taken = s.handle_bytes.find(handle);
  if (taken == s.handle_bytes.end()) return;
  s.used_bytes -= taken->second;
  s.handle_bytes.erase(taken);
}

int compute_capability() { return state().compute_capability; }

uint64_t allocate(uint64_t bytes) {
  State& s = state();
  if (!arena.open() || bytes > s.memory_bytes - s.used_bytes) return 0;
  catch_faults();
  const uint64_t rounded = round_up(bytes, kAlignment), pages = round_up(rounded, kPage), gap = round_up(bytes < (1 << 16) ? 1 << 16 : bytes, kPage);
  if (arena.next + pages + gap > arena.base + kArenaBytes) return 0;
  const uint64_t begin = arena.next, address = begin + pages - rounded;
  const bool large = pages >= kPoisonBytes;
  if (large ? !map_poison(begin, pages) : mprotect(reinterpret_cast<void*>(begin), pages, PROT_READ | PROT_WRITE) != 0) return 0;
  arena.next = begin + pages + gap;
  s.used_bytes += bytes;
  s.allocations[address] = {bytes, false, current_context()};
  const Padding p = padding(address, bytes);
  std::memset(reinterpret_cast<void*>(p.begin), kGuard, p.data - p.begin);
  std::memset(reinterpret_cast<void*>(p.end), kGuard, p.limit - p.end);
  if (!large) poison(address, bytes);
  return address;
}

bool release(uint64_t address) {
  State& s = state();
  const auto found = s.allocations.find(address);
  if (found == s.allocations.end() || found->second.host) return false;
  const uint64_t begin = address / kPage * kPage, pages = round_up(address + found->second.bytes, kPage) - begin;
  s.used_bytes -= found->second.bytes;
  s.allocations.erase(found);
  mmap(reinterpret_cast<void*>(begin), pages, PROT_NONE, kReserved | MAP_FIXED, -1, 0);
  return true;
}

bool guards_intact(std::string* damage) {
  for (const auto& [address, allocation] : state().allocations) {
    if (allocation.host) continue;
    const Padding p = padding(address, allocation.bytes);
    for (uint64_t at = p.begin; at < p.limit; at++) {
      if (at == p.data) at = p.end;
      if (at >= p.limit || *reinterpret_cast<unsigned char*>(at) == kGuard) continue;
      *damage = describe(at, 1);
      return false;
    }
  }
  return true;
}

bool is_live(uint64_t address, uint64_t bytes) {
  const auto& allocations = state().allocations;
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin()) return false;
  const auto& [begin, allocation] = *--after;
  const bool reachable = allocation.host || allocation.context == current_context();
  return reachable && address - begin <= allocation.bytes && bytes <= allocation.bytes - (address - begin);
}

std::string describe(uint64_t address, uint64_t bytes) {
  std::ostringstream text;
  text << bytes << " bytes at 0x" << std::hex << address << std::dec;
  const auto& allocations = state().allocations;
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin() && !arena.contains(address)) {
    text << ", which is no device memory";
  } else if (after != allocations.begin() && arena.contains(address)) {
    const auto& [begin, allocation] = *--after;
    text << ", " << address - begin << " bytes from the start of the nearest allocation, which has " << allocation.bytes;
    if (allocation.context != current_context()) text << " and is of another context";
  } else {
    text << (arena.contains(address) ? ", which is freed or was never allocated" : ", which is no device memory");
  }
  return text.str();
}

void poison(uint64_t address, uint64_t bytes) { std::memset(reinterpret_cast<void*>(address), 0xFF, bytes); }

Stream* find_stream(uint64_t handle) {
  auto& streams = state().streams;
  if (handle == kLegacyStream) return &streams[handle];
  if (handle == kPerThreadStream) {
    static std::atomic<uint64_t> threads{kPerThreadStream};
    thread_local const uint64_t mine = threads++;
    Stream& stream = streams[mine];
    stream.blocking = true;
    return &stream;
  }
  const auto found = streams.find(handle);
  return found == streams.end() ? nullptr : &found->second;
}

namespace {

// Work on one stream that waits for all that another one has been given so far.
void follow(Stream& stream, uint64_t other, const Stream& first) {
  if (first.done == first.queued) return;
  const uint64_t until = first.queued;
  stream.queue.push_back([other, until] {
    const auto found = state().streams.find(other);
    if (found != state().streams.end()) run_until(found->second, until);
  });
  stream.queued++;
}

// What has to be done before work that is queued now: for a blocking stream that of the legacy stream, and for this one that of all blocking ones.
int order_with_legacy(Call& call, Stream& stream) {
  auto& streams = state().streams;
  const Stream* legacy = find_stream(kLegacyStream);
  if (&stream == legacy) {
    for (auto& [handle, other] : streams) {
      if (!other.blocking) continue;
      if (other.capture) {
        break_captures();
        return call.wrong("work on the legacy stream, for which a stream that is captured would have to wait", kCaptureImplicit);
      }
      follow(stream, handle, other);
    }
  } else if (stream.blocking && !stream.capture) {
    follow(stream, kLegacyStream, *legacy);
  }
  return kSuccess;
}

}  // namespace

int enqueue(Call& call, uint64_t handle, std::function<void()> work) {
  State& s = state();
  Stream* stream = find_stream(handle);
  if (handle == 0) return call.wrong("work on a default stream, where the caller's was expected", kInvalidHandle);
  if (!stream) return call.wrong("the stream does not exist, or exists no more", kInvalidHandle);
  if (!is_of_current_context(handle)) return call.wrong("the stream is of another context", kInvalidHandle);
  if (s.expected_stream && handle != s.expected_stream && stream->follows != s.expected_stream)
    return call.wrong("work on another stream than the caller's", kInvalidHandle);
  const int ordered = order_with_legacy(call, *stream);
  if (ordered != kSuccess) return ordered;
  if (stream->capture) {
    stream->capture->nodes.push_back(std::move(work));
    return kSuccess;
  }
  stream->queue.push_back(std::move(work));
  stream->queued++;
  return kSuccess;
}

void check_aligned(Call& call, uint64_t stream, const char* name, uint64_t address, uint64_t element_bytes) {
  if (address % element_bytes == 0) return;
  std::ostringstream text;
  text << call.name() << ": " << name << " at 0x" << std::hex << address << std::dec << " is between two numbers of " << element_bytes << " bytes";
  state().violations.push_back(text.str());
  enqueue(call, stream, [] { state().lost = kMisalignedAddress; });
}

bool breaks_capture(uint64_t handle) {
  Stream* stream = find_stream(handle);
  if (!stream || !stream->capture) return false;
  break_captures();
  return true;
}

int enqueue_and_wait(Call& call, uint64_t handle, std::function<void()> work) {
  const int status = enqueue(call, handle, std::move(work));
  if (status != kSuccess) return status;
  Stream* stream = find_stream(handle);
  run_until(*stream, stream->queued);
  return call.status();
}

void run_until(Stream& stream, uint64_t position) {
  while (stream.done < position && !stream.queue.empty()) {
    const std::function<void()> work = std::move(stream.queue.front());
    stream.queue.pop_front();
    stream.done++;
    run(work);
  }
}

void run_all() {
  for (auto& [handle, stream] : state().streams) run_until(stream, stream.queued);
}

bool any_capture() {
  for (auto& [handle, stream] : state().streams)
    if (stream.capture) return true;
  return false;
}

void break_captures() {
  for (auto& [handle, stream] : state().streams)
    if (stream.capture) stream.capture_broken = true;
}

int32_t solver_fault() {
  int32_t info = 0;
  for (SolverFault& fault : solver_faults)
    if (fault.countdown-- == 0) info = fault.info;
  return info;
}

void* blas_symbol(const char* name) {
  if (!state().blas) {
    std::fprintf(stderr, "diffsvd simulator: no OpenBLAS; the command \"openblas PATH\" names it\n");
    std::abort();
  }
  return dlsym(state().blas, name);
}

namespace {

std::string open_library(std::istringstream& words, void** library) {
  std::string path;
  words >> path;
  *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  return *library ? "" : std::string("error: ") + dlerror();
}

std::string leaks() {
  std::ostringstream text;
  for (const auto& [address, allocation] : state().allocations) {
    if (allocation.kept) continue;
    text << "0x" << std::hex << address << std::dec << ": " << allocation.bytes << " bytes of " << (allocation.host ? "host" : "device")
         << " memory\n";
  }
  for (const auto& [handle, kind] : state().handles)
    if (kind != Kind::kFunction && kind != Kind::kContext && state().kept_handles.count(handle) == 0) text << kind_name(kind) << '\n';
  return text.str();
}

// Forgets what is not kept; a function lives as long as its module.
void reset() {
  State& s = state();
  for (auto each = s.allocations.begin(); each != s.allocations.end();) {
    const auto [address, allocation] = *each++;
    if (allocation.kept) continue;
    if (allocation.host) {
      s.allocations.erase(address);
      std::free(reinterpret_cast<void*>(address));
    } else {
      release(address);
    }
  }
  for (auto each = s.handles.begin(); each != s.handles.end();) {
    const auto [handle, kind] = *each++;
    const bool kept = kind == Kind::kFunction ? s.kept_handles.count(s.functions[handle].module) > 0 : s.kept_handles.count(handle) > 0;
    if (kept) continue;
    drop_handle(handle);
    s.streams.erase(handle);
    s.modules.erase(handle);
    s.functions.erase(handle);
    s.graphs.erase(handle);
    s.graph_execs.erase(handle);
    s.events.erase(handle);
    s.contexts.erase(handle);
    for (auto& [device, primary] : s.primary_contexts)
      if (primary.handle == handle) primary.handle = 0;
  }
  for (auto& [handle, stream] : s.streams) {
    stream.queue.clear();
    stream.done = stream.queued;
    stream.capture.reset();
  }
  for (auto& [device, primary] : s.primary_contexts) primary.retained = primary.kept_retained;
  s.devices = 1;
  s.violations.clear();
  s.lost = 0;
  s.expected_stream = 0;
  s.threaded = s.tracing = false;
  s.traced.clear();
  call_faults.clear();
  solver_faults.clear();
}

std::string kernel_names() {
  std::string names;
  for (const auto& [handle, module] : state().modules)
    for (const auto& [name, code] : module) {
      if (code.machine) names += "machine " + name + '\n';
      if (code.ptx) names += "ptx " + name + '\n';
    }
  return names;
}

std::string lines(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& line : all) text += line + '\n';
  return text;
}

}  // namespace

// kernels PATH             the library with the kernels compiled for the host, one thread for a block
// threaded-kernels PATH    the same with true blocks
// openblas PATH
// threaded on|off          which of the two launches run
// capability N             80 for 8.0
// multiprocessors N
// shared-memory BYTES      of a block that asks for it
// memory BYTES             of the device
// devices N                that there are, until the next reset; all share the memory
// stream HANDLE            work on any other is wrong that does not wait for an event of it; 0: any is right
// fail CALL N STATUS       the N-th call from now on of that name returns the status; CALL may be "any"
// lose CALL N STATUS       the same, and the status sticks
// info MATRIX VALUE        the solver reports this for that matrix, counted from 0 over all calls from now on
// no-faults                forgets faults, and a context that was lost
// keep                     what there is now, a device that many tests share, is no leak and outlives a reset
// reset                    throws everything else away, so that a test of a leak or a lost context ends clean
// trace on|off             notes the names of calls; the answer is what was noted so far, one a line, and forgets it
// calls CALL               how often it was called; "calls any" for all
// counts                   every name with its count
// violations               what was done wrong, one a line, and forgets it
// used                     bytes of device memory that are taken
// names                    of the kernels in the modules that are loaded, "machine NAME" and "ptx NAME", one a line
// leaks                    what was not given back, one a line; the primary context is the process's
std::string control(const std::string& command) {
  State& s = state();
  std::lock_guard<std::recursive_mutex> lock(s.mutex);
  std::istringstream words(command);
  std::string verb, name;
  words >> verb;
  if (verb == "kernels") return open_library(words, &s.kernels);
  if (verb == "threaded-kernels") return open_library(words, &s.threaded_kernels);
  if (verb == "openblas") return open_library(words, &s.blas);
  if (verb == "threaded") {
    words >> name;
    s.threaded = name == "on";
    return s.threaded && !s.threaded_kernels ? "error: no threaded kernels" : "";
  }
  if (verb == "capability") return words >> s.compute_capability ? "" : "error: capability N";
  if (verb == "multiprocessors") return words >> s.multiprocessors ? "" : "error: multiprocessors N";
  if (verb == "shared-memory") return words >> s.most_scratch ? "" : "error: shared-memory BYTES";
  if (verb == "memory") return words >> s.memory_bytes ? "" : "error: memory BYTES";
  if (verb == "devices") return words >> s.devices ? "" : "error: devices N";
  if (verb == "stream") return words >> s.expected_stream ? "" : "error: stream HANDLE";
  if (verb == "fail" || verb == "lose") {
    CallFault fault{"", 0, 0, verb == "lose"};
    if (!(words >> fault.name >> fault.countdown >> fault.status)) return "error: " + verb + " CALL N STATUS";
    call_faults.push_back(fault);
    return "";
  }
  if (verb == "info") {
    SolverFault fault;
    if (!(words >> fault.countdown >> fault.info)) return "error: info MATRIX VALUE";
    solver_faults.push_back(fault);
    return "";
  }
  if (verb == "no-faults") {
    call_faults.clear();
    solver_faults.clear();
    s.lost = 0;
    return "";
  }
  if (verb == "keep") {
    for (auto& [address, allocation] : s.allocations) allocation.kept = true;
    for (const auto& [handle, kind] : s.handles) s.kept_handles.insert(handle);
    for (auto& [device, primary] : s.primary_contexts) primary.kept_retained = primary.retained;
    return "";
  }
  if (verb == "reset") {
    reset();
    return "";
  }
  if (verb == "trace") {
    const std::string text = lines(s.traced);
    s.traced.clear();
    words >> name;
    s.tracing = name == "on";
    return text;
  }
  if (verb == "calls") {
    words >> name;
    uint64_t count = 0;
    for (const auto& [called, times] : s.calls)
      if (name == "any" || name == called) count += times;
    return std::to_string(count);
  }
  if (verb == "counts") {
    std::string text;
    for (const auto& [called, times] : s.calls) text += called + ' ' + std::to_string(times) + '\n';
    return text;
  }
  if (verb == "violations") {
    const std::string text = lines(s.violations);
    s.violations.clear();
    return text;
  }
  if (verb == "used") return std::to_string(s.used_bytes);
  if (verb == "names") return kernel_names();
  if (verb == "leaks") return leaks();
  return "error: unknown command " + verb;
}

}  // namespace simulator
