package io.github.diffsvd.torch;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.PlanPool;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.MemoryFormatOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * A device of libtorch's, with what every call on it would otherwise make anew: JavaCPP asks the
 * operating system how large the process is for each object that owns memory of C++, which takes
 * longer than most of libtorch's calls. Made once and never closed, like libtorch's own contexts.
 */
final class Place {
  private static final Map<String, Place> ALL = new ConcurrentHashMap<>();

  /** Of the plans that wait on each device; 1 GiB. */
  private static final long MOST_IDLE_BYTES = 1L << 30;

  final PlanPool pool;
  private final Map<DataType, TensorOptions> options = new EnumMap<>(DataType.class);
  private final TensorOptions ints;
  private final MemoryFormatOptional anyFormat = new MemoryFormatOptional();
  private final Map<DataType, Tensor> leaves = new ConcurrentHashMap<>();
  private Tensor one;

  private Place(String device, Tensor x) {
    pool = new PlanPool(Device.open(device), MOST_IDLE_BYTES);
    anyFormat.retainReference();
    try (PointerScope scope = new PointerScope()) {
      for (DataType type : DataType.values()) {
        options.put(type, options(x, TorchTensors.scalarType(type)));
      }
      ints = options(x, torch.ScalarType.Int);
    }
  }

  private static TensorOptions options(Tensor x, torch.ScalarType type) {
    TensorOptions result = x.options().dtype(new ScalarTypeOptional(type));
    result.retainReference();
    return result;
  }

  /** Where a tensor is. */
  static Place of(Tensor x) {
    return ALL.computeIfAbsent(
        x.is_cuda() ? "cuda:" + x.device().index() : "cpu", device -> new Place(device, x));
  }

  /** Uninitialised. */
  Tensor empty(DataType type, long... sizes) {
    return torch.empty(sizes, options.get(type), anyFormat);
  }

  Tensor emptyInts(long... sizes) {
    return torch.empty(sizes, ints, anyFormat);
  }

  /** One number that requires a gradient, which nobody reads; the same each time. */
  Tensor leaf(DataType type) {
    return leaves.computeIfAbsent(
        type,
        t -> {
          Tensor leaf = kept(torch.zeros(new long[] {1}, options.get(t)));
          leaf.set_requires_grad(true);
          return leaf;
        });
  }

  /** The number 1, for what multiplies by it to be remembered; the same each time. */
  synchronized Tensor one() {
    if (one == null) {
      one = kept(torch.ones(new long[0]));
    }
    return one;
  }

  /** Beyond the scope that it was made in. */
  private static Tensor kept(Tensor tensor) {
    tensor.retainReference();
    return tensor;
  }
}
