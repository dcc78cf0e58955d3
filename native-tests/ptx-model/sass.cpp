#include "sass.h"

#include <algorithm>
#include <cmath>
#include <cstring>

const char* const kClassNames[kClasses] = {"fp32",  "fp64",   "int",    "imul",  "special", "cvt64",   "uniform",
                                           "const", "shared", "global", "local", "control", "barrier", "other"};

double Cost::total() const {
  double sum = 0;
  for (const double x : of) sum += x;
  return sum;
}

namespace {

// By the lower nine bits of an instruction's opcode, as sm_70 … sm_90 have them; the three above tell the form of the operands.
Class class_of(int opcode) {
  const int base = opcode & 0x1ff;
  switch (base) {
    case 0x20:
    case 0x21:
    case 0x23:
    case 0x35:
      return kFp32;
    case 0x24:
    case 0x25:
    case 0x27:
      return kMultiply;
    case 0x28:
    case 0x29:
    case 0x2a:
    case 0x2b:
    case 0x3f:
      return kFp64;
    case 0x102:
    case 0x105:
    case 0x106:
    case 0x107:
    case 0x108:
      return kSpecialUnit;
    case 0x104:
    case 0x110:
    case 0x111:
    case 0x112:
    case 0x113:
      return kConvert64;
    case 0x182:
      return kConstant;
    case 0x183:
    case 0x187:
      return kLocal;
    case 0x184:
    case 0x188:
    case 0x189:
      return kShared;
    case 0x180:
    case 0x181:
    case 0x185:
    case 0x186:
    case 0x1ae:
      return kGlobal;
    case 0x11d:
      return kBarrierClass;
    case 0x118:
    case 0x119:
    case 0x11b:
    case 0x11c:
    case 0x1c3:
      return kOther;
    default:
      break;
  }
  if (base >= 0x140 && base < 0x160) return kControl;
  if (base >= 0x80 && base < 0xd0) return kUniform;
  return base < 0x80 ? kInteger : kOther;
}
constexpr int kNop = 0x118, kCall = 0x144, kExit = 0x14d, kReturn = 0x150;

template <class T>
T at(const std::string& bytes, uint64_t offset) {
  T value;
  if (offset + sizeof value > bytes.size()) throw std::runtime_error("the cubin is cut off");
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

struct Section {
  std::string name;
  uint64_t offset, size;
};
struct Symbol {
  std::string name;
  uint64_t value, size;
  int section;
};

struct Elf {
  const std::string& bytes;
  std::vector<Section> sections;
  std::vector<Symbol> symbols;

  explicit Elf(const std::string& bytes) : bytes(bytes) {
    const uint64_t table = at<uint64_t>(bytes, 0x28);
    const int count = at<uint16_t>(bytes, 0x3c), names = at<uint16_t>(bytes, 0x3e);
    const auto offset = [&](int n) { return at<uint64_t>(bytes, table + 64 * n + 24); };
    const auto size = [&](int n) { return at<uint64_t>(bytes, table + 64 * n + 32); };
    for (int n = 0; n < count; n++)
      sections.push_back({std::string(bytes.c_str() + offset(names) + at<uint32_t>(bytes, table + 64 * n)), offset(n), size(n)});
    const Section &s = section(".symtab"), &strings = section(".strtab");
    for (uint64_t e = s.offset; e < s.offset + s.size; e += 24)
      symbols.push_back({bytes.c_str() + strings.offset + at<uint32_t>(bytes, e), at<uint64_t>(bytes, e + 8), at<uint64_t>(bytes, e + 16),
                         at<uint16_t>(bytes, e + 6)});
  }
  const Section& section(const std::string& name) const {
    for (const Section& s : sections)
      if (s.name == name) return s;
    throw std::runtime_error("the cubin has no " + name + "; compile it with -lineinfo");
  }
};

// The DWARF line program: which PTX line each address of the kernel's text stands for.
std::vector<std::pair<uint64_t, int>> line_table(const Elf& elf, const std::string& kernel) {
  const std::string& b = elf.bytes;
  const Section &lines = elf.section(".nv_debug_line_sass"), &relocations = elf.section(".rela.nv_debug_line_sass");
  std::map<uint64_t, std::string> owner;
  for (uint64_t r = relocations.offset; r < relocations.offset + relocations.size; r += 24)
    owner[at<uint64_t>(b, r)] = elf.symbols.at(at<uint64_t>(b, r + 8) >> 32).name;
  std::vector<std::pair<uint64_t, int>> rows;
  uint64_t p = lines.offset;
  const auto number = [&](bool is_signed) {
    int64_t value = 0;
    int shift = 0;
    for (;;) {
      const uint8_t c = at<uint8_t>(b, p++);
      value |= int64_t(c & 127) << shift;
      shift += 7;
      if (!(c & 128)) return is_signed && (c & 64) ? value - (int64_t(1) << shift) : value;
    }
  };
  while (p < lines.offset + lines.size) {
    const uint64_t end = p + 4 + at<uint32_t>(b, p), program = p + 10 + at<uint32_t>(b, p + 6);
    const int step = at<uint8_t>(b, p + 10), base = at<int8_t>(b, p + 12), range = at<uint8_t>(b, p + 13), first = at<uint8_t>(b, p + 14);
    std::vector<int> lengths;
    for (int n = 1; n < first; n++) lengths.push_back(at<uint8_t>(b, p + 14 + n));
    uint64_t address = 0;
    int64_t line = 1;
    bool ours = false;
    const auto row = [&] {
      if (ours) rows.emplace_back(address, int(line));
    };
    for (p = program; p < end;) {
      const int op = at<uint8_t>(b, p++);
      if (op >= first) {
        address += uint64_t((op - first) / range * step);
        line += base + (op - first) % range;
        row();
      } else if (op == 0) {
        const uint64_t length = uint64_t(number(false));
        const int sub = at<uint8_t>(b, p);
        if (sub == 1) {
          row();
          address = 0;
          line = 1;
          ours = false;
        }
        if (sub == 2) {
          const auto found = owner.find(p + 1 - lines.offset);
          ours = found != owner.end() && found->second == kernel;
          address = at<uint64_t>(b, p + 1);
        }
        p += length;
      } else if (op == 1) {
        row();
      } else if (op == 2) {
        address += uint64_t(number(false) * step);
      } else if (op == 3) {
        line += number(true);
      } else if (op == 8) {
        address += uint64_t((255 - first) / range * step);
      } else if (op == 9) {
        address += at<uint16_t>(b, p);
        p += 2;
      } else {
        for (int n = 0; n < lengths[op - 1]; n++) number(false);
      }
    }
    p = end;
  }
  std::stable_sort(rows.begin(), rows.end(), [](auto x, auto y) { return x.first < y.first; });
  return rows;
}

// The machine instruction that a PTX instruction is one for one, to tell copies by; 0 if there is none.
int twin(const Instruction& i) {
  if (i.op == Op::load && i.space == Space::shared) return 0x184;
  if (i.op == Op::load && i.space == Space::global) return 0x181;
  if (i.op == Op::store && i.space == Space::shared) return 0x188;
  if (i.op == Op::store && i.space == Space::global) return 0x186;
  if (i.op == Op::shfl) return 0x189;
  if (i.op == Op::fma) return i.type == Type::f32 ? 0x23 : 0x2b;
  return 0;
}

}  // namespace

Compiled read_cubin(const std::string& bytes, const Module& module, const Function& kernel) {
  const Elf elf(bytes);
  Compiled result;
  result.costs.resize(module.code.size());
  int index = -1, section = -1;
  for (size_t s = 0; s < elf.symbols.size(); s++)
    if (elf.symbols[s].name == kernel.name && elf.symbols[s].size > 0) {
      index = int(s);
      section = elf.symbols[s].section;
    }
  if (index < 0) throw std::runtime_error("the cubin has no " + kernel.name);
  const Section& info = elf.section(".nv.info");
  for (uint64_t p = info.offset; p < info.offset + info.size;) {
    const int format = at<uint8_t>(bytes, p), attribute = at<uint8_t>(bytes, p + 1);
    if (format != 4) {
      p += 4;
      continue;
    }
    if (attribute == 0x2f && int(at<uint32_t>(bytes, p + 4)) == index) result.registers = int(at<uint32_t>(bytes, p + 8));
    p += 4 + at<uint16_t>(bytes, p + 2);
  }

  // Subroutines behind the kernel: slow paths, which are hardly ever taken, and 64-bit division, which is taken whenever it is called.
  struct Subroutine {
    uint64_t begin, end;
    bool slow;
    Cost cost;
  };
  std::vector<Subroutine> subroutines;
  for (const Symbol& s : elf.symbols) {
    if (s.section != section || s.name.rfind("$__internal", 0) != 0) continue;
    Subroutine sub{s.value,
                   s.value + s.size,
                   s.name.find("div_s64") == std::string::npos && s.name.find("div_u64") == std::string::npos &&
                       s.name.find("rem_s64") == std::string::npos && s.name.find("rem_u64") == std::string::npos,
                   {}};
    subroutines.push_back(sub);
  }
  const Section& text = elf.sections.at(section);
  Cost division;
  for (Subroutine& s : subroutines) {
    for (uint64_t a = s.begin; a < s.end; a += 16) {
      const int opcode = int(at<uint64_t>(bytes, text.offset + a) & 0x1ff);
      if (opcode == kNop) continue;
      s.cost.of[class_of(opcode)]++;
      result.subroutine_instructions++;
    }
    if (!s.slow) division = s.cost;
  }

  const std::vector<std::pair<uint64_t, int>> rows = line_table(elf, kernel.name);
  // Of the kernel and of device functions, whose code stands behind the kernel's.
  std::map<int, int> instruction_of_line;
  std::vector<const Function*> functions;
  for (const Function& f : module.functions)
    if (!f.kernel || &f == &kernel) functions.push_back(&f);
  for (const Function* f : functions)
    for (int n = f->begin; n < f->end; n++) instruction_of_line.emplace(module.code[n].line, n);
  std::vector<std::map<int, int>> opcodes(module.code.size()), accesses(module.code.size());
  size_t row = 0;
  // The kernel, then the device functions that it calls. Behind the last exit or return of each stands what a warp does whose lanes come to a shuffle
  // one by one; here they come together.
  std::map<uint64_t, uint64_t> ends = {{0, 0}};  // by where a function begins, its last exit or return
  for (const Symbol& s : elf.symbols)
    if (s.section == section && s.size > 0 && s.name.rfind("$" + kernel.name + "$", 0) == 0) ends[s.value] = s.value;
  for (uint64_t a = 0; a < text.size; a += 16) {
    const int opcode = int(at<uint64_t>(bytes, text.offset + a) & 0x1ff);
    const bool sub = std::any_of(subroutines.begin(), subroutines.end(), [&](const Subroutine& s) { return a >= s.begin && a < s.end; });
    if ((opcode == kExit || opcode == kReturn) && !sub) std::prev(ends.upper_bound(a))->second = a;
  }
  bool apart = false;
  for (uint64_t a = 0; a < text.size; a += 16) {
    const int opcode = int(at<uint64_t>(bytes, text.offset + a) & 0x1ff);
    const bool sub = std::any_of(subroutines.begin(), subroutines.end(), [&](const Subroutine& s) { return a >= s.begin && a < s.end; });
    if (opcode == kNop || sub) continue;
    while (row + 1 < rows.size() && rows[row + 1].first <= a) row++;
    auto found = instruction_of_line.lower_bound(rows.empty() ? 0 : rows[row].second);
    if (found == instruction_of_line.end()) found = std::prev(found);
    const Op op = module.code[found->second].op;
    if (ends.count(a)) apart = false;
    if (a > std::prev(ends.upper_bound(a))->second && (op == Op::shfl || op == Op::vote)) apart = true;
    if (apart) continue;
    opcodes[found->second][opcode]++;
    const Class c = class_of(opcode);
    if (c == kShared || c == kGlobal) accesses[found->second][int(at<uint64_t>(bytes, text.offset + a + 8) >> 9 & 7)]++;  // 4, 5, 6: 32, 64, 128 bits
    result.instructions++;
  }

  result.widths.assign(module.code.size(), 0);
  for (const auto& [line, n] : instruction_of_line) {
    int most = 0;
    for (const auto& [size, count] : accesses[n])
      if (count > most) {
        most = count;
        result.widths[n] = size < 4 ? size / 2 + 1 : 4 << (size - 4);
      }
  }

  // Copies: of a block, as many as its instructions with a twin have.
  std::map<int, int> copies;
  for (const auto& [line, n] : instruction_of_line) {
    const int t = twin(module.code[n]);
    int& most = copies[module.block[n]];
    if (t && opcodes[n].count(t)) most = std::max(most, opcodes[n][t]);
  }
  for (const auto& [line, n] : instruction_of_line) {
    const int times = std::max(1, copies[module.block[n]]);
    result.most_copies = std::max(result.most_copies, times);
    Cost& cost = result.costs[n];
    for (const auto& [opcode, count] : opcodes[n]) cost.of[class_of(opcode)] += double(count) / times;
    if (opcodes[n].count(kCall)) {
      const Op op = module.code[n].op;
      const bool integer = (op == Op::div || op == Op::rem) && !is_float(module.code[n].type);
      if (integer) {
        for (int c = 0; c < kClasses; c++) cost.of[c] += division.of[c] * opcodes[n][kCall] / times;
      } else if (op != Op::call) {  // the way to a slow path: the call, a branch around it, the return address
        cost.of[kControl] = std::max(0.0, cost.of[kControl] - 2.0 * opcodes[n][kCall] / times);
        cost.of[kInteger] = std::max(0.0, cost.of[kInteger] - 1.0 * opcodes[n][kCall] / times);
      }
    }
    result.ptx_instructions++;
  }
  return result;
}

std::vector<double> latencies_of(const Module& module, const Compiled& compiled) {
  std::vector<double> result(module.code.size());
  for (size_t n = 0; n < module.code.size(); n++) {
    const Instruction& i = module.code[n];
    const bool wide = i.type == Type::f64, long_word = bytes_of(i.type) == 8;
    double cycles = 4.5;
    switch (i.op) {
      case Op::div:
      case Op::rem:
        cycles = is_float(i.type) ? wide ? 120 : 60 : long_word ? 400 : 120;
        break;
      case Op::rcp:
        cycles = i.approximate ? 24 : wide ? 90 : 45;
        break;
      case Op::sqrt:
        cycles = i.approximate ? 24 : wide ? 110 : 55;
        break;
      case Op::rsqrt:
      case Op::ex2:
      case Op::lg2:
      case Op::sin:
      case Op::cos:
        cycles = 24;
        break;
      case Op::cvt:
        cycles = is_float(i.type) || is_float(i.from) ? 20 : 4.5;
        break;
      case Op::mul:
      case Op::mad:
        cycles = is_float(i.type) ? wide ? 8 : 4.5 : long_word ? 13 : 5;
        break;
      case Op::fma:
      case Op::add:
      case Op::sub:
        cycles = is_float(i.type) ? wide ? 8 : 4.5 : long_word ? 9 : 4.5;
        break;
      case Op::setp:
        cycles = wide ? 12 : long_word ? 12 : 8;
        break;  // a branch on it waits longer
      default:
        break;
    }
    if (compiled.costs[n].total() == 0 && i.op != Op::load) cycles = 0;  // folded into another instruction
    result[n] = cycles;
  }
  return result;
}
