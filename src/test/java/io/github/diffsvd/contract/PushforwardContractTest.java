package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.PushforwardPlan;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.SvdTangents;
import io.github.diffsvd.contract.TestDevices.Case;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@link PushforwardPlan} promises, on every device. */
@Tag("gpu")
class PushforwardContractTest {
  /** Of one problem: factors, cotangents and a direction, as they are on the host. */
  private record Problem(Host u, double[] s, Host v, Host gu, Host gs, Host gv, Host da) {
    static Problem random(Case c) {
      Random random = c.random();
      int k = c.shape().k();
      return new Problem(
          Host.orthonormal(c.type(), c.shape().rows(), k, random).rounded(c.type()),
          c.spectrum().values(c.type(), k, random),
          Host.orthonormal(c.type(), c.shape().columns(), k, random).rounded(c.type()),
          Host.random(c.type(), c.shape().rows(), k, random),
          Host.random(c.type().real(), k, 1, random),
          Host.random(c.type(), c.shape().columns(), k, random),
          Host.random(c.type(), c.shape().rows(), c.shape().columns(), random));
    }

    SvdFactors upload(Device device, DataType type) {
      return new SvdFactors(
          Batch.upload(device, type, List.of(u)),
          Batch.upload(device, type.real(), List.of(Host.real(s.length, 1, (i, j) -> s[i]))),
          Batch.upload(device, type, List.of(v)));
    }
  }

  private static SvdFactors push(
      Device device, DataType type, Problem x, SvdFactors factors, GradientRule rule) {
    SvdFactors tangents =
        Batch.poisonedFactors(device, type, 1, new Shape(x.da.rows(), x.da.columns()));
    try (OwnedMatrixBatch da = Batch.upload(device, type, List.of(x.da));
        PushforwardPlan plan =
            PushforwardPlan.create(
                device,
                new BatchShape(type, 1, x.da.rows(), x.da.columns()),
                SvdOptions.defaults().withRule(rule))) {
      plan.pushforward(factors, da, new SvdTangents(tangents.u(), tangents.s(), tangents.v()), 0);
      device.synchronize(0);
    }
    return tangents;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("io.github.diffsvd.contract.TestDevices#cases")
  void isTheTransposeOfBackward(Case c) {
    Device device = c.device();
    DataType type = c.type();
    boolean single = type.real() == DataType.FLOAT32;
    Problem x = Problem.random(c);
    List<String> names = List.of(GradientRule.names().split(", "));
    // The default, and another one for each case.
    for (String name : List.of("moore-penrose", names.get(1 + c.random().nextInt(7)))) {
      if (name.equals("exact") && !c.spectrum().isWellSeparated()) {
        continue;
      }
      GradientRule rule = GradientRule.parse(name);
      try (SvdFactors factors = x.upload(device, type);
          OwnedMatrixBatch gu = Batch.upload(device, type, List.of(x.gu));
          OwnedMatrixBatch gs = Batch.upload(device, type.real(), List.of(x.gs));
          OwnedMatrixBatch gv = Batch.upload(device, type, List.of(x.gv));
          OwnedMatrixBatch gradient = Batch.poisoned(device, type, 1, x.da.rows(), x.da.columns());
          SvdPlan plan =
              SvdPlan.create(
                  device,
                  new BatchShape(type, 1, x.da.rows(), x.da.columns()),
                  SvdOptions.defaults().withRule(rule));
          SvdFactors tangents = push(device, type, x, factors, rule)) {
        plan.backward(factors, new SvdCotangents(gu, gs, gv), gradient, 0);
        Host ga = Batch.download(device, gradient)[0];
        Host du = Batch.download(device, tangents.u())[0];
        Host ds = Batch.download(device, tangents.s())[0];
        Host dv = Batch.download(device, tangents.v())[0];
        double left = ga.dot(x.da);
        double right = x.gu.dot(du) + x.gs.dot(ds) + x.gv.dot(dv);
        double scale =
            ga.norm() * x.da.norm()
                + x.gu.norm() * du.norm()
                + x.gs.norm() * ds.norm()
                + x.gv.norm() * dv.norm();
        if (scale > (single ? Float.MAX_VALUE : Double.MAX_VALUE) / 1e3) {
          continue;
        }
        assertThat(left)
            .as(name)
            .isCloseTo(right, within((single ? 1e-5 : 1e-12) * scale + 1e-300));
      }
    }
  }

  static Stream<Case> separated() {
    return TestDevices.cases()
        .filter(c -> c.spectrum().isWellSeparated() && c.type().real() == DataType.FLOAT64);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("separated")
  void isTheDerivativeWhereThereIsOne(Case c) {
    Problem x = Problem.random(c);
    Reference.Pushforward expected = Reference.Pushforward.of(x.u, x.s, x.v, x.da);
    try (SvdFactors factors = x.upload(c.device(), c.type());
        SvdFactors actual = push(c.device(), c.type(), x, factors, GradientRule.moorePenrose())) {
      Host du = Batch.download(c.device(), actual.u())[0];
      Host ds = Batch.download(c.device(), actual.s())[0];
      Host dv = Batch.download(c.device(), actual.v())[0];
      double tolerance = 1e-11;
      assertThat(du.minus(expected.du()).norm()).isLessThan(tolerance * (1 + expected.du().norm()));
      assertThat(dv.minus(expected.dv()).norm()).isLessThan(tolerance * (1 + expected.dv().norm()));
      assertThat(ds.realParts())
          .containsExactly(expected.ds(), within(tolerance * (1 + x.da.norm())));
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void extentsMayBeZeroAndMistakesAreNamed(Device device) {
    DataType type = DataType.FLOAT64;
    for (int[] extents : new int[][] {{0, 3, 2}, {4, 0, 3}, {4, 3, 0}}) {
      Shape shape = new Shape(extents[1], extents[2]);
      try (PushforwardPlan plan =
              PushforwardPlan.create(
                  device,
                  new BatchShape(type, extents[0], extents[1], extents[2]),
                  SvdOptions.defaults().withRule(GradientRule.moorePenrose()));
          OwnedMatrixBatch a =
              device.allocate(new BatchShape(type, extents[0], extents[1], extents[2]));
          SvdFactors f = Batch.poisonedFactors(device, type, extents[0], shape)) {
        plan.pushforward(f, a, new SvdTangents(f.u(), f.s(), f.v()), 0);
        assertThat(plan.workspaceBytes()).isZero();
      }
    }
    try (PushforwardPlan plan =
            PushforwardPlan.create(
                device,
                new BatchShape(type, 1, 3, 2),
                SvdOptions.defaults().withRule(GradientRule.moorePenrose()));
        OwnedMatrixBatch square = Batch.poisoned(device, type, 1, 3, 3);
        SvdFactors f = Batch.poisonedFactors(device, type, 1, new Shape(3, 2))) {
      SvdTangents tangents = new SvdTangents(f.u(), f.s(), f.v());
      assertThatThrownBy(() -> plan.pushforward(f, square, tangents, 0))
          .hasMessageStartingWith("da: expected FLOAT64 1×3×2");
    }
  }
}
