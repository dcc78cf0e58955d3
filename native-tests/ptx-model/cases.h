// How diffsvd launches each of its kernels, with data for it.
#pragma once

#include <cmath>
#include <functional>
#include <random>

#include "machine.h"

enum class Element { f32, f64, c64, c128, i32 };
int size_of(Element e);

// A GPU as Java's Backend.Limits sees it.
struct Limits {
  int multiprocessors = 132, blocks_per_multiprocessor = 16, threads = 128;
  int64_t scratch_bytes = 232448;
  std::function<int(int threads, int scratch_bytes)> resident = [](int, int) { return 16; };  // blocks of the kernel on a multiprocessor
};

struct Options {
  int team = 0, threads = 0, scratch = -1, scratch_per_team = 0;  // instead of what Java would choose
  bool column_major = false, only_s = false;
  int rule = 0;      // of the gradient rules, spectral functions
  int matrices_per_unit = 0;  // where a unit of work is not what Java reckons with
  int sample = 0;    // matrices to simulate; 0: all
  int64_t blocks = 0;
};

struct Field {  // of 8 bytes in the arguments: a plain one, or the address of a buffer
  uint64_t value = 0;
  int buffer = -1;
};

struct Case {
  std::string kernel, symbol, host_symbol;  // host_symbol: in the CPU library
  Element element;
  int64_t batch, m, n;       // batch: what is simulated
  int64_t full_batch = 0;    // what the launch stands for
  int64_t units = 1, full_units = 1, full_blocks = 1, teams = 1;
  Launch launch;
  std::vector<Field> fields;
  int team_field = -1;       // set to 1 on the CPU
  int64_t host_scratch = 0;
  std::function<std::string(const Case&, const Memory&)> judge;  // instead of comparing with the host; empty text: good
  double tolerance = 0;
  std::vector<unsigned char> arguments(const std::vector<unsigned char*>& places) const;
};

std::vector<std::string> kernels();
Case make_case(Memory& memory, const std::string& kernel, Element element, int64_t batch, int64_t m, int64_t n, const Limits& limits, const Options& options);
