package io.github.diffsvd.torch;

import io.github.diffsvd.DataType;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;

/** A decomposition in the graph: what its pullback needs is kept until the graph lets go of it. */
abstract class SvdNode implements GraphNode.Pullback {
  final TensorBatch batch;
  private boolean tracked;
  private final List<Tensor> kept = new ArrayList<>();
  private long version;

  SvdNode(TensorBatch batch) {
    this.batch = batch;
  }

  /** The inputs and room for more in one flat tensor, whose gradient comes here. */
  final Tensor join(long room, Tensor... inputs) {
    tracked = GraphNode.tracks(inputs);
    return tracked
        ? GraphNode.join(this, batch, room, inputs)
        : GraphNode.joinWithoutGraph(batch, room, inputs);
  }

  /** Keeps a tensor, in a graph until {@link #close()}. The first one is {@link #saved()}. */
  final Tensor keep(Tensor tensor) {
    kept.add(tensor);
    if (tracked) {
      version = saved().__dispatch__version();
      tensor.retainReference();
    }
    return tensor;
  }

  final Tensor saved() {
    return kept.get(0);
  }

  /** As {@link #saved()}, where the caller was given parts of it. */
  final Tensor unmodified(String results) {
    if (saved().__dispatch__version() != version) {
      throw new IllegalStateException(
          "diffsvd: " + results + " was modified in place before its gradient was computed");
    }
    return saved();
  }

  /** Packed, with nothing left to be done when it is read. */
  static Tensor plain(Tensor gradient) {
    boolean asInMemory = !gradient.is_conj() && !gradient.is_neg();
    return asInMemory && gradient.is_contiguous()
        ? gradient
        : gradient.resolve_conj().resolve_neg().contiguous();
  }

  /** For the gradient of packed: the inputs' part is to be written, and nobody reads the room's. */
  final Tensor newResult(Tensor gradient) {
    Tensor result = batch.emptyFlat(gradient.numel());
    result.narrow(0, gradient.numel() - 1, 1).zero_();
    return result;
  }

  /** A gradient that nothing asked for arrives as zeros. Asking a GPU would mean to wait for it. */
  final boolean isAbsent(Tensor flat, long first, long elements) {
    if (flat.is_cuda()) {
      return false;
    }
    long ofElement = batch.type.bytes();
    Pointer part = flat.data_ptr();
    return isZero(part.position(first * ofElement).limit((first + elements) * ofElement));
  }

  /** But for signs. */
  private boolean isZero(Pointer part) {
    BytePointer bytes = new BytePointer(part);
    long end = bytes.limit() - bytes.position();
    boolean single = batch.type.real() == DataType.FLOAT32;
    for (long i = 0; i < end; i += batch.type.real().bytes()) {
      if (single ? bytes.getInt(i) << 1 != 0 : bytes.getLong(i) << 1 != 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    kept.forEach(Tensor::close);
  }
}
