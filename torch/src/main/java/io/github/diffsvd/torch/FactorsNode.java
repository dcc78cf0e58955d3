package io.github.diffsvd.torch;

import io.github.diffsvd.Gauge;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** X | U | S | V in one flat tensor, of which the results are views. */
final class FactorsNode extends SvdNode {
  private final SvdOptions options;

  /** Null where nobody asks. */
  private final Consumer<double[]> gauge;

  FactorsNode(TensorBatch batch, SvdOptions options, Consumer<double[]> gauge) {
    super(batch);
    this.options = options;
    this.gauge = gauge;
  }

  TorchSvd.Factors apply(Tensor x) {
    Tensor packed = join(batch.elementsOfFactors(), x.reshape(-1));
    keep(packed.detach());
    Tensor info = batch.newInfo(x);
    batch.withPlan(
        SvdPlan.class,
        options,
        (plan, none) ->
            plan.forward(
                batch.matrices(packed, 0),
                batch.factors(packed, batch.elements()),
                batch.info(info),
                batch.stream));
    long atU = batch.elements();
    long atS = atU + batch.elementsOfU();
    long atV = atS + batch.elementsOfS();
    Tensor s = packed.narrow(0, atS, batch.elementsOfS());
    return new TorchSvd.Factors(
        packed.narrow(0, atU, batch.elementsOfU()).view(batch.shaped(batch.rows, batch.k)),
        (batch.type.isComplex() ? torch.real(s) : s).view(batch.shaped(batch.k)),
        packed.narrow(0, atV, batch.elementsOfV()).view(batch.shaped(batch.columns, batch.k)),
        info);
  }

  @Override
  public Tensor pullBack(Tensor gradient) {
    SvdFactors factors = batch.factors(unmodified("U, S or V"), batch.elements());
    Tensor flat = plain(gradient);
    Tensor result = torch.zeros_like(flat);
    SvdFactors all = batch.factors(flat, batch.elements());
    long atS = batch.elements() + batch.elementsOfU();
    SvdCotangents given =
        new SvdCotangents(
            isAbsent(flat, batch.elements(), batch.elementsOfU()) ? null : all.u(),
            all.s(),
            isAbsent(flat, atS + batch.elementsOfS(), batch.elementsOfV()) ? null : all.v());
    if (gauge != null) {
      gauge.accept(Gauge.dependence(batch.device, factors, given, batch.stream));
    }
    batch.withPlan(
        SvdPlan.class,
        options,
        (plan, none) -> plan.backward(factors, given, batch.matrices(result, 0), batch.stream));
    return result;
  }
}
