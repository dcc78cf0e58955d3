package io.github.diffsvd.torch;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A decomposition in the graph: what its pullback needs is kept until the graph lets go of it. */
abstract class SvdNode implements GraphNode.Pullback {
  final TensorBatch batch;
  private boolean tracked;
  private Tensor saved;
  private long version;

  SvdNode(TensorBatch batch) {
    this.batch = batch;
  }

  /** The inputs and room for more in one flat tensor, whose gradient comes here. */
  final Tensor join(long room, Tensor... inputs) {
    tracked = GraphNode.tracks(inputs);
    return tracked ? GraphNode.join(this, room, inputs) : GraphNode.joinWithoutGraph(room, inputs);
  }

  /** Keeps a tensor for {@link #saved()}, in a graph until {@link #close()}. */
  final Tensor keep(Tensor tensor) {
    saved = tensor;
    if (tracked) {
      version = tensor.__dispatch__version();
      tensor.retainReference();
    }
    return tensor;
  }

  final Tensor saved() {
    return saved;
  }

  /** As {@link #saved()}, where the caller was given parts of it. */
  final Tensor unmodified(String results) {
    if (saved.__dispatch__version() != version) {
      throw new IllegalStateException(
          "diffsvd: " + results + " was modified in place before its gradient was computed");
    }
    return saved;
  }

  /** Packed, with nothing left to be done when it is read. */
  static Tensor plain(Tensor gradient) {
    return gradient.resolve_conj().resolve_neg().contiguous();
  }

  /** A gradient that nothing asked for arrives as zeros. Asking a GPU would mean to wait for it. */
  static boolean isAbsent(Tensor flat, long first, long elements) {
    return !flat.is_cuda() && flat.narrow(0, first, elements).count_nonzero().item_long() == 0;
  }

  final Tensor zeros(Tensor like, long elements) {
    return torch.zeros(new long[] {elements}, like.options());
  }

  @Override
  public void close() {
    if (saved != null) {
      saved.close();
    }
  }
}
