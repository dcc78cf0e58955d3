package io.github.diffsvd.internal.backend.cuda;

import com.google.gson.JsonObject;
import io.github.diffsvd.BatchShape;
import io.github.diffsvd.CudaStatusException;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceOutOfMemoryException;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.simulator.Simulator;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import jcuda.driver.JCudaDriver;

/**
 * How long each operation takes on cuda:0, beside a copy of as many bytes. A row is handed over as
 * soon as it is measured, so a run that is cut off keeps what it has.
 */
public final class GpuTimes {
  private static final int MOST_TIMES = 21;

  /** Two problems take turns where one alone would stay in the cache. */
  private static final long CACHE_BYTES = 128L << 20;

  /** Where the fused kernels end and the loops of cuSOLVER begin, batch × rows × columns. */
  private static final int[][] SHAPES = {
    {100_000, 3, 3},
    {100_000, 8, 8},
    {20_000, 16, 16},
    {10_000, 24, 24},
    {5_000, 32, 32},
    {5_000, 64, 16},
    {2_000, 48, 48},
    {1_000, 64, 64},
    {500, 256, 32},
    {64, 128, 128},
    {4, 512, 512}
  };

  static final List<SvdAlgorithm> ALGORITHMS =
      List.of(
          SvdAlgorithm.AUTO,
          SvdAlgorithm.JACOBI,
          SvdAlgorithm.GESVDJ_BATCHED,
          SvdAlgorithm.GESVDJ,
          SvdAlgorithm.GESVDA_BATCHED);

  /** cuSOLVER's loops over matrices are timed on so many: their time is proportional to them. */
  private static final int MOST_OF_A_LOOP = 16;

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

    JsonObject json() {
      JsonObject members = new JsonObject();
      members.addProperty("op", op);
      members.addProperty("device", "cuda:0");
      members.addProperty("dtype", type.name());
      members.addProperty("batch", shape[0]);
      members.addProperty("m", shape[1]);
      members.addProperty("n", shape[2]);
      members.addProperty("algorithm", algorithm.name());
      members.addProperty("ours_us", micros);
      members.addProperty("peer", "copy");
      members.addProperty("peer_us", copyMicros);
      members.addProperty("ratio", copyMicros / micros);
      return members;
    }
  }

  private final Device device;
  private final CallersStream stream;
  private final double seconds;
  private final List<SvdAlgorithm> algorithms;
  private final Consumer<Row> rows;

  /**
   * @param seconds a row ends after so long, or after its first call
   * @param rows takes each row
   */
  GpuTimes(
      Device device,
      CallersStream stream,
      double seconds,
      List<SvdAlgorithm> algorithms,
      Consumer<Row> rows) {
    this.device = device;
    this.stream = stream;
    this.seconds = seconds;
    this.algorithms = algorithms;
    this.rows = rows;
  }

  /**
   * Arguments: the file that gets a line of JSON for each row, how many seconds a row has, and the
   * algorithms, all if there are none.
   */
  public static void main(String[] arguments) throws IOException {
    if (Simulator.isLoaded()) {
      Simulator.load();
    }
    try (Device device = Device.open("cuda:0");
        CallersStream stream = new CallersStream();
        PrintStream file = new PrintStream(arguments[0], StandardCharsets.UTF_8)) {
      System.out.println(device.description());
      System.out.println(Row.HEADER);
      List<SvdAlgorithm> algorithms =
          Arrays.stream(arguments).skip(2).map(SvdAlgorithm::valueOf).toList();
      new GpuTimes(
              device,
              stream,
              Double.parseDouble(arguments[1]),
              algorithms.isEmpty() ? ALGORITHMS : algorithms,
              row -> {
                System.out.println(row);
                file.println(row.json());
              })
          .measure(false);
    }
  }

  /** All shapes and types; where the GPU is simulated, the small ones in small batches. */
  void measure(boolean simulated) {
    for (int[] full : SHAPES) {
      if (simulated && full[1] > 64) {
        continue;
      }
      int[] shape = {simulated ? Math.max(1, full[0] / 10_000) : full[0], full[1], full[2]};
      for (DataType type : DataType.values()) {
        measure(type, shape);
      }
    }
  }

  private void measure(DataType type, int[] shape) {
    for (SvdAlgorithm algorithm : algorithms) {
      int batch = loops(algorithm, shape) ? Math.min(MOST_OF_A_LOOP, shape[0]) : shape[0];
      try {
        measure(type, new int[] {batch, shape[1], shape[2]}, algorithm);
      } catch (IllegalArgumentException | CudaStatusException | DeviceOutOfMemoryException e) {
        // A shape beyond an algorithm's limits has no row of it.
      }
    }
  }

  private static boolean loops(SvdAlgorithm algorithm, int[] shape) {
    return algorithm == SvdAlgorithm.GESVDJ
        || algorithm == SvdAlgorithm.GESVD
        || (algorithm == SvdAlgorithm.AUTO && Math.min(shape[1], shape[2]) > 64);
  }

  private void measure(DataType type, int[] shape, SvdAlgorithm algorithm) {
    int k = Math.min(shape[1], shape[2]);
    long matrixBytes = (long) shape[0] * shape[1] * shape[2] * type.bytes();
    // What a pass must move: A, U, V and S once; backward their cotangents too, and gX for A.
    long factorBytes =
        (long) shape[0] * k * ((shape[1] + shape[2]) * type.bytes() + type.real().bytes());
    long handle = stream.handle();
    List<Problem> problems = new ArrayList<>();
    try {
      for (int i = 0; i < (matrixBytes + factorBytes < CACHE_BYTES ? 2 : 1); i++) {
        problems.add(new Problem(device, type, shape[0], shape[1], shape[2], algorithm));
      }
      double forward = median(map(problems, problem -> problem.forward(handle)));
      double copy = copy(matrixBytes + factorBytes);
      rows.accept(new Row("forward", type, shape, algorithm, forward, copy));
      if (algorithm != SvdAlgorithm.AUTO) {
        return;
      }
      double backward = median(map(problems, problem -> problem.backward(handle)));
      copy = copy(matrixBytes + 2 * factorBytes);
      rows.accept(new Row("backward", type, shape, algorithm, backward, copy));
      spectral(problems.get(0), type, shape, copy(2 * matrixBytes));
    } finally {
      problems.forEach(Problem::close);
    }
  }

  /** Y = f(A) and its pullback, forward and backward together; the copy is of A and Y. */
  private void spectral(Problem problem, DataType type, int[] shape, double copy) {
    try (SpectralPlan plan =
            SpectralPlan.create(device, new BatchShape(type, shape[0], shape[1], shape[2]));
        OwnedMatrixBatch y = device.allocate(new BatchShape(type, shape[0], shape[1], shape[2]))) {
      long handle = stream.handle();
      double micros =
          median(
              List.of(
                  () -> {
                    plan.forward(
                        problem.a,
                        SpectralFunction.softThreshold(0.5),
                        problem.factors,
                        y,
                        problem.info,
                        handle);
                    plan.backward(
                        problem.factors,
                        SpectralFunction.softThreshold(0.5),
                        SpectralCotangents.of(y),
                        problem.gradient,
                        null,
                        handle);
                  }));
      rows.accept(new Row("spectral", type, shape, SvdAlgorithm.AUTO, micros, copy));
    }
  }

  private static List<Runnable> map(List<Problem> problems, Consumer<Problem> work) {
    return problems.stream().<Runnable>map(problem -> () -> work.accept(problem)).toList();
  }

  /** The median time of one piece of work; all are queued, then waited for. */
  private double median(List<Runnable> work) {
    double first = time(work);
    if (first > 1e6 * seconds) {
      return first / work.size();
    }
    List<Double> micros = new ArrayList<>();
    long start = System.nanoTime();
    do {
      micros.add(time(work) / work.size());
    } while (micros.size() < MOST_TIMES && System.nanoTime() - start < 1e9 * seconds);
    Collections.sort(micros);
    return micros.get(micros.size() / 2);
  }

  private double time(List<Runnable> work) {
    long start = System.nanoTime();
    work.forEach(Runnable::run);
    CallersStream.succeed(JCudaDriver.cuStreamSynchronize(stream.stream));
    return (System.nanoTime() - start) / 1e3;
  }

  /** A copy on the device that reads and writes so many bytes in all. */
  private double copy(long bytes) {
    int elements = Math.toIntExact(Math.max(1, bytes / 2 / Double.BYTES));
    try (OwnedMatrixBatch from = device.allocate(new BatchShape(DataType.FLOAT64, 1, 1, elements));
        OwnedMatrixBatch to = device.allocate(new BatchShape(DataType.FLOAT64, 1, 1, elements))) {
      return median(
          List.of(
              () ->
                  CallersStream.succeed(
                      JCudaDriver.cuMemcpyDtoDAsync(
                          new RawPointer(to.address()),
                          new RawPointer(from.address()),
                          (long) elements * Double.BYTES,
                          stream.stream))));
    }
  }
}
