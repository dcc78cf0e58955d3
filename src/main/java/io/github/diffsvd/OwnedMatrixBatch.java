package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Allocation;

/** A {@link MatrixBatch} that owns its memory: packed row-major, freed by {@link #close()}. */
public final class OwnedMatrixBatch extends MatrixBatch implements AutoCloseable {
  OwnedMatrixBatch(Allocation memory, DataType type, int batch, int rows, int columns) {
    super(memory, memory.address(), type, batch, rows, columns, columns, 1, (long) rows * columns);
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
