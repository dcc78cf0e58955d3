// Runs a kernel as a GPU would: blocks of warps of 32 lanes in lockstep, with the sides of a branch one after the other until they meet again.
//
// Reported, not fatal: accesses outside of buffers or not aligned, reads of shared memory that nobody wrote, conflicting accesses of two threads with
// no barrier between them, barriers that not all threads of a block or warp reach together.
#pragma once

#include <array>
#include <deque>
#include <memory>

#include "ptx.h"

struct Shadow {                      // of 4 bytes
  int32_t writer = -1, reader = -1;  // threads of the grid; −2: several of one warp, −3: of several
  int32_t write_block_epoch = 0, write_warp_epoch = 0, read_block_epoch = 0, read_warp_epoch = 0, reader_warp = -1;
};

struct Buffer {
  std::string name;
  unsigned char* data;
  int64_t bytes;
  bool writable;
  std::vector<Shadow> shadow;
  std::vector<bool> read_sectors, written_sectors;
};

// Device memory: buffers with gaps between them.
class Memory {
 public:
  explicit Memory(int64_t bytes);
  unsigned char* allocate(const std::string& name, int64_t bytes, bool writable);
  std::deque<Buffer> buffers;
  int find(uint64_t address) const;

 private:
  std::unique_ptr<unsigned char[]> arena_;
  int64_t used_ = 0, size_;
};

// What one instruction of the program did, in warps.
struct Tally {
  double executed = 0, lanes = 0;
  double wavefronts = 0, ideal_wavefronts = 0;       // of shared memory; ideal: 128 bytes each
  double sectors = 0, ideal_sectors = 0, lines = 0;  // of global memory: 32-byte sectors and 128-byte lines touched; sectors of the bytes asked for
  double missed_sectors = 0;                         // that the first-level cache does not have, and all that are written
};

struct Grid {
  int64_t blocks = 1;
  int threads = 32;
  int scratch_bytes = 0;
  std::vector<unsigned char> arguments;
};

struct Latencies {  // cycles
  double alu = 4.5, fp64 = 8, shared = 29, level1 = 40, level2 = 263, memory = 560, special = 24, vote = 12, barrier = 20;
};

class Machine {
 public:
  const Module& module;
  Memory& memory;
  std::vector<Tally> tallies;
  std::map<std::string, int> problems;  // how often
  std::vector<int> widths;              // of memory accesses as compiled, see sass.h
  std::vector<double> slots, latency;   // of an instruction, from the cost model; empty: 1 and by kind
  int64_t cache_bytes = 64 << 10;       // first-level cache that a block has to itself
  std::vector<double> waits;            // cycles of warps in a basic block, by the instruction that made it last so long
  double block_cycles = 0;              // if a block had a multiprocessor to itself and no unit were ever busy: the sum over the blocks
  double warp_cycles = 0;               // the sum over warps of their cycles without waiting at barriers
  Latencies latencies;

  Machine(const Module& module, Memory& memory) : module(module), memory(memory), tallies(module.code.size()), waits(module.code.size()) {}
  void run(const Function& kernel, const Grid& grid);

 private:
  struct Frame {
    int at, rejoin;
    uint32_t lanes;
    bool call;
  };
  struct Warp {
    int index = 0, epoch = 0;
    uint32_t alive = 0;
    std::vector<uint64_t> registers;
    std::vector<uint32_t> predicates;
    std::vector<unsigned char> local;
    std::vector<std::pair<int, uint64_t>> copies;  // lanes and targets, until the lane waits
    std::vector<Frame> frames;
    bool waiting = false;
    double now = 0, block_start = 0, block_slots = 0, last_issue = 0, busy = 0, copies_arrive = 0;
    int critical = 0;
    std::vector<double> ready, predicate_ready;
  };
  struct CacheSet {
    std::array<uint64_t, 4> tags;
    std::array<uint32_t, 4> ages;
  };

  const Grid* grid_ = nullptr;
  std::vector<Warp> warps_;
  std::vector<unsigned char> shared_;
  std::vector<bool> shared_written_, shared_pending_;  // of bytes; pending: copied into by a thread that has not waited for it
  std::vector<Shadow> shared_shadow_;
  std::vector<uint64_t> constants_;  // 32 lanes each
  std::vector<CacheSet> cache_;
  int64_t block_ = 0;
  int epoch_ = 0;
  uint32_t age_ = 0;

  void run_block();
  bool run_warp(Warp& w);  // to the next barrier; whether there is one
  void execute(Warp& w, const Instruction& i, int at, uint32_t lanes);
  void access(Warp& w, const Instruction& i, int at, uint32_t lanes, bool store, const uint64_t* base, const std::vector<int>& values,
              double& latency);
  void count_shared(Tally& tally, const uint64_t* addresses, uint32_t lanes, int bytes, double& latency);
  void count_global(Tally& tally, const uint64_t* addresses, uint32_t lanes, int bytes, bool store, double& latency);
  bool cached(uint64_t sector, bool store);
  void check_race(Shadow& s, Warp& w, int lane, bool store, const Instruction& i, const char* where, bool across_blocks);
  void report(const Instruction& i, const std::string& what);
  const uint64_t* read(const Warp& w, int reg) const { return reg >= 0 ? &w.registers[size_t(reg) * 32] : &constants_[size_t(-1 - reg) * 32]; }
  void leave_block(Warp& w);
  void start_block(Warp& w);
};
