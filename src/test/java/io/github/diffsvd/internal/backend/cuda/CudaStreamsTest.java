package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdAlgorithm;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import jcuda.driver.CUgraphExec;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Callers with streams of their own: raw handles, graphs, threads. */
@RequiresCuda
class CudaStreamsTest {
  private static final int BATCH = 3;

  static Stream<Arguments> shapes() {
    return Stream.of(new int[] {7, 5}, new int[] {4, 9}, new int[] {43, 40}, new int[] {40, 50})
        .flatMap(
            shape ->
                Stream.of(DataType.values()).map(type -> Arguments.of(type, shape[0], shape[1])));
  }

  private static double[] random(Problem problem, long seed) {
    int parts = problem.a.type().isComplex() ? 2 : 1;
    return new Random(seed).doubles(problem.a.size() * parts, -1, 1).toArray();
  }

  /** U, S, V and the gradient, as they are on the device. */
  private static List<double[]> results(Device device, Problem problem) {
    return List.of(
        device.read(problem.factors.u()),
        device.read(problem.factors.s()),
        device.read(problem.factors.v()),
        device.read(problem.gradient));
  }

  private static void assertSame(List<double[]> actual, List<double[]> expected) {
    for (int i = 0; i < expected.size(); i++) {
      assertThat(actual.get(i)).isEqualTo(expected.get(i)).doesNotContain(Double.NaN);
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void workGoesToTheCallersStream(DataType type, int rows, int columns) {
    try (CallersStream caller = new CallersStream();
        Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, type, BATCH, rows, columns, SvdAlgorithm.AUTO)) {
      problem.run(0);
      List<double[]> expected = results(device, problem);
      device.write(problem.gradient, new double[expected.get(3).length]);
      problem.run(caller.handle());
      CallersStream.succeed(JCudaDriver.cuStreamSynchronize(caller.stream));
      assertSame(results(device, problem), expected);
      // And back to the device's own: the libraries' handles go with the call.
      problem.run(0);
      assertSame(results(device, problem), expected);
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void forwardAndBackwardReplayAsOneGraphOnNewData(DataType type, int rows, int columns) {
    try (CallersStream caller = new CallersStream();
        Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, type, BATCH, rows, columns, SvdAlgorithm.AUTO)) {
      CUgraphExec graph = caller.capture(() -> problem.run(caller.handle()));
      assertThat(device.read(problem.gradient)).as("nothing has run yet").containsOnly(Double.NaN);
      for (long seed = 2; seed < 5; seed++) {
        device.write(problem.a, random(problem, seed));
        caller.replay(graph);
        List<double[]> fromGraph = results(device, problem);
        problem.run(0);
        assertSame(fromGraph, results(device, problem));
      }
      CallersStream.succeed(JCudaDriver.cuGraphExecDestroy(graph));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"GESVD", "GESVDJ"})
  void whatWaitsForTheDeviceIsNotCaptured(SvdAlgorithm algorithm) {
    try (CallersStream caller = new CallersStream();
        Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.FLOAT32, BATCH, 9, 8, algorithm)) {
      assertThatThrownBy(() -> caller.capture(() -> problem.forward(caller.handle())))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("stream: " + algorithm + " waits for the device");
      problem.run(caller.handle());
      device.synchronize(caller.handle());
      problem.info.check(caller.handle());
      assertThat(device.read(problem.gradient)).doesNotContain(Double.NaN);
    }
  }

  @Test
  void aSpectralFunctionReplaysToo() {
    try (CallersStream caller = new CallersStream();
        Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, DataType.FLOAT64, BATCH, 7, 5, SvdAlgorithm.AUTO);
        SpectralPlan plan =
            SpectralPlan.create(device, new BatchShape(DataType.FLOAT64, BATCH, 7, 5));
        OwnedMatrixBatch y = device.allocate(new BatchShape(DataType.FLOAT64, BATCH, 7, 5))) {
      CUgraphExec graph =
          caller.capture(
              () -> {
                plan.forward(
                    problem.a,
                    SpectralFunction.softThreshold(0.5),
                    problem.factors,
                    y,
                    problem.info,
                    caller.handle());
                plan.backward(
                    problem.factors,
                    SpectralFunction.softThreshold(0.5),
                    SpectralCotangents.of(y),
                    problem.gradient,
                    null,
                    caller.handle());
              });
      device.write(problem.a, random(problem, 7));
      caller.replay(graph);
      double[] fromGraph = device.read(problem.gradient);
      plan.forward(
          problem.a, SpectralFunction.softThreshold(0.5), problem.factors, y, problem.info, 0);
      plan.backward(
          problem.factors,
          SpectralFunction.softThreshold(0.5),
          SpectralCotangents.of(y),
          problem.gradient,
          null,
          0);
      assertThat(fromGraph).isEqualTo(device.read(problem.gradient)).doesNotContain(Double.NaN);
      CallersStream.succeed(JCudaDriver.cuGraphExecDestroy(graph));
    }
  }

  /** They share the handles of the libraries, and each has another number of columns. */
  @ParameterizedTest
  @EnumSource(names = {"AUTO", "GESVD", "GESVDA_BATCHED"})
  void twoPlansOnTwoThreadsAndTwoStreamsDoNotDisturbEachOther(SvdAlgorithm algorithm)
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (Device device = Device.open("cuda:0")) {
      List<Future<?>> both = new ArrayList<>();
      for (int thread = 0; thread < 2; thread++) {
        int columns = thread == 0 ? 6 : 36;
        both.add(threads.submit(() -> repeat(device, columns, algorithm)));
      }
      for (Future<?> each : both) {
        each.get();
      }
    } finally {
      threads.shutdown();
    }
  }

  private static void repeat(Device device, int columns, SvdAlgorithm algorithm) {
    try (CallersStream caller = new CallersStream();
        Problem problem = new Problem(device, DataType.FLOAT64, BATCH, 38, columns, algorithm)) {
      List<List<double[]>> expected = new ArrayList<>();
      for (int seed = 0; seed < 3; seed++) {
        device.write(problem.a, random(problem, seed));
        problem.run(0);
        expected.add(results(device, problem));
      }
      for (int round = 0; round < 30; round++) {
        device.write(problem.a, random(problem, round % 3));
        problem.run(caller.handle());
        CallersStream.succeed(JCudaDriver.cuStreamSynchronize(caller.stream));
        assertSame(results(device, problem), expected.get(round % 3));
      }
    }
  }
}
