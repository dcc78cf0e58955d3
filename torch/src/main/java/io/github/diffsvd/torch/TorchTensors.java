package io.github.diffsvd.torch;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.interop.Streams;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch_cuda;

/** libtorch's memory and streams, for plans that are called without autograd. */
public final class TorchTensors {
  private TorchTensors() {}

  /**
   * The memory of a tensor … × rows × columns as a batch, with its strides and without a copy. The
   * tensor has to stay reachable until the work on it is done.
   *
   * @param x float32, float64, complex64 or complex128, on a GPU or the CPU
   * @throws IllegalArgumentException if it is of another type, has fewer dimensions, is conjugated
   *     or negated lazily, or has leading dimensions that no single stride steps through
   */
  public static MatrixBatch wrap(Tensor x) {
    long[] sizes = sizes(x);
    long[] strides = LongStream.range(0, sizes.length).map(x::stride).toArray();
    int leading = sizes.length - 2;
    if (leading < 0) {
      throw new IllegalArgumentException(
          "x: expected … × rows × columns, got " + Arrays.toString(sizes));
    }
    if (x.is_conj() || x.is_neg()) {
      throw new IllegalArgumentException(
          "x: its values are not those in its memory; resolve_conj() and resolve_neg() give a copy"
              + " that has them");
    }
    long batch = 1;
    long batchStride = 0;
    for (int i = leading - 1; i >= 0; i--) {
      if (sizes[i] == 1) {
        continue;
      }
      if (batch > 1 && strides[i] != batch * batchStride) {
        throw new IllegalArgumentException(
            "x: no single stride steps through its leading dimensions, got "
                + Arrays.toString(sizes)
                + " with strides "
                + Arrays.toString(strides)
                + "; contiguous() gives a copy that one does");
      }
      batchStride = batch > 1 ? batchStride : strides[i];
      batch *= sizes[i];
    }
    BatchShape shape =
        new BatchShape(
            type(x),
            Math.toIntExact(batch),
            Math.toIntExact(sizes[leading]),
            Math.toIntExact(sizes[leading + 1]));
    return MatrixBatch.wrap(
        shape.isEmpty() ? 0 : x.data_ptr().address(),
        shape,
        strides[leading],
        strides[leading + 1],
        batchStride);
  }

  /**
   * The stream that libtorch queues work on the tensor's device on, on this thread, as all calls
   * take it; 0 on the CPU, where nothing reads it.
   */
  public static long stream(Tensor x) {
    return x.is_cuda()
        ? Streams.handle(torch_cuda.getCurrentCUDAStream(x.device().index()).stream())
        : 0;
  }

  static long[] sizes(Tensor x) {
    return LongStream.range(0, x.dim()).map(x::size).toArray();
  }

  static torch.ScalarType scalarType(DataType type) {
    return switch (type) {
      case FLOAT32 -> torch.ScalarType.Float;
      case FLOAT64 -> torch.ScalarType.Double;
      case COMPLEX64 -> torch.ScalarType.ComplexFloat;
      case COMPLEX128 -> torch.ScalarType.ComplexDouble;
    };
  }

  static DataType type(Tensor x) {
    torch.ScalarType type = x.scalar_type();
    return switch (type.intern()) {
      case Float -> DataType.FLOAT32;
      case Double -> DataType.FLOAT64;
      case ComplexFloat -> DataType.COMPLEX64;
      case ComplexDouble -> DataType.COMPLEX128;
      default ->
          throw new IllegalArgumentException(
              "x: expected float32, float64, complex64 or complex128, got " + type.intern());
    };
  }
}
