package io.github.diffsvd.bench;

/** One operation on one batch, ready to be repeated. */
interface Workload extends AutoCloseable {
  /** Returns when the result is there. */
  void run();

  @Override
  void close();
}
