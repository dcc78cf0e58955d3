package io.github.diffsvd.torch;

import io.github.diffsvd.GradientRule;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** X | U | λ in one flat tensor, of which the results are views. */
final class EighNode extends SvdNode {
  private final GradientRule rule;
  private final long atU;
  private final long atValues;

  EighNode(TensorBatch batch, GradientRule rule) {
    super(batch);
    this.rule = rule;
    atU = batch.elements();
    atValues = atU + batch.elementsOfU();
  }

  TorchSvd.Eigh apply(Tensor x) {
    Tensor packed = join(batch.elementsOfU() + batch.elementsOfS(), x.reshape(-1));
    keep(packed.detach());
    Tensor info = batch.newInfo(x);
    Plans.SHARED.with(
        batch.key(rule),
        plans ->
            plans.eigh.forward(
                batch.matrices(packed, 0),
                batch.values(packed, atValues),
                batch.matrices(packed, atU),
                batch.info(info),
                batch.stream));
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
    Tensor result = torch.zeros_like(flat);
    Plans.SHARED.with(
        batch.key(rule),
        plans ->
            plans.eigh.backward(
                batch.values(kept, atValues),
                batch.matrices(kept, atU),
                batch.values(flat, atValues),
                isAbsent(flat, atU, batch.elementsOfU()) ? null : batch.matrices(flat, atU),
                batch.matrices(result, 0),
                batch.stream));
    return result;
  }
}
