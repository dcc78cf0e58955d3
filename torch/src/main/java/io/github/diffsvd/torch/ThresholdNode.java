package io.github.diffsvd.torch;

import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SpectralTable;
import io.github.diffsvd.SvdFactors;
import org.bytedeco.pytorch.Tensor;

/**
 * Y = U max(S − W, 0) Vᴴ, over the copy of X, after which the parameter lies. W is the parameter,
 * or the parameter times s₁. Kept: U | S | V, with W after them where it is not the parameter, and
 * Y | parameter.
 */
final class ThresholdNode extends SvdNode {
  private final boolean relative;
  private Tensor joined;

  ThresholdNode(TensorBatch batch, boolean relative) {
    super(batch);
    this.relative = relative;
  }

  Tensor apply(Tensor x, Tensor parameter) {
    Tensor parameters = batch.perSingularValue(parameter).to(x.scalar_type()).reshape(-1);
    Tensor packed = join(0, x.reshape(-1), parameters);
    Tensor kept =
        keep(batch.emptyFlat(batch.elementsOfFactors() + (relative ? batch.elementsOfS() : 0)));
    clearImaginary(kept);
    joined = keep(packed.detach());
    SvdFactors factors = batch.factors(kept, 0);
    batch.withPlan(
        SpectralPlan.class,
        (plan, info) -> {
          plan.forward(batch.matrices(packed, 0), factors, info, batch.stream);
          if (relative) {
            perMatrix(kept, batch.elementsOfFactors()).copy_(parameters().mul(largest()));
          }
          plan.compose(factors, table(), batch.matrices(packed, 0), batch.stream);
        });
    return packed.narrow(0, 0, batch.elements()).view(batch.shaped(batch.rows, batch.columns));
  }

  @Override
  public Tensor pullBack(Tensor gradient) {
    Tensor flat = plain(gradient);
    Tensor result = newResult(flat);
    clearImaginary(result);
    batch.withPlan(
        SpectralPlan.class,
        (plan, info) ->
            plan.backward(
                batch.factors(saved(), 0),
                table(),
                SpectralCotangents.of(batch.matrices(flat, 0)),
                batch.matrices(result, 0),
                batch.values(result, batch.elements()),
                batch.stream));
    if (relative) {
      throughLargest(result);
    }
    return result;
  }

  /** Plans write real numbers into complex elements, whose imaginary parts libtorch reads. */
  private void clearImaginary(Tensor flat) {
    if (relative && batch.type.isComplex()) {
      flat.zero_();
    }
  }

  /** From ∂L/∂W to ∂L/∂φ, and what goes through s₁ to X: ∂s₁ = u₁ᴴ ∂X v₁. */
  private void throughLargest(Tensor result) {
    Tensor ofWeights = perMatrix(result, batch.elements());
    Tensor ofLargest = ofWeights.mul(parameters()).sum(1).view(batch.size, 1, 1);
    Tensor u =
        saved()
            .narrow(0, 0, batch.elementsOfU())
            .view(batch.size, batch.rows, batch.k)
            .narrow(2, 0, 1);
    Tensor v =
        saved()
            .narrow(0, batch.elementsOfU() + batch.elementsOfS(), batch.elementsOfV())
            .view(batch.size, batch.columns, batch.k)
            .narrow(2, 0, 1);
    result
        .narrow(0, 0, batch.elements())
        .view(batch.size, batch.rows, batch.columns)
        .add_(ofLargest.mul(u).matmul(v.conj().transpose(1, 2)));
    ofWeights.mul_(largest());
  }

  private SpectralTable table() {
    return SpectralTable.softThreshold(
        relative
            ? batch.values(saved(), batch.elementsOfFactors())
            : batch.values(joined, batch.elements()));
  }

  private Tensor parameters() {
    return perMatrix(joined, batch.elements());
  }

  /** s₁ of every matrix, as a column. */
  private Tensor largest() {
    return perMatrix(saved(), batch.elementsOfU()).narrow(1, 0, Math.min(1, batch.k));
  }

  private Tensor perMatrix(Tensor flat, long first) {
    return flat.narrow(0, first, batch.elementsOfS()).view(batch.size, batch.k);
  }
}
