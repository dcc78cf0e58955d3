package io.github.diffsvd;

/** A {@link MatrixBatch} that owns its memory: packed row-major, freed by {@link #close()}. */
public final class OwnedMatrixBatch extends MatrixBatch implements AutoCloseable {
  private final Device device;

  OwnedMatrixBatch(Device device, long address, DataType type, int batch, int rows, int columns) {
    super(address, type, batch, rows, columns, columns, 1, (long) rows * columns);
    this.device = device;
  }

  /**
   * Frees the memory; the caller makes sure that no work on any stream still uses it. A second call
   * does nothing.
   */
  @Override
  public void close() {
    device.free(address());
  }
}
