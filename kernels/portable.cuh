// The only file that knows host from device.
//
// A kernel is a function template body(arguments, Block) made into one extern "C" symbol per element type by KERNEL. The arguments are one plain
// struct of 8-byte fields, packed by Java, the same bytes for both machines.
//
//   CUDA   the struct is the kernel parameter; a Block is a CUDA block and shared memory is its scratch.
//   CPU    the struct and a Launch are arguments of a function of the same name; a Block is one thread, a barrier is nothing, and what remains is a
//          plain loop. With DIFFSVD_THREADED_BLOCKS (native-tests) a block is Launch::threads operating-system threads and barriers are real, so that
//          a missing one is a data race that ThreadSanitizer reports.
//
// Work on a batch goes by for (unit = block.first(units); unit < block.last(units); unit += block.step()), work inside a matrix by
// for (t = block.thread(); t < tasks; t += block.threads()) or for_elements, with block.barrier() between phases that read what others wrote.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)

#define DEVICE __device__ __forceinline__

struct Block {
  unsigned char* scratch;
  DEVICE int64_t number() const { return blockIdx.x; }
  DEVICE int64_t first(int64_t) const { return blockIdx.x; }
  DEVICE int64_t last(int64_t units) const { return units; }
  DEVICE int64_t step() const { return gridDim.x; }
  DEVICE int thread() const { return threadIdx.x; }
  DEVICE int threads() const { return blockDim.x; }
  DEVICE void barrier() const { __syncthreads(); }
  // True on every thread of the block where any thread passes true. A barrier too.
  DEVICE bool any(bool condition) const { return __syncthreads_or(condition); }
};

// a·b by itself, which no compiler contracts with a sum that it goes into.
DEVICE float rounded_product(float a, float b) { return __fmul_rn(a, b); }
DEVICE double rounded_product(double a, double b) { return __dmul_rn(a, b); }

// Copies a number, or zeros where it is not there, from global into shared memory, past the registers. It has arrived after copies_arrived.
template <class T>
DEVICE void copy_to_shared(T* to, const T* from, bool there) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(uint32_t(__cvta_generic_to_shared(to))), "l"(from), "n"(sizeof(T)),
               "r"(there ? uint32_t(sizeof(T)) : 0u)
               : "memory");
#else
  *to = there ? *from : T{};
#endif
}
DEVICE void copies_arrived() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

#define KERNEL_SYMBOL(body, suffix, Arguments, bounds)                           \
  extern "C" __global__ void bounds body##_##suffix(const Arguments arguments) { \
    extern __shared__ __align__(16) unsigned char scratch[];                     \
    body(arguments, Block{scratch});                                             \
  }
#define KERNEL_SCRATCH(body, suffix, T)

#else

#define DEVICE inline
#define __restrict__ __restrict

template <class R>
inline R rounded_product(R a, R b) {
  volatile R product = a * b;
  return product;
}

// How a kernel is started on the CPU: this call does the share of block `block` out of `blocks`.
struct Launch {
  int64_t block, blocks, threads;
  unsigned char* scratch;  // at a multiple of 64 bytes; no other thread's
};

#if defined(DIFFSVD_THREADED_BLOCKS)
#include "threaded_block.h"
#else

struct Block {
  unsigned char* scratch;
  int64_t block, blocks;
  int64_t number() const { return block; }
  // Neighbouring matrices go to one thread, so that two threads seldom write to one cache line.
  int64_t first(int64_t units) const { return units * block / blocks; }
  int64_t last(int64_t units) const { return units * (block + 1) / blocks; }
  static constexpr int64_t step() { return 1; }
  static constexpr int thread() { return 0; }
  static constexpr int threads() { return 1; }
  static void barrier() {}
  static bool any(bool condition) { return condition; }
};

template <class Body>
inline void run_block(const Launch& launch, const Body& body) {
  body(Block{launch.scratch, launch.block, launch.blocks});
}

#endif

// The second symbol tells the size of the struct, so that a caller that packs another one is refused.
template <class T>
inline void copy_to_shared(T* to, const T* from, bool there) {
  *to = there ? *from : T{};
}
inline void copies_arrived() {}

#define KERNEL_SYMBOL(body, suffix, Arguments, bounds)                                \
  extern "C" void body##_##suffix(const Arguments* arguments, const Launch* launch) { \
    run_block(*launch, [arguments](const Block& block) { body(*arguments, block); }); \
  }                                                                                   \
  extern "C" const int64_t body##_##suffix##_argument_bytes = sizeof(Arguments);

// What a caller has to give a kernel: scratch, by the function template NAME_scratch_bytes<T>(m, n, threads) beside the kernel, in bytes for a block
// that works on m×n matrices, m ≥ n, with so many threads. Java's sizes are tested against these.
#define KERNEL_SCRATCH(body, suffix, T) \
  extern "C" int64_t body##_##suffix##_scratch_bytes(int64_t m, int64_t n, int64_t threads) { return body##_scratch_bytes<T>(m, n, threads); }

#endif

// Calls body(i, j) for every element of a rows×columns matrix, in any order, spread over the threads of the block. An element's place is counted on
// from the one before: made from its number by a division, it takes longer than most bodies.
template <class Body>
DEVICE void for_elements([[maybe_unused]] const Block& block, int64_t rows, int64_t columns, const Body& body) {
#if defined(__CUDACC__) || defined(DIFFSVD_THREADED_BLOCKS)
  const int64_t down = block.threads() / columns, across = block.threads() % columns;
  int64_t i = block.thread() / columns, j = block.thread() % columns;
  while (i < rows) {
    body(i, j);
    i += down;
    j += across;
    if (j >= columns) {
      i++;
      j -= columns;
    }
  }
#else
  // By tiles, so that rows and columns of a transposition both stay in the cache.
  constexpr int64_t kTile = 16;
  for (int64_t top = 0; top < rows; top += kTile)
    for (int64_t left = 0; left < columns; left += kTile)
      for (int64_t i = top; i < rows && i < top + kTile; i++)
        for (int64_t j = left; j < columns && j < left + kTile; j++) body(i, j);
#endif
}

// Whoever compiles some of the types defines the others' as nothing.
#if !defined(KERNEL_IN_f32)
#define KERNEL_IN_f32(...) __VA_ARGS__
#endif
#if !defined(KERNEL_IN_f64)
#define KERNEL_IN_f64(...) __VA_ARGS__
#endif
#if !defined(KERNEL_IN_c64)
#define KERNEL_IN_c64(...) __VA_ARGS__
#endif
#if !defined(KERNEL_IN_c128)
#define KERNEL_IN_c128(...) __VA_ARGS__
#endif

// With bounds on a block's threads, and so on registers, for the compiler, or without.
#define KERNEL_OF_BLOCKS(body, suffix, Arguments, bounds) KERNEL_IN_##suffix(KERNEL_SYMBOL(body, suffix, Arguments, bounds))
#define KERNEL(body, suffix, Arguments) KERNEL_OF_BLOCKS(body, suffix, Arguments, )

#define KERNEL_FOR_REAL_TYPES(body, Arguments) \
  KERNEL(body, f32, Arguments<float>)          \
  KERNEL(body, f64, Arguments<double>)

#define KERNEL_FOR_ALL_TYPES(body, Arguments)  \
  KERNEL_FOR_REAL_TYPES(body, Arguments)       \
  KERNEL(body, c64, Arguments<Complex<float>>) \
  KERNEL(body, c128, Arguments<Complex<double>>)

#define KERNEL_SCRATCH_FOR_ALL_TYPES(body)  \
  KERNEL_SCRATCH(body, f32, float)          \
  KERNEL_SCRATCH(body, f64, double)         \
  KERNEL_SCRATCH(body, c64, Complex<float>) \
  KERNEL_SCRATCH(body, c128, Complex<double>)
