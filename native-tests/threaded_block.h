// The Block of a race check, included by portable.cuh: one operating-system thread per CUDA thread, so that a missing barrier is a data race that
// ThreadSanitizer reports.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

// To test this test: with DIFFSVD_SKIP_BARRIERS set there are none, and ThreadSanitizer must notice.
inline bool skips_barriers() {
  static const bool skips = std::getenv("DIFFSVD_SKIP_BARRIERS") != nullptr;
  return skips;
}

// Where the threads of a block wait for each other.
class Meeting {
 public:
  explicit Meeting(int64_t threads) : threads_(threads) {}

  // True on every thread where any thread passes true. `leaving` is for a thread that is done; where only some are, a GPU would hang.
  bool wait(bool condition, bool leaving) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (arrived_ > 0 && leaving != leaving_) {
      std::fputs("a barrier that some threads of the block do not reach\n", stderr);
      std::abort();
    }
    leaving_ = leaving;
    any_ |= condition;
    if (++arrived_ == threads_) {
      result_ = any_;
      any_ = false;
      arrived_ = 0;
      round_++;
      everyone_.notify_all();
    } else {
      everyone_.wait(lock, [this, round = round_] { return round_ != round; });
    }
    return result_;
  }

 private:
  const int64_t threads_;
  int64_t arrived_ = 0, round_ = 0;
  bool any_ = false, result_ = false, leaving_ = false;
  std::mutex mutex_;
  std::condition_variable everyone_;
};

struct Block {
  unsigned char* scratch;
  Launch launch;
  int index;
  Meeting* meeting;
  int64_t number() const { return launch.block; }
  int64_t first(int64_t) const { return launch.block; }
  int64_t last(int64_t units) const { return units; }
  int64_t step() const { return launch.blocks; }
  int thread() const { return index; }
  int threads() const { return int(launch.threads); }
  void barrier() const {
    if (!skips_barriers()) meeting->wait(false, false);
  }
  bool any(bool condition) const { return meeting->wait(condition, false); }
};

template <class Body>
inline void run_block(const Launch& launch, const Body& body) {
  Meeting meeting(launch.threads);
  const auto run = [&](int thread) {
    body(Block{launch.scratch, launch, thread, &meeting});
    meeting.wait(false, true);
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < launch.threads; thread++) others.emplace_back(run, thread);
  run(0);
  for (std::thread& other : others) other.join();
}
