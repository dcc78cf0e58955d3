// The stand-in for libcuda.so.1: what the CUDA backend calls of the driver API, after its public documentation. A device is this machine's memory; a
// kernel is the host-compiled function of the same name.
#include <dlfcn.h>
#include <jni.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "../../kernels/portable.cuh"
#include "core_internal.h"

using namespace simulator;

namespace {

// What JCuda's table of attributes names that anything here asks for.
int attribute(int which, int* value) {
  switch (which) {
    case 1:  // MAX_THREADS_PER_BLOCK
      *value = 1024;
      return kSuccess;
    case 8:  // MAX_SHARED_MEMORY_PER_BLOCK
      *value = 48 << 10;
      return kSuccess;
    case 10:  // WARP_SIZE
      *value = 32;
      return kSuccess;
    case 16:  // MULTIPROCESSOR_COUNT
      *value = state().multiprocessors;
      return kSuccess;
    case 75:  // COMPUTE_CAPABILITY_MAJOR
      *value = state().compute_capability / 10;
      return kSuccess;
    case 76:  // COMPUTE_CAPABILITY_MINOR
      *value = state().compute_capability % 10;
      return kSuccess;
    case 97:  // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
      *value = state().most_scratch;
      return kSuccess;
    default:
      return kInvalidValue;
  }
}

int check_device(int device) { return device >= 0 && device < state().devices ? kSuccess : kNoDevice; }

// A call on a stream that waits is not allowed while anything is captured, and ends the capture.
int check_not_capturing(Call& call) {
  if (!any_capture()) return kSuccess;
  break_captures();
  return call.wrong("not allowed while a stream is captured", kCaptureUnsupported);
}

int check_live(Call& call, uint64_t address, uint64_t bytes) {
  return is_live(address, bytes) ? kSuccess : call.wrong(describe(address, bytes), kInvalidValue);
}

template <class T>
T read_at(const std::string& image, size_t offset) {
  T value{};
  if (offset + sizeof(T) <= image.size()) std::memcpy(&value, image.data() + offset, sizeof(T));
  return value;
}

constexpr uint32_t kFatbinMagic = 0xba55ed50;

// Whether a fatbin has machine code for this compute capability (same major, minor not above), or PTX that the driver could compile.
bool has_code_for(const std::string& image, int capability) {
  for (size_t at = read_at<uint16_t>(image, 6); at + 32 <= image.size();) {
    const int kind = read_at<uint16_t>(image, at), built_for = read_at<uint32_t>(image, at + 28);
    const bool ptx = kind == 1;
    if (built_for <= capability && (ptx || built_for / 10 == capability / 10)) return true;
    at += read_at<uint32_t>(image, at + 4) + read_at<uint64_t>(image, at + 8);
  }
  return false;
}

// What an entry of a fatbin holds, which nvcc compresses by LZ4 up to 12.7 and by Zstandard since; empty where it is compressed and the library for
// that is not there.
std::string payload(const std::string& image, size_t at) {
  const size_t begin = at + read_at<uint32_t>(image, at + 4);
  const uint64_t flags = read_at<uint64_t>(image, at + 40), size = read_at<uint64_t>(image, at + 56);
  const bool lz4 = flags & 0x2000, zstd = flags & 0x8000;
  if (!lz4 && !zstd) return image.substr(begin, read_at<uint64_t>(image, at + 8));
  const uint32_t packed = read_at<uint32_t>(image, at + 16);
  void* const library = dlopen(lz4 ? "liblz4.so.1" : "libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
  void* const function = library ? dlsym(library, lz4 ? "LZ4_decompress_safe" : "ZSTD_decompress") : nullptr;
  std::string text(function ? size : 0, '\0');
  if (!function) return text;
  const uint64_t written =
      lz4 ? reinterpret_cast<int (*)(const char*, char*, int, int)>(function)(image.data() + begin, text.data(), packed, size)
          : reinterpret_cast<size_t (*)(void*, size_t, const void*, size_t)>(function)(text.data(), size, image.data() + begin, packed);
  return written == size ? text : "";
}

// Calls body(name, behind) for the word that follows each place where the text stands, and for where it ends.
template <class Body>
void for_names(const std::string& contents, const std::string& text, const Body& body) {
  for (size_t at = contents.find(text); at != std::string::npos; at = contents.find(text, at + 1)) {
    const size_t begin = at + text.size();
    size_t end = begin;
    while (end < contents.size() && (std::isalnum(static_cast<unsigned char>(contents[end])) || contents[end] == '_')) end++;
    body(contents.substr(begin, end - begin), end);
  }
}

// The kernels of a fatbin, each looked for once; none where an entry cannot be decompressed.
const Module& kernels_of(const std::string& image) {
  static std::map<std::string, Module> known;
  const auto found = known.find(image);
  if (found != known.end()) return found->second;
  std::string contents;
  for (size_t at = read_at<uint16_t>(image, 6); at + 64 <= image.size(); at += read_at<uint32_t>(image, at + 4) + read_at<uint64_t>(image, at + 8)) {
    const std::string entry = payload(image, at);
    if (entry.empty()) return known[""];
    contents += entry;
  }
  Module& module = known[image];
  for_names(contents, std::string(1, '\0') + ".text.", [&](const std::string& name, size_t) { module[name].machine = true; });
  for_names(contents, ".entry ", [&](const std::string& name, size_t end) {
    const std::string parameter = name + "_param_0[";
    const size_t at = contents.find(parameter, end);
    module[name].ptx = true;
    if (at != std::string::npos) module[name].parameter_bytes = std::strtoll(contents.c_str() + at + parameter.size(), nullptr, 10);
  });
  return module;
}

// Every 8-byte field of a kernel's struct that holds an address has to hold a live one: device memory has been given out there, or the host's heap
// and stack would be, which no field that is a number reaches.
bool check_arguments(Call& call, const Function& function, const std::vector<uint64_t>& fields) {
  for (size_t i = 0; i < fields.size(); i++) {
    const bool address = fields[i] >= uint64_t{1} << 40 && fields[i] < uint64_t{1} << 47;
    if (!address || is_live(fields[i], 1)) continue;
    call.wrong(function.name + ", field " + std::to_string(i) + ": " + describe(fields[i], 1), kIllegalAddress);
    return false;
  }
  return true;
}

// The commands in the variable DIFFSVD_SIMULATOR, separated by semicolons: for a process that no test talks to.
void obey_environment() {
  static bool done = false;
  if (done) return;
  done = true;
  const char* commands = std::getenv("DIFFSVD_SIMULATOR");
  std::istringstream all(commands ? commands : "");
  for (std::string command; std::getline(all, command, ';');) {
    const std::string answer = control(command);
    if (answer.empty()) continue;
    std::fprintf(stderr, "DIFFSVD_SIMULATOR: %s: %s\n", command.c_str(), answer.c_str());
    std::abort();
  }
}

}  // namespace

#define API extern "C" int

// ---- initialisation, devices ----

API cuInit(unsigned flags) {
  obey_environment();
  Call call("cuInit", Library::kDriver, false);
  if (call.failed()) return call.status();
  if (flags != 0) return call.wrong("flags have to be 0", kInvalidValue);
  state().initialized = true;
  return kSuccess;
}

API cuDriverGetVersion(int* version) {
  Call call("cuDriverGetVersion", Library::kDriver, false);
  *version = 12060;
  return call.status();
}

API cuDeviceGetCount(int* count) {
  Call call("cuDeviceGetCount", Library::kDriver, false);
  *count = state().devices;
  return call.failed() ? call.status() : state().initialized ? kSuccess : call.wrong("cuInit was not called", kNotInitialized);
}

API cuDeviceGet(int* device, int ordinal) {
  Call call("cuDeviceGet", Library::kDriver, false);
  *device = ordinal;
  return call.failed() ? call.status() : check_device(ordinal);
}

API cuDeviceGetName(char* name, int length, int device) {
  Call call("cuDeviceGetName", Library::kDriver, false);
  if (call.failed()) return call.status();
  std::snprintf(name, length, "diffsvd simulator");
  return check_device(device);
}

API cuDeviceTotalMem_v2(size_t* bytes, int device) {
  Call call("cuDeviceTotalMem", Library::kDriver, false);
  *bytes = state().memory_bytes;
  return call.failed() ? call.status() : check_device(device);
}

API cuDeviceGetAttribute(int* value, int which, int device) {
  Call call("cuDeviceGetAttribute", Library::kDriver, false);
  if (call.failed()) return call.status();
  return check_device(device) == kSuccess ? attribute(which, value) : kNoDevice;
}

API cuGetErrorName(int status, const char** name) {
  struct Name {
    int status;
    const char* name;
  };
  static const Name names[] = {
      {0, "CUDA_SUCCESS"},
      {1, "CUDA_ERROR_INVALID_VALUE"},
      {2, "CUDA_ERROR_OUT_OF_MEMORY"},
      {3, "CUDA_ERROR_NOT_INITIALIZED"},
      {200, "CUDA_ERROR_INVALID_IMAGE"},
      {201, "CUDA_ERROR_INVALID_CONTEXT"},
      {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {214, "CUDA_ERROR_ECC_UNCORRECTABLE"},
      {400, "CUDA_ERROR_INVALID_HANDLE"},
      {500, "CUDA_ERROR_NOT_FOUND"},
      {600, "CUDA_ERROR_NOT_READY"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {716, "CUDA_ERROR_MISALIGNED_ADDRESS"},
      {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
      {702, "CUDA_ERROR_LAUNCH_TIMEOUT"},
      {719, "CUDA_ERROR_LAUNCH_FAILED"},
      {801, "CUDA_ERROR_NOT_SUPPORTED"},
      {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
      {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"},
      {906, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT"},
      {999, "CUDA_ERROR_UNKNOWN"},
  };
  for (const Name& each : names) {
    if (each.status != status) continue;
    *name = each.name;
    return kSuccess;
  }
  *name = nullptr;
  return kInvalidValue;
}

API cuGetErrorString(int status, const char** text) { return cuGetErrorName(status, text); }

// ---- contexts ----

API cuDevicePrimaryCtxRetain(uint64_t* context, int device) {
  Call call("cuDevicePrimaryCtxRetain", Library::kDriver, false);
  if (call.failed()) return call.status();
  if (check_device(device)) return kNoDevice;
  if (state().lost) return state().lost;
  PrimaryContext& primary = state().primary_contexts[device];
  if (primary.retained++ == 0) primary.handle = make_context(device);
  *context = primary.handle;
  return kSuccess;
}

API cuDevicePrimaryCtxRelease_v2(int device) {
  Call call("cuDevicePrimaryCtxRelease", Library::kDriver, false);
  if (call.failed()) return call.status();
  PrimaryContext& primary = state().primary_contexts[device];
  if (check_device(device) || primary.retained == 0) return call.wrong("released more often than retained", kInvalidContext);
  if (--primary.retained > 0) return kSuccess;
  run_all();
  destroy_context(call, primary.handle);
  primary.handle = 0;
  return kSuccess;
}

API cuCtxCreate_v2(uint64_t* context, unsigned, int device) {
  Call call("cuCtxCreate", Library::kDriver, false);
  if (call.failed()) return call.status();
  if (check_device(device)) return kNoDevice;
  *context = make_context(device);
  context_stack().push_back(*context);
  return kSuccess;
}

API cuCtxDestroy_v2(uint64_t context) {
  Call call("cuCtxDestroy", Library::kDriver, false);
  if (call.failed()) return call.status();
  if (!is_handle(context, Kind::kContext)) return call.wrong("the context does not exist, or exists no more", kInvalidContext);
  run_all();
  destroy_context(call, context);
  if (current_context() == context) context_stack().pop_back();
  return kSuccess;
}

API cuCtxPushCurrent_v2(uint64_t context) {
  Call call("cuCtxPushCurrent", Library::kDriver, false);
  if (call.failed()) return call.status();
  if (state().lost) return state().lost;
  if (!is_handle(context, Kind::kContext)) return call.wrong("the context does not exist, or exists no more", kInvalidContext);
  context_stack().push_back(context);
  return kSuccess;
}

API cuCtxPopCurrent_v2(uint64_t* context) {
  Call call("cuCtxPopCurrent", Library::kDriver, false);
  if (call.failed()) return call.status();
  if (context_stack().empty()) return call.wrong("no context is current", kInvalidContext);
  *context = context_stack().back();
  context_stack().pop_back();
  return kSuccess;
}

API cuCtxGetCurrent(uint64_t* context) {
  Call call("cuCtxGetCurrent", Library::kDriver, false);
  *context = current_context();
  return call.status();
}

API cuCtxSetCurrent(uint64_t context) {
  Call call("cuCtxSetCurrent", Library::kDriver, false);
  if (call.failed()) return call.status();
  if (!context_stack().empty()) context_stack().pop_back();
  if (context) context_stack().push_back(context);
  return kSuccess;
}

API cuCtxGetDevice(int* device) {
  Call call("cuCtxGetDevice");
  if (call.failed()) return call.status();
  *device = state().contexts[current_context()];
  return kSuccess;
}

API cuCtxSynchronize() {
  Call call("cuCtxSynchronize");
  if (call.failed() || check_not_capturing(call)) return call.status();
  run_all();
  return state().lost;
}

// ---- modules ----

API cuModuleLoadData(uint64_t* module, const void* image) {
  Call call("cuModuleLoadData");
  if (call.failed()) return call.status();
  const auto* bytes = static_cast<const char*>(image);
  if (std::memcmp(bytes, &kFatbinMagic, sizeof kFatbinMagic) != 0) return call.wrong("the image is no fatbin", kInvalidImage);
  uint16_t header;
  uint64_t content;
  std::memcpy(&header, bytes + 6, sizeof header);
  std::memcpy(&content, bytes + 8, sizeof content);
  std::string copy(bytes, header + content);
  if (!has_code_for(copy, state().compute_capability)) return kNoBinaryForGpu;
  const Module& kernels = kernels_of(copy);
  if (kernels.empty()) return call.wrong("the fatbin cannot be decompressed; libzstd1 and liblz4-1 do that", kInvalidImage);
  *module = make_handle(Kind::kModule);
  state().modules[*module] = kernels;
  return kSuccess;
}

API cuModuleUnload(uint64_t module) {
  Call call("cuModuleUnload");
  if (call.failed()) return call.status();
  if (!is_handle(module, Kind::kModule)) return call.wrong("the module does not exist, or exists no more", kInvalidHandle);
  run_all();
  state().modules.erase(module);
  drop_handle(module);
  return kSuccess;
}

API cuModuleGetFunction(uint64_t* function, uint64_t module, const char* name) {
  Call call("cuModuleGetFunction");
  if (call.failed()) return call.status();
  State& s = state();
  if (!is_handle(module, Kind::kModule)) return call.wrong("the module does not exist, or exists no more", kInvalidHandle);
  const auto code = s.modules[module].find(name);
  if (code == s.modules[module].end() || !code->second.machine) return kNotFound;

  void* library = s.threaded ? s.threaded_kernels : s.kernels;
  if (!library) return call.wrong("no kernels: the command \"kernels PATH\" names them", kNotSupported);
  Function found;
  found.threaded = s.threaded;
  found.module = module;
  found.name = name;
  found.body = reinterpret_cast<void (*)(const void*, const void*)>(dlsym(library, name));
  const auto* bytes = static_cast<const int64_t*>(dlsym(library, (found.name + "_argument_bytes").c_str()));
  if (!found.body || !bytes) return call.wrong(found.name + " is in the fatbin but not among the kernels for the host", kNotFound);
  found.argument_bytes = *bytes;
  found.most_scratch = 48 << 10;
  // A kernel of one size needs as much for all matrices.
  using Scratch = int64_t (*)(int64_t m, int64_t n, int64_t threads);
  const auto scratch = reinterpret_cast<Scratch>(dlsym(library, (found.name + "_scratch_bytes").c_str()));
  found.scratch = scratch && found.name.find("_tiles_") != std::string::npos ? scratch(0, 0, 0) : -1;
  const int64_t in_fatbin = code->second.parameter_bytes;
  if (in_fatbin >= 0 && in_fatbin != *bytes)
    return call.wrong(found.name + " takes " + std::to_string(in_fatbin) + " bytes in the fatbin and " + std::to_string(*bytes) + " on the host",
                      kInvalidValue);
  *function = make_handle(Kind::kFunction);
  s.functions[*function] = found;
  return kSuccess;
}

API cuFuncSetAttribute(uint64_t function, int which, int value) {
  Call call("cuFuncSetAttribute");
  if (call.failed()) return call.status();
  if (!is_handle(function, Kind::kFunction)) return call.wrong("no such function", kInvalidHandle);
  if (which != 8 || value < 0 || value > state().most_scratch) return kInvalidValue;  // MAX_DYNAMIC_SHARED_SIZE_BYTES
  state().functions[function].most_scratch = value;
  return kSuccess;
}

API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, uint64_t function, int threads, size_t scratch_bytes) {
  Call call("cuOccupancyMaxActiveBlocksPerMultiprocessor");
  if (call.failed()) return call.status();
  if (!is_handle(function, Kind::kFunction)) return call.wrong("no such function", kInvalidHandle);
  if (threads < 1 || threads > 1024) return kInvalidValue;
  *blocks = static_cast<int>(std::min<size_t>(512 / threads, (size_t(state().most_scratch) + 1024) / (scratch_bytes + 1024)));
  return kSuccess;
}

API cuLaunchKernel(uint64_t handle, unsigned blocks, unsigned blocks_y, unsigned blocks_z, unsigned threads, unsigned threads_y, unsigned threads_z,
                   unsigned scratch_bytes, uint64_t stream, void** parameters, void** extra) {
  Call call("cuLaunchKernel");
  if (call.failed()) return call.status();
  if (!is_handle(handle, Kind::kFunction)) return call.wrong("no such function", kInvalidHandle);
  if (!is_of_current_context(handle)) return call.wrong("the function is of another context", kInvalidHandle);
  const Function function = state().functions[handle];
  if (extra || !parameters || !parameters[0]) return call.wrong("expected the arguments in kernelParams", kInvalidValue);
  if (blocks == 0 || blocks_y != 1 || blocks_z != 1 || threads == 0 || threads > 1024 || threads_y != 1 || threads_z != 1)
    return call.wrong("grid or block", kInvalidValue);
  if (scratch_bytes > static_cast<unsigned>(function.most_scratch))
    return call.wrong(std::to_string(scratch_bytes) + " bytes of shared memory, allowed " + std::to_string(function.most_scratch), kInvalidValue);
  if (function.scratch >= 0 && scratch_bytes != function.scratch)
    return call.wrong(
        function.name + " needs " + std::to_string(function.scratch) + " bytes of shared memory, given " + std::to_string(scratch_bytes),
        kInvalidValue);
  std::vector<uint64_t> fields(function.argument_bytes / sizeof(uint64_t));
  std::memcpy(fields.data(), parameters[0], function.argument_bytes);
  if (!check_arguments(call, function, fields)) return call.status();
  const int64_t threads_now = function.threaded ? threads : 1;
  return enqueue(call, stream, [=] {
    // Full of NaN in front of each block.
    struct alignas(64) Line {
      unsigned char bytes[64];
    };
    std::vector<Line> scratch(scratch_bytes / sizeof(Line) + 1);
    for (int64_t block = 0; block < blocks; block++) {
      std::memset(scratch.data(), 0xFF, scratch.size() * sizeof(Line));
      const Launch launch{block, blocks, threads_now, scratch[0].bytes};
      function.body(fields.data(), &launch);
    }
  });
}

// ---- memory ----

API cuMemGetInfo_v2(size_t* free, size_t* total) {
  Call call("cuMemGetInfo");
  *total = state().memory_bytes;
  *free = *total - state().used_bytes;
  return call.status();
}

API cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  Call call("cuMemAlloc");
  if (call.failed() || check_not_capturing(call)) return call.status();
  if (bytes == 0) return call.wrong("0 bytes", kInvalidValue);
  const uint64_t fresh = allocate(bytes);
  if (!fresh) return kOutOfMemory;
  *address = fresh;
  return kSuccess;
}

API cuMemFree_v2(uint64_t address) {
  Call call("cuMemFree");
  if (call.failed() || check_not_capturing(call)) return call.status();
  run_all();
  return release(address) ? state().lost : call.wrong(describe(address, 0), kInvalidValue);
}

API cuPointerGetAttribute(void* value, int which, uint64_t address) {
  Call call("cuPointerGetAttribute");
  if (call.failed()) return call.status();
  const auto& allocations = state().allocations;
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin()) return kInvalidValue;
  const auto& [begin, allocation] = *--after;
  if (address - begin >= allocation.bytes) return kInvalidValue;
  switch (which) {
    case 2:  // MEMORY_TYPE: 1 is the host's, 2 a device's
      *static_cast<int*>(value) = allocation.host ? 1 : 2;
      return kSuccess;
    case 9:  // DEVICE_ORDINAL
      *static_cast<int*>(value) = state().contexts[allocation.context];
      return kSuccess;
    default:
      return call.wrong("attribute " + std::to_string(which), kInvalidValue);
  }
}

API cuMemHostAlloc(void** address, size_t bytes, unsigned) {
  Call call("cuMemHostAlloc");
  if (call.failed() || check_not_capturing(call)) return call.status();
  *address = std::calloc(1, bytes);
  if (!*address) return kOutOfMemory;
  state().allocations[reinterpret_cast<uint64_t>(*address)] = {bytes, true, current_context()};
  return kSuccess;
}

API cuMemAllocHost_v2(void** address, size_t bytes) { return cuMemHostAlloc(address, bytes, 0); }

API cuMemFreeHost(void* address) {
  Call call("cuMemFreeHost");
  if (call.failed() || check_not_capturing(call)) return call.status();
  const auto found = state().allocations.find(reinterpret_cast<uint64_t>(address));
  if (found == state().allocations.end() || !found->second.host) return call.wrong("no page-locked memory", kInvalidValue);
  run_all();
  state().allocations.erase(found);
  std::free(address);
  return kSuccess;
}

API cuMemcpyHtoDAsync_v2(uint64_t target, const void* source, size_t bytes, uint64_t stream) {
  Call call("cuMemcpyHtoDAsync");
  if (call.failed() || check_live(call, target, bytes)) return call.status();
  // Page-locked memory is read when the copy runs, other memory now.
  if (is_live(reinterpret_cast<uint64_t>(source), bytes))
    return enqueue(call, stream, [=] { std::memcpy(reinterpret_cast<void*>(target), source, bytes); });
  return enqueue(call, stream, [target, staged = std::string(static_cast<const char*>(source), bytes)] {
    std::memcpy(reinterpret_cast<void*>(target), staged.data(), staged.size());
  });
}

API cuMemcpyDtoHAsync_v2(void* target, uint64_t source, size_t bytes, uint64_t stream) {
  Call call("cuMemcpyDtoHAsync");
  if (call.failed() || check_live(call, source, bytes)) return call.status();
  return enqueue(call, stream, [=] { std::memcpy(target, reinterpret_cast<const void*>(source), bytes); });
}

API cuMemcpyDtoDAsync_v2(uint64_t target, uint64_t source, size_t bytes, uint64_t stream) {
  Call call("cuMemcpyDtoDAsync");
  if (call.failed() || check_live(call, target, bytes) || check_live(call, source, bytes)) return call.status();
  return enqueue(call, stream, [=] { std::memmove(reinterpret_cast<void*>(target), reinterpret_cast<const void*>(source), bytes); });
}

API cuMemsetD8Async(uint64_t target, unsigned char value, size_t bytes, uint64_t stream) {
  Call call("cuMemsetD8Async");
  if (call.failed() || check_live(call, target, bytes)) return call.status();
  return enqueue(call, stream, [=] { std::memset(reinterpret_cast<void*>(target), value, bytes); });
}

// ---- streams and events ----

API cuStreamCreate(uint64_t* stream, unsigned flags) {
  Call call("cuStreamCreate");
  if (call.failed()) return call.status();
  if (flags > 1) return call.wrong("flags", kInvalidValue);
  *stream = make_handle(Kind::kStream);
  state().streams[*stream].blocking = flags == 0;  // 1: CU_STREAM_NON_BLOCKING
  return kSuccess;
}

API cuStreamDestroy_v2(uint64_t handle) {
  Call call("cuStreamDestroy");
  if (call.failed()) return call.status();
  Stream* stream = is_handle(handle, Kind::kStream) ? find_stream(handle) : nullptr;
  if (!stream) return call.wrong("the stream does not exist, or exists no more", kInvalidHandle);
  run_until(*stream, stream->queued);
  state().streams.erase(handle);
  drop_handle(handle);
  return kSuccess;
}

API cuStreamSynchronize(uint64_t handle) {
  Call call("cuStreamSynchronize");
  if (call.failed() || check_not_capturing(call)) return call.status();
  Stream* stream = find_stream(handle);
  if (!stream) return call.wrong("the stream does not exist, or exists no more", kInvalidHandle);
  run_until(*stream, stream->queued);
  return state().lost;
}

API cuStreamQuery(uint64_t handle) {
  Call call("cuStreamQuery");
  if (call.failed()) return call.status();
  Stream* stream = find_stream(handle);
  if (!stream) return call.wrong("the stream does not exist, or exists no more", kInvalidHandle);
  return stream->queue.empty() ? kSuccess : kNotReady;
}

API cuEventCreate(uint64_t* event, unsigned) {
  Call call("cuEventCreate");
  if (call.failed()) return call.status();
  *event = make_handle(Kind::kEvent);
  state().events[*event] = {0, 0};
  return kSuccess;
}

API cuEventDestroy_v2(uint64_t event) {
  Call call("cuEventDestroy");
  if (call.failed()) return call.status();
  if (!is_handle(event, Kind::kEvent)) return call.wrong("no such event", kInvalidHandle);
  state().events.erase(event);
  drop_handle(event);
  return kSuccess;
}

API cuEventRecord(uint64_t event, uint64_t handle) {
  Call call("cuEventRecord");
  if (call.failed()) return call.status();
  Stream* stream = find_stream(handle);
  if (!stream || !is_handle(event, Kind::kEvent)) return call.wrong("no such stream or event", kInvalidHandle);
  if (stream->capture) return call.wrong("the simulator captures no events", kNotSupported);
  state().events[event] = {handle, stream->queued};
  return kSuccess;
}

API cuStreamWaitEvent(uint64_t handle, uint64_t event, unsigned) {
  Call call("cuStreamWaitEvent");
  if (call.failed()) return call.status();
  Stream* stream = find_stream(handle);
  if (!stream || !is_handle(event, Kind::kEvent)) return call.wrong("no such stream or event", kInvalidHandle);
  const auto [other, position] = state().events[event];
  const uint64_t until = position, from = other;
  stream->follows = from;
  stream->queue.push_back([from, until] {
    if (Stream* first = find_stream(from)) run_until(*first, until);
  });
  stream->queued++;
  return kSuccess;
}

API cuEventSynchronize(uint64_t event) {
  Call call("cuEventSynchronize");
  if (call.failed() || check_not_capturing(call)) return call.status();
  if (!is_handle(event, Kind::kEvent)) return call.wrong("no such event", kInvalidHandle);
  const auto [handle, position] = state().events[event];
  if (Stream* stream = find_stream(handle)) run_until(*stream, position);
  return state().lost;
}

// ---- graphs ----

API cuStreamBeginCapture_v2(uint64_t handle, int) {
  Call call("cuStreamBeginCapture");
  if (call.failed()) return call.status();
  Stream* stream = find_stream(handle);
  if (!stream || stream->capture) return call.wrong("no such stream, or captured already", kInvalidHandle);
  if (handle == kLegacyStream) return kCaptureUnsupported;
  stream->capture = std::make_unique<Graph>();
  stream->capture_broken = false;
  return kSuccess;
}

API cuStreamIsCapturing(uint64_t handle, int* capturing) {
  Call call("cuStreamIsCapturing");
  if (call.failed()) return call.status();
  const Stream* stream = find_stream(handle);
  if (!stream) return call.wrong("no such stream", kInvalidHandle);
  *capturing = !stream->capture ? 0 : stream->capture_broken ? 2 : 1;
  return kSuccess;
}

API cuStreamEndCapture(uint64_t handle, uint64_t* graph) {
  Call call("cuStreamEndCapture");
  if (call.failed()) return call.status();
  Stream* stream = find_stream(handle);
  if (!stream || !stream->capture) return call.wrong("no such stream, or not captured", kInvalidHandle);
  const std::unique_ptr<Graph> captured = std::move(stream->capture);
  *graph = 0;
  if (stream->capture_broken) return kCaptureInvalidated;
  *graph = make_handle(Kind::kGraph);
  state().graphs[*graph] = *captured;
  return kSuccess;
}

API cuGraphInstantiateWithFlags(uint64_t* exec, uint64_t graph, unsigned long long) {
  Call call("cuGraphInstantiate");
  if (call.failed()) return call.status();
  if (!is_handle(graph, Kind::kGraph)) return call.wrong("no such graph", kInvalidHandle);
  *exec = make_handle(Kind::kGraphExec);
  state().graph_execs[*exec] = state().graphs[graph];
  return kSuccess;
}

API cuGraphLaunch(uint64_t exec, uint64_t stream) {
  Call call("cuGraphLaunch");
  if (call.failed()) return call.status();
  if (!is_handle(exec, Kind::kGraphExec)) return call.wrong("no such executable graph", kInvalidHandle);
  for (const auto& node : state().graph_execs[exec].nodes) {
    const int status = enqueue(call, stream, node);
    if (status != kSuccess) return status;
  }
  return kSuccess;
}

API cuGraphDestroy(uint64_t graph) {
  Call call("cuGraphDestroy");
  if (call.failed()) return call.status();
  if (!is_handle(graph, Kind::kGraph)) return call.wrong("no such graph", kInvalidHandle);
  state().graphs.erase(graph);
  drop_handle(graph);
  return kSuccess;
}

API cuGraphExecDestroy(uint64_t exec) {
  Call call("cuGraphExecDestroy");
  if (call.failed()) return call.status();
  if (!is_handle(exec, Kind::kGraphExec)) return call.wrong("no such executable graph", kInvalidHandle);
  run_all();
  state().graph_execs.erase(exec);
  drop_handle(exec);
  return kSuccess;
}

// ---- what tests talk to ----

extern "C" JNIEXPORT jstring JNICALL Java_io_github_diffsvd_simulator_Simulator_control(JNIEnv* env, jclass, jstring command) {
  const char* text = env->GetStringUTFChars(command, nullptr);
  const std::string answer = control(text);
  env->ReleaseStringUTFChars(command, text);
  return env->NewStringUTF(answer.c_str());
}
