package io.github.diffsvd.backend;

/**
 * Lays several buffers out in one allocation: reserve first, then allocate {@link #bytes()}, then
 * add the offsets to its address.
 */
public final class Workspace {
  /** Of every buffer, and of the workspace itself. */
  public static final long ALIGNMENT = 256;

  private long bytes;

  /** The offset of a new buffer. */
  public long reserve(long size) {
    long offset = bytes;
    bytes =
        Math.addExact(
            offset,
            Math.multiplyExact(
                Math.floorDiv(Math.addExact(size, ALIGNMENT - 1), ALIGNMENT), ALIGNMENT));
    return offset;
  }

  public long bytes() {
    return bytes;
  }
}
