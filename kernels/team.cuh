// A team: some neighbouring threads of a block, a power of two, that share a matrix. Teams of one block do the same steps at the same time, so a
// barrier of one may be a barrier of all; on a GPU one of up to a warp needs no more than its warp.
#pragma once

#include "portable.cuh"

struct Team {
  const Block& block;
  int index, teams;  // which one of how many

  // Of at most `threads`, all that the block has if that is less.
  DEVICE Team(const Block& block, int64_t threads)
      : block(block), index(0), teams(1), threads_(threads < block.threads() ? int(threads) : block.threads()) {
    index = block.thread() / threads_;
    teams = block.threads() / threads_;
  }
  DEVICE int thread() const { return block.thread() % threads_; }
  DEVICE int threads() const { return threads_; }
  DEVICE void barrier() const {
#if defined(__CUDACC__)
    if (threads_ <= 32) return __syncwarp();
#endif
    block.barrier();
  }
  // True on every thread of the team where any passes true, and perhaps where a neighbour's does. A barrier too.
  DEVICE bool any(bool condition) const {
#if defined(__CUDACC__)
    if (threads_ <= 32) return __any_sync(0xffffffffu, condition);
#endif
    return block.any(condition);
  }

 private:
  int threads_;
};
