// What the stand-ins for the CUDA libraries share: handles, device memory, streams, faults and the list of what was done wrong. It lives in the
// stand-in for libcuda.so.1, with which the others are linked.
//
// One lock is held through every public call. Work is queued, as on a GPU, but runs as late as it may: when something waits for it, on the thread
// that waits. So a missing wait shows as old data every time, not now and then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace simulator {

enum class Library { kDriver, kCublas, kCusolver };

// Statuses of the driver, CUresult.
constexpr int kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2, kNotInitialized = 3, kNoDevice = 101, kInvalidImage = 200, kInvalidContext = 201,
              kNoBinaryForGpu = 209, kInvalidHandle = 400, kNotFound = 500, kNotReady = 600, kIllegalAddress = 700, kMisalignedAddress = 716,
              kNotSupported = 801, kCaptureUnsupported = 900, kCaptureInvalidated = 901, kCaptureImplicit = 906;

// Every public function begins with a Call and returns at once where it failed: by a fault that was asked for, because the context is lost, or for
// want of a current context. The name is the documented one, without version suffix; faults and counters go by it.
class Call {
 public:
  explicit Call(const char* name, Library library = Library::kDriver, bool needs_context = true);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  bool failed() const { return status_ != 0; }
  int status() const { return status_; }
  const char* name() const { return name_; }

  // Notes that the caller did something that a test has to hear of, and returns the library's status for it.
  int wrong(const std::string& what, int status);

 private:
  const char* name_;
  int status_ = 0;
  std::unique_lock<std::recursive_mutex> lock_;
};

// A function that the simulator does not have: says its name and returns the library's "not supported".
int unsupported(const char* name, int status);

// Opaque handles of every kind; never used twice, so that use after destroy is told from use. What a library's handle takes of the device's memory
// goes and comes with it; 0 where that is not there.
enum class Kind { kContext, kModule, kFunction, kStream, kEvent, kGraph, kGraphExec, kCublas, kCusolver, kGesvdjInfo };
uint64_t make_handle(Kind kind, uint64_t device_bytes = 0);
bool is_handle(uint64_t handle, Kind kind);
void drop_handle(uint64_t handle);

// Device memory. An address is live if it lies in an allocation that is not freed, with all its bytes.
bool is_live(uint64_t address, uint64_t bytes);
// What is wrong with a range that is not live, in words.
std::string describe(uint64_t address, uint64_t bytes);
// Overwrites with all ones: NaN as floating point, −1 as an integer.
void poison(uint64_t address, uint64_t bytes);

// 90 for compute capability 9.0.
int compute_capability();

// Device memory that a kernel of cuBLAS or cuSOLVER loads numbers of so many bytes from. Where it lies between two of them the caller is told, and
// the context is lost when the stream gets there, as on a GPU.
void check_aligned(Call& call, uint64_t stream, const char* name, uint64_t address, uint64_t element_bytes);

// Queues work on a stream, a handle as the caller gave it. The work runs under the same eyes as a kernel: an address outside every allocation ends it
// and loses the context with kIllegalAddress.
int enqueue(Call& call, uint64_t stream, std::function<void()> work);
// The same for a call that returns when the work is done. It cannot be captured: true where it is, and the capture is broken then.
bool breaks_capture(uint64_t stream);
int enqueue_and_wait(Call& call, uint64_t stream, std::function<void()> work);

// A fault: the solver's info for the next matrix, 0 where there is none. Asked for once per matrix, at the time the call is made.
int32_t solver_fault();

// OpenBLAS, which a test has to name before the first decomposition.
void* blas_symbol(const char* name);

}  // namespace simulator
