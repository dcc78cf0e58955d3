package io.github.diffsvd;

import java.util.Objects;

/**
 * The caller's mistakes, found before any work is queued: each names the parameter, what was
 * expected and what came.
 */
final class Checks {
  private Checks() {}

  static int atLeast(String name, int minimum, int value) {
    if (value < minimum) {
      throw new IllegalArgumentException(
          name + ": expected at least " + minimum + ", got " + value);
    }
    return value;
  }

  /** An argument that is read: the given type and extents, any strides. */
  static void readable(String name, MatrixBatch matrix, BatchShape shape) {
    Objects.requireNonNull(matrix, name);
    if (!matrix.shape().equals(shape)) {
      throw new IllegalArgumentException(name + ": expected " + shape + ", got " + matrix);
    }
  }

  /** An argument that is written: as {@link #readable}, and no two elements at one address. */
  static void writable(String name, MatrixBatch matrix, BatchShape shape) {
    readable(name, matrix, shape);
    if (!matrix.isRowMajor() && !matrix.isEmpty() && !keepsElementsApart(matrix)) {
      throw new IllegalArgumentException(
          name + ": expected strides that keep the elements of an output apart, got " + matrix);
    }
  }

  /** An argument on a device that wants addresses to be multiples of so many bytes. */
  static void aligned(String name, MatrixBatch matrix, int alignment) {
    if ((matrix.address() & (alignment - 1)) != 0) {
      throw new IllegalArgumentException(
          name
              + ": expected an address that is a multiple of "
              + alignment
              + " on this device, got "
              + matrix);
    }
  }

  /**
   * Sufficient, and true of every slice of a packed array: sorted by stride, each dimension steps
   * over the extent of the smaller ones.
   */
  private static boolean keepsElementsApart(MatrixBatch matrix) {
    long[][] dimensions = {
      {Math.abs(matrix.rowStride()), matrix.rows()},
      {Math.abs(matrix.columnStride()), matrix.columns()},
      {Math.abs(matrix.batchStride()), matrix.batch()}
    };
    java.util.Arrays.sort(dimensions, (a, b) -> Long.compare(a[0], b[0]));
    long reach = 0;
    for (long[] dimension : dimensions) {
      if (dimension[1] > 1) {
        if (dimension[0] <= reach) {
          return false;
        }
        reach += dimension[0] * (dimension[1] - 1);
      }
    }
    return true;
  }
}
