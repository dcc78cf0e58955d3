package io.github.diffsvd.stress;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.StringJoiner;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.IntStream;
import org.apache.commons.numbers.core.DD;
import org.junit.jupiter.api.Test;

/**
 * JACOBI is as accurate as LAPACK's gesdd over the spectra of the stress suite, and more so for
 * small singular values of matrices with graded columns. Writes tools/target/accuracy.md.
 */
class JacobiAccuracyTest {
  private static final int MATRICES = 12;

  /** The measures themselves are rounded to double. */
  private static final double ROUNDED = 1 + 1e-9;

  /**
   * In units of the type's epsilon, or of the smallest number where that is coarser; the worst of a
   * batch.
   *
   * @param values |σ − σ*| / σ₁
   * @param smallValues |σ − σ*| / σ*, over σ* ≥ the smallest normal number
   * @param orthogonality the largest entry of |UᴴU − I| and |VᴴV − I|
   * @param residual ‖A − U S Vᴴ‖ / ‖A‖
   */
  private record Accuracy(
      double values, double smallValues, double orthogonality, double residual) {
    Accuracy with(Accuracy other, DoubleBinaryOperator combine) {
      return new Accuracy(
          combine.applyAsDouble(values, other.values),
          combine.applyAsDouble(smallValues, other.smallValues),
          combine.applyAsDouble(orthogonality, other.orthogonality),
          combine.applyAsDouble(residual, other.residual));
    }

    static Accuracy worst(List<Accuracy> all) {
      return all.stream().reduce(NONE, (x, y) -> x.with(y, Math::max));
    }

    static Accuracy mean(List<Accuracy> all) {
      return all.stream().reduce(NONE, (x, y) -> x.with(y, (a, b) -> a + b / all.size()));
    }
  }

  private static final Accuracy NONE = new Accuracy(0, 0, 0, 0);

  private record Problem(
      DataType type, int rows, int columns, double[] a, List<double[]> reference) {}

  private static double epsilon(DataType type) {
    return type.real() == DataType.FLOAT32 ? 0x1p-23 : 0x1p-52;
  }

  /**
   * Singular vectors at random, graded columns or a given spectrum; rounded to the type.
   *
   * @param repeatsRows whether every row stands twice
   */
  private static Problem problem(
      DataType type,
      int rows,
      int columns,
      double[] s,
      boolean graded,
      boolean repeatsRows,
      SplittableRandom random) {
    int k = Math.min(rows, columns);
    int parts = type.isComplex() ? 2 : 1;
    double[] a = new double[MATRICES * rows * columns * parts];
    List<double[]> reference = new ArrayList<>();
    for (int b = 0; b < MATRICES; b++) {
      PreciseMatrix u =
          repeatsRows
              ? PreciseMatrix.of(
                  rows, k, parts == 2, Orthonormal.repeatingRows(rows, k, parts, random), 0)
              : orthonormal(rows, k, parts, random);
      PreciseMatrix us = u.scaled((i, j) -> DD.of(s[j]));
      PreciseMatrix product =
          graded ? us : us.times(orthonormal(columns, k, parts, random).adjoint());
      int offset = b * rows * columns * parts;
      product.store(type.isComplex(), a, offset);
      for (int t = offset; t < offset + rows * columns * parts; t++) {
        a[t] = Spectra.rounded(type, a[t]);
      }
      PreciseMatrix exact = PreciseMatrix.of(rows, columns, type.isComplex(), a, offset);
      reference.add(PreciseJacobi.singularValues(exact));
    }
    return new Problem(type, rows, columns, a, reference);
  }

  private static PreciseMatrix orthonormal(int rows, int k, int parts, SplittableRandom random) {
    return PreciseMatrix.of(rows, k, parts == 2, Orthonormal.random(rows, k, parts, random), 0);
  }

  private static Accuracy measure(Device device, Problem problem, SvdAlgorithm algorithm) {
    DataType type = problem.type;
    int rows = problem.rows;
    int columns = problem.columns;
    int k = Math.min(rows, columns);
    try (OwnedMatrixBatch a = device.allocate(new BatchShape(type, MATRICES, rows, columns));
        SvdPlan plan =
            SvdPlan.create(
                device,
                new BatchShape(type, MATRICES, rows, columns),
                SvdOptions.defaults().withAlgorithm(algorithm));
        SvdFactors factors = plan.allocateFactors();
        SvdInfo info = device.allocateInfo(MATRICES)) {
      device.write(a, problem.a);
      plan.forward(a, factors, info, 0);
      info.check(0);
      double[] u = device.read(factors.u());
      double[] s = device.read(factors.s());
      double[] v = device.read(factors.v());
      Accuracy worst = NONE;
      boolean complex = type.isComplex();
      int parts = complex ? 2 : 1;
      for (int b = 0; b < MATRICES; b++) {
        PreciseMatrix preciseU = PreciseMatrix.of(rows, k, complex, u, b * rows * k * parts);
        PreciseMatrix preciseV = PreciseMatrix.of(columns, k, complex, v, b * columns * k * parts);
        PreciseMatrix preciseA =
            PreciseMatrix.of(rows, columns, complex, problem.a, b * rows * columns * parts);
        double[] found = Arrays.copyOfRange(s, b * k, (b + 1) * k);
        worst =
            worst.with(
                accuracy(type, preciseA, preciseU, found, preciseV, problem.reference.get(b)),
                Math::max);
      }
      return worst;
    }
  }

  private static Accuracy accuracy(
      DataType type,
      PreciseMatrix a,
      PreciseMatrix u,
      double[] s,
      PreciseMatrix v,
      double[] reference) {
    boolean single = type.real() == DataType.FLOAT32;
    double smallestNormal = single ? Float.MIN_NORMAL : Double.MIN_NORMAL;
    double epsilon = epsilon(type);
    double first = reference[0] > 0 ? reference[0] : 1;
    double unit = Math.max(epsilon, (single ? Float.MIN_VALUE : Double.MIN_VALUE) / first);
    double values = 0;
    double smallValues = 0;
    for (int i = 0; i < s.length; i++) {
      double error = Math.abs(s[i] - reference[i]);
      values = Math.max(values, error / first / unit);
      if (reference[i] >= smallestNormal) {
        smallValues = Math.max(smallValues, error / reference[i] / epsilon);
      }
    }
    double orthogonality = Math.max(fromIdentity(u), fromIdentity(v)) / epsilon;
    // Scaled by a power of two, in two steps, so that no square over- or underflows.
    int exponent = -Math.getExponent(first);
    double half = Math.scalb(1.0, exponent / 2);
    double rest = Math.scalb(1.0, exponent - exponent / 2);
    PreciseMatrix scaled = a.scaled((i, j) -> DD.of(half)).scaled((i, j) -> DD.of(rest));
    PreciseMatrix usv = u.scaled((i, j) -> DD.of(s[j] * half * rest)).times(v.adjoint());
    double norm = norm(scaled);
    double residual = norm(scaled.minus(usv)) / (norm > 0 ? norm : 1) / unit;
    return new Accuracy(values, smallValues, orthogonality, residual);
  }

  private static double fromIdentity(PreciseMatrix q) {
    double worst = 0;
    PreciseMatrix gram = q.adjoint().times(q);
    for (int i = 0; i < gram.rows; i++) {
      for (int j = 0; j < gram.columns; j++) {
        DD difference = i == j ? gram.re(i, j).subtract(DD.ONE) : gram.re(i, j);
        worst = Math.max(worst, Math.hypot(difference.hi(), gram.im(i, j).hi()));
      }
    }
    return worst;
  }

  private static double norm(PreciseMatrix x) {
    double sum = 0;
    for (int i = 0; i < x.rows; i++) {
      for (int j = 0; j < x.columns; j++) {
        sum += Math.pow(x.re(i, j).hi(), 2) + Math.pow(x.im(i, j).hi(), 2);
      }
    }
    return Math.sqrt(sum);
  }

  @Test
  void jacobiIsAsAccurateAsGesdd() throws IOException {
    SplittableRandom random = new SplittableRandom(20261124);
    StringJoiner table = new StringJoiner("\n", "", "\n");
    table.add(
        "| type | shape | spectrum"
            + " | σ: JACOBI | AUTO | gesdd | small σ: JACOBI | AUTO | gesdd"
            + " | orthogonality: JACOBI | AUTO | gesdd | residual: JACOBI | AUTO | gesdd |");
    table.add("|---".repeat(15) + "|");
    double worstByAuto = 0;
    double worstByJacobi = 0;
    double worstByGesdd = 0;
    try (Device device = Device.open("cpu")) {
      for (DataType type : DataType.values()) {
        for (int[] shape : new int[][] {{16, 16}, {6, 9}, {40, 8}}) {
          int k = Math.min(shape[0], shape[1]);
          List<Accuracy> byJacobi = new ArrayList<>();
          List<Accuracy> byAuto = new ArrayList<>();
          List<Accuracy> byGesdd = new ArrayList<>();
          for (Spectra.Point point : Spectra.of(type)) {
            if (point.sweep() == Spectra.Sweep.GAP && !point.name().equals("1e-4")) {
              continue;
            }
            double[] s = point.values(type, k);
            Problem problem =
                problem(type, shape[0], shape[1], s, false, point.repeatsRows(), random);
            Accuracy jacobi = measure(device, problem, SvdAlgorithm.JACOBI);
            Accuracy auto = measure(device, problem, SvdAlgorithm.AUTO);
            Accuracy gesdd = measure(device, problem, SvdAlgorithm.GESDD);
            if (type == DataType.FLOAT64 && shape[1] == 16) {
              table.add(line(type, shape, point.name(), jacobi, auto, gesdd));
            }
            byJacobi.add(jacobi);
            byAuto.add(auto);
            byGesdd.add(gesdd);
          }
          Accuracy jacobiMean = Accuracy.mean(byJacobi);
          Accuracy autoMean = Accuracy.mean(byAuto);
          Accuracy gesddMean = Accuracy.mean(byGesdd);
          Accuracy jacobiWorst = Accuracy.worst(byJacobi);
          Accuracy autoWorst = Accuracy.worst(byAuto);
          Accuracy gesddWorst = Accuracy.worst(byGesdd);
          table.add(line(type, shape, "**mean**", jacobiMean, autoMean, gesddMean));
          table.add(line(type, shape, "**worst**", jacobiWorst, autoWorst, gesddWorst));
          String what = type + " " + Arrays.toString(shape);
          assertThat(jacobiMean.values).as(what).isLessThanOrEqualTo(ROUNDED * gesddMean.values);
          assertThat(autoMean.values).as(what).isLessThanOrEqualTo(1.25 * gesddMean.values);
          assertVectorsNoWorse(what, jacobiMean, gesddMean);
          assertVectorsNoWorse(what, jacobiWorst, gesddWorst);
          assertThat(autoMean.orthogonality).as(what).isLessThanOrEqualTo(gesddMean.orthogonality);
          assertThat(autoMean.residual).as(what).isLessThanOrEqualTo(1.25 * gesddMean.residual);
          // The worst of so few values is chance; that of all types and shapes is not.
          worstByJacobi = Math.max(worstByJacobi, jacobiWorst.values);
          worstByAuto = Math.max(worstByAuto, autoWorst.values);
          worstByGesdd = Math.max(worstByGesdd, gesddWorst.values);
          if (shape[0] >= shape[1]) {
            double[] grades = IntStream.range(0, k).mapToDouble(i -> Math.pow(0.1, i)).toArray();
            Problem problem = problem(type, shape[0], shape[1], grades, true, false, random);
            Accuracy jacobi = measure(device, problem, SvdAlgorithm.JACOBI);
            Accuracy auto = measure(device, problem, SvdAlgorithm.AUTO);
            Accuracy gesdd = measure(device, problem, SvdAlgorithm.GESDD);
            table.add(line(type, shape, "graded columns", jacobi, auto, gesdd));
            assertThat(jacobi.smallValues).as(what).isLessThan(100);
            assertThat(auto.smallValues).as(what).isLessThan(100);
          }
        }
      }
      assertThat(worstByJacobi).isLessThanOrEqualTo(worstByGesdd);
      assertThat(worstByAuto).isLessThanOrEqualTo(worstByGesdd);
    } finally {
      Files.writeString(Path.of("tools", "target", "accuracy.md"), table.toString());
    }
  }

  private static void assertVectorsNoWorse(String what, Accuracy jacobi, Accuracy gesdd) {
    assertThat(jacobi.orthogonality).as(what).isLessThanOrEqualTo(ROUNDED * gesdd.orthogonality);
    assertThat(jacobi.residual).as(what).isLessThanOrEqualTo(ROUNDED * gesdd.residual);
  }

  private static String line(DataType type, int[] shape, String spectrum, Accuracy... of) {
    StringBuilder line = new StringBuilder();
    line.append(String.format("| %s | %d×%d | %s", type, shape[0], shape[1], spectrum));
    for (Accuracy x : of) {
      line.append(String.format(Locale.ROOT, " | %.1f", x.values));
    }
    for (Accuracy x : of) {
      line.append(String.format(Locale.ROOT, " | %.1e", x.smallValues));
    }
    for (Accuracy x : of) {
      line.append(String.format(Locale.ROOT, " | %.1f", x.orthogonality));
    }
    for (Accuracy x : of) {
      line.append(String.format(Locale.ROOT, " | %.1f", x.residual));
    }
    return line.append(" |").toString();
  }
}
