package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.Gauge;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.PushforwardPlan;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.SvdTangents;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Sums over very many rows: single precision beside double at the same numbers. */
@Tag("gpu")
class LongSumsContractTest {
  private static final int COLUMNS = 3;
  private static final double BOUND = 1e-5;

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void ofOneSign(Device device) {
    sumsKeepTheirDigits(device, DataType.FLOAT32, DataType.FLOAT64, new Random(0), false);
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void ofRandomNumbers(Device device) {
    Random random = new Random(TestDevices.SEED);
    sumsKeepTheirDigits(device, DataType.FLOAT32, DataType.FLOAT64, random, true);
    sumsKeepTheirDigits(device, DataType.COMPLEX64, DataType.COMPLEX128, random, true);
  }

  private static void sumsKeepTheirDigits(
      Device device, DataType single, DataType twice, Random random, boolean isRandom) {
    sumsKeepTheirDigits(device, single, twice, random, isRandom, 1 << 20);
    if (!device.name().equals("cpu")) {
      // As many as one kernel sums alone there: longer sums are cuBLAS's.
      sumsKeepTheirDigits(device, single, twice, random, isRandom, 1 << 13);
    }
  }

  private static void sumsKeepTheirDigits(
      Device device, DataType single, DataType twice, Random random, boolean isRandom, int rows) {
    double entry = 1 / Math.sqrt(rows);
    Host u = Host.real(rows, COLUMNS, (i, j) -> (i >> j & 1) == 1 && j > 0 ? -entry : entry);
    Host s = Host.real(COLUMNS, 1, (i, j) -> 3 - i);
    Host v = Host.orthonormal(single, COLUMNS, COLUMNS, random).rounded(single);
    Host g =
        isRandom
            ? Host.random(single, rows, COLUMNS, random).rounded(single)
            : Host.real(rows, COLUMNS, (i, j) -> 0.1 * (j + 1)).rounded(single);
    Host gv = Host.random(single, COLUMNS, COLUMNS, random).rounded(single);
    List<Host> results = results(device, single, u, s, v, g, gv);
    List<Host> expected = results(device, twice, u, s, v, g, gv);
    String[] names = {"gradient", "dependence on the gauge", "dU", "dS", "dV", "spectral gradient"};
    for (int i = 0; i < names.length; i++) {
      assertThat(results.get(i).minus(expected.get(i)).norm())
          .as("%s of %d rows of %s, seed %d", names[i], rows, single, TestDevices.SEED)
          .isLessThanOrEqualTo(BOUND * expected.get(i).norm());
    }
  }

  private static List<Host> results(
      Device device, DataType type, Host u, Host s, Host v, Host g, Host gv) {
    int rows = u.rows();
    try (SvdFactors factors =
            new SvdFactors(
                Batch.upload(device, type, List.of(u)),
                Batch.upload(device, type.real(), List.of(s)),
                Batch.upload(device, type, List.of(v)));
        OwnedMatrixBatch gu = Batch.upload(device, type, List.of(g));
        OwnedMatrixBatch gs = Batch.upload(device, type.real(), List.of(s));
        OwnedMatrixBatch right = Batch.upload(device, type, List.of(gv));
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 1, rows, COLUMNS);
        OwnedMatrixBatch du = Batch.poisoned(device, type, 1, rows, COLUMNS);
        OwnedMatrixBatch ds = Batch.poisoned(device, type.real(), 1, COLUMNS, 1);
        OwnedMatrixBatch dv = Batch.poisoned(device, type, 1, COLUMNS, COLUMNS);
        OwnedMatrixBatch spectral = Batch.poisoned(device, type, 1, rows, COLUMNS);
        SvdPlan plan = SvdPlan.create(device, new BatchShape(type, 1, rows, COLUMNS));
        PushforwardPlan pushforward =
            PushforwardPlan.create(
                device,
                new BatchShape(type, 1, rows, COLUMNS),
                SvdOptions.defaults().withRule(GradientRule.moorePenrose()));
        SpectralPlan function =
            SpectralPlan.create(device, new BatchShape(type, 1, rows, COLUMNS))) {
      SvdCotangents cotangents = new SvdCotangents(gu, gs, right);
      plan.backward(factors, cotangents, gradient, 0);
      pushforward.pushforward(factors, gu, new SvdTangents(du, ds, dv), 0);
      function.backward(
          factors, SpectralFunction.log1p(), SpectralCotangents.of(gu), spectral, null, 0);
      List<Host> results = new ArrayList<>();
      results.add(Batch.download(device, gradient)[0]);
      results.add(Host.diagonal(Gauge.dependence(device, factors, cotangents, 10, 0)));
      for (OwnedMatrixBatch each : List.of(du, ds, dv, spectral)) {
        results.add(Batch.download(device, each)[0]);
      }
      return results;
    }
  }
}
