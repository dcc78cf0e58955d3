package io.github.diffsvd.experiments;

import io.github.diffsvd.experiments.Comparison.Outcome;
import java.util.List;
import org.bytedeco.pytorch.Device;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ties}: pictures and transforms whose singular values repeat. */
@Command(
    name = "ties",
    description =
        "Compressed sensing of diagonal stripes, whose singular values come in pairs, by a network"
            + " that starts as the identity and keeps them so.",
    mixinStandardHelpOptions = true)
final class TiesCommand extends ExperimentCommand {
  private static final double[] RATES = {0.3, 0.5};

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Pictures a step. Default: ${DEFAULT-VALUE}")
  private int batch = 4;

  TiesCommand() {
    super(3, 600, 3e-3);
  }

  @Override
  Experiment experiment(Device device) {
    require(batch >= 1, "--batch: expected at least 1, got " + batch);
    return new CyclicStripes(cells, batch, RATES, device);
  }

  @Override
  String title() {
    return "Ties on purpose";
  }

  @Override
  String choices() {
    return "batches of " + batch + " pictures of 32×32, 30 % or 50 % seen";
  }

  @Override
  void show(ExperimentReport report, List<Outcome> outcomes) {
    report
        .page()
        .paragraph(
            "Pictures are circulant matrices: their singular values are magnitudes of a real"
                + " signal's spectrum and come in pairs; a quarter of them has one colour and rank"
                + " one. The network starts as the identity, its borders are joined and its masks"
                + " are stripes too, so that the pairs stay pairs, up to rounding, all through"
                + " training.");
  }
}
