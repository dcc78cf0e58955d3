#include "machine.h"

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <cstring>

namespace {

template <class T>
T as(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
uint64_t bits_of(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <class F>
void each(uint32_t lanes, const F& f) {
  if (lanes == 0xffffffffu) {
    for (int l = 0; l < 32; l++) f(l);
  } else {
    for (uint32_t rest = lanes; rest; rest &= rest - 1) f(__builtin_ctz(rest));
  }
}

// f(T a, T b, T c) lane by lane, with T chosen by the type.
template <class T, class F>
void lanewise(uint32_t lanes, uint64_t* to, const uint64_t* a, const uint64_t* b, const uint64_t* c, const F& f) {
  each(lanes, [&](int l) { to[l] = bits_of<T>(T(f(as<T>(a[l]), as<T>(b[l]), as<T>(c[l])))); });
}
template <class F>
void integers(Type type, uint32_t lanes, uint64_t* to, const uint64_t* a, const uint64_t* b, const uint64_t* c, const F& f) {
  switch (type) {
    case Type::u8:
      return lanewise<uint8_t>(lanes, to, a, b, c, f);
    case Type::s8:
      return lanewise<int8_t>(lanes, to, a, b, c, f);
    case Type::u16:
      return lanewise<uint16_t>(lanes, to, a, b, c, f);
    case Type::s16:
      return lanewise<int16_t>(lanes, to, a, b, c, f);
    case Type::s32:
      return lanewise<int32_t>(lanes, to, a, b, c, f);
    case Type::u64:
      return lanewise<uint64_t>(lanes, to, a, b, c, f);
    case Type::s64:
      return lanewise<int64_t>(lanes, to, a, b, c, f);
    default:
      return lanewise<uint32_t>(lanes, to, a, b, c, f);
  }
}
template <class F>
void floats(Type type, uint32_t lanes, uint64_t* to, const uint64_t* a, const uint64_t* b, const uint64_t* c, const F& f) {
  if (type == Type::f32)
    lanewise<float>(lanes, to, a, b, c, f);
  else
    lanewise<double>(lanes, to, a, b, c, f);
}
template <class F>
void numbers(Type type, uint32_t lanes, uint64_t* to, const uint64_t* a, const uint64_t* b, const uint64_t* c, const F& f) {
  if (is_float(type))
    floats(type, lanes, to, a, b, c, f);
  else
    integers(type, lanes, to, a, b, c, f);
}

template <class T>
bool compare(Compare c, T a, T b) {
  const bool unordered = a != a || b != b;
  switch (c) {
    case Compare::eq:
      return a == b;
    case Compare::ne:
      return !unordered && a != b;
    case Compare::lt:
      return a < b;
    case Compare::le:
      return a <= b;
    case Compare::gt:
      return a > b;
    case Compare::ge:
      return a >= b;
    case Compare::equ:
      return unordered || a == b;
    case Compare::neu:
      return unordered || a != b;
    case Compare::ltu:
      return unordered || a < b;
    case Compare::leu:
      return unordered || a <= b;
    case Compare::gtu:
      return unordered || a > b;
    case Compare::geu:
      return unordered || a >= b;
    case Compare::num:
      return !unordered;
    default:
      return unordered;
  }
}
template <class T>
uint32_t compare_lanes(Compare c, const uint64_t* a, const uint64_t* b) {
  uint32_t result = 0;
  for (int l = 0; l < 32; l++) result |= uint32_t(compare(c, as<T>(a[l]), as<T>(b[l]))) << l;
  return result;
}
uint32_t compare_all(Type type, Compare c, const uint64_t* a, const uint64_t* b) {
  switch (type) {
    case Type::f32:
      return compare_lanes<float>(c, a, b);
    case Type::f64:
      return compare_lanes<double>(c, a, b);
    case Type::s64:
      return compare_lanes<int64_t>(c, a, b);
    case Type::u64:
      return compare_lanes<uint64_t>(c, a, b);
    case Type::s32:
      return compare_lanes<int32_t>(c, a, b);
    case Type::s16:
      return compare_lanes<int16_t>(c, a, b);
    case Type::u16:
      return compare_lanes<uint16_t>(c, a, b);
    default:
      return compare_lanes<uint32_t>(c, a, b);
  }
}

double to_double(Type type, uint64_t x) { return type == Type::f32 ? double(as<float>(x)) : as<double>(x); }
double rounded(Round round, double x) {
  switch (round) {
    case Round::to_int:
      return std::nearbyint(x);
    case Round::to_int_zero:
      return std::trunc(x);
    case Round::to_int_down:
      return std::floor(x);
    case Round::to_int_up:
      return std::ceil(x);
    default:
      return x;
  }
}
int64_t signed_value(Type type, uint64_t x) {
  switch (type) {
    case Type::s8:
      return as<int8_t>(x);
    case Type::s16:
      return as<int16_t>(x);
    case Type::s32:
      return as<int32_t>(x);
    case Type::u8:
      return as<uint8_t>(x);
    case Type::u16:
      return as<uint16_t>(x);
    case Type::u32:
      return as<uint32_t>(x);
    default:
      return int64_t(x);
  }
}
uint64_t truncated(Type type, uint64_t x) {
  const int bits = 8 * bytes_of(type);
  return bits == 64 ? x : x & ((uint64_t(1) << bits) - 1);
}
uint64_t convert(const Instruction& i, uint64_t x) {
  if (is_float(i.from) && is_float(i.type)) {
    const double value = rounded(i.round, to_double(i.from, x));
    return i.type == Type::f32 ? bits_of(float(value)) : bits_of(value);
  }
  if (is_float(i.from)) {  // to an integer, saturated
    const double value = rounded(i.round, to_double(i.from, x));
    if (value != value) return i.type == Type::s64 || i.type == Type::u64 ? uint64_t(1) << 63 : 0;
    const int bits = 8 * bytes_of(i.type);
    if (is_signed(i.type)) {
      const double limit = std::ldexp(1.0, bits - 1);
      const int64_t most = int64_t((uint64_t(1) << (bits - 1)) - 1);
      return truncated(i.type, uint64_t(value >= limit ? most : value < -limit ? -most - 1 : int64_t(value)));
    }
    const double limit = std::ldexp(1.0, bits);
    return truncated(i.type, value >= limit ? ~uint64_t(0) : value < 0 ? 0 : uint64_t(value));
  }
  if (is_float(i.type)) {
    if (is_signed(i.from)) return i.type == Type::f32 ? bits_of(float(signed_value(i.from, x))) : bits_of(double(signed_value(i.from, x)));
    const uint64_t value = truncated(i.from, x);
    return i.type == Type::f32 ? bits_of(float(value)) : bits_of(double(value));
  }
  return truncated(i.type, uint64_t(signed_value(i.from, x)));
}

// 1/x and the like as the hardware's approximation of 64-bit numbers gives it: the upper half alone.
double upper_half(double x) { return as<double>(bits_of(x) & 0xffffffff00000000u); }

}  // namespace

Memory::Memory(int64_t bytes) : arena_(new unsigned char[bytes + 4096]), size_(bytes) {}

unsigned char* Memory::allocate(const std::string& name, int64_t bytes, bool writable) {
  constexpr int64_t kGap = 64 << 10;
  unsigned char* const start = reinterpret_cast<unsigned char*>((reinterpret_cast<uintptr_t>(arena_.get()) + 4095) / 4096 * 4096);
  used_ = (used_ + kGap + 511) / 512 * 512;
  if (used_ + bytes + kGap > size_) throw std::runtime_error("the arena is too small");
  Buffer b{name, start + used_, bytes, writable, {}, {}, {}};
  if (writable) b.shadow.resize((bytes + 3) / 4);
  b.read_sectors.resize((bytes + 31) / 32);
  b.written_sectors.resize((bytes + 31) / 32);
  used_ += bytes;
  buffers.push_back(std::move(b));
  return buffers.back().data;
}

int Memory::find(uint64_t address) const {
  for (size_t i = 0; i < buffers.size(); i++) {
    const uint64_t start = reinterpret_cast<uint64_t>(buffers[i].data);
    if (address >= start && address < start + uint64_t(buffers[i].bytes)) return int(i);
  }
  return -1;
}

void Machine::report(const Instruction& i, const std::string& what) {
  const Location* l = i.location >= 0 ? &module.locations[i.location] : nullptr;
  problems[what + " at ptx line " + std::to_string(i.line) + (l ? " (" + l->file + ":" + std::to_string(l->line) + ")" : "") + ": " + i.text]++;
}

void Machine::run(const Function& kernel, const Grid& grid) {
  grid_ = &grid;
  constants_.resize(module.constants.size() * 32);
  for (size_t c = 0; c < module.constants.size(); c++) std::fill_n(&constants_[c * 32], 32, module.constants[c]);
  shared_.resize(module.shared_bytes + grid.scratch_bytes);
  warps_.assign((grid.threads + 31) / 32, {});
  for (Warp& w : warps_) {
    w.registers.resize(size_t(module.registers) * 32);
    w.predicates.resize(module.predicates);
    w.local.resize(size_t(module.local_bytes) * 32);
    w.ready.resize(module.registers);
    w.predicate_ready.resize(module.predicates);
  }
  for (block_ = 0; block_ < grid.blocks; block_++) {
    for (size_t n = 0; n < warps_.size(); n++) {
      Warp& w = warps_[n];
      w.index = int(n);
      w.epoch = 0;
      const int threads = std::min(32, grid.threads - 32 * int(n));
      w.alive = threads == 32 ? 0xffffffffu : (1u << threads) - 1;
      w.frames.assign(1, {kernel.begin, -1, w.alive, true});
      w.waiting = false;
      w.now = w.busy = w.copies_arrive = 0;
      w.copies.clear();
      std::fill(w.ready.begin(), w.ready.end(), 0);
      std::fill(w.predicate_ready.begin(), w.predicate_ready.end(), 0);
      start_block(w);
      for (int l = 0; l < 32; l++) {
        const uint64_t special[kSpecials] = {
            uint64_t(32 * n + l), 0, 0, uint64_t(grid.threads), 1, 1, uint64_t(block_), 0, 0, uint64_t(grid.blocks), 1, 1, uint64_t(l), uint64_t(n),
            warps_.size()};
        for (int s = 0; s < kSpecials; s++) w.registers[size_t(s) * 32 + l] = special[s];
      }
    }
    std::memset(shared_.data(), 0xff, shared_.size());
    shared_written_.assign(shared_.size(), false);
    shared_pending_.assign(shared_.size(), false);
    shared_shadow_.assign((shared_.size() + 3) / 4, {});
    CacheSet empty;
    empty.tags.fill(~uint64_t(0));
    empty.ages.fill(0);
    cache_.assign(std::max<int64_t>(1, cache_bytes / 32 / 4), empty);
    epoch_ = 0;
    run_block();
  }
}

void Machine::run_block() {
  for (;;) {
    int waiting = 0;
    for (Warp& w : warps_) {
      if (!w.waiting && !w.frames.empty()) w.waiting = run_warp(w);
      waiting += w.waiting;
    }
    double latest = 0;
    for (const Warp& w : warps_) latest = std::max(latest, w.now);
    if (waiting == 0) {
      block_cycles += latest;
      for (const Warp& w : warps_) warp_cycles += w.busy;
      return;
    }
    // Everybody who is left stands at a barrier.
    int at = -1;
    bool any = false, all = true;
    int count = 0;
    for (Warp& w : warps_) {
      if (!w.waiting) continue;
      const Instruction& i = module.code[w.frames.back().at];
      if (at >= 0 && (module.code[at].op != i.op)) report(i, "warps of a block at different barriers");
      at = w.frames.back().at;
      if (i.op == Op::barrier_red) {
        const uint32_t p = (w.predicates[i.predicate_from] ^ (i.predicate_not ? 0xffffffffu : 0)) & w.frames.back().lanes;
        any |= p != 0;
        all &= p == w.frames.back().lanes;
        count += __builtin_popcount(p);
      }
    }
    for (Warp& w : warps_) {
      if (!w.waiting) continue;
      const Instruction& i = module.code[w.frames.back().at];
      if (i.op == Op::barrier_red && i.predicate_to != kNone) {
        const uint32_t lanes = w.frames.back().lanes, result = (i.combine == Op::bit_or ? any : all) ? lanes : 0;
        w.predicates[i.predicate_to] = (w.predicates[i.predicate_to] & ~lanes) | result;
        w.predicate_ready[i.predicate_to] = latest + latencies.barrier;
      }
      if (i.op == Op::barrier_red && !i.to.empty())
        each(w.frames.back().lanes, [&](int l) { w.registers[size_t(i.to[0]) * 32 + l] = uint64_t(count); });
      w.frames.back().at++;
      w.waiting = false;
      w.epoch++;
      w.now = latest + latencies.barrier;
      start_block(w);
    }
    epoch_++;
  }
}

void Machine::start_block(Warp& w) {
  w.block_start = w.last_issue = w.now;
  w.block_slots = 0;
}
void Machine::leave_block(Warp& w) {
  const double end = std::max(w.block_start + w.block_slots, w.last_issue);
  w.busy += end - w.block_start;
  waits[w.critical] += end - w.block_start;
  w.now = end;
  start_block(w);
}

bool Machine::run_warp(Warp& w) {
  while (!w.frames.empty()) {
    Frame& f = w.frames.back();
    f.lanes &= w.alive;
    if (f.lanes == 0 || f.at == f.rejoin) {
      w.frames.pop_back();
      continue;
    }
    const int at = f.at;
    const Instruction& i = module.code[at];
    if (module.leader[at]) {
      leave_block(w);
      w.critical = at;
    }
    uint32_t lanes = f.lanes;
    double start = w.block_start;
    if (i.guard != kNone) {
      lanes &= w.predicates[i.guard] ^ (i.guard_not ? 0xffffffffu : 0);
      start = std::max(start, w.predicate_ready[i.guard]);
    }
    Tally& tally = tallies[at];
    tally.executed++;
    tally.lanes += __builtin_popcount(lanes);
    w.block_slots += slots.empty() ? 1 : slots[at];

    switch (i.op) {
      case Op::branch: {
        w.last_issue = std::max(w.last_issue, start + 1);
        if (lanes == f.lanes) {
          f.at = i.target;
        } else if (lanes == 0) {
          f.at = at + 1;
        } else {
          const int join = module.rejoin[module.block[at]];
          const uint32_t rest = f.lanes & ~lanes;
          const Frame other{at + 1, join, rest, false}, taken{i.target, join, lanes, false};
          if (join == f.rejoin && !f.call)
            w.frames.pop_back();
          else
            f.at = join < 0 ? int(module.code.size()) : join;  // a frame with no lanes left by then
          if (other.at != join) w.frames.push_back(other);
          if (taken.at != join) w.frames.push_back(taken);
        }
        leave_block(w);
        continue;
      }
      case Op::ret: {
        w.last_issue = std::max(w.last_issue, start + 1);
        // Where a device function was called from, or the end of the thread.
        size_t base = w.frames.size() - 1;
        while (!w.frames[base].call) base--;
        f.at = at + 1;
        if (base == 0) {
          w.alive &= ~lanes;
        } else {
          for (size_t n = base; n < w.frames.size(); n++) w.frames[n].lanes &= ~lanes;
        }
        leave_block(w);
        continue;
      }
      case Op::call: {
        const Function& to = module.functions[i.target];
        for (size_t a = 0; a < to.parameters.size(); a++) {
          const uint64_t* from = read(w, i.from_registers[a]);
          each(lanes, [&](int l) { w.registers[size_t(to.parameters[a]) * 32 + l] = from[l]; });
        }
        f.at = at + 1;
        w.frames.push_back({to.begin, -1, lanes, true});
        leave_block(w);
        continue;
      }
      case Op::barrier:
      case Op::barrier_red:
        if (f.lanes != w.alive || lanes != f.lanes) report(i, "barrier that only some lanes of a warp reach");
        leave_block(w);
        return true;
      default:
        if (lanes) execute(w, i, at, lanes);
        w.frames.back().at = at + 1;
    }
  }
  leave_block(w);
  return false;
}

void Machine::execute(Warp& w, const Instruction& i, int at, uint32_t lanes) {
  static const uint64_t zeros[32] = {};
  const auto source = [&](size_t n) { return n < i.from_registers.size() && i.from_registers[n] != kNone ? read(w, i.from_registers[n]) : zeros; };
  const uint64_t *a = source(0), *b = source(1), *c = source(2);
  uint64_t* const to = !i.to.empty() && i.to[0] != kNone ? &w.registers[size_t(i.to[0]) * 32] : nullptr;
  const auto predicate = [&](int p, bool negated) { return p == kNone ? 0 : w.predicates[p] ^ (negated ? 0xffffffffu : 0); };
  const auto set = [&](int p, uint32_t value) {
    if (p != kNone) w.predicates[p] = (w.predicates[p] & ~lanes) | (value & lanes);
  };
  const Type type = i.type;
  const int bits = 8 * bytes_of(type);
  double result_latency = latency.empty() ? latencies.alu : latency[at];

  switch (i.op) {
    case Op::none:
      break;
    case Op::mov:
      if (type == Type::pred) {
        set(i.predicate_to, i.predicate_from != kNone ? predicate(i.predicate_from, i.predicate_not) : a[0] ? 0xffffffffu : 0);
      } else {
        each(lanes, [&](int l) { to[l] = a[l]; });
      }
      break;
    case Op::pack:
      each(lanes, [&](int l) {
        const int part = bits / int(i.from_registers.size());
        uint64_t value = 0;
        for (size_t n = 0; n < i.from_registers.size(); n++) value |= (source(n)[l] & ((uint64_t(1) << part) - 1)) << (n * part);
        to[l] = value;
      });
      break;
    case Op::unpack:
      each(lanes, [&](int l) {
        const int part = bits / int(i.to.size());
        const uint64_t value = a[l];
        for (size_t n = 0; n < i.to.size(); n++)
          if (i.to[n] != kNone) w.registers[size_t(i.to[n]) * 32 + l] = (value >> (n * part)) & ((uint64_t(1) << part) - 1);
      });
      break;
    case Op::add:
      if (i.round == Round::zero || i.round == Round::down || i.round == Round::up) {
        std::fesetround(i.round == Round::zero ? FE_TOWARDZERO : i.round == Round::down ? FE_DOWNWARD : FE_UPWARD);
        floats(type, lanes, to, a, b, c, [](auto x, auto y, auto) {
          volatile decltype(x) p = x, q = y;
          return p + q;
        });
        std::fesetround(FE_TONEAREST);
      } else {
        numbers(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return x + y; });
      }
      break;
    case Op::sub:
      numbers(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return x - y; });
      break;
    case Op::mul:
      numbers(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return x * y; });
      break;
    case Op::mad:
      integers(type, lanes, to, a, b, c, [](auto x, auto y, auto z) { return x * y + z; });
      break;
    case Op::fma:
      floats(type, lanes, to, a, b, c, [](auto x, auto y, auto z) { return std::fma(x, y, z); });
      break;
    case Op::mul_wide:
    case Op::mad_wide:
      each(lanes, [&](int l) {
        const uint64_t product = uint64_t(signed_value(type, a[l])) * uint64_t(signed_value(type, b[l])) + (i.op == Op::mad_wide ? c[l] : 0);
        to[l] = bits == 16 ? uint32_t(product) : product;
      });
      break;
    case Op::mul_hi:
    case Op::mad_hi:
      each(lanes, [&](int l) {
        const __int128 x = is_signed(type) ? __int128(signed_value(type, a[l])) : __int128(truncated(type, a[l]));
        const __int128 y = is_signed(type) ? __int128(signed_value(type, b[l])) : __int128(truncated(type, b[l]));
        const unsigned __int128 product = (unsigned __int128)x * (unsigned __int128)y;
        to[l] = truncated(type, uint64_t(product >> bits) + (i.op == Op::mad_hi ? c[l] : 0));
      });
      break;
    case Op::div:
      if (is_float(type))
        floats(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return x / y; });
      else
        integers(type, lanes, to, a, b, c, [](auto x, auto y, auto) {
          return y == 0 ? decltype(x)(-1) : y == decltype(y)(-1) && decltype(x)(-1) < 0 ? -x : x / y;
        });
      break;
    case Op::rem:
      integers(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return y == 0 ? x : y == decltype(y)(-1) && decltype(x)(-1) < 0 ? 0 : x % y; });
      break;
    case Op::neg:
      numbers(type, lanes, to, a, b, c, [](auto x, auto, auto) { return -x; });
      break;
    case Op::abs:
      if (is_float(type))
        floats(type, lanes, to, a, b, c, [](auto x, auto, auto) { return std::fabs(x); });
      else
        integers(type, lanes, to, a, b, c, [](auto x, auto, auto) { return x < 0 ? -x : x; });
      break;
    case Op::min:
      if (is_float(type))
        floats(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return std::fmin(x, y); });
      else
        integers(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return x < y ? x : y; });
      break;
    case Op::max:
      if (is_float(type))
        floats(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return std::fmax(x, y); });
      else
        integers(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return x > y ? x : y; });
      break;
    case Op::bit_and:
    case Op::bit_or:
    case Op::bit_xor:
      if (type == Type::pred) {
        const uint32_t p = predicate(i.predicate_from, i.predicate_not), q = predicate(i.second_predicate, i.second_not);
        set(i.predicate_to, i.op == Op::bit_and ? p & q : i.op == Op::bit_or ? p | q : p ^ q);
      } else {
        each(lanes, [&](int l) { to[l] = i.op == Op::bit_and ? a[l] & b[l] : i.op == Op::bit_or ? a[l] | b[l] : a[l] ^ b[l]; });
        each(lanes, [&](int l) { to[l] = truncated(type, to[l]); });
      }
      break;
    case Op::bit_not:
      if (type == Type::pred)
        set(i.predicate_to, ~predicate(i.predicate_from, i.predicate_not));
      else
        each(lanes, [&](int l) { to[l] = truncated(type, ~a[l]); });
      break;
    case Op::shl:
      each(lanes, [&](int l) { to[l] = uint32_t(b[l]) >= uint32_t(bits) ? 0 : truncated(type, a[l] << uint32_t(b[l])); });
      break;
    case Op::shr:
      each(lanes, [&](int l) {
        const uint32_t by = uint32_t(b[l]);
        if (is_signed(type))
          to[l] = truncated(type, uint64_t(signed_value(type, a[l]) >> std::min<uint32_t>(by, 63)));
        else
          to[l] = by >= uint32_t(bits) ? 0 : truncated(type, a[l]) >> by;
      });
      break;
    case Op::bfe:
      each(lanes, [&](int l) {
        const uint32_t from = b[l] & 0xff, length = c[l] & 0xff;
        const uint64_t field = from >= 64 ? 0 : truncated(type, a[l]) >> from, mask = length >= 64 ? ~uint64_t(0) : (uint64_t(1) << length) - 1;
        uint64_t value = field & mask;
        if (is_signed(type) && length > 0 && (value >> (length - 1) & 1)) value |= ~mask;
        to[l] = truncated(type, value);
      });
      break;
    case Op::bfi:
      each(lanes, [&](int l) {
        const uint32_t at_bit = c[l] & 0xff, length = source(3)[l] & 0xff;
        const uint64_t mask = (length >= 64 ? ~uint64_t(0) : (uint64_t(1) << length) - 1) << at_bit;
        to[l] = truncated(type, (b[l] & ~mask) | ((a[l] << at_bit) & mask));
      });
      break;
    case Op::prmt:
      each(lanes, [&](int l) {
        const uint64_t both = (a[l] & 0xffffffffu) | b[l] << 32;
        uint32_t value = 0;
        for (int n = 0; n < 4; n++) {
          const uint32_t selector = uint32_t(c[l] >> (4 * n)) & 0xf;
          uint32_t byte = uint32_t(both >> (8 * (selector & 7))) & 0xff;
          if (selector & 8) byte = byte & 0x80 ? 0xff : 0;
          value |= byte << (8 * n);
        }
        to[l] = value;
      });
      break;
    case Op::popc:
      each(lanes, [&](int l) { to[l] = uint64_t(__builtin_popcountll(truncated(type, a[l]))); });
      break;
    case Op::clz:
      each(lanes, [&](int l) { to[l] = truncated(type, a[l]) == 0 ? bits : __builtin_clzll(truncated(type, a[l])) - (64 - bits); });
      break;
    case Op::lop3:
      each(lanes, [&](int l) {
        uint32_t value = 0;
        for (int n = 0; n < 32; n++) value |= uint32_t(source(3)[l] >> ((a[l] >> n & 1) << 2 | (b[l] >> n & 1) << 1 | (c[l] >> n & 1)) & 1) << n;
        to[l] = value;
      });
      break;
    case Op::shf:
      each(lanes, [&](int l) {
        const uint64_t both = (a[l] & 0xffffffffu) | b[l] << 32;
        const uint32_t by = i.text.find("wrap") != std::string::npos ? c[l] & 31 : std::min<uint32_t>(uint32_t(c[l]), 32);
        to[l] = i.text.find("shf.l") != std::string::npos ? uint32_t((both << by) >> 32) : uint32_t(both >> by);
      });
      break;
    case Op::setp: {
      uint32_t p = compare_all(type, i.compare, a, b), q = ~p;
      if (i.combine != Op::none) {
        const uint32_t other = predicate(i.predicate_from, i.predicate_not);
        p = i.combine == Op::bit_and ? p & other : i.combine == Op::bit_or ? p | other : p ^ other;
        q = i.combine == Op::bit_and ? q & other : i.combine == Op::bit_or ? q | other : q ^ other;
      }
      set(i.predicate_to, p);
      set(i.second_predicate, q);
      break;
    }
    case Op::selp: {
      const uint32_t p = predicate(i.predicate_from, i.predicate_not);
      each(lanes, [&](int l) { to[l] = p >> l & 1 ? a[l] : b[l]; });
      break;
    }
    case Op::cvt:
      each(lanes, [&](int l) { to[l] = convert(i, a[l]); });
      break;
    case Op::rcp:
      floats(type, lanes, to, a, b, c, [&](auto x, auto, auto) { return i.approximate && sizeof x == 8 ? upper_half(1 / x) : double(1 / x); });
      break;
    case Op::sqrt:
      floats(type, lanes, to, a, b, c, [](auto x, auto, auto) { return std::sqrt(x); });
      break;
    case Op::rsqrt:
      floats(type, lanes, to, a, b, c,
             [&](auto x, auto, auto) { return sizeof x == 8 ? upper_half(1 / std::sqrt(double(x))) : 1 / std::sqrt(double(x)); });
      break;
    case Op::ex2:
      floats(type, lanes, to, a, b, c, [](auto x, auto, auto) { return std::exp2(x); });
      break;
    case Op::lg2:
      floats(type, lanes, to, a, b, c, [](auto x, auto, auto) { return std::log2(x); });
      break;
    case Op::sin:
      floats(type, lanes, to, a, b, c, [](auto x, auto, auto) { return std::sin(x); });
      break;
    case Op::cos:
      floats(type, lanes, to, a, b, c, [](auto x, auto, auto) { return std::cos(x); });
      break;
    case Op::copysign:
      floats(type, lanes, to, a, b, c, [](auto x, auto y, auto) { return std::copysign(y, x); });
      break;
    case Op::load:
      if (i.space == Space::param) {
        each(lanes, [&](int l) {
          for (int n = 0; n < i.vector; n++) {
            const uint64_t from = a[l] + i.offset + n * i.bytes;
            uint64_t value = 0;
            if (from + i.bytes > grid_->arguments.size())
              report(i, "load beyond the arguments");
            else
              std::memcpy(&value, &grid_->arguments[from], i.bytes);
            w.registers[size_t(i.to[n]) * 32 + l] = value;
          }
        });
      } else {
        access(w, i, at, lanes, false, a, i.to, result_latency);
      }
      break;
    case Op::store: {
      const std::vector<int> values(i.from_registers.begin() + 1, i.from_registers.end());
      access(w, i, at, lanes, true, a, values, result_latency);
      break;
    }
    case Op::copy_async: {  // done at once
      uint64_t from[32], to[32];
      each(lanes, [&](int l) {
        to[l] = uint32_t(a[l] + i.second_offset);
        from[l] = b[l] + uint64_t(i.offset);
        const uint64_t there = uint32_t(c[l]);
        const int at_buffer = there > 0 ? memory.find(from[l]) : -1;
        if (to[l] % i.bytes != 0 || (there > 0 && from[l] % i.bytes != 0)) return report(i, "misaligned access");
        if (there > 0 && (at_buffer < 0 || memory.find(from[l] + there - 1) != at_buffer)) return report(i, "access outside of every buffer");
        if (to[l] + i.bytes > shared_.size()) return report(i, "access outside of shared memory");
        std::memset(&shared_[to[l]], 0, i.bytes);
        if (there > 0) std::memcpy(&shared_[to[l]], reinterpret_cast<void*>(from[l]), there);
        for (int n = 0; n < i.bytes; n += 4) {
          std::fill_n(shared_written_.begin() + to[l] + n, 4, true);
          shared_pending_[to[l] + n] = true;
          w.copies.emplace_back(l, to[l] + n);
          check_race(shared_shadow_[(to[l] + n) / 4], w, l, true, i, "shared memory", false);
          if (at_buffer >= 0 && memory.buffers[at_buffer].writable)
            check_race(memory.buffers[at_buffer].shadow[(from[l] + n - reinterpret_cast<uint64_t>(memory.buffers[at_buffer].data)) / 4], w, l, false,
                       i, "global memory", true);
        }
      });
      uint32_t present = 0;
      each(lanes, [&](int l) { present |= uint32_t(uint32_t(c[l]) > 0) << l; });
      double arrives = 0, stored = 0;
      if (present) count_global(tallies[at], from, present, i.bytes, false, arrives);
      count_shared(tallies[at], to, lanes, i.bytes, stored);
      w.copies_arrive = std::max(w.copies_arrive, w.block_start + arrives);
      result_latency = 0;
      break;
    }
    case Op::wait_copies:
      for (size_t n = 0; n < w.copies.size(); n++) {
        while (n < w.copies.size() && lanes >> w.copies[n].first & 1) {
          shared_pending_[w.copies[n].second] = false;
          w.copies[n] = w.copies.back();
          w.copies.pop_back();
        }
      }
      w.last_issue = std::max(w.last_issue, w.copies_arrive);
      w.critical = at;
      break;
    case Op::warp_barrier: {
      const uint32_t mask = uint32_t(a[__builtin_ctz(lanes)]) & w.alive;
      if ((mask & ~lanes) != 0)
        report(i, "warp barrier that not all its lanes reach together");
      else if (lanes == w.alive)
        w.epoch++;
      break;
    }
    case Op::vote: {
      const uint32_t mask = uint32_t(a[__builtin_ctz(lanes)]) & w.alive, p = predicate(i.predicate_from, i.predicate_not) & lanes & mask;
      if ((mask & ~lanes) != 0)
        report(i, "vote that not all its lanes reach together");
      else if (lanes == w.alive)
        w.epoch++;
      if (i.mode == "ballot")
        each(lanes, [&](int l) { to[l] = p; });
      else
        set(i.predicate_to, (i.mode == "any" ? p != 0 : i.mode == "all" ? p == (lanes & mask) : p == 0 || p == (lanes & mask)) ? 0xffffffffu : 0);
      result_latency = latencies.vote;
      break;
    }
    case Op::shfl: {
      uint64_t old[32];
      std::copy_n(a, 32, old);
      uint32_t valid = 0;
      each(lanes, [&](int l) {
        const int by = int(b[l] & 31), clamp = int(c[l] & 31), segment = int(c[l] >> 8 & 31), most = (l & segment) | (clamp & ~segment),
                  least = l & segment;
        int from = i.mode == "up" ? l - by : i.mode == "down" ? l + by : i.mode == "bfly" ? l ^ by : least | (by & ~segment);
        const bool good = i.mode == "up" ? from >= most : from <= most;
        if (!good) from = l;
        if (!(lanes >> from & 1)) report(i, "shuffle from a lane that is not there");
        valid |= uint32_t(good) << l;
        to[l] = old[from];
      });
      if (lanes == w.alive) w.epoch++;
      tallies[at].wavefronts++;  // through the crossbar of shared memory
      tallies[at].ideal_wavefronts++;
      set(i.predicate_to, valid);
      result_latency = latencies.special;
      break;
    }
    case Op::activemask:
      each(lanes, [&](int l) { to[l] = lanes; });
      break;
    default:
      throw std::runtime_error("not done: " + i.text);
  }

  // When the result is there.
  double start = w.block_start;
  if (i.guard != kNone) start = std::max(start, w.predicate_ready[i.guard]);
  for (const int r : i.from_registers)
    if (r >= 0) start = std::max(start, w.ready[r]);
  if (i.predicate_from != kNone) start = std::max(start, w.predicate_ready[i.predicate_from]);
  if (i.second_predicate != kNone && i.op != Op::setp) start = std::max(start, w.predicate_ready[i.second_predicate]);
  if (start + 1 > w.last_issue) {
    w.last_issue = start + 1;
    w.critical = at;
  }
  for (const int r : i.to)
    if (r != kNone) w.ready[r] = start + result_latency;
  if (i.predicate_to != kNone) w.predicate_ready[i.predicate_to] = start + result_latency;
  if (i.op == Op::setp && i.second_predicate != kNone) w.predicate_ready[i.second_predicate] = start + result_latency;
}

void Machine::check_race(Shadow& s, Warp& w, int lane, bool store, const Instruction& i, const char* where, bool across_blocks) {
  const int warps = int(warps_.size()), warp = int(block_) * warps + w.index, thread = warp * 32 + lane;
  // Whether what happened at the given time is before now for this thread.
  const auto ordered = [&](int other_warp, int block_epoch, int warp_epoch) {
    if (other_warp / warps != block_) return !across_blocks;
    return block_epoch < epoch_ || (other_warp == warp && warp_epoch < w.epoch);
  };
  if (s.writer >= 0 && s.writer != thread && !ordered(s.writer / 32, s.write_block_epoch, s.write_warp_epoch))
    report(i, std::string("race in ") + where + ": " + (store ? "write" : "read") + " after another thread's write");
  if (store) {
    if (s.reader != -1 && s.reader != thread && !ordered(s.reader_warp, s.read_block_epoch, s.read_warp_epoch) &&
        (s.reader != -2 || s.reader_warp != warp || s.read_warp_epoch == w.epoch))
      report(i, std::string("race in ") + where + ": write after another thread's read");
    s.writer = thread;
    s.write_block_epoch = epoch_;
    s.write_warp_epoch = w.epoch;
    return;
  }
  const bool fresh = s.reader == -1 || s.reader_warp / warps != block_ || s.read_block_epoch < epoch_;
  if (fresh || (s.reader_warp == warp && s.read_warp_epoch < w.epoch && s.reader != -3))
    s.reader = thread;
  else if (s.reader != thread)
    s.reader = s.reader_warp == warp && s.reader != -3 ? -2 : -3;
  s.reader_warp = warp;
  s.read_block_epoch = epoch_;
  s.read_warp_epoch = w.epoch;
}

void Machine::access(Warp& w, const Instruction& i, int at, uint32_t lanes, bool store, const uint64_t* base, const std::vector<int>& values,
                     double& latency) {
  const int width = i.bytes * i.vector;
  // A generic address says itself what it is one of; those of a warp are of one kind.
  const uint64_t first = base[__builtin_ctz(lanes)] + uint64_t(i.offset);
  const Space space = i.space != Space::generic ? i.space
                      : first < kLocalWindow    ? Space::shared
                      : first < kLocalWindowEnd ? Space::local
                                                : Space::global;
  const bool shared = space == Space::shared, local = space == Space::local;
  uint64_t addresses[32];
  each(lanes, [&](int l) { addresses[l] = shared ? uint32_t(base[l] + i.offset) : base[l] + uint64_t(i.offset); });
  int at_buffer = -1;
  uint64_t from = 0, until = 0;
  each(lanes, [&](int l) {
    const uint64_t address = addresses[l];
    unsigned char* place = nullptr;
    if (address % width != 0) return report(i, "misaligned access");
    if (shared) {
      if (address + width > shared_.size()) return report(i, "access outside of shared memory");
      place = &shared_[address];
      for (int n = 0; n < width; n += 4) {
        if (store)
          std::fill_n(shared_written_.begin() + address + n, std::min(4, width), true);
        else if (!shared_written_[address + n])
          report(i, "read of shared memory that nobody wrote");
        if (shared_pending_[(address + n) / 4 * 4]) report(i, "access to a copy that was not waited for");
        check_race(shared_shadow_[(address + n) / 4], w, l, store, i, "shared memory", false);
      }
    } else if (local) {
      if (address < kLocalWindow || address - kLocalWindow + width > uint64_t(module.local_bytes)) return report(i, "access outside of local memory");
      place = &w.local[size_t(l) * module.local_bytes + (address - kLocalWindow)];
    } else {
      if (at_buffer < 0 || address < from || address >= until) {
        at_buffer = memory.find(address);
        if (at_buffer >= 0) {
          from = reinterpret_cast<uint64_t>(memory.buffers[at_buffer].data);
          until = from + uint64_t(memory.buffers[at_buffer].bytes);
        }
      }
      if (at_buffer < 0 || address + width > until) return report(i, "access outside of every buffer");
      Buffer& buffer = memory.buffers[at_buffer];
      if (store && !buffer.writable) return report(i, "write to the input " + buffer.name);
      for (int n = 0; n < width; n += 4)
        if (buffer.writable) check_race(buffer.shadow[(address + n - from) / 4], w, l, store, i, "global memory", true);
      place = reinterpret_cast<unsigned char*>(address);
    }
    for (int n = 0; n < i.vector; n++) {
      if (values[n] == kNone) continue;
      if (store) {
        std::memcpy(place + n * i.bytes, read(w, values[n]) + l, i.bytes);
      } else {
        uint64_t value = 0;
        std::memcpy(&value, place + n * i.bytes, i.bytes);
        if (is_signed(i.type)) value = uint64_t(signed_value(i.type, value));
        w.registers[size_t(values[n]) * 32 + l] = value;
      }
    }
  });
  // ptxas makes one access of several neighbouring ones where it knows that they are aligned.
  const int compiled = widths.empty() ? width : widths[at];
  if (compiled == 0 || local) {
    latency = shared ? latencies.shared : latencies.level1;
    if (local) tallies[at].lines += (width + 3) / 4;  // words of the lanes of a warp stand side by side
    return;
  }
  if (compiled > width) each(lanes, [&](int l) { addresses[l] &= ~uint64_t(compiled - 1); });
  if (shared)
    count_shared(tallies[at], addresses, lanes, std::max(width, compiled), latency);
  else
    count_global(tallies[at], addresses, lanes, std::max(width, compiled), store, latency);
}

// 32 banks of 4 bytes. Accesses of 8 bytes go by halves of a warp, of 16 bytes by quarters, unless the whole warp fits without a conflict.
void Machine::count_shared(Tally& tally, const uint64_t* addresses, uint32_t lanes, int bytes, double& latency) {
  const auto waves = [&](uint32_t some) {
    uint64_t seen[32][32];
    int count[32] = {}, most = 0;
    each(some, [&](int l) {
      for (int n = 0; n < std::max(bytes, 4); n += 4) {
        const uint64_t word = addresses[l] / 4 + n / 4;
        const int bank = int(word % 32);
        bool known = false;
        for (int k = 0; k < count[bank] && !known; k++) known = seen[bank][k] == word;
        if (!known && count[bank] < 32) seen[bank][count[bank]++] = word;
        most = std::max(most, count[bank]);
      }
    });
    return most;
  };
  int total = waves(lanes);
  if (bytes == 8 && total > 1) total = waves(lanes & 0xffff) + waves(lanes & 0xffff0000u);
  if (bytes == 16 && total > 1) total = waves(lanes & 0xff) + waves(lanes & 0xff00) + waves(lanes & 0xff0000) + waves(lanes & 0xff000000u);
  tally.wavefronts += total;
  tally.ideal_wavefronts += (__builtin_popcount(lanes) * bytes + 127) / 128;
  latency = latencies.shared + 2 * (total - 1);
}

bool Machine::cached(uint64_t sector, bool store) {
  CacheSet& set = cache_[(sector * 0x9e3779b97f4a7c15u >> 20) % cache_.size()];
  age_++;
  for (int n = 0; n < 4; n++)
    if (set.tags[n] == sector) {
      set.ages[n] = age_;
      return true;
    }
  if (store) return false;
  int oldest = 0;
  for (int n = 1; n < 4; n++)
    if (set.ages[n] < set.ages[oldest]) oldest = n;
  set.tags[oldest] = sector;
  set.ages[oldest] = age_;
  return false;
}

void Machine::count_global(Tally& tally, const uint64_t* addresses, uint32_t lanes, int bytes, bool store, double& latency) {
  uint64_t sectors[64], lines[64];
  int sector_count = 0, line_count = 0;
  each(lanes, [&](int l) {
    const uint64_t sector = addresses[l] / 32;
    if (std::find(sectors, sectors + sector_count, sector) == sectors + sector_count) sectors[sector_count++] = sector;
    const uint64_t line = addresses[l] / 128;
    if (std::find(lines, lines + line_count, line) == lines + line_count) lines[line_count++] = line;
  });
  tally.sectors += sector_count;
  tally.lines += line_count;
  tally.ideal_sectors += (__builtin_popcount(lanes) * bytes + 31) / 32;
  double slowest = store ? 0 : latencies.level1;
  for (int n = 0; n < sector_count; n++) {
    const bool hit = cached(sectors[n], store);
    if (!hit || store) tally.missed_sectors++;
    const int at = memory.find(sectors[n] * 32);
    if (at < 0) continue;
    Buffer& buffer = memory.buffers[at];
    const size_t index = (sectors[n] * 32 - reinterpret_cast<uint64_t>(buffer.data)) / 32;
    std::vector<bool>& touched = store ? buffer.written_sectors : buffer.read_sectors;
    const bool known = touched[index] || (!store && buffer.written_sectors[index]);
    if (store || !buffer.written_sectors[index]) touched[index] = true;
    if (!store && !hit) slowest = std::max(slowest, known ? latencies.level2 : latencies.memory);
  }
  latency = slowest + 2 * (line_count - 1);
}
