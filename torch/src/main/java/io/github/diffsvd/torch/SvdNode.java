package io.github.diffsvd.torch;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** A decomposition in the graph: what its pullback needs is kept until the graph lets go of it. */
abstract class SvdNode implements GraphNode.Pullback {
  final TensorBatch batch;
  private boolean tracked;
  private Tensor saved;

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
      tensor.retainReference();
    }
    return tensor;
  }

  final Tensor saved() {
    return saved;
  }

  /** Packed, with nothing left to be done when it is read. */
  static Tensor plain(Tensor gradient) {
    return gradient.resolve_conj().resolve_neg().contiguous();
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
