// Cases, expectations and random numbers: all the test framework that is needed.
#pragma once

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>

class Testing {
 public:
  Testing() {
    const char* given = std::getenv("DIFFSVD_SEED");
    seed = given ? std::strtoull(given, nullptr, 0) : std::random_device{}() % 1000000;
  }

  // A case by itself: its random numbers depend on the seed and its name alone, so that it can be repeated by itself.
  template <class Body>
  void run(const std::string& name, const Body& body) {
    if (name.find(filter) == std::string::npos) return;
    generator.seed(seed ^ std::hash<std::string>{}(name));
    name_ = name;
    ok_ = true;
    body();
    (ok_ ? passed : failed)++;
  }

  // Only the first failure of a case is told.
  bool expect(bool condition, const char* format, ...) __attribute__((format(printf, 3, 4))) {
    if (condition || !ok_) return condition;
    ok_ = false;
    std::printf("FAILED %s (DIFFSVD_SEED=%" PRIu64 "): ", name_.c_str(), seed);
    va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    va_end(arguments);
    std::printf("\n");
    return false;
  }

  // Whether everything expected of this case so far was so.
  bool good() const { return ok_; }

  int64_t below(int64_t bound) { return int64_t(generator() % uint64_t(bound)); }
  long double normal() { return std::normal_distribution<long double>()(generator); }

  // How often each kernel was launched, of those that some test includes.
  std::map<std::string, int64_t> launches;

  uint64_t seed;
  std::string filter;
  std::mt19937_64 generator;
  int passed = 0, failed = 0;

 private:
  std::string name_;
  bool ok_ = true;
};

inline Testing testing;

__attribute__((format(printf, 1, 2))) inline std::string text(const char* format, ...) {
  char buffer[200];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}
