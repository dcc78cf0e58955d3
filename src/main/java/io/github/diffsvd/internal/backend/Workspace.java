package io.github.diffsvd.internal.backend;

import io.github.diffsvd.DataType;

/**
 * Lays several buffers out in one allocation: reserve first, then allocate {@link #bytes()}, then
 * add the offsets to its address.
 */
public final class Workspace {
  /** Of every buffer, and of the workspace itself. */
  public static final long ALIGNMENT = 256;

  private long bytes;

  /** The offset of a new buffer for packed matrices. */
  public long reserve(DataType type, int batch, int rows, int columns) {
    return reserve(bytes(type, batch, rows, columns));
  }

  /** The offset of a new buffer. */
  public long reserve(long size) {
    long offset = bytes;
    try {
      bytes = Math.addExact(offset, aligned(size));
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "workspace: batch, rows and columns need more than 2^63 − 1 bytes", e);
    }
    return offset;
  }

  /** The least multiple of {@link #ALIGNMENT} that holds so many bytes. */
  public static long aligned(long bytes) {
    return Math.addExact(bytes, ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /**
   * The bytes of packed matrices.
   *
   * @throws IllegalArgumentException if a long cannot hold them
   */
  public static long bytes(DataType type, int batch, int rows, int columns) {
    try {
      return Math.multiplyExact(
          Math.multiplyExact((long) rows * columns, (long) batch), (long) type.bytes());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "batch, rows, columns: "
              + batch
              + "×"
              + rows
              + "×"
              + columns
              + " elements of "
              + type
              + " have more than 2^63 − 1 bytes",
          e);
    }
  }

  public long bytes() {
    return bytes;
  }
}
