package io.github.diffsvd.cli;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.files.FileException;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyWriter;
import io.github.diffsvd.report.Outputs;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code diffsvd spectral}: a function of the singular values, and its pullback. */
@Command(
    name = "spectral",
    description = {
      "Y = U f(S) Vᴴ for every matrix A = U S Vᴴ of a .npy file, and its gradient.",
      "With --grad-y and --grad-out: the gradient with respect to A of a loss of Y, exact at repeated"
          + " singular values."
    })
final class SpectralCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "A.npy",
      description =
          "Shape (…, m, n), a file or a pipe: float32, float64, complex64 or complex128; float16 is"
              + " converted to float32, integers to float64.")
  private Path input;

  @Option(
      names = "--function",
      paramLabel = "NAME[=PARAMETER]",
      required = true,
      completionCandidates = Names.Functions.class,
      description = {
        "f: ${COMPLETION-CANDIDATES}.",
        "Thresholds, power, reciprocal, polar and clip have a parameter, as in soft-threshold=0.5;"
            + " reciprocal=t is 1/s above t·s₁, polar=t is 1 there."
      })
  private String function;

  @Option(
      names = "--cut",
      paramLabel = "T",
      description = {
        "Singular values at or below T·s₁ count as 0 in sqrt, log and power. Default: 0, A is taken at",
        "its word; for a covariance, whose small values are rounding, take max(m, n)·eps."
      })
  private Double cut;

  @Option(
      names = "--out",
      paramLabel = "Y.npy",
      required = true,
      description = "The file to write: dtype and shape of A.")
  private Path output;

  @Option(names = "--grad-y", paramLabel = "GY.npy", description = "∂L/∂Y, dtype and shape of A")
  private Path gradY;

  @Option(names = "--grad-out", paramLabel = "GA.npy", description = "∂L/∂A, to write")
  private Path gradOutput;

  @Mixin private DeviceOption deviceOption;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws FileException {
    if ((gradY == null) != (gradOutput == null)) {
      throw new ParameterException(
          spec.commandLine(), "--grad-y and --grad-out are needed together");
    }
    SpectralFunction f = chosen();
    Outputs.checkFiles(given(input, gradY), given(output, gradOutput));
    try (MatrixFile file = MatrixFile.open(input, spec);
        MatrixFile gyFile =
            gradY == null
                ? null
                : MatrixFile.open(
                    gradY, file.type(), file.shapeWith(file.rows(), file.columns()), spec);
        Device device = deviceOption.open()) {
      int batch = file.batch();
      int rows = file.rows();
      int columns = file.columns();
      NpyHeader header = NpyHeader.of(MatrixFile.npyType(file.type()), file.shape());
      try (SpectralPlan plan =
              SpectralPlan.create(device, new BatchShape(file.type(), batch, rows, columns));
          OwnedMatrixBatch a = file.load(device, batch, rows, columns);
          OwnedMatrixBatch y = device.allocate(new BatchShape(file.type(), batch, rows, columns));
          OwnedMatrixBatch gy = gyFile == null ? null : gyFile.load(device, batch, rows, columns);
          SvdFactors factors = plan.allocateFactors();
          SvdInfo info = device.allocateInfo(batch);
          NpyWriter yFile = NpyWriter.create(output, header);
          NpyWriter gradFile = gyFile == null ? null : NpyWriter.create(gradOutput, header)) {
        plan.forward(a, f, factors, y, info, 0);
        file.store(device, y, yFile);
        Decompositions.warn(spec, input, info);
        if (gyFile == null) {
          NpyWriter.commit(yFile);
        } else {
          plan.backward(factors, f, SpectralCotangents.of(gy), a);
          file.store(device, a, gradFile);
          NpyWriter.commit(yFile, gradFile);
        }
        Lines.print(spec, f + " of " + file.describe() + ", on " + device + ": " + output);
      }
    }
    return 0;
  }

  private static List<Path> given(Path... files) {
    return Stream.of(files).filter(Objects::nonNull).toList();
  }

  private SpectralFunction chosen() {
    try {
      SpectralFunction chosen = SpectralFunction.parse(function);
      if (cut != null) {
        return chosen.withCut(cut);
      }
      return chosen.hasDefaultCut() ? chosen.withCut(0) : chosen;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--" + e.getMessage(), e);
    }
  }
}
