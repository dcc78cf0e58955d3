package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyType;
import io.github.diffsvd.npy.NpyWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code diffsvd svd}: the thin SVD of every matrix of a file. */
@Command(
    name = "svd",
    description = {
      "Decompose every matrix of a .npy file: A = U diag(S) Vᴴ, k = min(m, n).",
      "Writes U.npy (…, m, k), S.npy (…, k), V.npy (…, n, k) and info.npy (…).",
      "A matrix without a decomposition has info ≠ 0 and factors of NaN; that is a warning."
    })
final class SvdCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "A.npy",
      description = "float32, float64, complex64 or complex128 of shape (…, m, n)")
  private Path input;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "The folder to write to; made if it is not there.")
  private Path output;

  @Option(
      names = "--resolve-ties",
      description = "Raise singular values until their gaps are at least √eps·s₁.")
  private boolean resolveTies;

  @Option(
      names = "--canonical-gauge",
      description = "Choose phases so that the largest entry of each column of U is positive.")
  private boolean canonicalGauge;

  @Mixin private DeviceOption deviceOption;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    try (MatrixFile file = MatrixFile.open(input);
        Device device = deviceOption.open()) {
      int batch = file.batch();
      int rows = file.rows();
      int columns = file.columns();
      makeFolder();
      try (OwnedMatrixBatch a = file.load(device, batch, rows, columns);
          OwnedMatrixBatch u = device.allocate(file.type(), batch, rows, file.k());
          OwnedMatrixBatch s = device.allocate(file.type().real(), batch, file.k(), 1);
          OwnedMatrixBatch v = device.allocate(file.type(), batch, columns, file.k());
          SvdInfo info = device.allocateInfo(batch);
          SvdPlan plan =
              SvdPlan.create(
                  device,
                  file.type(),
                  batch,
                  rows,
                  columns,
                  SvdOptions.defaults()
                      .withResolveTies(resolveTies)
                      .withCanonicalGauge(canonicalGauge));
          NpyWriter uFile = writer("U.npy", header(file, u, rows, file.k()));
          NpyWriter sFile = writer("S.npy", header(file, s, file.k()));
          NpyWriter vFile = writer("V.npy", header(file, v, columns, file.k()));
          NpyWriter infoFile = writer("info.npy", NpyHeader.of(NpyType.INT32, file.shapeWith()))) {
        plan.forward(a, new SvdFactors(u, s, v), info, 0);
        MatrixFile.store(device, u, uFile);
        MatrixFile.store(device, s, sFile);
        MatrixFile.store(device, v, vFile);
        store(info, infoFile);
        NpyWriter.commit(uFile, sFile, vFile, infoFile);
        Decompositions.warn(spec, input, info);
        spec.commandLine()
            .getOut()
            .println(file.describe() + " decomposed on " + device + ": " + output);
      }
    }
    return 0;
  }

  private void makeFolder() {
    try {
      Files.createDirectories(output);
    } catch (IOException e) {
      String reason = Files.exists(output) ? "not a folder" : "cannot make this folder";
      throw new InputException(output + ": " + reason, e);
    }
  }

  private NpyWriter writer(String name, NpyHeader header) throws IOException {
    return NpyWriter.create(output.resolve(name), header);
  }

  private static NpyHeader header(MatrixFile file, OwnedMatrixBatch matrix, int... extents) {
    return NpyHeader.of(MatrixFile.npyType(matrix.type()), file.shapeWith(extents));
  }

  private static void store(SvdInfo info, NpyWriter writer) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(info.batch(), Integer.BYTES))
            .order(ByteOrder.nativeOrder());
    bytes.asIntBuffer().put(info.read(0));
    writer.write(bytes);
  }
}
