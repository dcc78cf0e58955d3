// Memory and launches, for the kernels on the host and, compiled by nvcc, on a GPU.
#pragma once

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "kernels.h"

struct Grid {
  int64_t blocks, threads;
};

#if defined(__CUDACC__)

inline void succeed(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  std::printf("%s: %s\n", call, cudaGetErrorString(status));
  std::exit(1);
}

inline void* allocate(size_t bytes) {
  void* memory;
  succeed(cudaMalloc(&memory, bytes ? bytes : 1), "cudaMalloc");
  return memory;
}
inline void release(void* memory) { succeed(cudaFree(memory), "cudaFree"); }
inline void copy_memory(void* to, const void* from, size_t bytes) { succeed(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), "cudaMemcpy"); }

inline int64_t most_scratch_bytes() {
  int most;
  succeed(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), "cudaDeviceGetAttribute");
  return most;
}

template <class Function, class Arguments>
void launch(const KernelUnderTest<Function>& kernel, const Arguments& arguments, Grid grid, int64_t scratch_bytes) {
  testing.launches[kernel.symbol]++;
  succeed(cudaFuncSetAttribute(kernel.function, cudaFuncAttributeMaxDynamicSharedMemorySize, int(scratch_bytes)), "cudaFuncSetAttribute");
  kernel.function<<<unsigned(grid.blocks), unsigned(grid.threads), size_t(scratch_bytes)>>>(arguments);
  succeed(cudaGetLastError(), "launch");
  succeed(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

#else

constexpr int64_t most_scratch_bytes() { return INT64_MAX; }

#if defined(DIFFSVD_GUARD_PAGES)
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <mutex>

// Memory that ends where a page begins that nobody may touch: a load past the end, which AddressSanitizer does not see in vectorised code that the
// compiler made up, ends the program.
struct GuardedMemory {
  std::mutex mutex;
  std::map<void*, std::pair<void*, size_t>> mappings;

  void* allocate(size_t bytes, size_t alignment) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE)), body = (bytes + page - 1) / page * page + page, size = body + page;
    void* const mapping = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED || mprotect(static_cast<char*>(mapping) + body, page, PROT_NONE) != 0) return nullptr;
    void* const memory = static_cast<char*>(mapping) + (body - bytes) / alignment * alignment;
    const std::lock_guard<std::mutex> lock(mutex);
    mappings[memory] = {mapping, size};
    return memory;
  }
  void release(void* memory) {
    if (!memory) return;
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = mappings.find(memory);
    munmap(found->second.first, found->second.second);
    mappings.erase(found);
  }
};
inline GuardedMemory guarded_memory;
inline void* aligned_memory(size_t bytes, size_t alignment) { return guarded_memory.allocate(bytes, alignment); }
inline void release(void* memory) { guarded_memory.release(memory); }
#else
inline void* aligned_memory(size_t bytes, size_t alignment) {
  void* memory = nullptr;
  return posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
}
inline void release(void* memory) { std::free(memory); }
#endif

inline void* allocate(size_t bytes) { return aligned_memory(bytes, alignof(double)); }
inline void copy_memory(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

// All blocks at once, as on a GPU: what two of them do to each other is a race too.
template <class Function, class Arguments>
void launch(const KernelUnderTest<Function>& kernel, const Arguments& arguments, Grid grid, int64_t scratch_bytes) {
  testing.launches[kernel.symbol]++;
  const auto run = [&](int64_t block) {
    // Full of NaN, so that what is read before it is written shows in the result.
    const auto scratch = static_cast<unsigned char*>(aligned_memory(scratch_bytes, 64));
    std::memset(scratch, 0xFF, scratch_bytes);
    const Launch launch{block, grid.blocks, grid.threads, scratch};
    kernel.function(&arguments, &launch);
    release(scratch);
  };
#if defined(DIFFSVD_THREADED_BLOCKS)
  Fibers::of_blocks(grid.blocks).run(int(grid.blocks), run);
#else
  std::vector<std::thread> others;
  for (int64_t block = 1; block < grid.blocks; block++) others.emplace_back(run, block);
  run(0);
  for (std::thread& other : others) other.join();
#endif
}

#endif
