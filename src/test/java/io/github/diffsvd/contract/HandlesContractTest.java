package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.EighCotangents;
import io.github.diffsvd.EighFactors;
import io.github.diffsvd.EighPlan;
import io.github.diffsvd.FMatrix;
import io.github.diffsvd.Gauge;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.PushforwardPlan;
import io.github.diffsvd.SingularValueLoss;
import io.github.diffsvd.SingularValuePlan;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SpectralTable;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.SvdTangents;
import io.github.diffsvd.TruncatedPullbackPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What is closed, freed, of another device, or used by two threads: an exception that names it, or
 * nothing, and never another one's memory.
 */
@Tag("gpu")
class HandlesContractTest {
  private static final DataType TYPE = DataType.FLOAT64;
  private static final int BATCH = 3;
  private static final int N = 5;
  private static final int RANK = 2;

  /** Every plan there is and one of everything that their calls take, on one device. */
  private static final class Everything implements AutoCloseable {
    final Map<String, OwnedMatrixBatch> matrices = new LinkedHashMap<>();
    final SvdInfo info;
    final List<Runnable> plans = new ArrayList<>();

    /** A call of every kind. */
    final Map<String, Runnable> calls = new LinkedHashMap<>();

    Everything(Device device) {
      info = device.allocateInfo(BATCH);
      MatrixBatch a = matrix(device, "a", N, N);
      MatrixBatch y = matrix(device, "y", N, N);
      MatrixBatch z = matrix(device, "z", N, N);
      MatrixBatch w = real(device, "w", N);
      MatrixBatch one = real(device, "one", 1);
      SvdFactors factors =
          new SvdFactors(
              matrix(device, "u", N, N), real(device, "s", N), matrix(device, "v", N, N));
      SvdCotangents cotangents =
          new SvdCotangents(
              matrix(device, "gu", N, N), real(device, "gs", N), matrix(device, "gv", N, N));
      SvdTangents tangents =
          new SvdTangents(
              matrix(device, "du", N, N), real(device, "ds", N), matrix(device, "dv", N, N));
      SpectralTable table = SpectralTable.softThreshold(w);
      SpectralFunction sqrt = SpectralFunction.sqrt();

      SvdPlan svd = SvdPlan.create(device, new BatchShape(TYPE, BATCH, N, N));
      plans.add(svd::close);
      calls.put("SvdPlan.forward", () -> svd.forward(a, factors, info, 0));
      calls.put("SvdPlan.backward", () -> svd.backward(factors, cotangents, y, 0));
      SvdOptions solver = SvdOptions.defaults().withAlgorithm(SvdAlgorithm.GESVD);
      SvdPlan gesvd = SvdPlan.create(device, new BatchShape(TYPE, BATCH, N, N), solver);
      plans.add(gesvd::close);
      calls.put("SvdPlan.forward, GESVD", () -> gesvd.forward(a, factors, info, 0));
      SpectralPlan spectral = SpectralPlan.create(device, new BatchShape(TYPE, BATCH, N, N));
      plans.add(spectral::close);
      calls.put("SpectralPlan.forward", () -> spectral.forward(a, sqrt, factors, y, info, 0));
      calls.put("SpectralPlan.compose", () -> spectral.compose(factors, table, y, 0));
      calls.put(
          "SpectralPlan.backward",
          () -> spectral.backward(factors, sqrt, SpectralCotangents.of(y), z, null, 0));
      calls.put(
          "SpectralPlan.backward, table",
          () ->
              spectral.backward(
                  factors, table, new SpectralCotangents(y, cotangents.s()), z, tangents.s(), 0));
      calls.put("SpectralPlan.pushforward", () -> spectral.pushforward(y, sqrt, factors, z, 0));
      PushforwardPlan pushforward =
          PushforwardPlan.create(
              device,
              new BatchShape(TYPE, BATCH, N, N),
              SvdOptions.defaults().withRule(GradientRule.moorePenrose()));
      plans.add(pushforward::close);
      calls.put(
          "PushforwardPlan.pushforward", () -> pushforward.pushforward(factors, a, tangents, 0));
      TruncatedPullbackPlan truncated =
          TruncatedPullbackPlan.create(
              device,
              new BatchShape(TYPE, BATCH, N, N),
              RANK,
              SvdOptions.defaults().withRule(GradientRule.moorePenrose()),
              3);
      plans.add(truncated::close);
      SvdFactors leading = factors.leading(RANK);
      calls.put(
          "TruncatedPullbackPlan.backward",
          () ->
              truncated.backward(
                  a, leading, SvdCotangents.ofValues(leadingValues(cotangents)), y, null, 0));
      EighPlan eigh = EighPlan.create(device, new BatchShape(TYPE, BATCH, N, N));
      plans.add(eigh::close);
      MatrixBatch values = factors.s();
      MatrixBatch vectors = factors.u();
      calls.put(
          "EighPlan.forward", () -> eigh.forward(a, new EighFactors(values, vectors), info, 0));
      calls.put(
          "EighPlan.backward",
          () ->
              eigh.backward(
                  new EighFactors(values, vectors),
                  new EighCotangents(cotangents.s(), cotangents.u()),
                  y,
                  0));
      calls.put(
          "EighPlan.compose", () -> eigh.compose(new EighFactors(values, vectors), sqrt, y, 0));
      calls.put(
          "EighPlan.backward, function",
          () ->
              eigh.backward(
                  new EighFactors(values, vectors), sqrt, SpectralCotangents.of(y), z, null, 0));
      SingularValuePlan singular =
          SingularValuePlan.create(device, new BatchShape(TYPE, BATCH, N, N));
      plans.add(singular::close);
      calls.put("SingularValuePlan.forward", () -> singular.forward(a, values, info, 0));
      calls.put("SingularValuePlan.backward", () -> singular.backward(cotangents.s(), y, 0));
      calls.put(
          "SingularValuePlan.loss",
          () -> singular.loss(SingularValueLoss.nuclearNorm(), a, one, y, info, 0));
      FMatrix f =
          FMatrix.create(device, new BatchShape(TYPE, BATCH, N, N), GradientRule.moorePenrose());
      calls.put("FMatrix.classical", () -> f.classical(values, y));
      calls.put("FMatrix.gap", () -> f.gap(values, y));
      calls.put("FMatrix.sum", () -> f.sum(values, y));
      calls.put("Gauge.dependence", () -> Gauge.dependence(device, factors, cotangents, 0));
      calls.put("Device.read", () -> device.read(a));
      calls.put("Device.read, strided", () -> device.read(y.transposed()));
      calls.put("SvdInfo.read", () -> info.read(0));
      device.write((OwnedMatrixBatch) a, new Random(1).doubles(a.size(), -1, 1).toArray());
    }

    private static MatrixBatch leadingValues(SvdCotangents cotangents) {
      return cotangents.s().transposed().leadingColumns(RANK).transposed();
    }

    private MatrixBatch matrix(Device device, String name, int rows, int columns) {
      OwnedMatrixBatch matrix = device.allocate(new BatchShape(TYPE, BATCH, rows, columns));
      device.write(matrix, new double[Math.toIntExact(matrix.size())]);
      matrices.put(name, matrix);
      return matrix;
    }

    private MatrixBatch real(Device device, String name, int rows) {
      return matrix(device, name, rows, 1);
    }

    @Override
    public void close() {
      plans.forEach(Runnable::run);
      matrices.values().forEach(OwnedMatrixBatch::close);
      info.close();
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void everyCallIsAllowedWhileAllIsOpen(Device device) {
    try (Everything all = new Everything(device)) {
      all.calls.values().forEach(Runnable::run);
      device.synchronize(0);
    }
  }

  /** Each argument of each call in turn: either the call does not take it, or it says its name. */
  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void freedMemoryIsRefused(Device device) {
    Map<String, Integer> refusals = new LinkedHashMap<>();
    List<String> names;
    try (Everything all = new Everything(device)) {
      names = new ArrayList<>(all.matrices.keySet());
    }
    for (String name : names) {
      try (Everything all = new Everything(device)) {
        all.calls.values().forEach(Runnable::run);
        all.matrices.get(name).close();
        all.calls.forEach(
            (call, body) -> {
              try {
                body.run();
              } catch (IllegalStateException e) {
                assertThat(e)
                    .as(call + " with " + name + " freed")
                    .hasMessageMatching("(?s)[\\w.]+: the memory is freed already, got FLOAT64 .*");
                refusals.merge(call, 1, Integer::sum);
              }
            });
        device.synchronize(0);
      }
    }
    try (Everything all = new Everything(device)) {
      all.info.close();
      all.calls.forEach(
          (call, body) -> {
            try {
              body.run();
            } catch (IllegalStateException e) {
              assertThat(e).as(call).hasMessageStartingWith("info: the memory is freed already");
              refusals.merge(call, 1, Integer::sum);
            }
          });
      // As many as arguments, but for a matrix that an argument list has twice.
      Map<String, Integer> expected = new LinkedHashMap<>();
      expected.put("SvdPlan.forward", 5);
      expected.put("SvdPlan.backward", 7);
      expected.put("SvdPlan.forward, GESVD", 5);
      expected.put("SpectralPlan.forward", 6);
      expected.put("SpectralPlan.compose", 5);
      expected.put("SpectralPlan.backward", 5);
      expected.put("SpectralPlan.backward, table", 8);
      expected.put("SpectralPlan.pushforward", 5);
      expected.put("PushforwardPlan.pushforward", 7);
      expected.put("TruncatedPullbackPlan.backward", 6);
      expected.put("EighPlan.forward", 4);
      expected.put("EighPlan.backward", 5);
      expected.put("EighPlan.compose", 3);
      expected.put("EighPlan.backward, function", 4);
      expected.put("SingularValuePlan.forward", 3);
      expected.put("SingularValuePlan.backward", 2);
      expected.put("SingularValuePlan.loss", 4);
      expected.put("FMatrix.classical", 2);
      expected.put("FMatrix.gap", 2);
      expected.put("FMatrix.sum", 2);
      expected.put("Gauge.dependence", 6);
      expected.put("Device.read", 1);
      expected.put("Device.read, strided", 1);
      expected.put("SvdInfo.read", 1);
      assertThat(refusals).containsExactlyInAnyOrderEntriesOf(expected);
      assertThat(expected.keySet()).containsExactlyInAnyOrderElementsOf(all.calls.keySet());
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void aClosedDeviceRefusesEveryCallAndClosingAfterItDoesNothing(Device device) {
    Device closed = Device.open(device.name());
    Everything all = new Everything(closed);
    all.calls.values().forEach(Runnable::run);
    closed.close();
    all.calls.forEach(
        (call, body) ->
            assertThatThrownBy(body::run)
                .as(call)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(device.name() + ": the device is closed"));
    assertThatThrownBy(() -> SvdPlan.create(closed, new BatchShape(TYPE, 1, 2, 2)))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> closed.synchronize(0)).isInstanceOf(IllegalStateException.class);
    all.close();
    all.close();
    closed.close();
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void aClosedPlanSaysItsName(Device device) {
    try (Everything all = new Everything(device)) {
      all.plans.forEach(Runnable::run);
      all.calls.forEach(
          (call, body) -> {
            String owner = call.substring(0, call.indexOf('.'));
            if (owner.endsWith("Plan")) {
              assertThatThrownBy(body::run)
                  .as(call)
                  .isInstanceOf(IllegalStateException.class)
                  .hasMessage(owner + " FLOAT64 3×5×5: the plan is closed");
            }
          });
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void aMatrixOfAnotherDeviceIsRefused(Device device) {
    try (Device second = Device.open(device.name());
        SvdPlan plan = SvdPlan.create(device, new BatchShape(TYPE, 1, 2, 2));
        OwnedMatrixBatch a = device.allocate(new BatchShape(TYPE, 1, 2, 2));
        OwnedMatrixBatch foreign = second.allocate(new BatchShape(TYPE, 1, 2, 2));
        SvdFactors factors = plan.allocateFactors();
        SvdInfo info = device.allocateInfo(1);
        SvdInfo foreignInfo = second.allocateInfo(1)) {
      assertThatThrownBy(() -> plan.forward(foreign, factors, info, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("a: expected memory of the plan's own device");
      assertThatThrownBy(() -> plan.forward(a, factors, foreignInfo, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("info: expected memory of the plan's own device");
      assertThatThrownBy(() -> device.read(foreign.transposed()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("source: expected memory of the");
    }
  }

  static Stream<Arguments> handles() {
    Map<String, Function<Device, Runnable>> makers = new LinkedHashMap<>();
    makers.put(
        "OwnedMatrixBatch", device -> device.allocate(new BatchShape(TYPE, BATCH, N, N))::close);
    makers.put("SvdInfo", device -> device.allocateInfo(BATCH * N * N * 2)::close);
    makers.put(
        "SvdFactors",
        device ->
            new SvdFactors(
                    device.allocate(new BatchShape(TYPE, BATCH, N, N)),
                    device.allocate(new BatchShape(TYPE, BATCH, N, 1)),
                    device.allocate(new BatchShape(TYPE, BATCH, N, N)))
                ::close);
    makers.put(
        "EighPlan", device -> EighPlan.create(device, new BatchShape(TYPE, BATCH, N, N))::close);
    makers.put(
        "SingularValuePlan",
        device -> SingularValuePlan.create(device, new BatchShape(TYPE, BATCH, N, N))::close);
    makers.put(
        "TruncatedPullbackPlan",
        device ->
            TruncatedPullbackPlan.create(
                    device,
                    new BatchShape(TYPE, BATCH, N, N),
                    RANK,
                    SvdOptions.defaults().withRule(GradientRule.moorePenrose()),
                    3)
                ::close);
    return TestDevices.devices()
        .flatMap(
            device ->
                makers.entrySet().stream()
                    .map(maker -> Arguments.of(device, maker.getKey(), maker.getValue())));
  }

  /** What is allocated between the two has the address of what the first freed, on the CPU. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("handles")
  void aSecondCloseFreesNobodyElsesMemory(
      Device device, String name, Function<Device, Runnable> maker) {
    Runnable close = maker.apply(device);
    close.run();
    List<OwnedMatrixBatch> victims = new ArrayList<>();
    List<OwnedMatrixBatch> later = new ArrayList<>();
    try {
      for (int i = 0; i < 40; i++) {
        victims.add(device.allocate(new BatchShape(TYPE, BATCH, N, N)));
      }
      close.run();
      for (int i = 0; i < 40; i++) {
        later.add(device.allocate(new BatchShape(TYPE, BATCH, N, N)));
      }
      assertThat(later)
          .extracting(MatrixBatch::address)
          .as(name)
          .doesNotContainAnyElementsOf(victims.stream().map(MatrixBatch::address).toList());
    } finally {
      victims.forEach(OwnedMatrixBatch::close);
      later.forEach(OwnedMatrixBatch::close);
    }
  }

  /** The loop of a service that is shut down while it works. */
  @Test
  void aDeviceMayBeClosedWhileAnotherThreadWorks() throws Exception {
    for (SvdAlgorithm algorithm : List.of(SvdAlgorithm.JACOBI, SvdAlgorithm.GESDD)) {
      for (int round = 0; round < 5; round++) {
        Device device = Device.open("cpu");
        interrupt(device, algorithm, (plan, a, factors) -> device.close(), "cpu: the device is");
        device.close();
      }
    }
  }

  @Test
  void aPlanAndItsFactorsMayBeClosedWhileAnotherThreadWorks() throws Exception {
    for (SvdAlgorithm algorithm : List.of(SvdAlgorithm.JACOBI, SvdAlgorithm.GESDD)) {
      for (int round = 0; round < 5; round++) {
        try (Device device = Device.open("cpu")) {
          interrupt(
              device,
              algorithm,
              (plan, a, factors) -> {
                plan.close();
                factors.close();
              },
              "SvdPlan FLOAT64 64×40×24: the plan is");
          interrupt(
              device, algorithm, (plan, a, factors) -> factors.close(), "factors.u: the memory is");
          interrupt(device, algorithm, (plan, a, factors) -> a.close(), "a: the memory is");
        }
      }
    }
  }

  private interface Interruption {
    void run(SvdPlan plan, OwnedMatrixBatch a, SvdFactors factors);
  }

  /** Forward again and again on another thread, until it is refused for the reason. */
  private static void interrupt(
      Device device, SvdAlgorithm algorithm, Interruption interruption, String reason)
      throws Exception {
    ExecutorService worker = Executors.newSingleThreadExecutor();
    OwnedMatrixBatch a = device.allocate(new BatchShape(TYPE, 64, 40, 24));
    SvdPlan plan =
        SvdPlan.create(
            device,
            new BatchShape(TYPE, 64, 40, 24),
            SvdOptions.defaults().withAlgorithm(algorithm));
    SvdFactors factors = plan.allocateFactors();
    SvdInfo info = device.allocateInfo(64);
    try {
      device.write(a, new Random(2).doubles(a.size(), -1, 1).toArray());
      CountDownLatch working = new CountDownLatch(1);
      Future<?> work =
          worker.submit(
              () -> {
                while (true) {
                  try {
                    plan.forward(a, factors, info, 0);
                  } finally {
                    working.countDown();
                  }
                }
              });
      working.await();
      interruption.run(plan, a, factors);
      assertThatThrownBy(work::get)
          .isInstanceOf(ExecutionException.class)
          .cause()
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith(reason);
    } finally {
      worker.shutdown();
      plan.close();
      a.close();
      factors.close();
      info.close();
    }
  }

  /** Four threads on one plan: each call is refused or right. */
  @Test
  void aPlanThatThreadsShareIsRefusedAndNeverWrong() throws Exception {
    int threads = 4;
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try (Device device = Device.open("cpu");
        SpectralPlan plan = SpectralPlan.create(device, new BatchShape(TYPE, BATCH, N, N))) {
      List<Future<Integer>> results = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        int seed = i;
        results.add(pool.submit(() -> wrongResults(device, plan, seed)));
      }
      for (Future<Integer> wrong : results) {
        assertThat(wrong.get()).isZero();
      }
    } finally {
      pool.shutdown();
    }
  }

  private static int wrongResults(Device device, SpectralPlan shared, int seed) {
    int wrong = 0;
    try (OwnedMatrixBatch a = device.allocate(new BatchShape(TYPE, BATCH, N, N));
        OwnedMatrixBatch y = device.allocate(new BatchShape(TYPE, BATCH, N, N));
        SpectralPlan own = SpectralPlan.create(device, new BatchShape(TYPE, BATCH, N, N));
        SvdFactors factors = own.allocateFactors();
        SvdInfo info = device.allocateInfo(BATCH)) {
      device.write(a, new Random(seed).doubles(a.size(), -1, 1).toArray());
      own.forward(a, SpectralFunction.sqrt(), factors, y, info, 0);
      double[] expected = device.read(y);
      for (int i = 0; i < 500; i++) {
        try {
          shared.forward(a, SpectralFunction.sqrt(), factors, y, info, 0);
        } catch (IllegalStateException e) {
          assertThat(e).hasMessageContaining("the plan is in use by another thread");
          continue;
        }
        wrong += Arrays.equals(device.read(y), expected) ? 0 : 1;
      }
    }
    return wrong;
  }
}
