package io.github.diffsvd;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Whether two batches of matrices share a byte.
 *
 * <p>Exact for parts of one array: blocks of rows or columns, slices, every second matrix, U, S and
 * V of each matrix in one record. Where one of the two steps over the other in many places, the
 * ranges of addresses decide.
 */
final class Overlap {
  /** In parts of one array a step meets at most two of the other's. */
  private static final long MOST_SHIFTS = 2;

  private record Dimension(long stride, long extent) {}

  /** Elements from an address on. Strides count bytes and descend; there is no extent of 1. */
  private record Lattice(long start, long elementBytes, List<Dimension> dimensions) {
    static Lattice of(MatrixBatch matrix) {
      long[] strides = {matrix.batchStride(), matrix.rowStride(), matrix.columnStride()};
      int[] extents = {matrix.batch(), matrix.rows(), matrix.columns()};
      long start = matrix.address();
      List<Dimension> dimensions = new ArrayList<>();
      for (int i = 0; i < strides.length; i++) {
        long stride = strides[i] * matrix.type().bytes();
        if (extents[i] > 1 && stride != 0) {
          dimensions.add(new Dimension(Math.abs(stride), extents[i]));
          start += Math.min(0, stride) * (extents[i] - 1L);
        }
      }
      dimensions.sort(Comparator.comparingLong(Dimension::stride).reversed());
      return new Lattice(start, matrix.type().bytes(), dimensions);
    }

    long end() {
      return start
          + dimensions.stream().mapToLong(each -> each.stride * (each.extent - 1)).sum()
          + elementBytes;
    }

    /** 0 of a single element. */
    long largestStride() {
      return dimensions.isEmpty() ? 0 : dimensions.get(0).stride;
    }

    /** The extent of the dimension with this stride, which is none smaller than the largest. */
    long extent(long stride) {
      return stride == largestStride() ? dimensions.get(0).extent : 1;
    }

    /** The elements at index 0 of that dimension. */
    Lattice inner(long stride) {
      return stride == largestStride()
          ? new Lattice(start, elementBytes, dimensions.subList(1, dimensions.size()))
          : this;
    }

    Lattice moved(long bytes) {
      return new Lattice(start + bytes, elementBytes, dimensions);
    }
  }

  private Overlap() {}

  /** Of matrices that are not empty. */
  static boolean of(MatrixBatch a, MatrixBatch b) {
    return meet(Lattice.of(a), Lattice.of(b));
  }

  private static boolean meet(Lattice a, Lattice b) {
    if (a.start >= b.end() || b.start >= a.end()) {
      return false;
    }
    long stride = Math.max(a.largestStride(), b.largestStride());
    if (stride == 0) {
      return true;
    }
    // Index i of a and j of b can meet only for these shifts j − i.
    Lattice innerA = a.inner(stride);
    Lattice innerB = b.inner(stride);
    long first =
        Math.max(1 - a.extent(stride), Math.floorDiv(innerA.start - innerB.end(), stride) + 1);
    long last =
        Math.min(b.extent(stride) - 1, Math.floorDiv(innerA.end() - 1 - innerB.start, stride));
    if (last - first >= MOST_SHIFTS) {
      return true;
    }
    for (long shift = first; shift <= last; shift++) {
      if (meet(innerA, innerB.moved(shift * stride))) {
        return true;
      }
    }
    return false;
  }
}
