package io.github.diffsvd.internal.backend.cuda;

import com.google.gson.JsonObject;
import io.github.diffsvd.BatchShape;
import io.github.diffsvd.CudaFatalException;
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
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.driver.JCudaDriver;

/**
 * How long each operation takes on cuda:0, beside a copy of as many bytes; a line of the report for
 * each, as soon as it is measured.
 */
final class GpuTimes {
  static final String PHASE = "times";

  /** A row ends after so long, or after its first call. */
  private static final double SECONDS = 1;

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

  private static final Pattern SUBJECT =
      Pattern.compile("(\\w+) (\\w+) (\\d+)×(\\d+)×(\\d+) (\\w+)");

  private static final Pattern RESULT =
      Pattern.compile("([\\d.]+) µs, [\\d.]+ ns per matrix, a copy ([\\d.]+) µs");

  private final GpuReport report;
  private final List<SvdAlgorithm> algorithms;
  private Device device;
  private CallersStream stream;

  GpuTimes(GpuReport report, List<SvdAlgorithm> algorithms) {
    this.report = report;
    this.algorithms = algorithms;
  }

  private static String subject(String op, DataType type, int[] shape, SvdAlgorithm algorithm) {
    return String.format(
        "%s %s %d×%d×%d %s", op, type, shape[0], shape[1], shape[2], algorithm.name());
  }

  /** Of the whole batch. */
  private void row(String subject, int batch, double micros, double copyMicros) {
    report.line(
        PHASE,
        subject,
        String.format(
            Locale.ROOT,
            "%.2f µs, %.2f ns per matrix, a copy %.2f µs",
            micros,
            1000 * micros / batch,
            copyMicros));
  }

  /** The numbers of a line of this phase, µs for each matrix, or null if it has none. */
  static JsonObject json(String subject, String result) {
    Matcher row = SUBJECT.matcher(subject);
    Matcher times = RESULT.matcher(result);
    if (!row.matches() || !times.matches()) {
      return null;
    }
    int batch = Integer.parseInt(row.group(3));
    double micros = Double.parseDouble(times.group(1)) / batch;
    double copyMicros = Double.parseDouble(times.group(2)) / batch;
    JsonObject members = new JsonObject();
    members.addProperty("op", row.group(1));
    members.addProperty("device", "cuda:0");
    members.addProperty("dtype", row.group(2));
    members.addProperty("batch", batch);
    members.addProperty("m", Integer.parseInt(row.group(4)));
    members.addProperty("n", Integer.parseInt(row.group(5)));
    members.addProperty("algorithm", row.group(6));
    members.addProperty("ours_us", micros);
    members.addProperty("peer", "copy");
    members.addProperty("peer_us", copyMicros);
    members.addProperty("ratio", copyMicros / micros);
    return members;
  }

  /** All shapes and types; where the GPU is simulated, the small ones in small batches. */
  void measure() {
    boolean simulated = Simulator.isLoaded();
    try (Device opened = Device.open("cuda:0");
        CallersStream made = new CallersStream()) {
      device = opened;
      stream = made;
      for (int[] shape : SHAPES) {
        if (simulated && shape[1] > 64) {
          continue;
        }
        int batch = simulated ? Math.max(1, shape[0] / 10_000) : shape[0];
        for (DataType type : DataType.values()) {
          for (SvdAlgorithm algorithm : algorithms) {
            int most = loops(algorithm, shape) ? MOST_OF_A_LOOP : batch;
            measure(type, new int[] {Math.min(most, batch), shape[1], shape[2]}, algorithm);
          }
        }
      }
    }
  }

  private void measure(DataType type, int[] shape, SvdAlgorithm algorithm) {
    try {
      rows(type, shape, algorithm);
    } catch (CudaFatalException e) {
      throw e;
    } catch (IllegalArgumentException | CudaStatusException | DeviceOutOfMemoryException e) {
      report.line(PHASE, subject("forward", type, shape, algorithm), "none: " + e.getMessage());
    }
  }

  private static boolean loops(SvdAlgorithm algorithm, int[] shape) {
    return algorithm == SvdAlgorithm.GESVDJ
        || algorithm == SvdAlgorithm.GESVD
        || (algorithm == SvdAlgorithm.AUTO && Math.min(shape[1], shape[2]) > 64);
  }

  private void rows(DataType type, int[] shape, SvdAlgorithm algorithm) {
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
      row(subject("forward", type, shape, algorithm), shape[0], forward, copy);
      if (algorithm != SvdAlgorithm.AUTO) {
        return;
      }
      double backward = median(map(problems, problem -> problem.backward(handle)));
      copy = copy(matrixBytes + 2 * factorBytes);
      row(subject("backward", type, shape, algorithm), shape[0], backward, copy);
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
      row(subject("spectral", type, shape, SvdAlgorithm.AUTO), shape[0], micros, copy);
    }
  }

  private static List<Runnable> map(List<Problem> problems, Consumer<Problem> work) {
    return problems.stream().<Runnable>map(problem -> () -> work.accept(problem)).toList();
  }

  /** The median time of one piece of work; all are queued, then waited for. */
  private double median(List<Runnable> work) {
    double first = time(work);
    if (first > 1e6 * SECONDS) {
      return first / work.size();
    }
    List<Double> micros = new ArrayList<>();
    long start = System.nanoTime();
    do {
      micros.add(time(work) / work.size());
    } while (micros.size() < MOST_TIMES && System.nanoTime() - start < 1e9 * SECONDS);
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
