package io.github.diffsvd.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;

/**
 * The elements in a file, passed on one after the other in C order and native byte order, whatever
 * the file's are.
 */
final class ArrayData {
  private static final int FORTRAN_BUFFER_BYTES = 1 << 25;

  private final FileChannel channel;
  private final NpyHeader header;
  private final boolean swapped;
  private final FortranOrder fortran;
  private long remaining;

  /** The channel stands at the first element. */
  ArrayData(FileChannel channel, NpyHeader header) throws IOException {
    this.channel = channel;
    this.header = header;
    remaining = header.bytes();
    swapped = header.byteOrder() != ByteOrder.nativeOrder();
    fortran =
        header.fortranOrder() && header.shape().size() > 1 && remaining > 0
            ? new FortranOrder(channel, channel.position(), header, FORTRAN_BUFFER_BYTES)
            : null;
  }

  /** Bytes that have not been passed on yet. */
  long remaining() {
    return remaining;
  }

  /** Fills the buffer. */
  void read(ByteBuffer target) throws IOException {
    ByteBuffer part = next(target);
    if (fortran != null) {
      fortran.read(part.duplicate());
    } else {
      ByteBuffer rest = part.duplicate();
      while (rest.hasRemaining()) {
        if (channel.read(rest) < 0) {
          long found = header.bytes() - remaining - rest.remaining();
          throw new IOException(truncated(header.bytes(), found));
        }
      }
    }
    swap(part);
  }

  static String truncated(long expected, long found) {
    return "truncated: expected " + expected + " bytes of data, got " + found;
  }

  /** Writes what the buffer holds. */
  void write(ByteBuffer source) throws IOException {
    ByteBuffer part = next(source);
    if (swapped) {
      part = ByteBuffer.allocate(part.remaining()).put(part).flip();
      swap(part);
    }
    while (part.hasRemaining()) {
      channel.write(part);
    }
  }

  /** The buffer's remaining bytes, which it is taken to have passed on. */
  private ByteBuffer next(ByteBuffer buffer) {
    int bytes = buffer.remaining();
    if (bytes % header.type().bytes() != 0 || bytes > remaining) {
      throw new IllegalArgumentException(
          "buffer: expected whole elements of "
              + header.type()
              + " and at most "
              + remaining
              + " bytes, got "
              + bytes);
    }
    ByteBuffer part = buffer.slice();
    buffer.position(buffer.limit());
    remaining -= bytes;
    return part;
  }

  private void swap(ByteBuffer bytes) {
    if (!swapped) {
      return;
    }
    int step = header.type().partBytes();
    for (int i = bytes.position(); i < bytes.limit(); i += step) {
      switch (step) {
        case Short.BYTES -> bytes.putShort(i, Short.reverseBytes(bytes.getShort(i)));
        case Integer.BYTES -> bytes.putInt(i, Integer.reverseBytes(bytes.getInt(i)));
        case Long.BYTES -> bytes.putLong(i, Long.reverseBytes(bytes.getLong(i)));
        default -> {
          // A byte has no order.
        }
      }
    }
  }
}
