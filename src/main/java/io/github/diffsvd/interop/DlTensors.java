package io.github.diffsvd.interop;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.cpu.DlPack;
import java.util.Arrays;
import java.util.Objects;

/**
 * Tensors that libraries of any language hand to one another by DLPack, without a copy: as the
 * address of a DLManagedTensor (dlpack.h; in Python what a capsule "dltensor" holds), the struct
 * without a version. The order of the work on both sides is the caller's to keep, with one stream
 * or an event.
 */
public final class DlTensors {
  private static final int CPU = 1;
  private static final int CUDA = 2;
  private static final int CUDA_HOST = 3;
  private static final int CUDA_MANAGED = 13;

  private static final int FLOAT = 2;
  private static final int COMPLEX = 5;

  private static final int MOST_DIMENSIONS = 3;

  private DlTensors() {}

  /**
   * Takes a tensor over: batch × rows × columns, or rows × columns, of float32, float64, complex64
   * or complex128, with any strides.
   *
   * @param device that it has to be on
   * @param managed the address of its DLManagedTensor, which from now on is the result's to delete
   * @throws IllegalArgumentException if it is anything else; then it is still the caller's
   */
  public static DlTensor wrap(Device device, long managed) {
    if (managed == 0) {
      throw new IllegalArgumentException(
          "managed: expected the address of a DLManagedTensor, got 0");
    }
    long[] fields = DlPack.read(managed, MOST_DIMENSIONS);
    checkDevice(device, (int) fields[2], (int) fields[3]);
    DataType type = type((int) fields[4], (int) fields[5], (int) fields[6]);
    int dimensions = (int) fields[7];
    if (dimensions < 2 || dimensions > MOST_DIMENSIONS) {
      throw new IllegalArgumentException(
          "tensor: expected rows × columns or batch × rows × columns, got "
              + dimensions
              + " dimensions; reshape it");
    }
    long[] extents = {1, 1, 1};
    long[] strides = {0, 0, 0};
    int missing = MOST_DIMENSIONS - dimensions;
    System.arraycopy(fields, 8, extents, missing, dimensions);
    System.arraycopy(fields, 8 + dimensions, strides, missing, dimensions);
    for (long extent : extents) {
      if (extent < 0 || extent > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            "tensor: expected extents that an int can hold, got " + Arrays.toString(extents));
      }
    }
    BatchShape shape = new BatchShape(type, (int) extents[0], (int) extents[1], (int) extents[2]);
    long address = fields[0] == 0 ? 0 : fields[0] + fields[1];
    return new DlTensor(
        managed, MatrixBatch.wrap(address, shape, strides[1], strides[2], strides[0]));
  }

  /**
   * Makes a tensor of batch × rows × columns of matrices. Whoever consumes it calls its deleter;
   * where nobody does, {@link #delete} does.
   *
   * @param device that they are on
   * @param release called once, when the tensor is deleted, on whatever thread: closes the memory,
   *     for example
   * @return the address of its DLManagedTensor
   */
  public static long export(Device device, MatrixBatch matrices, Runnable release) {
    Objects.requireNonNull(release, "release");
    boolean complex = matrices.type().isComplex();
    return DlPack.export(
        matrices.address(),
        isCuda(device) ? CUDA : CPU,
        isCuda(device) ? cudaIndex(device) : 0,
        complex ? COMPLEX : FLOAT,
        8 * matrices.type().bytes(),
        new long[] {
          matrices.batch(),
          matrices.rows(),
          matrices.columns(),
          matrices.batchStride(),
          matrices.rowStride(),
          matrices.columnStride()
        },
        release);
  }

  /** Deletes a tensor that nobody has consumed. */
  public static void delete(long managed) {
    DlPack.delete(managed);
  }

  private static boolean isCuda(Device device) {
    return device.name().startsWith("cuda:");
  }

  private static int cudaIndex(Device device) {
    return Integer.parseInt(device.name().substring("cuda:".length()));
  }

  private static void checkDevice(Device device, int type, int id) {
    boolean suits =
        isCuda(device)
            ? (type == CUDA && id == cudaIndex(device)) || type == CUDA_MANAGED
            : type == CPU || type == CUDA_HOST || type == CUDA_MANAGED;
    if (suits) {
      return;
    }
    String place =
        switch (type) {
          case CPU -> "the cpu";
          case CUDA -> "cuda:" + id;
          case CUDA_HOST -> "page-locked host memory";
          default -> "a device of DLPack's type " + type;
        };
    throw new IllegalArgumentException(
        "tensor: expected one on " + device.name() + ", got one on " + place);
  }

  private static DataType type(int code, int bits, int lanes) {
    for (DataType type : DataType.values()) {
      int expected = type.isComplex() ? COMPLEX : FLOAT;
      if (lanes == 1 && code == expected && bits == 8 * type.bytes()) {
        return type;
      }
    }
    throw new IllegalArgumentException(
        "tensor: expected float32, float64, complex64 or complex128, got DLPack's type code "
            + code
            + " with "
            + bits
            + " bits and "
            + lanes
            + (lanes == 1 ? " lane" : " lanes"));
  }
}
