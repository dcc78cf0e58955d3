#include "ptx.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <sstream>

int bytes_of(Type type) {
  switch (type) {
    case Type::pred:
    case Type::u8:
    case Type::s8:
      return 1;
    case Type::u16:
    case Type::s16:
      return 2;
    case Type::u32:
    case Type::s32:
    case Type::f32:
      return 4;
    default:
      return 8;
  }
}
bool is_float(Type type) { return type == Type::f32 || type == Type::f64; }
bool is_signed(Type type) { return type == Type::s8 || type == Type::s16 || type == Type::s32 || type == Type::s64; }

namespace {

std::string trimmed(const std::string& s) {
  const size_t first = s.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : s.substr(first, s.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string> split(const std::string& s, char at) {  // not inside braces, brackets, parentheses
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : s) {
    if (c == '{' || c == '[' || c == '(') depth++;
    if (c == '}' || c == ']' || c == ')') depth--;
    if (c == at && depth == 0) {
      parts.push_back(trimmed(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!trimmed(part).empty()) parts.push_back(trimmed(part));
  return parts;
}

const std::map<std::string, Type> kTypes = {{"pred", Type::pred}, {"b8", Type::u8},   {"b16", Type::u16}, {"b32", Type::u32}, {"b64", Type::u64},
                                            {"u8", Type::u8},     {"u16", Type::u16}, {"u32", Type::u32}, {"u64", Type::u64}, {"s8", Type::s8},
                                            {"s16", Type::s16},   {"s32", Type::s32}, {"s64", Type::s64}, {"f32", Type::f32}, {"f64", Type::f64}};
const std::map<std::string, Compare> kCompares = {
    {"eq", Compare::eq},   {"ne", Compare::ne},   {"lt", Compare::lt},   {"le", Compare::le},   {"gt", Compare::gt},   {"ge", Compare::ge},
    {"lo", Compare::lt},   {"ls", Compare::le},   {"hi", Compare::gt},   {"hs", Compare::ge},   {"equ", Compare::equ}, {"neu", Compare::neu},
    {"ltu", Compare::ltu}, {"leu", Compare::leu}, {"gtu", Compare::gtu}, {"geu", Compare::geu}, {"num", Compare::num}, {"nan", Compare::nan}};
const std::map<std::string, Round> kRounds = {{"rn", Round::nearest},      {"rz", Round::zero},      {"rm", Round::down},
                                              {"rp", Round::up},           {"rni", Round::to_int},   {"rzi", Round::to_int_zero},
                                              {"rmi", Round::to_int_down}, {"rpi", Round::to_int_up}};
const std::map<std::string, Op> kSimple = {{"add", Op::add},    {"sub", Op::sub},     {"div", Op::div},
                                           {"rem", Op::rem},    {"neg", Op::neg},     {"abs", Op::abs},
                                           {"min", Op::min},    {"max", Op::max},     {"and", Op::bit_and},
                                           {"or", Op::bit_or},  {"xor", Op::bit_xor}, {"not", Op::bit_not},
                                           {"shl", Op::shl},    {"shr", Op::shr},     {"bfe", Op::bfe},
                                           {"bfi", Op::bfi},    {"prmt", Op::prmt},   {"popc", Op::popc},
                                           {"clz", Op::clz},    {"lop3", Op::lop3},   {"setp", Op::setp},
                                           {"selp", Op::selp},  {"cvt", Op::cvt},     {"fma", Op::fma},
                                           {"rcp", Op::rcp},    {"sqrt", Op::sqrt},   {"rsqrt", Op::rsqrt},
                                           {"ex2", Op::ex2},    {"lg2", Op::lg2},     {"sin", Op::sin},
                                           {"cos", Op::cos},    {"shf", Op::shf},     {"copysign", Op::copysign},
                                           {"mov", Op::mov},    {"ret", Op::ret},     {"exit", Op::ret},
                                           {"vote", Op::vote},  {"shfl", Op::shfl},   {"activemask", Op::activemask},
                                           {"bra", Op::branch}, {"call", Op::call}};
const std::map<std::string, int> kSpecial = {{"%tid.x", kTidX},     {"%tid.y", kTidY},       {"%tid.z", kTidZ},       {"%ntid.x", kNtidX},
                                             {"%ntid.y", kNtidY},   {"%ntid.z", kNtidZ},     {"%ctaid.x", kCtaidX},   {"%ctaid.y", kCtaidY},
                                             {"%ctaid.z", kCtaidZ}, {"%nctaid.x", kNctaidX}, {"%nctaid.y", kNctaidY}, {"%nctaid.z", kNctaidZ},
                                             {"%laneid", kLaneid},  {"%warpid", kWarpid},    {"%nwarpid", kNwarpid}};

class Parser {
 public:
  Module module;

  void run(const std::string& text) {
    std::istringstream lines(text);
    std::string line, header, pending;
    while (std::getline(lines, line))  // names of files stand at the end
      if (trimmed(line).rfind(".file", 0) == 0) file(trimmed(line));
    lines.clear();
    lines.seekg(0);
    bool in_header = false;
    while (std::getline(lines, line)) {
      line_++;
      const size_t comment = line.find("//");
      if (comment != std::string::npos) line.resize(comment);
      const std::string t = trimmed(line);
      if (scopes_.empty()) {
        if (t.find(".shared") != std::string::npos) shared(t);
        if (t.find(".entry") != std::string::npos || t.find(".func") != std::string::npos) in_header = true, header.clear();
        if (!in_header) continue;
        if (t == "{") {
          begin(header);
          in_header = false;
        } else if (!t.empty() && t.back() == ';') {
          in_header = false;
        } else {
          header += " " + t;
        }
        continue;
      }
      if (t.rfind(".loc", 0) == 0 && t.rfind(".local", 0) != 0) {
        locate(t);
        continue;
      }
      for (const char c : t + " ") {
        const bool fresh = trimmed(pending).empty();
        if (c == '{' && fresh) {
          scopes_.emplace_back();
        } else if (c == '}' && fresh) {
          scopes_.pop_back();
          if (scopes_.empty()) end();
        } else if (c == ':' && pending.find_first_of(" \t(", pending.find_first_not_of(" \t")) == std::string::npos) {
          labels_[trimmed(pending)] = int(module.code.size());
          pending.clear();
        } else if (c == ';') {
          statement(trimmed(pending));
          pending.clear();
        } else if (!(fresh && c == ' ')) {
          pending += c;
        }
      }
    }
    relocate();
  }

 private:
  struct Name {
    bool predicate;
    int index;
  };
  std::vector<std::unordered_map<std::string, Name>> scopes_;
  std::map<std::string, int> labels_, shared_, locals_, parameters_;
  std::map<int, std::string> file_names_;
  std::set<int> sources_;  // files that are .cu
  std::vector<std::pair<int, std::string>> jumps_, calls_;
  std::map<uint64_t, int> constant_;
  std::map<std::vector<int>, std::vector<int>> inlined_at_;
  int line_ = 0, registers_ = 0, predicates_ = 0, location_ = -1;

  void file(const std::string& t) {
    std::istringstream s(t);
    std::string word, path;
    int number;
    s >> word >> number >> path;
    if (path.size() > 2) path = path.substr(1, path.size() - 2);
    file_names_[number] = path.substr(path.rfind('/') + 1);
    if (path.size() > 3 && path.substr(path.size() - 3) == ".cu") sources_.insert(number);
  }
  bool is_source(int file) const { return sources_.count(file) > 0; }
  void locate(const std::string& t) {
    std::istringstream s(t);
    std::string word;
    int f, l, c;
    s >> word >> f >> l >> c;
    const std::vector<int> key = {f, l, c};
    const size_t at = t.find("inlined_at");
    if (at != std::string::npos) {
      std::istringstream o(t.substr(at + 10));
      int of, ol, oc;
      o >> of >> ol >> oc;
      inlined_at_[key] = {of, ol, oc};
    } else {
      inlined_at_.erase(key);
    }
    // Of the chain of inlined calls the innermost statement in a .cu file.
    std::vector<int> statement = key;
    for (int i = 0; i < 40 && !is_source(statement[0]) && inlined_at_.count(statement); i++) statement = inlined_at_[statement];
    Location location;
    location.file = file_names_[f];
    location.line = l;
    location.outer_file = file_names_[statement[0]];
    location.outer_line = statement[1];
    if (l == 0 && location_ >= 0) return;  // "no line": stay where we are
    module.locations.push_back(location);
    location_ = int(module.locations.size()) - 1;
  }
  void shared(const std::string& t) {
    const size_t bracket = t.find('[');
    if (bracket == std::string::npos) return;
    const size_t start = t.find_last_of(" \t", bracket) + 1;
    const int size = std::atoi(t.c_str() + bracket + 1);
    module.shared_bytes = (module.shared_bytes + 15) / 16 * 16;
    shared_[t.substr(start, bracket - start)] = module.shared_bytes;  // a dynamic array comes last
    module.shared_bytes += size;
  }
  void local(const std::string& t) {
    const size_t bracket = t.find('['), start = t.find_last_of(" \t", bracket) + 1;
    locals_[t.substr(start, bracket - start)] = module.local_bytes;
    module.local_bytes += (std::atoi(t.c_str() + bracket + 1) + 15) / 16 * 16;
  }
  void begin(const std::string& header) {
    Function f;
    f.kernel = header.find(".entry") != std::string::npos;
    f.begin = int(module.code.size());
    scopes_.emplace_back();
    labels_.clear();
    parameters_.clear();
    registers_ = predicates_ = 0;
    std::string h = header.substr(header.find(f.kernel ? ".entry" : ".func") + (f.kernel ? 6 : 5));
    const auto lists = [&](const std::string& list, std::vector<int>& into) {
      for (const std::string& p : split(list, ',')) {
        std::string name = p.substr(p.find_last_of(" \t") + 1);
        const size_t bracket = name.find('[');
        if (f.kernel) {
          parameters_[name.substr(0, bracket)] = f.parameter_bytes;
          f.parameter_bytes += bracket == std::string::npos ? 8 : std::atoi(name.c_str() + bracket + 1);
        } else {
          into.push_back(declare(name, false));
        }
      }
    };
    h = trimmed(h);
    if (h[0] == '(') {
      lists(h.substr(1, h.find(')') - 1), f.results);
      h = trimmed(h.substr(h.find(')') + 1));
    }
    f.name = trimmed(h.substr(0, h.find('(')));
    if (h.find('(') != std::string::npos) lists(h.substr(h.find('(') + 1, h.rfind(')') - h.find('(') - 1), f.parameters);
    module.functions.push_back(f);
  }
  void end() {
    Function& f = module.functions.back();
    Instruction last;
    last.op = Op::ret;
    last.text = "(end)";
    last.line = line_;
    module.code.push_back(last);
    f.end = int(module.code.size());
    f.registers = registers_;
    f.predicates = predicates_;
    for (const auto& [at, label] : jumps_) module.code[at].target = labels_.at(label);
    jumps_.clear();
  }
  int declare(const std::string& name, bool predicate) {
    const int index = predicate ? predicates_++ : kSpecials + registers_++;
    scopes_.back()[name] = {predicate, index};
    return index;
  }
  void directive(const std::string& s) {
    if (s.rfind(".reg", 0) == 0) {
      std::istringstream words(s);
      std::string reg, type, rest;
      words >> reg >> type;
      std::getline(words, rest);
      for (const std::string& name : split(rest, ',')) {
        const size_t angle = name.find('<');
        if (angle == std::string::npos) {
          declare(name, type == ".pred");
        } else {
          for (int i = 0; i < std::atoi(name.c_str() + angle + 1); i++) declare(name.substr(0, angle) + std::to_string(i), type == ".pred");
        }
      }
    } else if (s.rfind(".param", 0) == 0) {
      declare(s.substr(s.find_last_of(" \t") + 1), false);
    } else if (s.rfind(".shared", 0) == 0) {
      shared(s);
    } else if (s.rfind(".local", 0) == 0) {
      local(s);
    } else if (s.rfind(".pragma", 0) != 0) {
      throw std::runtime_error("line " + std::to_string(line_) + ": " + s);
    }
  }
  const Name* find(const std::string& name) const {
    for (size_t i = scopes_.size(); i-- > 0;) {
      const auto found = scopes_[i].find(name);
      if (found != scopes_[i].end()) return &found->second;
    }
    return nullptr;
  }
  int constant(uint64_t value) {
    const auto [at, fresh] = constant_.emplace(value, int(module.constants.size()));
    if (fresh) module.constants.push_back(value);
    return -1 - at->second;
  }
  int operand(const std::string& s) {
    if (const Name* name = find(s)) return name->index;
    const auto special = kSpecial.find(s);
    if (special != kSpecial.end()) return special->second;
    if (s.rfind("0f", 0) == 0 || s.rfind("0d", 0) == 0) return constant(std::stoull(s.substr(2), nullptr, 16));
    if (shared_.count(s)) return constant(uint64_t(shared_.at(s)));
    if (locals_.count(s)) return constant(kLocalWindow + uint64_t(locals_.at(s)));
    if (parameters_.count(s)) return constant(uint64_t(parameters_.at(s)));
    if (s == "WARP_SZ") return constant(32);
    if (!s.empty() && (s[0] == '-' || isdigit(s[0]))) return constant(s[0] == '-' ? uint64_t(std::stoll(s, nullptr, 0)) : std::stoull(s, nullptr, 0));
    throw std::runtime_error("line " + std::to_string(line_) + ": operand " + s);
  }
  std::vector<int> operands(const std::string& s) {
    if (s[0] != '{') return {operand(s)};
    std::vector<int> all;
    for (const std::string& part : split(s.substr(1, s.size() - 2), ',')) all.push_back(part == "_" ? kNone : operand(part));
    return all;
  }
  int predicate(std::string s, bool& negated) {
    negated = s[0] == '!';
    if (negated) s = s.substr(1);
    const Name* name = find(s);
    if (!name || !name->predicate) throw std::runtime_error("line " + std::to_string(line_) + ": predicate " + s);
    return name->index;
  }
  void address(Instruction& i, const std::string& s) {  // [a+8]
    std::string inside = trimmed(s.substr(1, s.size() - 2));
    const size_t plus = inside.find('+');
    if (plus != std::string::npos) {
      i.offset = std::stoll(inside.substr(plus + 1), nullptr, 0);
      inside.resize(plus);
    }
    i.from_registers.push_back(operand(trimmed(inside)));
  }
  bool is_local_parameter(const std::string& name) const { return name[0] != '%' && find(name); }

  void statement(std::string s) {
    if (s.empty()) return;
    if (s[0] == '.') return directive(s);
    Instruction i;
    i.line = line_;
    i.location = location_;
    i.text = s;
    if (s[0] == '@') {
      const size_t space = s.find_first_of(" \t");
      i.guard = predicate(s.substr(1, space - 1), i.guard_not);
      s = trimmed(s.substr(space));
    }
    const size_t space = s.find_first_of(" \t");
    const std::vector<std::string> words = split(s.substr(0, space), '.');
    const std::vector<std::string> args = space == std::string::npos ? std::vector<std::string>() : split(s.substr(space), ',');
    const std::string& what = words[0];
    const auto has = [&](const char* word) { return std::find(words.begin(), words.end(), word) != words.end(); };
    bool first = true;
    for (const std::string& w : words) {
      if (kTypes.count(w)) {
        if (first)
          i.type = i.from = kTypes.at(w);
        else
          i.from = kTypes.at(w);
        first = false;
      }
      if (kCompares.count(w)) i.compare = kCompares.at(w);
      if (kRounds.count(w)) i.round = kRounds.at(w);
      if (w == "approx") i.approximate = true;
      if (w == "v2") i.vector = 2;
      if (w == "v4") i.vector = 4;
      if (w == "global") i.space = Space::global;
      if (w.rfind("shared", 0) == 0) i.space = Space::shared;
      if (w == "local") i.space = Space::local;
      if (w == "param") i.space = Space::param;
    }
    i.bytes = bytes_of(i.type);
    if (kSimple.count(what))
      i.op = kSimple.at(what);
    else if (what == "mul")
      i.op = has("wide") ? Op::mul_wide : has("hi") ? Op::mul_hi : Op::mul;
    else if (what == "mad")
      i.op = is_float(i.type) ? Op::fma : has("wide") ? Op::mad_wide : has("hi") ? Op::mad_hi : Op::mad;
    else if (what == "ld" || what == "ldu")
      i.op = Op::load;
    else if (what == "st")
      i.op = Op::store;
    else if (what == "cvta")
      i.op = Op::mov;
    else if (what == "bar" || what == "barrier")
      i.op = has("warp") ? Op::warp_barrier : has("red") ? Op::barrier_red : Op::barrier;
    else if (what == "cp" && has("async"))
      i.op = has("wait_all") ? Op::wait_copies : args.size() < 2 ? Op::none : Op::copy_async;
    else if (what == "membar" || what == "fence" || what == "griddepcontrol" || what == "prefetch" || what == "nanosleep" || what == "discard")
      i.op = Op::none;
    else
      throw std::runtime_error("line " + std::to_string(line_) + ": unknown instruction " + s);

    switch (i.op) {
      case Op::branch:
        jumps_.emplace_back(int(module.code.size()), args[0]);
        break;
      case Op::ret:
      case Op::none:
      case Op::wait_copies:
        break;
      case Op::call: {
        std::vector<std::string> parts = args;
        if (parts[0][0] == '(') {
          for (const std::string& r : split(parts[0].substr(1, parts[0].size() - 2), ',')) i.to.push_back(operand(r));
          parts.erase(parts.begin());
        }
        calls_.emplace_back(int(module.code.size()), parts[0]);
        if (parts.size() > 1)
          for (const std::string& a : split(parts[1].substr(1, parts[1].size() - 2), ',')) i.from_registers.push_back(operand(a));
        break;
      }
      case Op::load: {
        const std::string inside = trimmed(args[1].substr(1, args[1].find_first_of("+]") - 1));
        if (i.space == Space::param && is_local_parameter(inside)) {
          i.op = Op::mov;
          i.from_registers.push_back(operand(inside));
        } else {
          address(i, args[1]);
        }
        i.to = operands(args[0]);
        break;
      }
      case Op::store: {
        const std::string inside = trimmed(args[0].substr(1, args[0].find_first_of("+]") - 1));
        if (i.space == Space::param) {
          i.op = Op::mov;
          i.to.push_back(operand(inside));
        } else {
          address(i, args[0]);
        }
        for (const int o : operands(args[1])) i.from_registers.push_back(o);
        break;
      }
      case Op::copy_async:  // cp.async.ca.shared.global [to], [from], bytes, bytes that are there: the others become 0
        address(i, args[0]);
        std::swap(i.offset, i.second_offset);
        address(i, args[1]);
        i.bytes = std::atoi(args[2].c_str());
        i.from_registers.push_back(operand(args[args.size() > 3 ? 3 : 2]));
        break;
      case Op::setp: {
        const std::vector<std::string> both = split(args[0], '|');
        i.predicate_to = predicate(both[0], i.predicate_not);
        if (both.size() > 1) i.second_predicate = predicate(both[1], i.second_not);
        i.from_registers = {operand(args[1]), operand(args[2])};
        i.combine = has("and") ? Op::bit_and : has("or") ? Op::bit_or : has("xor") ? Op::bit_xor : Op::none;
        if (args.size() > 3) i.predicate_from = predicate(args[3], i.predicate_not);
        break;
      }
      case Op::selp:
        i.to = {operand(args[0])};
        i.from_registers = {operand(args[1]), operand(args[2])};
        i.predicate_from = predicate(args[3], i.predicate_not);
        break;
      case Op::barrier:
        break;
      case Op::barrier_red:
        i.combine = has("and") ? Op::bit_and : has("or") ? Op::bit_or : Op::popc;
        if (i.combine == Op::popc)
          i.to = {operand(args[0])};
        else
          i.predicate_to = predicate(args[0], i.second_not);
        i.predicate_from = predicate(args.back(), i.predicate_not);
        break;
      case Op::warp_barrier:
        i.from_registers = {operand(args[0])};
        break;
      case Op::vote:
        i.mode = has("any") ? "any" : has("all") ? "all" : has("uni") ? "uni" : "ballot";
        if (i.mode == "ballot")
          i.to = {operand(args[0])};
        else
          i.predicate_to = predicate(args[0], i.second_not);
        i.predicate_from = predicate(args[1], i.predicate_not);
        i.from_registers = {args.size() > 2 ? operand(args[2]) : constant(0xffffffffu)};
        break;
      case Op::shfl: {
        const std::vector<std::string> both = split(args[0], '|');
        i.mode = has("up") ? "up" : has("down") ? "down" : has("bfly") ? "bfly" : "idx";
        i.to = {operand(both[0])};
        if (both.size() > 1) i.predicate_to = predicate(both[1], i.second_not);
        for (size_t a = 1; a < args.size(); a++) i.from_registers.push_back(operand(args[a]));
        break;
      }
      default:
        if (i.type == Type::pred) {
          i.predicate_to = predicate(args[0], i.second_not);
          if (args[1][0] == '-' || isdigit(args[1][0])) {
            i.from_registers = {operand(args[1])};
          } else {
            i.predicate_from = predicate(args[1], i.predicate_not);
          }
          if (args.size() > 2) i.second_predicate = predicate(args[2], i.second_not);
          break;
        }
        i.to = operands(args[0]);
        if (i.op == Op::mov && i.to.size() > 1) i.op = Op::unpack;
        for (size_t a = 1; a < args.size(); a++)
          for (const int o : operands(args[a])) i.from_registers.push_back(o);
        if (i.op == Op::mov && i.from_registers.size() > 1) i.op = Op::pack;
    }
    module.code.push_back(i);
  }

  // Device functions have the first registers, kernels those behind.
  void relocate() {
    std::map<std::string, int> index;
    int r = 0, p = 0;
    std::vector<std::pair<int, int>> base(module.functions.size());
    for (size_t f = 0; f < module.functions.size(); f++) {
      index[module.functions[f].name] = int(f);
      if (module.functions[f].kernel) continue;
      base[f] = {r, p};
      r += module.functions[f].registers;
      p += module.functions[f].predicates;
    }
    for (size_t f = 0; f < module.functions.size(); f++) {
      Function& function = module.functions[f];
      if (function.kernel) base[f] = {r, p};
      module.registers = std::max(module.registers, kSpecials + base[f].first + function.registers);
      module.predicates = std::max(module.predicates, base[f].second + function.predicates);
      const auto move = [&](int& reg) {
        if (reg >= kSpecials) reg += base[f].first;
      };
      const auto move_predicate = [&](int& reg) {
        if (reg != kNone) reg += base[f].second;
      };
      for (int& reg : function.parameters) move(reg);
      for (int& reg : function.results) move(reg);
      for (int at = function.begin; at < function.end; at++) {
        Instruction& i = module.code[at];
        for (int& reg : i.to) move(reg);
        for (int& reg : i.from_registers) move(reg);
        move_predicate(i.guard);
        move_predicate(i.predicate_to);
        move_predicate(i.predicate_from);
        move_predicate(i.second_predicate);
      }
    }
    for (const auto& [at, name] : calls_) {
      if (!index.count(name)) throw std::runtime_error("call of " + name);
      module.code[at].target = index[name];
    }
    flow();
  }

  // Blocks, and for each the immediate postdominator, where the sides of its branch meet.
  void flow() {
    const int n = int(module.code.size());
    module.leader.assign(n + 1, false);
    module.block.assign(n, 0);
    for (const Function& f : module.functions) {
      module.leader[f.begin] = true;
      for (int at = f.begin; at < f.end; at++) {
        const Instruction& i = module.code[at];
        if (i.op == Op::branch) module.leader[i.target] = true;
        if (i.op == Op::branch || i.op == Op::ret || i.op == Op::call) module.leader[at + 1] = true;
      }
    }
    int blocks = -1;
    std::vector<int> start;
    for (int at = 0; at < n; at++) {
      if (module.leader[at]) {
        blocks++;
        start.push_back(at);
      }
      module.block[at] = blocks;
    }
    blocks++;
    module.rejoin.assign(blocks, -1);
    for (const Function& f : module.functions) {
      const int first = module.block[f.begin], last = module.block[f.end - 1], exit = last + 1 - first, count = exit + 1;
      std::vector<std::vector<int>> next(count), before(count);
      for (int b = first; b <= last; b++) {
        const int tail = (b + 1 < blocks ? start[b + 1] : n) - 1;
        const Instruction& i = module.code[tail];
        const auto edge = [&](int to) {
          next[b - first].push_back(to);
          before[to].push_back(b - first);
        };
        if (i.op == Op::branch) edge(module.block[i.target] - first);
        if (i.op == Op::ret) edge(exit);
        if ((i.op != Op::branch && i.op != Op::ret) || i.guard != kNone) {
          if (b < last) edge(b + 1 - first);
        }
      }
      // Postdominators by the iteration of Cooper, Harvey and Kennedy on the reversed graph.
      std::vector<int> order, number(count, -1), ipdom(count, -1);
      std::vector<bool> seen(count, false);
      std::vector<std::pair<int, size_t>> stack = {{exit, 0}};
      seen[exit] = true;
      while (!stack.empty()) {
        auto& [node, child] = stack.back();
        if (child < before[node].size()) {
          const int to = before[node][child++];
          if (!seen[to]) {
            seen[to] = true;
            stack.push_back({to, 0});
          }
        } else {
          number[node] = int(order.size());
          order.push_back(node);
          stack.pop_back();
        }
      }
      ipdom[exit] = exit;
      for (bool changed = true; changed;) {
        changed = false;
        for (size_t o = order.size(); o-- > 0;) {
          const int node = order[o];
          if (node == exit) continue;
          int common = -1;
          for (const int to : next[node]) {
            if (ipdom[to] < 0) continue;
            if (common < 0) {
              common = to;
              continue;
            }
            int a = common, b = to;
            while (a != b) {
              while (number[a] < number[b]) a = ipdom[a];
              while (number[b] < number[a]) b = ipdom[b];
            }
            common = a;
          }
          if (common >= 0 && ipdom[node] != common) {
            ipdom[node] = common;
            changed = true;
          }
        }
      }
      for (int b = first; b <= last; b++) {
        const int join = ipdom[b - first];
        module.rejoin[b] = join < 0 || join == exit ? -1 : start[join + first];
      }
    }
  }
};

}  // namespace

const Function& Module::kernel(const std::string& name) const {
  for (const Function& f : functions)
    if (f.kernel && f.name == name) return f;
  throw std::runtime_error("no kernel " + name);
}

Module parse(const std::string& text) {
  Parser parser;
  parser.run(text);
  return std::move(parser.module);
}
