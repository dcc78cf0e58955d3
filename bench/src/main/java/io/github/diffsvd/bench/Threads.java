package io.github.diffsvd.bench;

import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/** The threads of every contender: the library's own property says how many. */
final class Threads {
  static final String PROPERTY = "diffsvd.threads";

  private Threads() {}

  static int count() {
    return Integer.getInteger(PROPERTY, Runtime.getRuntime().availableProcessors());
  }

  /** Java's options for a process whose contender has so many threads. */
  static List<String> options(int threads) {
    return List.of(
        "-D" + PROPERTY + "=" + threads,
        // The calling thread takes part, beside the pool's.
        "-Djava.util.concurrent.ForkJoinPool.common.parallelism=" + Math.max(1, threads - 1));
  }

  /** Does the work of every matrix of a batch, on the calling thread alone if there is but one. */
  static void forEach(int batch, IntConsumer body) {
    IntStream indices = IntStream.range(0, batch);
    (count() == 1 ? indices : indices.parallel()).forEach(body);
  }
}
