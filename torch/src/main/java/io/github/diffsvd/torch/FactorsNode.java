package io.github.diffsvd.torch;

import io.github.diffsvd.Gauge;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
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
    return GraphNode.tracks(x) ? inGraph(x) : alone(x);
  }

  private TorchSvd.Factors alone(Tensor x) {
    Tensor a = plain(x);
    TorchSvd.Factors result =
        new TorchSvd.Factors(
            batch.empty(batch.type, batch.rows, batch.k),
            batch.empty(batch.type.real(), batch.k),
            batch.empty(batch.type, batch.columns, batch.k),
            batch.newInfo());
    batch.withPlan(
        SvdPlan.class,
        options,
        (plan, none) ->
            plan.forward(
                batch.whole(a),
                batch.factors(result.u(), result.s(), result.v()),
                batch.info(result.info()),
                batch.stream));
    return result;
  }

  private TorchSvd.Factors inGraph(Tensor x) {
    Tensor packed = join(batch.elementsOfFactors(), x.reshape(-1));
    keep(packed.detach());
    Tensor info = batch.newInfo();
    batch.withPlan(
        SvdPlan.class,
        options,
        (plan, none) ->
            plan.forward(
                batch.matrices(packed, 0),
                batch.factors(packed, batch.elements()),
                batch.info(info),
                batch.stream));
    // One node for all of them, whose backward pass is one copy.
    TensorVector parts =
        torch.split_with_sizes(
            packed,
            batch.elements(),
            batch.elementsOfU(),
            batch.elementsOfS(),
            batch.elementsOfV(),
            1);
    Tensor s = parts.get(2);
    return new TorchSvd.Factors(
        parts.get(1).view(batch.shaped(batch.rows, batch.k)),
        (batch.type.isComplex() ? torch.real(s) : s).view(batch.shaped(batch.k)),
        parts.get(3).view(batch.shaped(batch.columns, batch.k)),
        info);
  }

  @Override
  public Tensor pullBack(Tensor gradient) {
    SvdFactors factors = batch.factors(unmodified("U, S or V"), batch.elements());
    Tensor flat = plain(gradient);
    Tensor result = newResult(flat);
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
