package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Allocation;

/** A {@link MatrixBatch} that owns its memory: packed row-major, freed by {@link #close()}. */
public final class OwnedMatrixBatch extends MatrixBatch implements AutoCloseable {
  OwnedMatrixBatch(Allocation memory, BatchShape shape) {
    super(memory, memory.address(), shape, shape.columns(), 1, matrixSize(shape));
  }

  /** Closes those that own their memory; null is none. */
  static void closeAll(MatrixBatch... matrices) {
    for (MatrixBatch matrix : matrices) {
      if (matrix instanceof OwnedMatrixBatch owned) {
        owned.close();
      }
    }
  }

  boolean isClosed() {
    return memory().isClosed();
  }

  /**
   * Frees the memory; the caller makes sure that no work on any stream still uses it. Waits for a
   * call of another thread that uses it. A second call does nothing; afterwards this matrix and
   * every view of it is refused with an IllegalStateException.
   */
  @Override
  public void close() {
    memory().close();
  }
}
