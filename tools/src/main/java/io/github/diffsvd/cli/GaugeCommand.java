package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import io.github.diffsvd.Gauge;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code diffsvd gauge}: which matrices' losses depend on the choice of singular vectors. */
@Command(
    name = "gauge",
    description = {
      "Whether a loss depends on the gauge of U and V.",
      "The gauge is the choice of phases, and of vectors within groups of equal singular values. A"
          + " loss that depends on it has no gradient there.",
      "Prints each matrix that does, and by how much, relative to the gradients given."
    })
final class GaugeCommand extends LossCommand {
  @Option(
      names = "--tolerance",
      paramLabel = "T",
      description =
          "Print from this dependence on. Default: 16 m eps of the type, which is rounding.")
  private Double tolerance;

  @Override
  SvdOptions options() {
    return SvdOptions.defaults();
  }

  @Override
  List<Path> outputs() {
    return List.of();
  }

  @Override
  void apply(
      Device device, MatrixFile file, SvdPlan plan, SvdFactors factors, SvdCotangents cotangents) {
    double[] dependence = Gauge.dependence(device, factors, cotangents, 0);
    double least =
        tolerance == null
            ? 16 * Math.max(file.rows(), file.columns()) * file.type().epsilon()
            : tolerance;
    PrintWriter out = spec().commandLine().getOut();
    int dependent = 0;
    for (int b = 0; b < dependence.length; b++) {
      if (!(dependence[b] <= least)) {
        dependent++;
        out.println(String.format(Locale.ROOT, "matrix %d: %.3g", b, dependence[b]));
      }
    }
    out.println(
        String.format(
            Locale.ROOT,
            "%d of %s: the loss depends on the gauge (above %.1e)",
            dependent,
            file.describe(),
            least));
  }
}
