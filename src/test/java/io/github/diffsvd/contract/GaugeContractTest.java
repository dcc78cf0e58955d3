package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.Gauge;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link Gauge} and {@link SvdOptions#canonicalGauge}. */
@Tag("gpu")
class GaugeContractTest {
  private static final Shape[] SHAPES = {new Shape(5, 5), new Shape(7, 4), new Shape(3, 6)};

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void findsTheMatricesWhoseLossDependsOnTheGauge(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    for (Shape shape : SHAPES) {
      int k = shape.k();
      Host u = Host.orthonormal(type, shape.rows(), k, random).rounded(type);
      Host v = Host.orthonormal(type, shape.columns(), k, random).rounded(type);
      Host g = Host.random(type, shape.rows(), shape.columns(), random);
      // Of a function of A, and of nothing in particular.
      Host invariantU = g.times(v).scaled((i, j) -> j < 2 ? 2 : 1.0 / j);
      Host invariantV = g.adjoint().times(u).scaled((i, j) -> j < 2 ? 2 : 1.0 / j);
      Host anyU = Host.random(type, shape.rows(), k, random);
      Host anyV = Host.random(type, shape.columns(), k, random);
      Host tied = Host.real(k, 1, (i, j) -> i < 2 ? 2 : 1.0 / i);
      Host apart = Host.real(k, 1, (i, j) -> k - i);
      try (SvdFactors factors =
              new SvdFactors(
                  Batch.upload(device, type, List.of(u, u, u)),
                  Batch.upload(device, type.real(), List.of(tied, tied, apart)),
                  Batch.upload(device, type, List.of(v, v, v)));
          OwnedMatrixBatch gu = Batch.upload(device, type, List.of(invariantU, anyU, anyU));
          OwnedMatrixBatch gv = Batch.upload(device, type, List.of(invariantV, anyV, anyV))) {
        double[] dependence = Gauge.dependence(device, factors, new SvdCotangents(gu, null, gv), 0);
        Host rotation = u.adjoint().times(anyU).skew().plus(v.adjoint().times(anyV).skew());
        double norm = Math.max(largestColumn(anyU), largestColumn(anyV));
        double onDiagonal = 0;
        for (int i = 0; i < k; i++) {
          onDiagonal = Math.max(onDiagonal, Math.abs(rotation.im(i, i)));
        }
        double pair = Math.max(onDiagonal, Math.hypot(rotation.re(0, 1), rotation.im(0, 1)));
        double rounding = 100 * type.epsilon();
        assertThat(dependence[0]).isLessThan(rounding);
        assertThat(dependence[1]).isCloseTo(pair / norm, within(rounding));
        assertThat(dependence[2]).isCloseTo(onDiagonal / norm, within(rounding));
        // Of the first vector alone there is no pair left but the diagonal and its partner.
        assertThat(
                Gauge.dependence(
                    device, factors, new SvdCotangents(gu.leadingColumns(1), null, null), 0)[1])
            .isGreaterThan(0);
      }
    }
  }

  private static double largestColumn(Host matrix) {
    double largest = 0;
    for (int column = 0; column < matrix.columns(); column++) {
      int j = column;
      largest = Math.max(largest, matrix.scaled((r, c) -> c == j ? 1 : 0).norm());
    }
    return largest;
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void canonicalFactorsHaveAPositivePivotAndTheSameProduct(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    SvdOptions options = SvdOptions.defaults().withCanonicalGauge(true);
    for (Shape shape : SHAPES) {
      Host a = Host.random(type, shape.rows(), shape.columns(), random);
      try (OwnedMatrixBatch batch = Batch.upload(device, type, List.of(a));
          SvdFactors factors = Batch.poisonedFactors(device, type, 1, shape);
          SvdInfo info = device.allocateInfo(1);
          SvdPlan plan =
              SvdPlan.create(
                  device, new BatchShape(type, 1, shape.rows(), shape.columns()), options)) {
        plan.forward(batch, factors, info, 0);
        Host u = Batch.download(device, factors.u())[0];
        Host v = Batch.download(device, factors.v())[0];
        double[] s = device.read(factors.s());
        for (int j = 0; j < shape.k(); j++) {
          double largest = 0;
          int pivot = -1;
          for (int i = 0; i < shape.rows(); i++) {
            double size = Math.hypot(u.re(i, j), u.im(i, j));
            if (size > largest) {
              largest = size;
              pivot = i;
            }
          }
          assertThat(u.re(pivot, j)).isPositive();
          assertThat(u.im(pivot, j)).isZero();
        }
        Host product = u.scaled((i, j) -> s[j]).times(v.adjoint());
        assertThat(product.minus(a).norm()).isLessThan(100 * type.epsilon() * a.norm());
      }
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void mistakesAreNamed(Device device) {
    DataType type = DataType.FLOAT64;
    try (SvdFactors factors = Batch.poisonedFactors(device, type, 2, new Shape(3, 2));
        OwnedMatrixBatch gu = Batch.poisoned(device, type, 2, 4, 2)) {
      assertThatThrownBy(
              () -> Gauge.dependence(device, factors, new SvdCotangents(gu, null, null), 0))
          .hasMessageStartingWith("cotangents.u: expected FLOAT64 2×3×2");
      assertThatThrownBy(
              () -> Gauge.dependence(device, factors, new SvdCotangents(null, null, null), -1, 0))
          .hasMessageStartingWith("tolerance: expected");
      assertThat(Gauge.dependence(device, factors, SvdCotangents.ofValues(factors.s()), 0))
          .hasSize(2);
    }
    try (SvdFactors factors = Batch.poisonedFactors(device, type, 0, new Shape(3, 2))) {
      assertThat(Gauge.dependence(device, factors, SvdCotangents.ofValues(null), 0)).isEmpty();
    }
  }
}
