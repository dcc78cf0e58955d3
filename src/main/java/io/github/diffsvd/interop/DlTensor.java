package io.github.diffsvd.interop;

import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.cpu.DlPack;
import java.util.concurrent.atomic.AtomicBoolean;

/** A tensor of another library, taken over by {@link DlTensors#wrap}. */
public final class DlTensor implements AutoCloseable {
  private final long managed;
  private final MatrixBatch matrices;
  private final AtomicBoolean closed = new AtomicBoolean();

  DlTensor(long managed, MatrixBatch matrices) {
    this.managed = managed;
    this.matrices = matrices;
  }

  /** The tensor's memory, not copied; of no use once the tensor is closed. */
  public MatrixBatch matrices() {
    return matrices;
  }

  /**
   * Calls the tensor's deleter, which tells its library that nobody needs it any more; the caller
   * makes sure that no work on any stream still uses it. A second call does nothing.
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      DlPack.delete(managed);
    }
  }
}
