package io.github.diffsvd.torch;

import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** X | U | S | V in one flat tensor, of which the results are views. */
final class FactorsNode extends SvdNode {
  private final SvdOptions options;
  private long version;

  FactorsNode(TensorBatch batch, SvdOptions options) {
    super(batch);
    this.options = options;
  }

  TorchSvd.Factors apply(Tensor x) {
    Tensor packed = join(batch.elementsOfFactors(), x.reshape(-1));
    keep(packed.detach());
    Plans.with(
        batch.key(options),
        plans ->
            plans.svd.forward(
                batch.matrices(packed, 0),
                batch.factors(packed, batch.elements()),
                plans.info,
                batch.stream));
    version = packed.__dispatch__version();
    long atU = batch.elements();
    long atS = atU + batch.elementsOfU();
    long atV = atS + batch.elementsOfS();
    Tensor s = packed.narrow(0, atS, batch.elementsOfS());
    return new TorchSvd.Factors(
        packed.narrow(0, atU, batch.elementsOfU()).view(batch.shaped(batch.rows, batch.k)),
        (batch.type.isComplex() ? torch.real(s) : s).view(batch.shaped(batch.k)),
        packed.narrow(0, atV, batch.elementsOfV()).view(batch.shaped(batch.columns, batch.k)));
  }

  @Override
  public Tensor pullBack(Tensor gradient) {
    if (saved().__dispatch__version() != version) {
      throw new IllegalStateException(
          "diffsvd: U, S or V was modified in place before its gradient was computed");
    }
    Tensor flat = plain(gradient);
    Tensor result = torch.zeros_like(flat);
    SvdFactors all = batch.factors(flat, batch.elements());
    long atS = batch.elements() + batch.elementsOfU();
    SvdCotangents given =
        new SvdCotangents(
            isAbsent(flat, batch.elements(), batch.elementsOfU()) ? null : all.u(),
            all.s(),
            isAbsent(flat, atS + batch.elementsOfS(), batch.elementsOfV()) ? null : all.v());
    Plans.with(
        batch.key(options),
        plans ->
            plans.svd.backward(
                batch.factors(saved(), batch.elements()),
                given,
                batch.matrices(result, 0),
                batch.stream));
    return result;
  }

  /** A gradient that nothing asked for arrives as zeros. Asking a GPU would mean to wait for it. */
  private static boolean isAbsent(Tensor flat, long first, long elements) {
    return !flat.is_cuda() && flat.narrow(0, first, elements).count_nonzero().item_long() == 0;
  }
}
