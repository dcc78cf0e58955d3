package io.github.diffsvd.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/** Which time is measured. */
enum Clock {
  /** What passes. */
  WALL {
    @Override
    long nanos() {
      return System.nanoTime();
    }
  },
  /** What the calling thread has of the processor; other work on the machine hardly changes it. */
  CPU {
    @Override
    long nanos() {
      return THREADS.getCurrentThreadCpuTime();
    }
  };

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  abstract long nanos();
}
