package io.github.diffsvd.internal.backend.cpu;

import java.util.Map;

/**
 * How many threads a CPU device has: what the property {@link #PROPERTY} says, or else the variable
 * OPENBLAS_NUM_THREADS, or else OMP_NUM_THREADS, or else a thread for each processor. OpenBLAS has
 * no more than these either. Whoever opens a device may say it instead.
 *
 * @param source the property or variable that says so, "all processors" where none does
 */
record ThreadCount(int threads, String source) {
  static final String PROPERTY = "diffsvd.threads";
  private static final int MOST = 4096;

  static ThreadCount find() {
    return find(System.getProperty(PROPERTY), System.getenv());
  }

  /** As many as whoever opens the device asks for. */
  static ThreadCount of(int threads) {
    return parse("threads", Integer.toString(threads));
  }

  /**
   * What is empty counts as not set.
   *
   * @throws IllegalArgumentException naming what is set to anything but a number of threads
   */
  static ThreadCount find(String property, Map<String, String> variables) {
    if (property != null && !property.isBlank()) {
      return parse(PROPERTY, property);
    }
    for (String name : new String[] {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}) {
      String value = variables.get(name);
      if (value != null && !value.isBlank()) {
        return parse(name, value);
      }
    }
    int processors = Runtime.getRuntime().availableProcessors();
    return new ThreadCount(Math.min(processors, MOST), "all processors");
  }

  /** OpenMP takes a list, a number for each level of nested parallel work; the first one counts. */
  private static ThreadCount parse(String name, String value) {
    String first = value.split(",", 2)[0].strip();
    int threads = first.matches("\\d{1,4}") ? Integer.parseInt(first) : 0;
    if (threads < 1 || threads > MOST) {
      throw new IllegalArgumentException(
          name + ": expected a number of threads from 1 to " + MOST + ", got " + value);
    }
    return new ThreadCount(threads, name);
  }
}
