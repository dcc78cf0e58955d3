package io.github.diffsvd.torch;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.Plan;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import java.util.Arrays;
import java.util.function.BiConsumer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;

/**
 * The dimensions of a tensor … × m × n and where it is, and parts of flat tensors as the library
 * sees them. Singular values of complex matrices are the real parts of complex elements.
 */
final class TensorBatch {
  private final long[] leading;
  final int size;
  final int rows;
  final int columns;
  final int k;
  final DataType type;
  final Device device;
  final Place place;
  final long stream;

  private TensorBatch(Tensor x, long[] sizes) {
    leading = Arrays.copyOf(sizes, sizes.length - 2);
    size = Math.toIntExact(Arrays.stream(leading).reduce(1, Math::multiplyExact));
    rows = Math.toIntExact(sizes[sizes.length - 2]);
    columns = Math.toIntExact(sizes[sizes.length - 1]);
    k = Math.min(rows, columns);
    type = TorchTensors.type(x);
    place = Place.of(x);
    device = place.pool.device();
    stream = TorchTensors.stream(x);
  }

  static TensorBatch of(Tensor x) {
    long[] sizes = TorchTensors.sizes(x);
    if (sizes.length < 2) {
      throw new IllegalArgumentException(
          "x: expected … × rows × columns, got " + Arrays.toString(sizes));
    }
    return new TensorBatch(x, sizes);
  }

  static TensorBatch ofSquare(Tensor x) {
    TensorBatch batch = of(x);
    if (batch.rows != batch.columns) {
      throw new IllegalArgumentException(
          "x: expected … × n × n, got " + Arrays.toString(TorchTensors.sizes(x)));
    }
    return batch;
  }

  private BatchShape shape() {
    return new BatchShape(type, size, rows, columns);
  }

  /** Queues work with a plan of the device's pool; see {@link io.github.diffsvd.PlanPool#with}. */
  <P extends Plan> void withPlan(Class<P> kind, SvdOptions options, BiConsumer<P, SvdInfo> action) {
    place.pool.with(kind, shape(), options, stream, action);
  }

  <P extends Plan> void withPlan(Class<P> kind, BiConsumer<P, SvdInfo> action) {
    withPlan(kind, SvdOptions.defaults(), action);
  }

  long elements() {
    return (long) size * rows * columns;
  }

  long elementsOfU() {
    return (long) size * rows * k;
  }

  long elementsOfS() {
    return (long) size * k;
  }

  long elementsOfV() {
    return (long) size * columns * k;
  }

  long elementsOfFactors() {
    return elementsOfU() + elementsOfS() + elementsOfV();
  }

  /** … as in x, and these. */
  long[] shaped(long... last) {
    long[] all = Arrays.copyOf(leading, leading.length + last.length);
    System.arraycopy(last, 0, all, leading.length, last.length);
    return all;
  }

  /** A batch of m×n matrices from an element of a flat tensor on. */
  MatrixBatch matrices(Tensor flat, long first) {
    return packed(flat, first, rows, columns);
  }

  /** U, S and V one after the other from an element of a flat tensor on. */
  SvdFactors factors(Tensor flat, long first) {
    long atS = first + elementsOfU();
    return new SvdFactors(
        packed(flat, first, rows, k),
        values(flat, atS),
        packed(flat, atS + elementsOfS(), columns, k));
  }

  /** A real number per singular value from an element of a flat tensor on. */
  MatrixBatch values(Tensor flat, long first) {
    int parts = type.isComplex() ? 2 : 1;
    return MatrixBatch.wrap(
        address(flat, first),
        new BatchShape(type.real(), size, k, 1),
        parts,
        parts,
        (long) k * parts);
  }

  /** An uninitialised tensor … × the sizes. */
  Tensor empty(DataType type, long... last) {
    return place.empty(type, shaped(last));
  }

  /** The same, flat. */
  Tensor emptyFlat(long elements) {
    return place.empty(type, elements);
  }

  /** Room for a status per matrix, where x is. */
  Tensor newInfo() {
    return place.emptyInts(leading);
  }

  /** What {@link #newInfo} gave, as the library sees it. */
  SvdInfo info(Tensor info) {
    return SvdInfo.wrap(device, address(info, 0), size);
  }

  /** The memory of a tensor … × rows × columns of this batch, where nothing lies between. */
  MatrixBatch whole(Tensor packed) {
    return packed(packed, 0, rows, columns);
  }

  /** The same of what {@link #empty} gave for the factors. */
  SvdFactors factors(Tensor u, Tensor s, Tensor v) {
    return new SvdFactors(
        packed(u, 0, rows, k),
        MatrixBatch.wrap(address(s, 0), new BatchShape(type.real(), size, k, 1)),
        packed(v, 0, columns, k));
  }

  private MatrixBatch packed(Tensor flat, long first, int rows, int columns) {
    return MatrixBatch.wrap(address(flat, first), new BatchShape(type, size, rows, columns));
  }

  private long address(Tensor flat, long first) {
    Pointer data = flat.data_ptr();
    return data == null ? 0 : data.address() + first * type.bytes();
  }

  /** A parameter of one number, one per matrix or one per singular value, as the last of these. */
  Tensor perSingularValue(Tensor parameter) {
    if (parameter.is_complex()) {
      throw new IllegalArgumentException("threshold: expected a real tensor, got a complex one");
    }
    long[] given = TorchTensors.sizes(parameter);
    long[] all = shaped(k);
    if (parameter.numel() == 1) {
      return parameter.reshape(new long[0]).expand(all);
    }
    if (Arrays.equals(given, all)) {
      return parameter;
    }
    if (Arrays.equals(given, leading)) {
      return parameter.unsqueeze(-1).expand(all);
    }
    throw new IllegalArgumentException(
        "threshold: expected one number, "
            + Arrays.toString(leading)
            + " or "
            + Arrays.toString(all)
            + ", got "
            + Arrays.toString(given));
  }
}
