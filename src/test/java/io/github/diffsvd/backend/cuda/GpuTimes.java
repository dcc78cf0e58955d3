package io.github.diffsvd.backend.cuda;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceOutOfMemoryException;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import jcuda.driver.JCudaDriver;

/** How long forward and backward take on cuda:0, beside a copy of as many bytes. */
final class GpuTimes {
  private static final int WARM_UPS = 2;
  private static final int TIMES = 11;

  /** Buffers are rotated until they are larger than any cache. */
  private static final long ROTATED_BYTES = 256L << 20;

  private static final int MOST_PROBLEMS = 8;

  /** Where the fused kernels end and the loops of cuSOLVER begin, batch × rows × columns. */
  private static final int[][] SHAPES = {
    {100_000, 3, 3},
    {100_000, 8, 8},
    {100_000, 16, 16},
    {20_000, 32, 32},
    {10_000, 64, 16},
    {1_000, 64, 64},
    {100, 128, 128},
    {8, 512, 512}
  };

  /** One line of the table; times in µs for the whole batch, medians. */
  record Row(
      String op,
      DataType type,
      int[] shape,
      SvdAlgorithm algorithm,
      double micros,
      double copyMicros) {
    static final String HEADER =
        String.format(
            Locale.ROOT,
            "%-9s %-10s %15s %-15s %12s %14s %12s",
            "op",
            "dtype",
            "shape",
            "algorithm",
            "µs",
            "ns per matrix",
            "÷ copy");

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%-9s %-10s %15s %-15s %12.1f %14.2f %12.1f",
          op,
          type,
          shape[0] + "×" + shape[1] + "×" + shape[2],
          algorithm,
          micros,
          1000 * micros / shape[0],
          micros / copyMicros);
    }

    String json() {
      return String.format(
          Locale.ROOT,
          "{\"op\": \"%s\", \"device\": \"cuda:0\", \"dtype\": \"%s\", \"batch\": %d, \"m\": %d, \"n\": %d,"
              + " \"algorithm\": \"%s\", \"ours_us\": %.3f, \"peer\": \"copy\", \"peer_us\": %.3f, \"ratio\": %.4f}",
          op,
          type,
          shape[0],
          shape[1],
          shape[2],
          algorithm,
          micros,
          copyMicros,
          copyMicros / micros);
    }
  }

  private GpuTimes() {}

  /** All shapes and types; where the GPU is simulated, the small ones in small batches. */
  static List<Row> measure(Device device, CallersStream stream, boolean simulated) {
    List<Row> rows = new ArrayList<>();
    for (int[] full : SHAPES) {
      if (simulated && full[1] > 64) {
        continue;
      }
      int[] shape = {simulated ? Math.max(1, full[0] / 10_000) : full[0], full[1], full[2]};
      for (DataType type : DataType.values()) {
        System.err.printf("\rtimes: %d×%d×%d %s      ", shape[0], shape[1], shape[2], type);
        for (SvdAlgorithm algorithm : List.of(SvdAlgorithm.AUTO, SvdAlgorithm.JACOBI)) {
          try {
            measure(device, stream, type, shape, algorithm, rows);
          } catch (IllegalArgumentException | DeviceOutOfMemoryException e) {
            // Jacobi ends at 64 columns; what does not fit is left out of the table.
          }
        }
      }
    }
    System.err.println();
    return rows;
  }

  private static void measure(
      Device device,
      CallersStream stream,
      DataType type,
      int[] shape,
      SvdAlgorithm algorithm,
      List<Row> rows) {
    int k = Math.min(shape[1], shape[2]);
    long matrixBytes = (long) shape[0] * shape[1] * shape[2] * type.bytes();
    // What a pass must move: A, U, V and S once; backward their cotangents too, and gX for A.
    long factorBytes =
        (long) shape[0] * k * ((shape[1] + shape[2]) * type.bytes() + type.real().bytes());
    int count =
        (int) Math.max(1, Math.min(MOST_PROBLEMS, ROTATED_BYTES / (matrixBytes + factorBytes)));
    List<Problem> problems = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        problems.add(new Problem(device, type, shape[0], shape[1], shape[2], algorithm));
      }
      long handle = stream.handle();
      double forward = median(stream, map(problems, problem -> problem.forward(handle)));
      double copy = copy(device, stream, matrixBytes + factorBytes);
      rows.add(new Row("forward", type, shape, algorithm, forward, copy));
      if (algorithm == SvdAlgorithm.AUTO) {
        double backward = median(stream, map(problems, problem -> problem.backward(handle)));
        copy = copy(device, stream, matrixBytes + 2 * factorBytes);
        rows.add(new Row("backward", type, shape, algorithm, backward, copy));
      }
    } finally {
      problems.forEach(Problem::close);
    }
  }

  private static List<Runnable> map(List<Problem> problems, Consumer<Problem> work) {
    return problems.stream().<Runnable>map(problem -> () -> work.accept(problem)).toList();
  }

  /** The median time of one piece of work; all are queued, then waited for. */
  private static double median(CallersStream stream, List<Runnable> work) {
    double[] micros = new double[TIMES];
    for (int i = -WARM_UPS; i < TIMES; i++) {
      long start = System.nanoTime();
      work.forEach(Runnable::run);
      CallersStream.succeed(JCudaDriver.cuStreamSynchronize(stream.stream));
      if (i >= 0) {
        micros[i] = (System.nanoTime() - start) / 1e3 / work.size();
      }
    }
    Arrays.sort(micros);
    return micros[TIMES / 2];
  }

  /** A copy on the device that reads and writes so many bytes in all. */
  private static double copy(Device device, CallersStream stream, long bytes) {
    int elements = Math.toIntExact(Math.max(1, bytes / 2 / Double.BYTES));
    int count = (int) Math.max(1, Math.min(MOST_PROBLEMS, ROTATED_BYTES / bytes));
    List<OwnedMatrixBatch> buffers = new ArrayList<>();
    try {
      List<Runnable> copies = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        OwnedMatrixBatch from = device.allocate(DataType.FLOAT64, 1, 1, elements);
        buffers.add(from);
        OwnedMatrixBatch to = device.allocate(DataType.FLOAT64, 1, 1, elements);
        buffers.add(to);
        copies.add(
            () ->
                CallersStream.succeed(
                    JCudaDriver.cuMemcpyDtoDAsync(
                        new RawPointer(to.address()),
                        new RawPointer(from.address()),
                        (long) elements * Double.BYTES,
                        stream.stream)));
      }
      return median(stream, copies);
    } finally {
      buffers.forEach(OwnedMatrixBatch::close);
    }
  }
}
