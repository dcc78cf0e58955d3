package io.github.diffsvd.internal.backend.cuda;

import jcuda.driver.CUstream;
import jcuda.runtime.cudaStream_t;

/**
 * A caller's stream, a raw handle, as the two kinds of object that JCuda takes. One for each plan
 * object: it is moved to another stream without garbage, and not for two threads at a time.
 */
final class StreamHandle {
  private final long own;
  private final CUstream driver = new CUstream();
  private final cudaStream_t runtime = new cudaStream_t();
  private long handle;

  /**
   * @param own what stands behind 0
   */
  StreamHandle(long own) {
    this.own = own;
  }

  /** Moves to a stream; true if it was another one before. */
  boolean moveTo(long stream) {
    long next = stream == 0 ? own : stream;
    if (next == handle) {
      return false;
    }
    handle = next;
    RawPointer.set(driver, next);
    RawPointer.set(runtime, next);
    return true;
  }

  /** After a failed call: the next {@link #moveTo} counts as a move. */
  void forget() {
    handle = 0;
  }

  CUstream driver(long stream) {
    moveTo(stream);
    return driver;
  }

  /** The stream of the last {@link #moveTo}. */
  cudaStream_t runtime() {
    return runtime;
  }
}
