package io.github.diffsvd.cli;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.npy.NpyException;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code diffsvd grad}: the pullback of the SVD of every matrix of a file. */
@Command(
    name = "grad",
    description = {
      "The gradient with respect to A of a real loss, from its gradients with respect to U, S, V.",
      "All are ∂L/∂Re + i·∂L/∂Im, of A's dtype (S: its real part's); one at least is needed."
    })
final class GradCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "A.npy",
      description = "float32, float64, complex64 or complex128 of shape (…, m, n)")
  private Path input;

  @Option(
      names = "--out",
      paramLabel = "GA.npy",
      required = true,
      description = "The file to write: dtype and shape of A.")
  private Path output;

  @Option(names = "--grad-u", paramLabel = "FILE", description = "∂L/∂U, (…, m, k)")
  private Path gradU;

  @Option(names = "--grad-s", paramLabel = "FILE", description = "∂L/∂S, (…, k)")
  private Path gradS;

  @Option(names = "--grad-v", paramLabel = "FILE", description = "∂L/∂V, (…, n, k)")
  private Path gradV;

  @Option(
      names = "--factors",
      paramLabel = "DIR",
      description = "Take U.npy, S.npy, V.npy from here as they are, instead of computing them.")
  private Path factorFolder;

  @Option(
      names = "--rule",
      paramLabel = "RULE[=PARAMETER]",
      description = {
        "What stands in for 1/(s_j − s_i): moore-penrose, exact, zero, clip, taylor, pade,",
        "lorentzian or svd-inv; default: ${DEFAULT-VALUE}"
      },
      defaultValue = "moore-penrose")
  private String rule;

  @Option(
      names = "--resolve-ties",
      description = "Raise singular values until their gaps are at least √eps·s₁.")
  private boolean resolveTies;

  @Mixin private DeviceOption deviceOption;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws NpyException {
    if (gradU == null && gradS == null && gradV == null) {
      throw new ParameterException(
          spec.commandLine(), "one of --grad-u, --grad-s, --grad-v is needed");
    }
    SvdOptions options =
        SvdOptions.defaults().withRule(gradientRule()).withResolveTies(resolveTies);
    try (MatrixFile file = MatrixFile.open(input);
        MatrixFile uFile = openFactor("U.npy", file, file.type(), file.rows(), file.k());
        MatrixFile sFile = openFactor("S.npy", file, file.type().real(), file.k());
        MatrixFile vFile = openFactor("V.npy", file, file.type(), file.columns(), file.k());
        MatrixFile guFile = open(gradU, file, file.type(), file.rows(), file.k());
        MatrixFile gsFile = open(gradS, file, file.type().real(), file.k());
        MatrixFile gvFile = open(gradV, file, file.type(), file.columns(), file.k());
        Device device = deviceOption.open()) {
      int batch = file.batch();
      int rows = file.rows();
      int columns = file.columns();
      int k = file.k();
      try (SvdPlan plan = SvdPlan.create(device, file.type(), batch, rows, columns, options);
          OwnedMatrixBatch u = load(uFile, device, file.type(), batch, rows, k);
          OwnedMatrixBatch s = load(sFile, device, file.type().real(), batch, k, 1);
          OwnedMatrixBatch v = load(vFile, device, file.type(), batch, columns, k);
          OwnedMatrixBatch gu = loadIfThere(guFile, device, batch, rows, k);
          OwnedMatrixBatch gs = loadIfThere(gsFile, device, batch, k, 1);
          OwnedMatrixBatch gv = loadIfThere(gvFile, device, batch, columns, k);
          OwnedMatrixBatch gradient = device.allocate(file.type(), batch, rows, columns);
          NpyWriter writer =
              NpyWriter.create(
                  output, NpyHeader.of(MatrixFile.npyType(file.type()), file.shape()))) {
        SvdFactors factors = new SvdFactors(u, s, v);
        if (factorFolder == null) {
          decompose(plan, device, file, factors);
        }
        plan.backward(factors, new SvdCotangents(gu, gs, gv), gradient, 0);
        MatrixFile.store(device, gradient, writer);
        NpyWriter.commit(writer);
        spec.commandLine()
            .getOut()
            .println(
                "gradient of "
                    + file.describe()
                    + ", "
                    + options.rule()
                    + ", on "
                    + device
                    + ": "
                    + output);
      }
    }
    return 0;
  }

  private GradientRule gradientRule() {
    try {
      return GradientRule.parse(rule);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--" + e.getMessage(), e);
    }
  }

  private void decompose(SvdPlan plan, Device device, MatrixFile file, SvdFactors factors)
      throws NpyException {
    try (OwnedMatrixBatch a = file.load(device, file.batch(), file.rows(), file.columns());
        SvdInfo info = device.allocateInfo(file.batch())) {
      plan.forward(a, factors, info, 0);
      Decompositions.warn(spec, input, info);
    }
  }

  /** A factor's file, or null where the factors are computed. */
  private MatrixFile openFactor(String name, MatrixFile a, DataType type, int... extents)
      throws NpyException {
    return open(factorFolder == null ? null : factorFolder.resolve(name), a, type, extents);
  }

  private static MatrixFile open(Path path, MatrixFile a, DataType type, int... extents)
      throws NpyException {
    return path == null ? null : MatrixFile.open(path, type, a.shapeWith(extents));
  }

  private static OwnedMatrixBatch load(
      MatrixFile file, Device device, DataType type, int batch, int rows, int columns)
      throws NpyException {
    return file == null
        ? device.allocate(type, batch, rows, columns)
        : file.load(device, batch, rows, columns);
  }

  private static OwnedMatrixBatch loadIfThere(
      MatrixFile file, Device device, int batch, int rows, int columns) throws NpyException {
    return file == null ? null : file.load(device, batch, rows, columns);
  }
}
