package io.github.diffsvd.cli;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyType;
import io.github.diffsvd.npy.NpyWriter;
import io.github.diffsvd.report.Outputs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
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
  /** Of the matrices that are on the device at a time, so that a file may be larger than memory. */
  private static final long PIECE_BYTES = 1 << 25;

  @Parameters(
      paramLabel = "A.npy",
      description =
          "Shape (…, m, n), a file or a pipe: float32, float64, complex64 or complex128; float16 is"
              + " converted to float32, integers to float64.")
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
    Outputs.requireDistinct(
        List.of(input),
        Stream.of("U.npy", "S.npy", "V.npy", "info.npy").map(output::resolve).toList());
    try (MatrixFile file = MatrixFile.open(input, spec);
        Device device = deviceOption.open()) {
      Outputs.makeFolder(output);
      try (NpyWriter u = writer("U.npy", file, file.type(), file.rows(), file.k());
          NpyWriter s = writer("S.npy", file, file.type().real(), file.k());
          NpyWriter v = writer("V.npy", file, file.type(), file.columns(), file.k());
          NpyWriter codes =
              NpyWriter.create(
                  output.resolve("info.npy"), NpyHeader.of(NpyType.INT32, file.shapeWith()));
          SvdInfo info = device.allocateInfo(file.batch())) {
        int piece = piece(file);
        for (int first = 0; first < file.batch(); first += piece) {
          int count = Math.min(piece, file.batch() - first);
          SvdInfo part = SvdInfo.wrap(device, info.address() + (long) first * Integer.BYTES, count);
          decompose(file, device, part, u, s, v);
          store(part, codes);
        }
        NpyWriter.commit(u, s, v, codes);
        Decompositions.warn(spec, input, info);
        Lines.print(spec, file.describe() + " decomposed on " + device + ": " + output);
      }
    }
    return 0;
  }

  /** Matrices that are on the device at a time. */
  private static int piece(MatrixFile file) {
    long bytes = Math.max(1, (long) file.rows() * file.columns()) * file.type().bytes();
    return (int) Math.max(1, Math.min(PIECE_BYTES / bytes, file.batch()));
  }

  /** The next matrices of the file, as many as the info is for. */
  private void decompose(
      MatrixFile file,
      Device device,
      SvdInfo info,
      NpyWriter uFile,
      NpyWriter sFile,
      NpyWriter vFile)
      throws IOException {
    int batch = info.batch();
    SvdOptions options =
        SvdOptions.defaults().withResolveTies(resolveTies).withCanonicalGauge(canonicalGauge);
    try (OwnedMatrixBatch a =
            device.allocate(new BatchShape(file.type(), batch, file.rows(), file.columns()));
        OwnedMatrixBatch u =
            device.allocate(new BatchShape(file.type(), batch, file.rows(), file.k()));
        OwnedMatrixBatch s =
            device.allocate(new BatchShape(file.type().real(), batch, file.k(), 1));
        OwnedMatrixBatch v =
            device.allocate(new BatchShape(file.type(), batch, file.columns(), file.k()));
        SvdPlan plan =
            SvdPlan.create(
                device, new BatchShape(file.type(), batch, file.rows(), file.columns()), options)) {
      file.load(device, a);
      plan.forward(a, new SvdFactors(u, s, v), info, 0);
      file.store(device, u, uFile);
      file.store(device, s, sFile);
      file.store(device, v, vFile);
    }
  }

  private NpyWriter writer(String name, MatrixFile file, DataType type, int... extents)
      throws IOException {
    return NpyWriter.create(
        output.resolve(name), NpyHeader.of(MatrixFile.npyType(type), file.shapeWith(extents)));
  }

  private static void store(SvdInfo info, NpyWriter writer) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(info.batch(), Integer.BYTES))
            .order(ByteOrder.nativeOrder());
    bytes.asIntBuffer().put(info.read(0));
    writer.write(bytes);
  }
}
