package io.github.diffsvd.internal.backend.cpu;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The threads of a CPU device. The calling thread always takes part, so a call never waits for a
 * thread that another caller keeps. Idle threads end by themselves, so a device that nobody closes
 * leaves none behind.
 */
final class Workers implements AutoCloseable {
  private static final int TASKS_PER_THREAD = 8;
  private static final long IDLE_SECONDS = 2;

  private final int threads;
  private final ThreadPoolExecutor helpers;

  interface Task {
    /** Does one task; the slot, 0 … threads − 1, is different for every thread in one call. */
    void run(int slot, int task);
  }

  interface Range {
    /** Does the work of first … last − 1. */
    void run(int slot, int first, int last);
  }

  Workers(int threads) {
    this.threads = threads;
    helpers =
        new ThreadPoolExecutor(
            threads,
            threads,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            body -> {
              Thread thread = new Thread(body, "diffsvd-cpu");
              thread.setDaemon(true);
              return thread;
            });
    helpers.allowCoreThreadTimeOut(true);
  }

  int threads() {
    return threads;
  }

  /** Tasks that share work out evenly enough, for so many units of it. */
  int tasksFor(int units) {
    return Math.min(units, threads * TASKS_PER_THREAD);
  }

  /** Splits 0 … count − 1 into ranges and returns when all are done. */
  void forRanges(int count, Range body) {
    int tasks = tasksFor(count);
    run(
        tasks,
        (slot, task) ->
            body.run(
                slot,
                (int) ((long) count * task / tasks),
                (int) ((long) count * (task + 1) / tasks)));
  }

  /**
   * Runs the tasks 0 … tasks − 1 and returns when all are done; throws what the first that failed
   * threw.
   */
  void run(int tasks, Task body) {
    if (tasks == 1 || threads == 1) {
      for (int task = 0; task < tasks; task++) {
        body.run(0, task);
      }
      return;
    }
    AtomicInteger next = new AtomicInteger();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    CountDownLatch open = new CountDownLatch(tasks);
    for (int helper = 1; helper < Math.min(threads, tasks); helper++) {
      int slot = helper;
      helpers.execute(() -> work(slot, tasks, body, next, failure, open));
    }
    work(0, tasks, body, next, failure, open);
    awaitAll(open);
    rethrow(failure.get());
  }

  private static void work(
      int slot,
      int tasks,
      Task body,
      AtomicInteger next,
      AtomicReference<Throwable> failure,
      CountDownLatch open) {
    for (int task = next.getAndIncrement(); task < tasks; task = next.getAndIncrement()) {
      try {
        body.run(slot, task);
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e);
      } finally {
        open.countDown();
      }
    }
  }

  /**
   * Native code writes to the caller's memory until the last task is done, so an interrupt has to
   * wait.
   */
  private static void awaitAll(CountDownLatch open) {
    boolean interrupted = false;
    while (true) {
      try {
        open.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void rethrow(Throwable failure) {
    if (failure instanceof RuntimeException exception) {
      throw exception;
    }
    if (failure instanceof Error error) {
      throw error;
    }
  }

  @Override
  public void close() {
    helpers.shutdown();
  }
}
