package io.github.diffsvd.internal.backend;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.MatrixBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * Lays several parts out in one piece of device memory: they are reserved first, then {@link
 * #bytes()} is known, and {@link #bind} tells each part where it is.
 */
public final class Workspace {
  /** Of every part, and of the workspace itself. */
  public static final long ALIGNMENT = 256;

  private record Part(long offset, LongConsumer place) {}

  /** A part for packed matrices. */
  public static final class Buffer {
    private final BatchShape shape;
    private MatrixBatch rowMajor;
    private MatrixBatch columnMajor;

    private Buffer(BatchShape shape) {
      this.shape = shape;
    }

    private void place(long address) {
      rowMajor = Layout.ROW_MAJOR.pack(address, shape);
      columnMajor = Layout.COLUMN_MAJOR.pack(address, shape);
    }

    /** The matrices, packed as the layout says. */
    public MatrixBatch in(Layout layout) {
      return layout == Layout.ROW_MAJOR ? rowMajor : columnMajor;
    }

    /** The matrices, packed row-major. */
    public MatrixBatch matrices() {
      return rowMajor;
    }

    public long address() {
      return rowMajor.address();
    }
  }

  private final List<Part> parts = new ArrayList<>();
  private long bytes;

  /** A part for packed matrices, which are there once the workspace is bound. */
  public Buffer reserve(BatchShape shape) {
    Buffer buffer = new Buffer(shape);
    reserve(shape.bytes(), buffer::place);
    return buffer;
  }

  /**
   * A part of so many bytes.
   *
   * @param place called with the address of the part when the workspace is bound
   */
  public void reserve(long size, LongConsumer place) {
    parts.add(new Part(bytes, place));
    try {
      bytes = Math.addExact(bytes, aligned(size));
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "workspace: batch, rows and columns need more than 2^63 − 1 bytes", e);
    }
  }

  /** The least multiple of {@link #ALIGNMENT} that holds so many bytes. */
  public static long aligned(long bytes) {
    return Math.addExact(bytes, ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** What all parts need together. */
  public long bytes() {
    return bytes;
  }

  /**
   * Gives every part its place, in the order in which they were reserved.
   *
   * @param address of {@link #bytes()} bytes of device memory, a multiple of {@link #ALIGNMENT}
   */
  public void bind(long address) {
    for (Part part : parts) {
      part.place.accept(address + part.offset);
    }
  }
}
