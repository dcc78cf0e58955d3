// Memory and launches, for the kernels on the host and, compiled by nvcc, on a GPU.
#pragma once

#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include "testing.h"

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

template <class Arguments>
void launch(void (*kernel)(Arguments), const Arguments& arguments, Grid grid, int64_t scratch_bytes) {
  succeed(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(scratch_bytes)), "cudaFuncSetAttribute");
  kernel<<<unsigned(grid.blocks), unsigned(grid.threads), size_t(scratch_bytes)>>>(arguments);
  succeed(cudaGetLastError(), "launch");
  succeed(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

#else

inline void* allocate(size_t bytes) { return std::malloc(bytes); }
inline void release(void* memory) { std::free(memory); }
inline void copy_memory(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

// All blocks at once, as on a GPU: what two of them do to each other is a race too.
template <class Arguments>
void launch(int64_t (*kernel)(const Arguments*, const Launch*), const Arguments& arguments, Grid grid, int64_t scratch_bytes) {
  std::vector<std::thread> blocks;
  for (int64_t block = 0; block < grid.blocks; block++) {
    const auto run = [=, &arguments] {
      const Launch launch{block, grid.blocks, grid.threads, scratch_bytes};
      if (kernel(&arguments, &launch) != 0) std::abort();
    };
    if (grid.blocks == 1) {
      run();
    } else {
      blocks.emplace_back(run);
    }
  }
  for (std::thread& block : blocks) block.join();
}

// The scratch of a kernel comes from here, full of NaN, so that what is read before it is written shows in the result.
inline void* operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  void* memory = nullptr;
  if (posix_memalign(&memory, size_t(alignment), bytes) != 0) return nullptr;
  return std::memset(memory, 0xFF, bytes);
}
inline void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }

#endif
