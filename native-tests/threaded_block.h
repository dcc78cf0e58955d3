// The Block of a race check, included by portable.cuh: a fiber for each CUDA thread, so that a missing barrier is a data race that ThreadSanitizer
// reports. It takes fibers for threads of their own, and what happens in one for ordered with another's only where a barrier says so; to switch
// between them costs a hundredth of what the operating system takes for its threads.
#pragma once

#include <ucontext.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

// To test this test: with DIFFSVD_SKIP_BARRIERS set there are none, and ThreadSanitizer must notice.
inline bool skips_barriers() {
  static const bool skips = std::getenv("DIFFSVD_SKIP_BARRIERS") != nullptr;
  return skips;
}

// What fibers tell each other without being ordered by it.
template <class T>
class Relaxed {
 public:
  Relaxed(T value) : value_(value) {}
  operator T() const { return value_.load(std::memory_order_relaxed); }
  void operator=(T value) { value_.store(value, std::memory_order_relaxed); }

 private:
  std::atomic<T> value_;
};

// Fibers that stay for the next time: the threads of one block of a launch, or its blocks.
class Fibers {
 public:
  static Fibers& of_block(int64_t block) { return numbered(block + 1); }
  static Fibers& of_blocks(int64_t count) {
    numbered(count);  // before any of them looks for its own
    return numbered(0);
  }

  // Calls job(0) … job(count − 1), each in a fiber that goes on where another waits. What they do comes after what the caller has done, and before
  // what it does afterwards.
  void run(int count, const std::function<void(int)>& job) {
    while (int(all_.size()) < count) add();
#if defined(__SANITIZE_THREAD__)
    caller_.sanitized = __tsan_get_current_fiber();
#endif
    job_ = &job;
    working_ = count;
    for (int i = 0; i < count; i++) all_[i]->works = true;
    before(&start_);
    for (int i = 0; i < count; i++)
      while (all_[i]->works) {
        current_ = i;
        switch_between(caller_, *all_[i]);
      }
  }
  // Lets the others work.
  void yield() {
    Fiber& self = *all_[current_];
    current_ = (current_ + 1) % working_;
    if (all_[current_].get() != &self) switch_between(self, *all_[current_]);
  }

  // What a fiber has done before this is done for those that have called after() with the same place.
  static void before([[maybe_unused]] void* place) {
#if defined(__SANITIZE_THREAD__)
    __tsan_release(place);
#endif
  }
  static void after([[maybe_unused]] void* place) {
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(place);
#endif
  }

 private:
  struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    void* sanitized = nullptr;
    Relaxed<bool> works{false};
  };
  static constexpr size_t kStackBytes = 1 << 18;

  static Fibers& numbered(int64_t number) {
    static thread_local std::vector<std::unique_ptr<Fibers>> all;
    while (int64_t(all.size()) <= number) all.push_back(std::make_unique<Fibers>());
    return *all[number];
  }

  void add() {
    all_.push_back(std::make_unique<Fiber>());
    Fiber& fiber = *all_.back();
    fiber.stack = std::make_unique<char[]>(kStackBytes);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&fiber.context, reinterpret_cast<void (*)()>(work), 2, unsigned(self >> 32), unsigned(self));
#if defined(__SANITIZE_THREAD__)
    fiber.sanitized = __tsan_create_fiber(0);
#endif
  }

  // makecontext gives ints.
  static void work(unsigned high, unsigned low) {
    Fibers& fibers = *reinterpret_cast<Fibers*>(uintptr_t(high) << 32 | low);
    const int self = fibers.current_;
    while (true) {
      after(&fibers.start_);
      (*fibers.job_)(self);
      fibers.all_[self]->works = false;
      switch_between(*fibers.all_[self], fibers.caller_, true);
    }
  }

  // `done`: what the first has done comes before what the second does.
  static void switch_between(Fiber& from, Fiber& to, [[maybe_unused]] bool done = false) {
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(to.sanitized, done ? 0 : __tsan_switch_to_fiber_no_sync);
#endif
    swapcontext(&from.context, &to.context);
  }

  Fiber caller_;
  std::vector<std::unique_ptr<Fiber>> all_;
  const std::function<void(int)>* job_ = nullptr;
  Relaxed<int> current_{0}, working_{0};
  int start_ = 0;
};

// Where the threads of a block wait for each other.
class Meeting {
 public:
  explicit Meeting(const Launch& launch) : threads_(launch.threads), fibers_(Fibers::of_block(launch.block)) {}

  // True on every thread where any thread passes true. `leaving` is for a thread that is done; where only some are, a GPU would hang.
  bool wait(bool condition, bool leaving) {
    if (arrived_ > 0 && leaving != leaving_) {
      std::fputs("a barrier that some threads of the block do not reach\n", stderr);
      std::abort();
    }
    leaving_ = leaving;
    if (condition) any_ = true;
    const int64_t round = round_;
    int* const place = &places_[round % 2];
    Fibers::before(place);
    arrived_ = arrived_ + 1;
    if (arrived_ == threads_) {
      result_ = bool(any_);
      any_ = false;
      arrived_ = 0;
      round_ = round + 1;
    }
    while (round_ == round) fibers_.yield();
    Fibers::after(place);
    return result_;
  }

 private:
  const int64_t threads_;
  Fibers& fibers_;
  Relaxed<int64_t> arrived_{0}, round_{0};
  Relaxed<bool> any_{false}, result_{false}, leaving_{false};
  int places_[2] = {};
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
  Meeting meeting(launch);
  Fibers::of_block(launch.block).run(int(launch.threads), [&](int thread) {
    body(Block{launch.scratch, launch, thread, &meeting});
    meeting.wait(false, true);
  });
}
