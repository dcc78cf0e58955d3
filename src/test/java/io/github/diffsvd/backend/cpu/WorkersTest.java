package io.github.diffsvd.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class WorkersTest {
  /** The time-out is for a failure: threads that never end. */
  @Test
  @Timeout(120)
  void whatNobodyClosesLeavesNoThreads() throws Exception {
    List<Thread> before = threads();
    for (int i = 0; i < 20; i++) {
      CyclicBarrier together = new CyclicBarrier(3);
      new Workers(3).run(3, (slot, task) -> await(together));
    }
    List<Thread> made = threads();
    made.removeAll(before);
    assertThat(made).isNotEmpty();
    for (Thread thread : made) {
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

  private static List<Thread> threads() {
    List<Thread> threads = new ArrayList<>(Thread.getAllStackTraces().keySet());
    threads.removeIf(thread -> !thread.getName().equals("diffsvd-cpu"));
    return threads;
  }
}
