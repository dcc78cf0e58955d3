package io.github.diffsvd.torch;

import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import org.bytedeco.pytorch.Tensor;

/** Y = U f(S) Vᴴ, over the copy of X; the factors are kept beside. */
final class SpectralNode extends SvdNode {
  private final SpectralFunction function;

  SpectralNode(TensorBatch batch, SpectralFunction function) {
    super(batch);
    this.function = function;
  }

  Tensor apply(Tensor x) {
    Tensor packed = join(0, x.reshape(-1));
    Tensor factors = keep(batch.emptyFlat(batch.elementsOfFactors()));
    batch.withPlan(
        SpectralPlan.class,
        (plan, info) ->
            plan.forward(
                batch.matrices(packed, 0),
                function,
                batch.factors(factors, 0),
                batch.matrices(packed, 0),
                info,
                batch.stream));
    return packed.narrow(0, 0, batch.elements()).view(batch.shaped(batch.rows, batch.columns));
  }

  @Override
  public Tensor pullBack(Tensor gradient) {
    Tensor flat = plain(gradient);
    Tensor result = newResult(flat);
    batch.withPlan(
        SpectralPlan.class,
        (plan, info) ->
            plan.backward(
                batch.factors(saved(), 0),
                function,
                SpectralCotangents.of(batch.matrices(flat, 0)),
                batch.matrices(result, 0),
                null,
                batch.stream));
    return result;
  }
}
