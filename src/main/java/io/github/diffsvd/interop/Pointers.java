package io.github.diffsvd.interop;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.MatrixBatch;
import jcuda.driver.CUcontext;
import org.bytedeco.javacpp.Pointer;

/**
 * Matrices in memory that JCuda or JavaCPP points to. They are borrowed, as by {@link
 * MatrixBatch#wrap(long, BatchShape)}: whoever has the pointer keeps the memory alive until the
 * work that uses it is done. A pointer of JavaCPP that owns its memory must not become unreachable
 * before.
 */
public final class Pointers {
  private Pointers() {}

  /**
   * Borrows packed row-major matrices from where a pointer, with its byte offset, points.
   *
   * @param pointer a jcuda.Pointer or CUdeviceptr to device memory, or to page-locked memory for a
   *     CPU device
   * @throws IllegalArgumentException if it points to a Java array or buffer, or nowhere
   */
  public static MatrixBatch wrap(jcuda.Pointer pointer, BatchShape shape) {
    return MatrixBatch.wrap(address(pointer), shape);
  }

  /** As {@link #wrap(jcuda.Pointer, BatchShape)}, with any strides, in elements. */
  public static MatrixBatch wrap(
      jcuda.Pointer pointer,
      BatchShape shape,
      long rowStride,
      long columnStride,
      long batchStride) {
    return MatrixBatch.wrap(address(pointer), shape, rowStride, columnStride, batchStride);
  }

  /**
   * Borrows packed row-major matrices from where a pointer, with its position, points.
   *
   * @throws IllegalArgumentException if it points nowhere, or has a limit that they do not fit in
   */
  public static MatrixBatch wrap(Pointer pointer, BatchShape shape) {
    return within(pointer, MatrixBatch.wrap(address(pointer), shape));
  }

  /** As {@link #wrap(Pointer, BatchShape)}, with any strides, in elements. */
  public static MatrixBatch wrap(
      Pointer pointer, BatchShape shape, long rowStride, long columnStride, long batchStride) {
    return within(
        pointer, MatrixBatch.wrap(address(pointer), shape, rowStride, columnStride, batchStride));
  }

  /**
   * The address that a pointer of JCuda stands for, its byte offset added.
   *
   * @throws IllegalArgumentException if it points to a Java array or buffer, or nowhere
   */
  public static long address(jcuda.Pointer pointer) {
    if (RawHandle.of(pointer) == 0) {
      throw new IllegalArgumentException(
          "pointer: expected one to memory that JCuda has allocated, got " + pointer);
    }
    return new Located(pointer).address();
  }

  /** The address that a pointer of JavaCPP stands for, its position added; 0 for a null pointer. */
  public static long address(Pointer pointer) {
    return Pointer.isNull(pointer) ? 0 : pointer.address() + pointer.position() * pointer.sizeof();
  }

  /** The handle of a context of JCuda, for {@link io.github.diffsvd.Device#inContext}. */
  public static long handle(CUcontext context) {
    return RawHandle.of(context);
  }

  /** A limit of 0 says that nobody knows how much memory is there. */
  private static MatrixBatch within(Pointer pointer, MatrixBatch matrices) {
    long room = (pointer.limit() - pointer.position()) * pointer.sizeof();
    if (pointer.limit() > 0 && !matrices.isEmpty() && end(matrices) > room) {
      throw new IllegalArgumentException(
          "pointer: expected " + end(matrices) + " bytes for " + matrices + ", got " + room);
    }
    return matrices;
  }

  /** How far the last byte is from the address, and one more. */
  private static long end(MatrixBatch matrices) {
    long last =
        Math.max(0, matrices.batchStride()) * (matrices.batch() - 1L)
            + Math.max(0, matrices.rowStride()) * (matrices.rows() - 1L)
            + Math.max(0, matrices.columnStride()) * (matrices.columns() - 1L);
    return (last + 1) * matrices.type().bytes();
  }

  /** Shows what JCuda shows to subclasses alone. */
  private static final class Located extends jcuda.Pointer {
    Located(jcuda.Pointer pointer) {
      super(pointer);
    }

    long address() {
      return getNativePointer() + getByteOffset();
    }
  }
}
