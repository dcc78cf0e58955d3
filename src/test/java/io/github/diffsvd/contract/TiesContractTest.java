package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link SvdOptions#resolveTies}. */
@Tag("gpu")
class TiesContractTest {
  private static final SvdOptions RESOLVED = SvdOptions.defaults().withResolveTies(true);

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void gapsAreAtLeastRootEpsilonAndNothingElseMoves(Device device, DataType type) {
    Shape shape = new Shape(8, 7);
    Random random = new Random(TestDevices.SEED);
    double root = Math.sqrt(type.epsilon());
    for (Spectrum spectrum : Spectrum.values()) {
      double[] s = spectrum.values(type, 7, random);
      Host a =
          Host.orthonormal(type, 8, 7, random)
              .scaled((i, j) -> s[j])
              .times(Host.orthonormal(type, 7, 7, random).adjoint())
              .rounded(type);
      try (OwnedMatrixBatch batch = Batch.upload(device, type, List.of(a));
          SvdFactors plain = Batch.poisonedFactors(device, type, 1, shape);
          SvdFactors resolved = Batch.poisonedFactors(device, type, 1, shape);
          SvdInfo info = device.allocateInfo(1);
          SvdPlan first = SvdPlan.create(device, new BatchShape(type, 1, 8, 7));
          SvdPlan second = SvdPlan.create(device, new BatchShape(type, 1, 8, 7), RESOLVED)) {
        first.forward(batch, plain, info, 0);
        second.forward(batch, resolved, info, 0);
        assertThat(device.read(resolved.u())).isEqualTo(device.read(plain.u()));
        assertThat(device.read(resolved.v())).isEqualTo(device.read(plain.v()));
        double[] before = device.read(plain.s());
        double[] after = device.read(resolved.s());
        double gap = root * before[0];
        double rounding = 4 * type.epsilon() * before[0] + Tolerances.denormal(type);
        double expected = gap;
        for (int i = 6; i >= 0; i--) {
          expected = Math.max(expected, before[i]);
          assertThat(Math.abs(after[i] - expected))
              .as(spectrum + " value " + i)
              .isLessThanOrEqualTo(7 * rounding);
          expected += gap;
        }
      }
    }
  }

  /** Losses that do not depend on the gauge: Re⟨G, U f(S) Vᴴ⟩, against the exact formula. */
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void gradientsAreRightAtTies(Device device, DataType type) {
    double bar = type.real() == DataType.FLOAT64 ? 1e-7 : 2e-3;
    for (Shape shape : List.of(new Shape(4, 4), new Shape(6, 4), new Shape(4, 6))) {
      for (double[] s :
          new double[][] {{3, 2, 2, 1}, {3, 2, 2, 2}, {2, 2, 2, 2}, {2, 2, 1, 1}, {1, 1, 1, 0.5}}) {
        List<DoubleUnaryOperator[]> functions = new ArrayList<>();
        functions.add(new DoubleUnaryOperator[] {x -> x * x, x -> 2 * x});
        functions.add(new DoubleUnaryOperator[] {Math::log1p, x -> 1 / (1 + x)});
        functions.add(new DoubleUnaryOperator[] {x -> x - 0.3, x -> 1});
        functions.add(new DoubleUnaryOperator[] {x -> 1, x -> 0});
        for (DoubleUnaryOperator[] f : functions) {
          assertThat(relativeError(device, type, shape, s, f[0], f[1]))
              .as(shape + " " + java.util.Arrays.toString(s) + " function " + functions.indexOf(f))
              .isLessThanOrEqualTo(bar);
        }
      }
    }
  }

  private static double relativeError(
      Device device,
      DataType type,
      Shape shape,
      double[] s,
      DoubleUnaryOperator f,
      DoubleUnaryOperator derivative) {
    Random random = new Random(TestDevices.SEED);
    int k = s.length;
    Host a =
        Host.orthonormal(type, shape.rows(), k, random)
            .scaled((i, j) -> s[j])
            .times(Host.orthonormal(type, shape.columns(), k, random).adjoint())
            .rounded(type);
    Host g = Host.random(type, shape.rows(), shape.columns(), random);
    try (OwnedMatrixBatch batch = Batch.upload(device, type, List.of(a));
        SvdFactors factors = Batch.poisonedFactors(device, type, 1, shape);
        SvdInfo info = device.allocateInfo(1);
        OwnedMatrixBatch gradient = Batch.poisoned(device, type, 1, shape.rows(), shape.columns());
        SvdPlan plan =
            SvdPlan.create(
                device, new BatchShape(type, 1, shape.rows(), shape.columns()), RESOLVED)) {
      plan.forward(batch, factors, info, 0);
      info.check(0);
      Host u = Batch.download(device, factors.u())[0];
      Host v = Batch.download(device, factors.v())[0];
      double[] moved = Batch.download(device, factors.s())[0].realParts();
      Host.Entry value = (i, j) -> f.applyAsDouble(moved[j]);
      Host core = u.adjoint().times(g).times(v);
      try (OwnedMatrixBatch gu = Batch.upload(device, type, List.of(g.times(v).scaled(value)));
          OwnedMatrixBatch gv =
              Batch.upload(device, type, List.of(g.adjoint().times(u).scaled(value)));
          OwnedMatrixBatch gs =
              Batch.upload(
                  device,
                  type.real(),
                  List.of(
                      Host.real(
                          k, 1, (i, j) -> core.re(i, i) * derivative.applyAsDouble(moved[i]))))) {
        plan.backward(factors, new SvdCotangents(gu, gs, gv), gradient, 0);
      }
      Host expected =
          Reference.spectral(
              u,
              v,
              g,
              (i, j) ->
                  s[i] == s[j]
                      ? derivative.applyAsDouble(s[i])
                      : (f.applyAsDouble(s[j]) - f.applyAsDouble(s[i])) / (s[j] - s[i]),
              (i, j) -> (f.applyAsDouble(s[i]) + f.applyAsDouble(s[j])) / (s[i] + s[j]),
              j -> f.applyAsDouble(s[j]) / s[j]);
      return Batch.download(device, gradient)[0].minus(expected).norm() / expected.norm();
    }
  }
}
