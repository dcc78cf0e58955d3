package io.github.diffsvd.cli;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.files.FileException;
import io.github.diffsvd.report.Outputs;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What the commands about a loss share: matrices, their factors, and the loss's gradients. */
abstract class LossCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "A.npy",
      description =
          "Shape (…, m, n), a file or a pipe: float32, float64, complex64 or complex128; float16 is"
              + " converted to float32, integers to float64.")
  private Path input;

  @Option(names = "--grad-u", paramLabel = "FILE", description = "∂L/∂U, (…, m, k)")
  private Path gradU;

  @Option(names = "--grad-s", paramLabel = "FILE", description = "∂L/∂S, (…, k)")
  private Path gradS;

  @Option(names = "--grad-v", paramLabel = "FILE", description = "∂L/∂V, (…, n, k)")
  private Path gradV;

  @Option(
      names = "--rank",
      paramLabel = "R",
      description = "The gradients are those of the first R values and vectors: R in place of k.")
  private Integer rank;

  @Option(
      names = "--factors",
      paramLabel = "DIR",
      description = "Take U.npy, S.npy, V.npy from here as they are, instead of computing them.")
  private Path factorFolder;

  @Mixin private DeviceOption deviceOption;

  @Spec private CommandSpec spec;

  /** How the plan is made. */
  abstract SvdOptions options();

  /** What it writes. */
  abstract List<Path> outputs();

  /** Does what the command is for, with everything on the device. */
  abstract void apply(
      Device device, MatrixFile file, SvdPlan plan, SvdFactors factors, SvdCotangents cotangents)
      throws FileException;

  final CommandSpec spec() {
    return spec;
  }

  @Override
  public Integer call() throws FileException {
    if (gradU == null && gradS == null && gradV == null) {
      throw new ParameterException(
          spec.commandLine(), "one of --grad-u, --grad-s, --grad-v is needed");
    }
    SvdOptions options = options();
    Outputs.checkFiles(inputs(), outputs());
    try (MatrixFile file = MatrixFile.open(input, spec);
        MatrixFile uFile = open(factor("U.npy"), file, file.type(), file.rows(), file.k());
        MatrixFile sFile = open(factor("S.npy"), file, file.type().real(), file.k());
        MatrixFile vFile = open(factor("V.npy"), file, file.type(), file.columns(), file.k());
        MatrixFile guFile = open(gradU, file, file.type(), file.rows(), rank(file));
        MatrixFile gsFile = open(gradS, file, file.type().real(), rank(file));
        MatrixFile gvFile = open(gradV, file, file.type(), file.columns(), rank(file));
        Device device = deviceOption.open()) {
      int batch = file.batch();
      int rows = file.rows();
      int columns = file.columns();
      int k = file.k();
      int r = rank(file);
      try (SvdPlan plan =
              SvdPlan.create(device, new BatchShape(file.type(), batch, rows, columns), options);
          OwnedMatrixBatch u = load(uFile, device, file.type(), batch, rows, k);
          OwnedMatrixBatch s = load(sFile, device, file.type().real(), batch, k, 1);
          OwnedMatrixBatch v = load(vFile, device, file.type(), batch, columns, k);
          OwnedMatrixBatch gu = loadIfThere(guFile, device, batch, rows, r);
          OwnedMatrixBatch gs = loadIfThere(gsFile, device, batch, r, 1);
          OwnedMatrixBatch gv = loadIfThere(gvFile, device, batch, columns, r)) {
        SvdFactors factors = new SvdFactors(u, s, v);
        if (factorFolder == null) {
          decompose(plan, device, file, factors);
        }
        apply(device, file, plan, factors, new SvdCotangents(gu, gs, gv));
      }
    }
    return 0;
  }

  private List<Path> inputs() {
    return Stream.of(input, gradU, gradS, gradV, factor("U.npy"), factor("S.npy"), factor("V.npy"))
        .filter(Objects::nonNull)
        .toList();
  }

  /** A factor's file, or null where the factors are computed. */
  private Path factor(String name) {
    return factorFolder == null ? null : factorFolder.resolve(name);
  }

  private int rank(MatrixFile file) {
    if (rank != null && (rank < 1 || rank > file.k())) {
      throw new ParameterException(
          spec.commandLine(), "--rank: expected 1 … " + file.k() + ", got " + rank);
    }
    return rank == null ? file.k() : rank;
  }

  private void decompose(SvdPlan plan, Device device, MatrixFile file, SvdFactors factors)
      throws FileException {
    try (OwnedMatrixBatch a = file.load(device, file.batch(), file.rows(), file.columns());
        SvdInfo info = device.allocateInfo(file.batch())) {
      plan.forward(a, factors, info, 0);
      Decompositions.warn(spec, input, info);
    }
  }

  private MatrixFile open(Path path, MatrixFile a, DataType type, int... extents)
      throws FileException {
    return path == null ? null : MatrixFile.open(path, type, a.shapeWith(extents), spec);
  }

  private static OwnedMatrixBatch load(
      MatrixFile file, Device device, DataType type, int batch, int rows, int columns)
      throws FileException {
    return file == null
        ? device.allocate(new BatchShape(type, batch, rows, columns))
        : file.load(device, batch, rows, columns);
  }

  private static OwnedMatrixBatch loadIfThere(
      MatrixFile file, Device device, int batch, int rows, int columns) throws FileException {
    return file == null ? null : file.load(device, batch, rows, columns);
  }
}
