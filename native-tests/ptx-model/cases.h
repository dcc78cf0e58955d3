// The kernels as diffsvd launches them, with data for them and what is to come out.
#pragma once

#include <functional>

#include "machine.h"

struct Gpu {
  std::string name = "H100 SXM";
  int multiprocessors = 132, schedulers = 4;
  double clock = 1.7e9, memory = 3.0e12, level2 = 5.5e12;  // Hz, bytes a second
  int registers = 65536, threads = 2048, blocks = 32;      // of a multiprocessor
  int64_t shared = 233472, level1 = 262144;                // bytes
};

struct Options {
  bool column_major = false, only_s = false;  // only_s: without gU and gV
  int function = 0;                           // the gradient rule or the spectral function
  int threads = 0;                            // of a block, instead of Java's choice
  int64_t blocks = 0;                         // to run, instead of as many as the sample makes
  int64_t sample = 0;                         // matrices to run; 0: all
};

struct Case {
  std::string symbol;
  bool single = false;                                      // precision
  int64_t batch = 0, full_batch = 0;                        // what is run, and what it stands for
  int64_t units = 1, full_units = 1, matrices_of_unit = 1;  // of work
  int64_t full_blocks = 1;
  Grid grid;
  std::function<void()> reference;     // does to the buffers what the kernel is to do to them
  std::function<std::string()> judge;  // of the buffers, where there is no reference; an empty text: good
};

// Of a block with so many threads and bytes of shared memory, how many a multiprocessor has room for.
using Residency = std::function<int(int threads, int scratch_bytes)>;

std::vector<std::string> kernels();
// What kernel NAME takes: types, and shapes.
bool takes(const std::string& kernel, const std::string& type, int64_t n, bool column_major);
Case make_case(Memory& memory, const std::string& kernel, const std::string& type, int64_t batch, int64_t m, int64_t n, const Gpu& gpu,
               const Residency& resident, const Options& options);
