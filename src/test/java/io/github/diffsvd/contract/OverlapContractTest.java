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
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.SvdTangents;
import io.github.diffsvd.TruncatedPullbackPlan;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Arguments that may not overlap are refused where they do; all others are taken. */
@Tag("gpu")
class OverlapContractTest {
  private static final DataType TYPE = DataType.FLOAT64;
  private static final int BATCH = 2;
  private static final int N = 4;

  private static void assertRefused(String message, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(message + ", got FLOAT64 2×");
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void outputsMayOverlapNothing(Device device) {
    GradientRule rule = GradientRule.moorePenrose();
    SpectralFunction sqrt = SpectralFunction.sqrt();
    try (OwnedMatrixBatch a = device.allocate(new BatchShape(TYPE, BATCH, N, N));
        OwnedMatrixBatch y = device.allocate(new BatchShape(TYPE, BATCH, N, N));
        OwnedMatrixBatch w = device.allocate(new BatchShape(TYPE, BATCH, N, 1));
        OwnedMatrixBatch losses = device.allocate(new BatchShape(TYPE, BATCH, 1, 1));
        SvdPlan svd = SvdPlan.create(device, new BatchShape(TYPE, BATCH, N, N));
        SpectralPlan spectral = SpectralPlan.create(device, new BatchShape(TYPE, BATCH, N, N));
        PushforwardPlan pushforward =
            PushforwardPlan.create(
                device, new BatchShape(TYPE, BATCH, N, N), SvdOptions.defaults().withRule(rule));
        EighPlan eigh = EighPlan.create(device, new BatchShape(TYPE, BATCH, N, N));
        SingularValuePlan values =
            SingularValuePlan.create(device, new BatchShape(TYPE, BATCH, N, N));
        TruncatedPullbackPlan truncated =
            TruncatedPullbackPlan.create(
                device,
                new BatchShape(TYPE, BATCH, N, N),
                N,
                SvdOptions.defaults().withRule(rule),
                2);
        SvdFactors f = svd.allocateFactors();
        SvdFactors g = svd.allocateFactors();
        SvdInfo info = device.allocateInfo(BATCH)) {
      SvdCotangents cotangents = new SvdCotangents(g.u(), g.s(), g.v());
      SvdInfo within = SvdInfo.wrap(device, f.s().address() + 8, BATCH);

      assertRefused(
          "factors.u: overlaps a", () -> svd.forward(a, new SvdFactors(a, f.s(), f.v()), info, 0));
      assertRefused(
          "factors.v: overlaps factors.u",
          () -> svd.forward(a, new SvdFactors(f.u(), f.s(), f.u().transposed()), info, 0));
      assertThatThrownBy(() -> svd.forward(a, f, within, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("info: overlaps factors.s");
      assertRefused("gradient: overlaps factors.v", () -> svd.backward(f, cotangents, f.v(), 0));
      assertRefused("gradient: overlaps cotangents.u", () -> svd.backward(f, cotangents, g.u(), 0));

      assertRefused("y: overlaps factors.u", () -> spectral.forward(a, sqrt, f, f.u(), info, 0));
      assertRefused(
          "y: overlaps factors.v",
          () -> spectral.compose(f, SpectralTable.softThreshold(w), f.v(), 0));
      assertRefused(
          "gradient: overlaps cotangents.y",
          () -> spectral.backward(f, sqrt, SpectralCotangents.of(y), y, null, 0));
      assertRefused(
          "parameterGradient: overlaps table.weights",
          () ->
              spectral.backward(
                  f, SpectralTable.softThreshold(w), SpectralCotangents.of(y), a, w, 0));
      assertRefused("dy: overlaps da", () -> spectral.pushforward(y, sqrt, f, y, 0));
      assertRefused(
          "tangents.u: overlaps da",
          () -> pushforward.pushforward(f, y, new SvdTangents(y, g.s(), g.v()), 0));
      assertRefused(
          "factors.vectors: overlaps a", () -> eigh.forward(a, new EighFactors(w, a), info, 0));
      assertRefused(
          "gradient: overlaps cotangents.vectors",
          () -> eigh.backward(new EighFactors(w, f.u()), new EighCotangents(null, y), y, 0));
      assertRefused("y: overlaps factors.u", () -> eigh.compose(new EighFactors(w, y), sqrt, y, 0));
      assertRefused(
          "gradient: overlaps factors.u",
          () -> truncated.backward(a, f, cotangents, f.u(), null, 0));
      assertRefused(
          "residuals: overlaps cotangents.s",
          () -> truncated.backward(a, f, cotangents, y, g.s(), 0));
      assertRefused(
          "gradient: overlaps losses",
          () ->
              values.loss(
                  SingularValueLoss.nuclearNorm(),
                  a,
                  MatrixBatch.wrap(y.address(), new BatchShape(TYPE, BATCH, 1, 1)),
                  y,
                  info,
                  0));
      FMatrix matrix = FMatrix.create(device, new BatchShape(TYPE, BATCH, N, N), rule);
      assertRefused(
          "gap: overlaps s",
          () -> matrix.gap(w, MatrixBatch.wrap(w.address(), new BatchShape(TYPE, BATCH, N, N))));

      device.write(a, new Random(4).doubles(a.size(), 1, 2).toArray());
      spectral.forward(a, sqrt, f, a, info, 0);
      truncated.backward(a, f, cotangents, a, null, 0);
      values.loss(SingularValueLoss.nuclearNorm(), a, losses, a, info, 0);
    }
  }

  /** U beside V in one array, with S in the last rows: each exact, and refused one column on. */
  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void factorsMayShareAnArray(Device device) {
    List<Host> matrices =
        List.of(Host.random(TYPE, N, N, new Random(5)), Host.random(TYPE, N, N, new Random(6)));
    int width = 2 * N + 1;
    try (OwnedMatrixBatch a = Batch.upload(device, TYPE, matrices);
        OwnedMatrixBatch array = device.allocate(new BatchShape(TYPE, BATCH, N, width));
        SvdInfo info = device.allocateInfo(BATCH);
        SvdPlan plan = SvdPlan.create(device, new BatchShape(TYPE, BATCH, N, N));
        SvdFactors packed = plan.allocateFactors()) {
      SvdFactors beside =
          new SvdFactors(block(array, 0, N), block(array, N, 1), block(array, N + 1, N));
      plan.forward(a, packed, info, 0);
      plan.forward(a, beside, info, 0);
      info.check(0);
      assertThat(device.read(beside.u())).isEqualTo(device.read(packed.u()));
      assertThat(device.read(beside.s())).isEqualTo(device.read(packed.s()));
      assertThat(device.read(beside.v())).isEqualTo(device.read(packed.v()));
      assertRefused(
          "factors.s: overlaps factors.u",
          () ->
              plan.forward(
                  a, new SvdFactors(beside.u(), block(array, N - 1, 1), beside.v()), info, 0));
    }
  }

  private static MatrixBatch block(MatrixBatch array, int column, int columns) {
    return MatrixBatch.wrap(
        array.address() + (long) column * TYPE.bytes(),
        new BatchShape(TYPE, array.batch(), array.rows(), columns),
        array.rowStride(),
        1,
        array.batchStride());
  }
}
