package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.SvdBuffers;
import io.github.diffsvd.simulator.Simulator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import jcuda.driver.CUgraphExec;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.runtime.cudaStream_t;

/**
 * What only a card can say of the libraries, a line of the report each. A question is answered in a
 * process of its own, because the last one loses the device.
 */
final class GpuProbe {
  private static final List<SvdAlgorithm> ALGORITHMS =
      List.of(
          SvdAlgorithm.JACOBI,
          SvdAlgorithm.GESVDJ_BATCHED,
          SvdAlgorithm.GESVDJ,
          SvdAlgorithm.GESVD,
          SvdAlgorithm.GESVDA_BATCHED);

  private static final int BATCHED_ROWS = 32;

  private final GpuReport report;
  private final Map<String, Runnable> questions = new LinkedHashMap<>();

  GpuProbe(GpuReport report) {
    this.report = report;
    questions.put("memory", this::memory);
    questions.put("sizes", this::sizes);
    questions.put("scale", this::scale);
    questions.put("waits", this::waits);
    questions.put("capture", this::capture);
    questions.put("streams", this::streams);
    questions.put("reopen", this::reopen);
    questions.put("profile", this::profile);
    questions.put("misaligned", this::misaligned);
  }

  List<String> questions() {
    return List.copyOf(questions.keySet());
  }

  /** Whether it came to its end, whatever the answers are. */
  boolean ask(String name) {
    return answered(name, questions.get(name));
  }

  /** A failure is an answer too. */
  private boolean answered(String subject, Runnable question) {
    try {
      question.run();
      return true;
    } catch (RuntimeException | AssertionError e) {
      say(subject, "%s", e);
      return false;
    }
  }

  private void say(String subject, String format, Object... arguments) {
    report.line("probe", subject, String.format(Locale.ROOT, format, arguments));
  }

  /** The simulator runs on the CPU, and has nothing to say of many. */
  private static int batch(int batch) {
    return Simulator.isLoaded() ? Math.min(batch, 3) : batch;
  }

  private static boolean takes(SvdAlgorithm algorithm, int rows) {
    return algorithm != SvdAlgorithm.GESVDJ_BATCHED || rows <= BATCHED_ROWS;
  }

  private static double free() {
    long[] free = {0};
    long[] total = {0};
    CallersStream.succeed(JCudaDriver.cuMemGetInfo(free, total));
    return free[0] / 1048576.0;
  }

  /**
   * Device memory that handles take, and plans beside their buffers, first and second of a kind.
   */
  private void memory() {
    try (Device device = Device.open("cuda:0");
        CallersStream stream = new CallersStream()) {
      for (int time = 1; time <= 2; time++) {
        double before = free();
        cublasHandle cublas = new cublasHandle();
        JCublas2.cublasCreate(cublas);
        double between = free();
        cusolverDnHandle cusolver = new cusolverDnHandle();
        JCusolverDn.cusolverDnCreate(cusolver);
        say(
            "memory handles, time " + time,
            "cuBLAS %.1f MiB, cuSOLVER %.1f MiB",
            before - between,
            between - free());
        JCusolverDn.cusolverDnDestroy(cusolver);
        JCublas2.cublasDestroy(cublas);
      }
      for (SvdAlgorithm algorithm : ALGORITHMS) {
        int rows = takes(algorithm, 40) ? 40 : 16;
        for (int time = 1; time <= 2; time++) {
          double before = free();
          try (Problem problem = new Problem(device, DataType.FLOAT32, 16, rows, 16, algorithm)) {
            double created = free();
            problem.run(stream.handle());
            device.synchronize(stream.handle());
            say(
                "memory " + algorithm + ", time " + time,
                "create %.1f MiB, first run %.1f MiB",
                before - created,
                created - free());
          }
        }
      }
    }
  }

  /** Sizes that nobody else gives to gesvdjBatched and to cuBLAS. */
  private void sizes() {
    try (Device device = Device.open("cuda:0")) {
      for (int[] shape : new int[][] {{1, 1}, {5, 1}, {1, 5}}) {
        for (int batch : new int[] {1, batch(100_000)}) {
          String subject = String.format("sizes %d×%d×%d", batch, shape[0], shape[1]);
          answered(subject, () -> say(subject, "%s", sizes(device, batch, shape[0], shape[1])));
        }
      }
    }
  }

  private static String sizes(Device device, int batch, int m, int n) {
    DataType type = DataType.FLOAT64;
    try (Problem jacobi = new Problem(device, type, batch, m, n, SvdAlgorithm.JACOBI);
        Problem library = new Problem(device, type, batch, m, n, SvdAlgorithm.GESVDJ_BATCHED);
        SpectralPlan plan = SpectralPlan.create(device, new BatchShape(type, batch, m, n));
        OwnedMatrixBatch y = device.allocate(new BatchShape(type, batch, m, n))) {
      jacobi.forward(0);
      library.forward(0);
      double[] a = device.read(library.a);
      double values = difference(device.read(jacobi.factors.s()), device.read(library.factors.s()));
      long marked = Arrays.stream(library.info.read(0)).filter(info -> info != 0).count();
      // Nothing is taken from the values, so Y is A.
      plan.forward(jacobi.a, SpectralFunction.softThreshold(0), jacobi.factors, y, jacobi.info, 0);
      return String.format(
          Locale.ROOT,
          "gesvdjBatched marks %d, its values are off by %.1e; products are off by %.1e",
          marked,
          values,
          difference(a, device.read(y)));
    }
  }

  private static double difference(double[] a, double[] b) {
    double most = 0;
    for (int i = 0; i < a.length; i++) {
      most = Double.isNaN(b[i]) ? Double.NaN : Math.max(most, Math.abs(a[i] - b[i]));
    }
    return most;
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
  private void scale() {
    try (Device device = Device.open("cuda:0")) {
      for (SvdAlgorithm algorithm : ALGORITHMS) {
        for (int[] shape : new int[][] {{1, 1}, {5, 1}, {1, 5}, {8, 8}, {20, 9}, {40, 36}}) {
          if (!takes(algorithm, shape[0])) {
            continue;
          }
          for (DataType type : List.of(DataType.FLOAT32, DataType.FLOAT64)) {
            for (String kind : List.of("plain", "zero", "rank one", "large", "small", "denormal")) {
              String subject =
                  String.format("scale %s %d×%d %s %s", algorithm, shape[0], shape[1], type, kind);
              answered(subject, () -> scale(device, algorithm, shape, type, kind, subject));
            }
          }
        }
      }
    }
  }

  private void scale(
      Device device,
      SvdAlgorithm algorithm,
      int[] shape,
      DataType type,
      String kind,
      String subject) {
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
          subject,
          "info %s, U %.1f V %.1f residual %.1f eps",
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

  /** How long the call is on the host beside the device's whole time: near 1, it waits. */
  private void waits() {
    try (Device device = Device.open("cuda:0");
        CallersStream stream = new CallersStream()) {
      for (SvdAlgorithm algorithm : ALGORITHMS) {
        int[] shape =
            algorithm == SvdAlgorithm.GESVDJ_BATCHED
                ? new int[] {20_000, 32, 32}
                : algorithm == SvdAlgorithm.JACOBI || algorithm == SvdAlgorithm.GESVDA_BATCHED
                    ? new int[] {2_000, 48, 48}
                    : new int[] {32, 128, 128};
        shape[0] = batch(shape[0]);
        String subject =
            String.format("waits %s %d×%d×%d", algorithm, shape[0], shape[1], shape[2]);
        try (Problem problem =
            new Problem(device, DataType.FLOAT32, shape[0], shape[1], shape[2], algorithm)) {
          for (int time = 1; time <= 3; time++) {
            device.synchronize(stream.handle());
            long start = System.nanoTime();
            problem.forward(stream.handle());
            long given = System.nanoTime() - start;
            device.synchronize(stream.handle());
            long done = System.nanoTime() - start;
            say(subject + ", time " + time, "%.0f µs on the host of %.0f", given / 1e3, done / 1e3);
          }
        }
      }
    }
  }

  /** The plans, and then the routines alone, some of which a plan refuses to have captured. */
  private void capture() {
    int[][] shapes = {{8, 8}, {40, 36}};
    for (int[] shape : shapes) {
      for (SvdAlgorithm algorithm : ALGORITHMS) {
        if (takes(algorithm, shape[0])) {
          String subject = String.format("capture %s %d×%d", algorithm, shape[0], shape[1]);
          answered(subject, () -> capturePlan(subject, algorithm, shape));
        }
      }
      BatchShape batch = new BatchShape(DataType.FLOAT64, 3, shape[0], shape[1]);
      List<SvdRoutine> routines = new ArrayList<>();
      routines.add(new Gesvd(batch));
      routines.add(new Gesvdj(batch));
      routines.add(new GesvdaBatched(batch));
      if (shape[0] <= BATCHED_ROWS) {
        routines.add(new GesvdjBatched(batch));
      }
      for (SvdRoutine routine : routines) {
        String subject = String.format("capture %s %d×%d", routine.name(), shape[0], shape[1]);
        answered(subject, () -> captureRoutine(subject, routine, batch));
      }
    }
  }

  private void capturePlan(String subject, SvdAlgorithm algorithm, int[] shape) {
    try (CallersStream caller = new CallersStream();
        Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.FLOAT64, 3, shape[0], shape[1], algorithm)) {
      problem.run(caller.handle());
      device.synchronize(caller.handle());
      CUgraphExec graph = caller.capture(() -> problem.run(caller.handle()));
      device.write(problem.a, new Random(9).doubles(problem.a.size(), -1, 1).toArray());
      caller.replay(graph);
      JCudaDriver.cuGraphExecDestroy(graph);
      double[] fromGraph = device.read(problem.gradient);
      int[] info = problem.info.read(0);
      problem.run(0);
      say(
          subject,
          "replays %s, info %s",
          Arrays.equals(fromGraph, device.read(problem.gradient)) ? "the same" : "WRONG",
          Arrays.toString(info));
    }
  }

  private void captureRoutine(String subject, SvdRoutine routine, BatchShape shape) {
    CudaContext context = CudaContext.primary(0);
    CudaMemory memory = new CudaMemory(context);
    cusolverDnHandle handle = new cusolverDnHandle();
    long address = 0;
    try (CallersStream caller = new CallersStream()) {
      cudaStream_t stream = new cudaStream_t();
      RawPointer.set(stream, caller.handle());
      context.checkCusolver("cusolverDnCreate", JCusolverDn.cusolverDnCreate(handle));
      context.checkCusolver("cusolverDnSetStream", JCusolverDn.cusolverDnSetStream(handle, stream));
      routine.open(context);
      int[] elements = {0};
      context.checkCusolver(routine.name(), routine.bufferSize(handle, elements));
      SvdBuffers buffers =
          new SvdBuffers(
              shape,
              routine.columnsOfU(),
              routine.returnsAdjoint(),
              (long) elements[0] * shape.type().bytes());
      address = memory.allocate(buffers.bytes());
      buffers.bind(address);
      SvdOperands operands = new SvdOperands(shape, routine.columnsOfU());
      operands.bind(buffers, buffers.extra());
      List<String> statuses = new ArrayList<>();
      Runnable calls =
          () -> {
            for (int i = 0; i < routine.calls(); i++) {
              statuses.add("" + routine.call(handle, operands.at(i), elements[0]));
            }
          };
      write(memory, buffers.input(), 1);
      calls.run();
      CallersStream.succeed(JCudaDriver.cuStreamSynchronize(caller.stream));
      statuses.clear();
      CUgraphExec graph = null;
      try {
        graph = caller.capture(calls);
      } catch (AssertionError e) {
        say(subject, "calls return %s, the capture ends in: %s", statuses, e.getMessage());
        return;
      }
      write(memory, buffers.input(), 2);
      caller.replay(graph);
      JCudaDriver.cuGraphExecDestroy(graph);
      byte[] fromGraph = read(memory, buffers.s());
      write(memory, buffers.input(), 2);
      String captured = statuses.toString();
      calls.run();
      CallersStream.succeed(JCudaDriver.cuStreamSynchronize(caller.stream));
      say(
          subject,
          "calls return %s, the graph replays %s",
          captured,
          Arrays.equals(fromGraph, read(memory, buffers.s())) ? "the same" : "WRONG");
    } finally {
      context.release(() -> routine.close(context));
      context.release(() -> JCusolverDn.cusolverDnDestroy(handle));
      if (address != 0) {
        memory.free(address);
      }
      context.close();
    }
  }

  private static void write(CudaMemory memory, MatrixBatch matrix, long seed) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Math.toIntExact(matrix.size() * Double.BYTES))
            .order(ByteOrder.nativeOrder());
    new Random(seed).doubles(matrix.size(), -1, 1).forEach(bytes::putDouble);
    memory.copyToDevice(matrix.address(), bytes.flip(), 0);
  }

  private static byte[] read(CudaMemory memory, MatrixBatch matrix) {
    ByteBuffer bytes = ByteBuffer.allocateDirect(Math.toIntExact(matrix.size() * Double.BYTES));
    memory.copyToHost(bytes, matrix.address(), 0);
    byte[] copy = new byte[bytes.capacity()];
    bytes.get(0, copy);
    return copy;
  }

  /** The legacy and the per-thread stream. */
  private void streams() {
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.FLOAT32, 5, 40, 36, SvdAlgorithm.JACOBI)) {
      problem.run(0);
      double[] expected = device.read(problem.gradient);
      for (long stream = 1; stream <= 2; stream++) {
        long handle = stream;
        String subject = "streams handle " + handle;
        answered(
            subject,
            () -> {
              problem.run(handle);
              device.synchronize(handle);
              boolean same = Arrays.equals(expected, device.read(problem.gradient));
              say(subject, same ? "the same" : "WRONG");
            });
      }
    }
  }

  private void reopen() {
    for (int time = 1; time <= 10; time++) {
      long start = System.nanoTime();
      try (Device device = Device.open("cuda:0");
          Problem problem = new Problem(device, DataType.FLOAT32, 5, 80, 70, SvdAlgorithm.AUTO)) {
        problem.run(0);
        problem.info.check(0);
      }
      say("reopen " + time, "%.0f ms", (System.nanoTime() - start) / 1e6);
    }
  }

  /** The library's own kernels once each, for a profiler. */
  private void profile() {
    try (Device device = Device.open("cuda:0")) {
      for (DataType type : List.of(DataType.FLOAT32, DataType.FLOAT64)) {
        for (int n : new int[] {8, 32, 64}) {
          int batch = batch(Math.min(20_000, 2_000_000 / n / n));
          try (Problem problem = new Problem(device, type, batch, n, n, SvdAlgorithm.JACOBI)) {
            problem.run(0);
            device.synchronize(0);
            say(String.format("profile %s %d×%d×%d", type, batch, n, n), "ran");
          }
        }
      }
    }
  }

  /** Complex numbers at half their alignment: through a plan, and to cuBLAS, which may lose all. */
  private void misaligned() {
    DataType type = DataType.COMPLEX64;
    BatchShape shape = new BatchShape(type, 1, 36, 36);
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, type, 1, 36, 36, SvdAlgorithm.JACOBI);
        OwnedMatrixBatch room = device.allocate(new BatchShape(type, 2, 36, 36))) {
      MatrixBatch misaligned = MatrixBatch.wrap(room.address() + type.real().bytes(), shape);
      problem.run(0);
      SvdCotangents cotangents =
          new SvdCotangents(problem.factors.u(), problem.factors.s(), problem.factors.v());
      answered(
          "misaligned gradient",
          () -> {
            problem.plan.backward(problem.factors, cotangents, misaligned, 0);
            say("misaligned gradient", "taken");
          });
      try (CudaBackend backend = new CudaBackend(0);
          BatchedProduct product = backend.product(shape)) {
        long workspace = backend.allocate(product.workspaceBytes());
        product.bind(workspace);
        MatrixBatch v = problem.factors.v();
        answered(
            "misaligned result of cuBLAS",
            () -> {
              product.multiply(Layout.ROW_MAJOR, v, true, v, false, misaligned, false, 0);
              backend.synchronize(0);
              say("misaligned result of cuBLAS", "taken");
            });
        backend.free(workspace);
      }
    }
  }
}
