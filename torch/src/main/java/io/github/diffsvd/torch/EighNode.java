package io.github.diffsvd.torch;

import io.github.diffsvd.EighCotangents;
import io.github.diffsvd.EighFactors;
import io.github.diffsvd.EighPlan;
import io.github.diffsvd.SvdOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** X | U | λ in one flat tensor, of which the results are views. */
final class EighNode extends SvdNode {
  private final SvdOptions options;
  private final long atU;
  private final long atValues;

  EighNode(TensorBatch batch, SvdOptions options) {
    super(batch);
    this.options = options;
    atU = batch.elements();
    atValues = atU + batch.elementsOfU();
  }

  TorchSvd.Eigh apply(Tensor x) {
    Tensor packed = join(batch.elementsOfU() + batch.elementsOfS(), x.reshape(-1));
    keep(packed.detach());
    Tensor info = batch.newInfo();
    batch.withPlan(
        EighPlan.class,
        options,
        (plan, none) ->
            plan.forward(
                batch.matrices(packed, 0), factors(packed), batch.info(info), batch.stream));
    Tensor values = packed.narrow(0, atValues, batch.elementsOfS());
    return new TorchSvd.Eigh(
        (batch.type.isComplex() ? torch.real(values) : values).view(batch.shaped(batch.k)),
        packed.narrow(0, atU, batch.elementsOfU()).view(batch.shaped(batch.rows, batch.columns)),
        info);
  }

  @Override
  public Tensor pullBack(Tensor gradient) {
    Tensor kept = unmodified("values or vectors");
    Tensor flat = plain(gradient);
    Tensor result = newResult(flat);
    EighCotangents given =
        new EighCotangents(
            batch.values(flat, atValues),
            isAbsent(flat, atU, batch.elementsOfU()) ? null : batch.matrices(flat, atU));
    batch.withPlan(
        EighPlan.class,
        options,
        (plan, none) ->
            plan.backward(factors(kept), given, batch.matrices(result, 0), batch.stream));
    return result;
  }

  private EighFactors factors(Tensor flat) {
    return new EighFactors(batch.values(flat, atValues), batch.matrices(flat, atU));
  }
}
