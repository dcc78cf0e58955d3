package io.github.diffsvd.internal.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class WorkersTest {
  /** The time-out is for a failure: threads that never end. */
  @Test
  @Timeout(120)
  void whatNobodyClosesLeavesNoThreads() throws Exception {
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    for (int i = 0; i < 20; i++) {
      CyclicBarrier together = new CyclicBarrier(3);
      new Workers(3)
          .run(
              3,
              (slot, task) -> {
                threads.add(Thread.currentThread());
                await(together);
              });
    }
    threads.remove(Thread.currentThread());
    assertThat(threads).hasSize(40);
    for (Thread thread : threads) {
      thread.join();
    }
  }

  private static void await(CyclicBarrier together) {
    try {
      together.await();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
