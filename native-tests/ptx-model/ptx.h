// A PTX module, parsed: instructions, functions, control flow.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

enum class Op : uint8_t {
  mov,
  pack,
  unpack,
  add,
  sub,
  mul,
  mul_hi,
  mul_wide,
  mad,
  mad_hi,
  mad_wide,
  div,
  rem,
  neg,
  abs,
  min,
  max,
  bit_and,
  bit_or,
  bit_xor,
  bit_not,
  shl,
  shr,
  bfe,
  bfi,
  prmt,
  popc,
  clz,
  lop3,
  shf,
  setp,
  selp,
  cvt,
  fma,
  rcp,
  sqrt,
  rsqrt,
  ex2,
  lg2,
  sin,
  cos,
  copysign,
  load,
  store,
  copy_async,
  wait_copies,
  branch,
  barrier,
  barrier_red,
  warp_barrier,
  vote,
  shfl,
  activemask,
  call,
  ret,
  none
};
enum class Type : uint8_t { pred, u8, u16, u32, u64, s8, s16, s32, s64, f32, f64 };
enum class Space : uint8_t { generic, global, shared, local, param };
enum class Compare : uint8_t { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };
enum class Round : uint8_t { none, nearest, zero, down, up, to_int, to_int_zero, to_int_down, to_int_up };

int bytes_of(Type type);
bool is_float(Type type);
bool is_signed(Type type);

// Registers of 64 bits a lane from 0; the first kSpecials are the special ones; constants are −1, −2, …; predicates have numbers of their own.
constexpr int kNone = INT32_MIN;
// Generic addresses: shared memory from 0, local memory from here, everything above the window's end is global.
constexpr uint64_t kLocalWindow = 1 << 20, kLocalWindowEnd = 1 << 21;
enum Special {
  kTidX,
  kTidY,
  kTidZ,
  kNtidX,
  kNtidY,
  kNtidZ,
  kCtaidX,
  kCtaidY,
  kCtaidZ,
  kNctaidX,
  kNctaidY,
  kNctaidZ,
  kLaneid,
  kWarpid,
  kNwarpid,
  kSpecials
};

struct Instruction {
  Op op = Op::none;
  Type type = Type::u32, from = Type::u32;
  Compare compare = Compare::eq;
  Space space = Space::generic;
  Round round = Round::none;
  Op combine = Op::none;  // setp.lt.and, bar.red.or
  std::string mode;       // of vote and shfl
  int vector = 1, bytes = 0;
  bool approximate = false;
  int guard = kNone;  // predicate
  bool guard_not = false;
  std::vector<int> to, from_registers;  // one list of operands each; predicates only where the operation says so
  int predicate_to = kNone, predicate_from = kNone;
  bool predicate_not = false;
  int second_predicate = kNone;
  bool second_not = false;
  int64_t offset = 0, second_offset = 0;  // of the address; of copy_async's target
  int target = kNone;                     // of a branch; the function of a call
  int line = 0, location = -1;
  std::string text;
};

struct Location {
  std::string file;
  int line = 0;
  std::string outer_file;  // the statement in a .cu file that it was inlined into
  int outer_line = 0;
};

struct Function {
  std::string name;
  bool kernel = false;
  int begin = 0, end = 0, registers = 0, predicates = 0;
  std::vector<int> parameters, results;  // registers, of a device function
  int parameter_bytes = 0;               // of a kernel
};

struct Module {
  std::vector<Instruction> code;
  std::vector<Function> functions;
  std::vector<uint64_t> constants;
  std::vector<Location> locations;
  std::vector<int> block;    // of each instruction
  std::vector<int> rejoin;   // after a block's last branch: the instruction where its sides meet again, or −1
  std::vector<bool> leader;  // first of a block
  int shared_bytes = 0;      // static
  int local_bytes = 0;       // of a thread
  int registers = 0, predicates = 0;

  const Function& kernel(const std::string& name) const;
};

Module parse(const std::string& text);
