package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Allocation;
import java.util.Objects;

/**
 * A batch of equally shaped matrices somewhere in a device's memory: an address and strides,
 * nothing more.
 *
 * <p>Element (b, i, j) stands at {@code address + (b·batchStride + i·rowStride + j·columnStride) ·
 * type.bytes()}. Strides count elements, may have any value for a matrix that is only read (0
 * repeats, negative runs backwards) and must keep elements apart in one that is written. Row-major
 * and column-major are both strides; a vector is a matrix of one column. The address is a multiple
 * of {@code type.bytes()}; on the CPU that of {@code type.real()} suffices, as an array of doubles
 * that holds complex numbers has it.
 *
 * <p>A plain MatrixBatch borrows: whoever allocated the memory keeps it alive until the work that
 * uses it is done. {@link Device#allocate} gives an {@link OwnedMatrixBatch}, which is closed by
 * its owner; from then on it and its slices, blocks and transposes are refused. Immutable, safe to
 * share between threads.
 */
public sealed class MatrixBatch permits OwnedMatrixBatch {
  private final long address;
  private final BatchShape shape;
  private final long rowStride;
  private final long columnStride;
  private final long batchStride;

  /** Null where the memory is borrowed. */
  private final Allocation memory;

  /** The addresses of the first byte of all elements and of the one after the last. */
  private final long low;

  private final long high;

  MatrixBatch(
      Allocation memory,
      long address,
      BatchShape shape,
      long rowStride,
      long columnStride,
      long batchStride) {
    this.memory = memory;
    this.address = address;
    this.shape = Objects.requireNonNull(shape, "shape");
    this.rowStride = rowStride;
    this.columnStride = columnStride;
    this.batchStride = batchStride;
    // Refuses what a long cannot count.
    shape.bytes();
    if (address == 0 && !isEmpty()) {
      throw new IllegalArgumentException("address: expected the address of " + shape + ", got 0");
    }
    long alignment = type().real().bytes();
    if (address % alignment != 0) {
      throw new IllegalArgumentException(
          "address: expected a multiple of "
              + alignment
              + " for "
              + type()
              + ", got 0x"
              + Long.toHexString(address));
    }
    if (isEmpty()) {
      low = address;
      high = address;
      return;
    }
    try {
      long down = Math.multiplyExact(rowStride, rows() - 1L);
      long right = Math.multiplyExact(columnStride, columns() - 1L);
      long along = Math.multiplyExact(batchStride, batch() - 1L);
      long first = sum(Math.min(0, down), Math.min(0, right), Math.min(0, along));
      long last = sum(Math.max(0, down), Math.max(0, right), Math.max(0, along));
      low = Math.addExact(address, Math.multiplyExact(first, (long) type().bytes()));
      high = Math.addExact(address, Math.multiplyExact(sum(last, 1, 0), (long) type().bytes()));
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "strides: expected elements within the address space, got " + this, e);
    }
  }

  private static long sum(long a, long b, long c) {
    return Math.addExact(Math.addExact(a, b), c);
  }

  /**
   * Borrows packed row-major matrices, one after the other: (b, i, j) at b·rows·columns + i·columns
   * + j.
   */
  public static MatrixBatch wrap(long address, BatchShape shape) {
    return wrap(address, shape, shape.columns(), 1, matrixSize(shape));
  }

  /**
   * Borrows packed column-major matrices, one after the other: (b, i, j) at b·rows·columns + i +
   * j·rows.
   */
  public static MatrixBatch wrapColumnMajor(long address, BatchShape shape) {
    return wrap(address, shape, 1, shape.rows(), matrixSize(shape));
  }

  /** Borrows matrices with any strides, in elements. */
  public static MatrixBatch wrap(
      long address, BatchShape shape, long rowStride, long columnStride, long batchStride) {
    return new MatrixBatch(null, address, shape, rowStride, columnStride, batchStride);
  }

  static long matrixSize(BatchShape shape) {
    return (long) shape.rows() * shape.columns();
  }

  /** Address of element (0, 0, 0); 0 only where there is no element. */
  public long address() {
    return address;
  }

  /** Element type and extents. */
  public BatchShape shape() {
    return shape;
  }

  public DataType type() {
    return shape.type();
  }

  public int batch() {
    return shape.batch();
  }

  public int rows() {
    return shape.rows();
  }

  public int columns() {
    return shape.columns();
  }

  /** Elements from (b, i, j) to (b, i + 1, j). */
  public long rowStride() {
    return rowStride;
  }

  /** Elements from (b, i, j) to (b, i, j + 1). */
  public long columnStride() {
    return columnStride;
  }

  /** Elements from (b, i, j) to (b + 1, i, j). */
  public long batchStride() {
    return batchStride;
  }

  /** Number of elements. */
  public long size() {
    return shape.size();
  }

  public boolean isEmpty() {
    return shape.isEmpty();
  }

  /** The same memory with rows and columns exchanged; elements are not conjugated. */
  public MatrixBatch transposed() {
    return new MatrixBatch(
        memory, address, shape.transposed(), columnStride, rowStride, batchStride);
  }

  /** The matrices first … first + count − 1, in the same memory. */
  public MatrixBatch slice(int first, int count) {
    Objects.checkFromIndexSize(first, count, batch());
    return block(first * batchStride, count, columns());
  }

  /**
   * The first {@code columns} columns of every matrix, in the same memory: the leading singular
   * vectors, for example.
   */
  public MatrixBatch leadingColumns(int columns) {
    Objects.checkFromIndexSize(0, columns, columns());
    return block(0, batch(), columns);
  }

  private MatrixBatch block(long offset, int batch, int columns) {
    long start = address == 0 ? 0 : address + offset * type().bytes();
    BatchShape block = new BatchShape(type(), batch, rows(), columns);
    return new MatrixBatch(memory, start, block, rowStride, columnStride, batchStride);
  }

  /** Whether the elements lie packed, row by row, one matrix after the other. */
  public boolean isRowMajor() {
    return (columns() <= 1 || columnStride == 1)
        && (rows() <= 1 || rowStride == columns())
        && (batch() <= 1 || batchStride == matrixSize(shape));
  }

  /** The owned memory that the elements lie in; null where it is borrowed. */
  Allocation memory() {
    return memory;
  }

  /** Whether an element shares a byte with one of the other's; see {@link Overlap}. */
  boolean overlaps(MatrixBatch other) {
    return low < other.high && other.low < high && Overlap.of(this, other);
  }

  @Override
  public String toString() {
    return shape
        + " at 0x"
        + Long.toHexString(address)
        + " strides ("
        + batchStride
        + ", "
        + rowStride
        + ", "
        + columnStride
        + ")";
  }
}
