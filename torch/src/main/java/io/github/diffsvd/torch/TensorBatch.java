package io.github.diffsvd.torch;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.Plan;
import io.github.diffsvd.PlanPool;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The dimensions of a tensor … × m × n and where it is, and parts of flat tensors as the library
 * sees them. Singular values of complex matrices are the real parts of complex elements.
 */
final class TensorBatch {
  /** Opened once and never closed, like libtorch's own contexts. */
  private static final Map<String, PlanPool> POOLS = new ConcurrentHashMap<>();

  /** Of the plans that wait on each device; 1 GiB. */
  private static final long MOST_IDLE_BYTES = 1L << 30;

  private final long[] leading;
  final int size;
  final int rows;
  final int columns;
  final int k;
  final DataType type;
  final Device device;
  final PlanPool pool;
  final long stream;

  private TensorBatch(Tensor x, long[] sizes) {
    leading = Arrays.copyOf(sizes, sizes.length - 2);
    size = Math.toIntExact(Arrays.stream(leading).reduce(1, Math::multiplyExact));
    rows = Math.toIntExact(sizes[sizes.length - 2]);
    columns = Math.toIntExact(sizes[sizes.length - 1]);
    k = Math.min(rows, columns);
    type = TorchTensors.type(x);
    String name = x.is_cuda() ? "cuda:" + x.device().index() : "cpu";
    pool = POOLS.computeIfAbsent(name, TensorBatch::open);
    device = pool.device();
    stream = TorchTensors.stream(x);
  }

  private static PlanPool open(String device) {
    return new PlanPool(Device.open(device), MOST_IDLE_BYTES);
  }

  static TensorBatch of(Tensor x) {
    long[] sizes = x.sizes().vec().get();
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
          "x: expected … × n × n, got " + Arrays.toString(x.sizes().vec().get()));
    }
    return batch;
  }

  private BatchShape shape() {
    return new BatchShape(type, size, rows, columns);
  }

  /** Queues work with a plan of the device's pool; see {@link PlanPool#with}. */
  <P extends Plan> void withPlan(Class<P> kind, SvdOptions options, BiConsumer<P, SvdInfo> action) {
    pool.with(kind, shape(), options, stream, action);
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

  /** Room for a status per matrix, where x is. */
  Tensor newInfo(Tensor x) {
    return torch.zeros(leading, x.options().dtype(new ScalarTypeOptional(torch.ScalarType.Int)));
  }

  /** What {@link #newInfo} gave, as the library sees it. */
  SvdInfo info(Tensor info) {
    return SvdInfo.wrap(device, size == 0 ? 0 : info.data_ptr().address(), size);
  }

  private MatrixBatch packed(Tensor flat, long first, int rows, int columns) {
    return MatrixBatch.wrap(address(flat, first), new BatchShape(type, size, rows, columns));
  }

  private long address(Tensor flat, long first) {
    return flat.data_ptr().address() + first * type.bytes();
  }

  /** A parameter of one number, one per matrix or one per singular value, as the last of these. */
  Tensor perSingularValue(Tensor parameter) {
    if (parameter.is_complex()) {
      throw new IllegalArgumentException("threshold: expected a real tensor, got a complex one");
    }
    long[] given = parameter.sizes().vec().get();
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
