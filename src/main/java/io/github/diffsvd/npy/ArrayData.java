package io.github.diffsvd.npy;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.List;

/**
 * The elements in a file, passed on one after the other in C order and native byte order, whatever
 * the file's are. Fortran order is reordered through a mapping of the file, so that neither has to
 * fit in the heap.
 */
final class ArrayData {
  /** Bytes that are mapped at once; a multiple of every element's size. */
  private static final long SEGMENT = 1 << 30;

  private final FileChannel channel;
  private final NpyHeader header;
  private final boolean swapped;
  private long remaining;

  /** The rest is for Fortran order: where the next element stands, in elements; null otherwise. */
  private final ByteBuffer[] segments;

  private final long[] index;
  private final long[] strides;
  private long offset;

  /** The channel stands at the first element; the file has its full length. */
  ArrayData(FileChannel channel, MapMode mode, NpyHeader header) throws IOException {
    this.channel = channel;
    this.header = header;
    remaining = header.bytes();
    swapped = header.byteOrder() != ByteOrder.nativeOrder();
    List<Long> shape = header.shape();
    index = new long[shape.size()];
    strides = new long[shape.size()];
    if (!header.fortranOrder() || shape.size() < 2 || remaining == 0) {
      segments = null;
      return;
    }
    strides[0] = 1;
    for (int i = 1; i < strides.length; i++) {
      strides[i] = strides[i - 1] * shape.get(i - 1);
    }
    segments = new ByteBuffer[Math.toIntExact((remaining + SEGMENT - 1) / SEGMENT)];
    for (int i = 0; i < segments.length; i++) {
      long length = Math.min(SEGMENT, remaining - i * SEGMENT);
      segments[i] = channel.map(mode, channel.position() + i * SEGMENT, length);
    }
  }

  /** Bytes that have not been passed on yet. */
  long remaining() {
    return remaining;
  }

  /** Fills the buffer. */
  void read(ByteBuffer target) throws IOException {
    ByteBuffer part = next(target);
    if (segments != null) {
      reorder(part.duplicate(), true);
    } else {
      ByteBuffer rest = part.duplicate();
      while (rest.hasRemaining()) {
        if (channel.read(rest) < 0) {
          throw new EOFException("truncated while it was read");
        }
      }
    }
    swap(part);
  }

  /** Writes what the buffer holds. */
  void write(ByteBuffer source) throws IOException {
    ByteBuffer part = next(source);
    if (swapped) {
      part = ByteBuffer.allocate(part.remaining()).put(part).flip();
      swap(part);
    }
    if (segments != null) {
      reorder(part, false);
    } else {
      while (part.hasRemaining()) {
        channel.write(part);
      }
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
    if (header.type().partBytes() == Integer.BYTES) {
      for (int i = bytes.position(); i < bytes.limit(); i += Integer.BYTES) {
        bytes.putInt(i, Integer.reverseBytes(bytes.getInt(i)));
      }
    } else {
      for (int i = bytes.position(); i < bytes.limit(); i += Long.BYTES) {
        bytes.putLong(i, Long.reverseBytes(bytes.getLong(i)));
      }
    }
  }

  /** Copies elements between the buffer, in C order, and their places in the mapped file. */
  private void reorder(ByteBuffer buffer, boolean reading) {
    int bytes = header.type().bytes();
    int step = Math.min(bytes, Long.BYTES);
    for (; buffer.hasRemaining(); advance()) {
      ByteBuffer segment = segments[(int) (offset * bytes / SEGMENT)];
      int start = (int) (offset * bytes % SEGMENT);
      for (int i = start; i < start + bytes; i += step) {
        if (step == Integer.BYTES) {
          if (reading) {
            buffer.putInt(segment.getInt(i));
          } else {
            segment.putInt(i, buffer.getInt());
          }
        } else if (reading) {
          buffer.putLong(segment.getLong(i));
        } else {
          segment.putLong(i, buffer.getLong());
        }
      }
    }
  }

  /** Steps to the next element of C order. */
  private void advance() {
    for (int axis = index.length - 1; axis >= 0; axis--) {
      offset += strides[axis];
      index[axis]++;
      if (index[axis] < header.shape().get(axis)) {
        return;
      }
      offset -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
}
