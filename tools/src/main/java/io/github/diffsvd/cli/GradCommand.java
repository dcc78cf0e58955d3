package io.github.diffsvd.cli;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.files.FileException;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyWriter;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** {@code diffsvd grad}: the pullback of the SVD of every matrix of a file. */
@Command(
    name = "grad",
    description = {
      "The gradient with respect to A of a real loss, from its gradients with respect to U, S, V.",
      "All are ∂L/∂Re + i·∂L/∂Im, of A's dtype (S: its real part's); one at least is needed."
    })
final class GradCommand extends LossCommand {
  @Option(
      names = "--out",
      paramLabel = "GA.npy",
      required = true,
      description = "The file to write: dtype and shape of A.")
  private Path output;

  @Option(
      names = "--rule",
      paramLabel = "RULE[=PARAMETER]",
      completionCandidates = Names.Rules.class,
      description =
          "What stands in for 1/(s_j − s_i): ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}",
      defaultValue = "moore-penrose")
  private String rule;

  @Option(
      names = "--resolve-ties",
      description = "Raise singular values until their gaps are at least √eps·s₁.")
  private boolean resolveTies;

  @Override
  SvdOptions options() {
    try {
      return SvdOptions.defaults().withRule(GradientRule.parse(rule)).withResolveTies(resolveTies);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec().commandLine(), "--" + e.getMessage(), e);
    }
  }

  @Override
  List<Path> outputs() {
    return List.of(output);
  }

  @Override
  void apply(
      Device device, MatrixFile file, SvdPlan plan, SvdFactors factors, SvdCotangents cotangents)
      throws FileException {
    NpyHeader header = NpyHeader.of(MatrixFile.npyType(file.type()), file.shape());
    try (OwnedMatrixBatch gradient =
            device.allocate(
                new BatchShape(file.type(), file.batch(), file.rows(), file.columns()));
        NpyWriter writer = NpyWriter.create(output, header)) {
      plan.backward(factors, cotangents, gradient, 0);
      file.store(device, gradient, writer);
      NpyWriter.commit(writer);
    }
    Lines.print(
        spec(),
        "gradient of "
            + file.describe()
            + ", "
            + plan.options().rule()
            + ", on "
            + device
            + ": "
            + output);
  }
}
