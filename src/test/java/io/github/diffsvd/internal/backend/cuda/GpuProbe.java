package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.simulator.Simulator;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import jcuda.driver.CUgraphExec;
import jcuda.driver.JCudaDriver;

/**
 * What only a card can say of the libraries, a line each: what can be captured, what waits on the
 * host, what survives extreme scales, how much memory a plan takes. Arguments: the questions, all
 * if there are none.
 */
public final class GpuProbe {
  private static final List<SvdAlgorithm> ALGORITHMS =
      List.of(
          SvdAlgorithm.JACOBI,
          SvdAlgorithm.GESVDJ_BATCHED,
          SvdAlgorithm.GESVDJ,
          SvdAlgorithm.GESVD,
          SvdAlgorithm.GESVDA_BATCHED);

  private GpuProbe() {}

  private interface Question {
    void ask() throws Exception;
  }

  public static void main(String[] arguments) {
    if (Simulator.isLoaded()) {
      Simulator.load();
    }
    List<String> wanted = Arrays.asList(arguments);
    ask(wanted, "memory", GpuProbe::memory);
    ask(wanted, "scale", GpuProbe::scale);
    ask(wanted, "waits", GpuProbe::waits);
    ask(wanted, "capture", GpuProbe::capture);
    ask(wanted, "streams", GpuProbe::streams);
    ask(wanted, "reopen", GpuProbe::reopen);
    ask(wanted, "kernels", GpuProbe::kernels);
  }

  private static void ask(List<String> wanted, String name, Question question) {
    if (!wanted.isEmpty() && !wanted.contains(name)) {
      return;
    }
    try {
      question.ask();
    } catch (Exception | AssertionError e) {
      say("%s: %s", name, e);
    }
  }

  private static void say(String format, Object... arguments) {
    System.out.println(
        String.format(Locale.ROOT, format, arguments).replaceAll("\\s*\\n\\s*", " "));
    System.out.flush();
  }

  private static long free() {
    long[] free = {0};
    long[] total = {0};
    CallersStream.succeed(JCudaDriver.cuMemGetInfo(free, total));
    return free[0];
  }

  /** Device memory that each plan takes beside its buffers, first and second of its kind. */
  private static void memory() {
    try (Device device = Device.open("cuda:0");
        CallersStream stream = new CallersStream()) {
      for (SvdAlgorithm algorithm : ALGORITHMS) {
        int rows = algorithm == SvdAlgorithm.GESVDJ_BATCHED ? 16 : 40;
        for (int time = 0; time < 2; time++) {
          long before = free();
          try (Problem problem = new Problem(device, DataType.FLOAT32, 16, rows, 16, algorithm)) {
            long created = free();
            problem.run(stream.handle());
            device.synchronize(stream.handle());
            say(
                "memory %s: create %.1f MiB, first run %.1f MiB",
                algorithm, (before - created) / 1048576.0, (created - free()) / 1048576.0);
          }
        }
      }
    }
  }

  private static double[] spectrumOf(String kind, DataType type, int rows, int columns) {
    Random random = new Random(3);
    double[] values = random.doubles((long) rows * columns, -1, 1).toArray();
    double scale =
        switch (kind) {
          case "large" -> type == DataType.FLOAT32 ? 1e30 : 1e200;
          case "small" -> type == DataType.FLOAT32 ? 1e-30 : 1e-200;
          case "denormal" -> type == DataType.FLOAT32 ? 1e-40 : 1e-310;
          case "zero" -> 0;
          default -> 1;
        };
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        int at = i * columns + j;
        values[at] = scale * (kind.equals("rank one") ? (i + 1.0) * (j + 2) : values[at]);
      }
    }
    return values;
  }

  /** info, ‖UᵀU − I‖ and ‖A − U S Vᵀ‖/‖A‖ at the ends of the range, of one matrix of a batch. */
  private static void scale() {
    try (Device device = Device.open("cuda:0")) {
      for (SvdAlgorithm algorithm : ALGORITHMS) {
        for (int[] shape : new int[][] {{1, 1}, {5, 1}, {1, 5}, {8, 8}, {20, 9}, {40, 36}}) {
          if (algorithm == SvdAlgorithm.GESVDJ_BATCHED && shape[0] > 32) {
            continue;
          }
          for (DataType type : List.of(DataType.FLOAT32, DataType.FLOAT64)) {
            for (String kind : List.of("plain", "zero", "rank one", "large", "small", "denormal")) {
              String what =
                  String.format("scale %s %d×%d %s %s", algorithm, shape[0], shape[1], type, kind);
              try {
                scale(device, algorithm, shape, type, kind, what);
              } catch (RuntimeException e) {
                say("%s: %s", what, e);
              }
            }
          }
        }
      }
    }
  }

  private static void scale(
      Device device, SvdAlgorithm algorithm, int[] shape, DataType type, String kind, String what) {
    int m = shape[0];
    int n = shape[1];
    int k = Math.min(m, n);
    try (Problem problem = new Problem(device, type, 1, m, n, algorithm)) {
      device.write(problem.a, spectrumOf(kind, type, m, n));
      double[] a = device.read(problem.a);
      problem.forward(0);
      double[] u = device.read(problem.factors.u());
      double[] s = device.read(problem.factors.s());
      double[] v = device.read(problem.factors.v());
      double size = Arrays.stream(a).map(Math::abs).max().orElse(0);
      double unit = size == 0 ? 1 : size;
      double residual = 0;
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          double sum = a[i * n + j] / unit;
          for (int l = 0; l < k; l++) {
            sum -= u[i * k + l] * (s[l] / unit) * v[j * k + l];
          }
          residual = Math.max(residual, Double.isNaN(sum) ? Double.NaN : Math.abs(sum));
        }
      }
      double eps = type == DataType.FLOAT32 ? 0x1p-23 : 0x1p-52;
      say(
          "%s: info %s, U %.1f V %.1f residual %.1f eps",
          what,
          Arrays.toString(problem.info.read(0)),
          orthogonality(u, m, k) / eps,
          orthogonality(v, n, k) / eps,
          residual / eps);
    }
  }

  private static double orthogonality(double[] u, int m, int k) {
    double worst = 0;
    for (int p = 0; p < k; p++) {
      for (int q = 0; q < k; q++) {
        double sum = p == q ? -1 : 0;
        for (int i = 0; i < m; i++) {
          sum += u[i * k + p] * u[i * k + q];
        }
        worst = Double.isNaN(sum) ? Double.NaN : Math.max(worst, Math.abs(sum));
      }
    }
    return worst;
  }

  /** How long the call is on the host beside the stream's whole time: near 1, it waits. */
  private static void waits() {
    try (Device device = Device.open("cuda:0");
        CallersStream stream = new CallersStream()) {
      for (SvdAlgorithm algorithm : ALGORITHMS) {
        int[] shape =
            algorithm == SvdAlgorithm.GESVDJ_BATCHED
                ? new int[] {20_000, 32, 32}
                : algorithm == SvdAlgorithm.JACOBI || algorithm == SvdAlgorithm.GESVDA_BATCHED
                    ? new int[] {2_000, 48, 48}
                    : new int[] {32, 128, 128};
        try (Problem problem =
            new Problem(device, DataType.FLOAT32, shape[0], shape[1], shape[2], algorithm)) {
          for (int time = 0; time < 3; time++) {
            device.synchronize(stream.handle());
            long start = System.nanoTime();
            problem.forward(stream.handle());
            long given = System.nanoTime() - start;
            device.synchronize(stream.handle());
            long done = System.nanoTime() - start;
            say(
                "waits %s %d×%d×%d: %.0f µs on the host of %.0f",
                algorithm, shape[0], shape[1], shape[2], given / 1e3, done / 1e3);
          }
        }
      }
    }
  }

  private static void capture() {
    for (SvdAlgorithm algorithm : ALGORITHMS) {
      for (int[] shape : new int[][] {{8, 8}, {40, 36}}) {
        if (algorithm == SvdAlgorithm.GESVDJ_BATCHED && shape[0] > 32) {
          continue;
        }
        String what = String.format("capture %s %d×%d", algorithm, shape[0], shape[1]);
        try (CallersStream caller = new CallersStream();
            Device device = Device.open("cuda:0");
            Problem problem =
                new Problem(device, DataType.FLOAT64, 3, shape[0], shape[1], algorithm)) {
          problem.run(caller.handle());
          device.synchronize(caller.handle());
          CUgraphExec graph = caller.capture(() -> problem.run(caller.handle()));
          device.write(problem.a, new Random(9).doubles(problem.a.size(), -1, 1).toArray());
          caller.replay(graph);
          double[] fromGraph = device.read(problem.gradient);
          int[] info = problem.info.read(0);
          problem.run(0);
          say(
              "%s: replays %s, info %s",
              what,
              Arrays.equals(fromGraph, device.read(problem.gradient)) ? "the same" : "WRONG",
              Arrays.toString(info));
        } catch (RuntimeException | AssertionError e) {
          say("%s: %s", what, e);
        }
      }
    }
  }

  /** The legacy and the per-thread stream. */
  private static void streams() {
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.FLOAT32, 5, 40, 36, SvdAlgorithm.JACOBI)) {
      problem.run(0);
      double[] expected = device.read(problem.gradient);
      for (long stream = 1; stream <= 2; stream++) {
        problem.run(stream);
        device.synchronize(stream);
        say(
            "stream %d: %s",
            stream, Arrays.equals(expected, device.read(problem.gradient)) ? "the same" : "WRONG");
      }
    }
  }

  private static void reopen() {
    for (int time = 0; time < 5; time++) {
      long start = System.nanoTime();
      try (Device device = Device.open("cuda:0");
          Problem problem = new Problem(device, DataType.FLOAT32, 5, 80, 70, SvdAlgorithm.AUTO)) {
        problem.run(0);
        problem.info.check(0);
      }
      say("reopen %d: %.0f ms", time, (System.nanoTime() - start) / 1e6);
    }
  }

  /** The library's own kernels once each, for a profiler. */
  private static void kernels() {
    try (Device device = Device.open("cuda:0")) {
      for (DataType type : List.of(DataType.FLOAT32, DataType.FLOAT64)) {
        for (int n : new int[] {8, 32, 64}) {
          int batch = Math.min(20_000, 2_000_000 / n / n);
          try (Problem problem = new Problem(device, type, batch, n, n, SvdAlgorithm.JACOBI)) {
            problem.run(0);
            device.synchronize(0);
            say("kernels %s %d×%d×%d", type, batch, n, n);
          }
        }
      }
    }
  }
}
