package io.github.diffsvd.torch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.FunctionPreHook;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.PointerConsumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * A node of libtorch's graph whose pullback is written in Java. The bindings cannot derive from
 * autograd's Function, so it is made of three nodes that are there:
 *
 * <pre>
 *   inputs, flat ──┐
 *   room ──────────┼── cat ── mul(1) ── packed
 *   leaf·token ────┘    ↑ hook
 * </pre>
 *
 * The hook replaces the gradient that reaches cat, which hands its parts to the inputs. Values are
 * written over packed's memory, for no node has saved it. The product with 1 saves its factor, so
 * that a second backward pass without retain_graph fails there with libtorch's message. The product
 * with the token saves the token, and the token's memory is freed with it: when the backward pass
 * is over or the graph is dropped. That is when the pullback is closed.
 */
final class GraphNode {
  /** What the node remembers, and its backward pass. */
  interface Pullback extends AutoCloseable {
    /**
     * The backward pass.
     *
     * @param gradient with respect to packed; not changed
     * @return with respect to packed's memory as the inputs' memory, of the same length; only the
     *     inputs' parts are read
     */
    Tensor pullBack(Tensor gradient);

    @Override
    void close();
  }

  /** Of every node whose token is alive, by the token's address: C++ does not keep them. */
  private static final Map<Long, Hook> ALIVE = new ConcurrentHashMap<>();

  private static final Release RELEASE = new Release();

  static {
    // Whichever scope it happens to be made in.
    RELEASE.retainReference();
  }

  private GraphNode() {}

  /** Whether libtorch would make a graph of a function of these. */
  static boolean tracks(Tensor... inputs) {
    return GradMode.is_enabled() && Arrays.stream(inputs).anyMatch(Tensor::requires_grad);
  }

  /**
   * A new flat tensor of the inputs' elements, `room` more and one; its gradient goes through the
   * pullback to the inputs.
   *
   * @param inputs flat, of one type and device
   */
  static Tensor join(Pullback pullback, TensorBatch batch, long room, Tensor... inputs) {
    Hook hook = new Hook(pullback);
    hook.retainReference();
    Tensor token = batch.place.leaf(batch.type).mul(token(hook));
    List<Tensor> parts = new ArrayList<>(List.of(inputs));
    if (room > 0) {
      parts.add(batch.emptyFlat(room));
    }
    parts.add(token);
    Tensor joined = torch.cat(new TensorVector(parts.toArray(Tensor[]::new)), 0);
    joined.grad_fn().add_pre_hook(hook);
    return joined.mul(batch.place.one());
  }

  /** As {@link #join} without a graph. */
  static Tensor joinWithoutGraph(TensorBatch batch, long room, Tensor... inputs) {
    List<Tensor> parts = new ArrayList<>(List.of(inputs));
    parts.add(batch.emptyFlat(room + 1));
    return torch.cat(new TensorVector(parts.toArray(Tensor[]::new)), 0).detach();
  }

  /** How many nodes hold factors. */
  static int alive() {
    return ALIVE.size();
  }

  private static Tensor token(Hook hook) {
    FloatPointer one = new FloatPointer(Pointer.malloc(Float.BYTES)).put(1f);
    ALIVE.put(one.address(), hook);
    return torch.from_blob(one, new long[0], RELEASE);
  }

  private static final class Hook extends FunctionPreHook {
    private final Pullback pullback;

    /** Until C++ has taken its tensors. */
    private TensorVector result;

    Hook(Pullback pullback) {
      this.pullback = pullback;
    }

    @Override
    public TensorVector apply(TensorVector gradients) {
      if (GradMode.is_enabled()) {
        throw new UnsupportedOperationException(
            "diffsvd: no second derivatives: backward was called with create_graph");
      }
      closeResult();
      try (PointerScope scope = new PointerScope()) {
        Tensor gradient = gradients.get(0);
        result = new TensorVector(gradient.defined() ? pullback.pullBack(gradient) : gradient);
        result.retainReference();
      }
      return result;
    }

    void release() {
      pullback.close();
      closeResult();
    }

    private void closeResult() {
      if (result != null) {
        result.close();
        result = null;
      }
    }
  }

  private static final class Release extends PointerConsumer {
    @Override
    public void call(Pointer token) {
      Hook hook = ALIVE.remove(token.address());
      Pointer.free(token);
      hook.release();
    }
  }
}
