package io.github.diffsvd.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * The elements of a Fortran-ordered file in C order. They are put in order in a buffer: as many
 * slices along one axis as it holds, the indices before that axis fixed. In the file, these are
 * runs of elements a fixed stride apart, read through a window.
 *
 * <p>By reading, not by mapping: a file that becomes shorter meanwhile is an exception then, not
 * the end of the process.
 */
final class FortranOrder {
  private static final int WINDOW_BYTES = 1 << 20;

  /** What lies between two elements or runs is read with them if it is not more than this. */
  private static final int GAP_BYTES = 1 << 12;

  private final FileChannel channel;
  private final long start;
  private final int bytes;
  private final long[] extents;

  /** Distances in the file, in elements. */
  private final long[] strides;

  /** The axis that slices are counted along; indices before it are fixed. */
  private final int axis;

  /** Elements of a slice. */
  private final int slice;

  /** The next slice: indices up to and with the axis. */
  private final long[] index;

  private final ByteBuffer ordered;
  private final ByteBuffer window = ByteBuffer.allocateDirect(WINDOW_BYTES);
  private long windowStart;

  /**
   * An array that is not empty.
   *
   * @param start of the first element, in bytes
   * @param most bytes of the buffer, at least an element's
   */
  FortranOrder(FileChannel channel, long start, NpyHeader header, int most) {
    this.channel = channel;
    this.start = start;
    bytes = header.type().bytes();
    extents = header.shape().stream().mapToLong(Long::longValue).toArray();
    strides = new long[extents.length];
    strides[0] = 1;
    for (int i = 1; i < extents.length; i++) {
      strides[i] = strides[i - 1] * extents[i - 1];
    }
    int first = extents.length - 1;
    long elements = 1;
    while (first > 0 && elements * extents[first] <= most / bytes) {
      elements *= extents[first];
      first--;
    }
    axis = first;
    slice = (int) elements;
    index = new long[axis + 1];
    int slices = (int) Math.min(extents[axis], most / (elements * bytes));
    ordered = ByteBuffer.allocate(slices * slice * bytes).limit(0);
    window.limit(0);
  }

  /** Fills the buffer with the next elements. */
  void read(ByteBuffer target) throws IOException {
    while (target.hasRemaining()) {
      if (!ordered.hasRemaining()) {
        order();
      }
      int count = Math.min(target.remaining(), ordered.remaining());
      target.put(ordered.duplicate().limit(ordered.position() + count));
      ordered.position(ordered.position() + count);
    }
  }

  /** Reads the next slices into the buffer. */
  private void order() throws IOException {
    int count = (int) Math.min(ordered.capacity() / (slice * bytes), extents[axis] - index[axis]);
    long place = 0;
    for (int i = 0; i <= axis; i++) {
      place += index[i] * strides[i];
    }
    boolean dense =
        axis + 1 < extents.length
            && (strides[axis + 1] - count * strides[axis]) * bytes <= GAP_BYTES;
    long[] within = new long[extents.length];
    ordered.clear();
    for (int i = 0; i < slice; i++) {
      run(place, count, position(within), dense);
      // The first index runs fastest, so that the places in the file ascend.
      int next = axis + 1;
      while (next < extents.length) {
        place += strides[next];
        within[next]++;
        if (within[next] < extents[next]) {
          break;
        }
        place -= within[next] * strides[next];
        within[next] = 0;
        next++;
      }
    }
    ordered.limit(count * slice * bytes);
    advance(count);
  }

  /** Where an element of a slice stands in C order. */
  private int position(long[] within) {
    long position = 0;
    for (int i = axis + 1; i < extents.length; i++) {
      position = position * extents[i] + within[i];
    }
    return (int) position;
  }

  /** Copies one element of each slice. */
  private void run(long place, int count, int position, boolean dense) throws IOException {
    long stride = strides[axis] * bytes;
    for (int i = 0; i < count; i++) {
      long from = place * bytes + i * stride;
      if (from < windowStart || from + bytes > windowStart + window.limit()) {
        long wanted = stride > GAP_BYTES ? bytes : (count - i - 1) * stride + bytes;
        load(from, dense ? WINDOW_BYTES : wanted);
      }
      int to = (i * slice + position) * bytes;
      ordered.put(to, window, (int) (from - windowStart), bytes);
    }
  }

  private void load(long from, long wanted) throws IOException {
    long end = strides[strides.length - 1] * extents[extents.length - 1] * bytes;
    window.clear().limit((int) Math.min(Math.min(wanted, end - from), WINDOW_BYTES));
    while (window.hasRemaining()) {
      if (channel.read(window, start + from + window.position()) < 0) {
        throw new IOException("truncated while it was read");
      }
    }
    windowStart = from;
  }

  private void advance(int count) {
    index[axis] += count;
    for (int i = axis; i > 0 && index[i] == extents[i]; i--) {
      index[i] = 0;
      index[i - 1]++;
    }
  }
}
