package io.github.diffsvd.internal.backend;

import io.github.diffsvd.MatrixBatch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Packs a kernel's struct, field by field in its order; every field has 8 bytes, so there is no
 * padding.
 */
public final class KernelArguments {
  private static final int CAPACITY = 512;

  private final ByteBuffer whole =
      ByteBuffer.allocateDirect(CAPACITY).order(ByteOrder.nativeOrder());

  /** Starts over. */
  public KernelArguments reset() {
    whole.clear();
    return this;
  }

  /** A View: address and strides; null is an absent one. */
  public KernelArguments put(MatrixBatch matrix) {
    if (matrix == null) {
      return put(0).put(0).put(0).put(0);
    }
    return put(matrix.address())
        .put(matrix.rowStride())
        .put(matrix.columnStride())
        .put(matrix.batchStride());
  }

  /** An address, an extent or a flag. */
  public KernelArguments put(long value) {
    whole.putLong(value);
    return this;
  }

  public KernelArguments put(boolean flag) {
    return put(flag ? 1L : 0L);
  }

  public KernelArguments put(double value) {
    whole.putDouble(value);
    return this;
  }

  /** The RuleArguments of gradient_rules.cuh. */
  public KernelArguments putRule(int code, double parameter) {
    return put((long) code).put(parameter);
  }

  /** The bytes packed so far, a direct buffer. */
  public ByteBuffer bytes() {
    return whole.duplicate().flip().slice().order(ByteOrder.nativeOrder());
  }

  /**
   * The memory behind the struct, which stays where it is: a direct buffer, longer than what is
   * packed.
   */
  public ByteBuffer memory() {
    return whole.duplicate().clear().order(ByteOrder.nativeOrder());
  }
}
