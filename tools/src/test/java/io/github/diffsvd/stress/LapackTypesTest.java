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
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.StringJoiner;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.commons.numbers.core.DD;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;

/**
 * The matrix types with which LAPACK tests its own SVD: ddrvbd.f and dchkbd.f of its TESTING/EIG.
 * The ratios are LAPACK's: residual ‖A − U S Vᴴ‖ / (max(m, n)·eps·‖A‖), and the largest entry of
 * UᴴU − I by m·eps, of VᴴV − I by n·eps. LAPACK's threshold is 50. Writes
 * tools/target/lapack-types.md.
 */
class LapackTypesTest {
  private static final double THRESHOLD = 5;

  private static final int MATRICES = 4;

  private static final int[][] SHAPES =
      IntStream.rangeClosed(1, 40)
          .boxed()
          .flatMap(
              n ->
                  List.of(new int[] {n, n}, new int[] {n, (n + 1) / 2}, new int[] {(n + 2) / 3, n})
                      .stream())
          .toArray(int[][]::new);

  private interface Drawn {
    double[] of(Draw draw);
  }

  /** One matrix that is asked for. */
  private record Draw(DataType type, int rows, int columns, SplittableRandom random) {
    int k() {
      return Math.min(rows, columns);
    }

    int parts() {
      return type.isComplex() ? 2 : 1;
    }

    double smallest() {
      return Measures.smallestNormal(type);
    }

    double largest() {
      return Measures.largest(type);
    }

    /** U diag(s) Vᴴ times a factor. */
    double[] full(double[] s, double factor) {
      double[] result = new double[rows * columns * parts()];
      PreciseMatrix u = orthonormal(rows);
      PreciseMatrix v = orthonormal(columns);
      u.scaled((i, j) -> DD.of(s[j] * factor))
          .times(v.adjoint())
          .store(type.isComplex(), result, 0);
      return result;
    }

    private PreciseMatrix orthonormal(int rows) {
      return PreciseMatrix.of(
          rows, k(), type.isComplex(), Orthonormal.random(rows, k(), parts(), random), 0);
    }

    double[] diagonal(double[] s, double factor) {
      double[] result = new double[rows * columns * parts()];
      for (int i = 0; i < k(); i++) {
        result[i * (columns + 1) * parts()] = (random.nextBoolean() ? 1 : -1) * s[i] * factor;
      }
      return result;
    }

    double[] entries(double factor) {
      double[] result = new double[rows * columns * parts()];
      Arrays.setAll(result, t -> factor * (2 * random.nextDouble() - 1));
      return result;
    }

    /** Upper bidiagonal, e^x with x uniform between ±2 log eps. */
    double[] bidiagonal() {
      double range = -2 * Math.log(type.epsilon());
      double[] result = new double[rows * columns * parts()];
      for (int i = 0; i < k(); i++) {
        for (int j = i; j < Math.min(columns, i + 2); j++) {
          result[(i * columns + j) * parts()] = Math.exp(random.nextDouble(-range, range));
        }
      }
      return result;
    }

    /** 1 … eps evenly. */
    double[] even() {
      return values(x -> 1 - x * (1 - type.epsilon()));
    }

    double[] geometric() {
      return values(x -> Math.pow(type.epsilon(), x));
    }

    /** 1, eps, eps, …. */
    double[] clustered() {
      return values(x -> x == 0 ? 1 : type.epsilon());
    }

    private double[] values(DoubleUnaryOperator at) {
      return IntStream.range(0, k())
          .mapToDouble(i -> at.applyAsDouble(i / Math.max(1.0, k() - 1)))
          .toArray();
    }
  }

  private record MatrixType(String name, Drawn drawn) {}

  private static final List<MatrixType> TYPES =
      List.of(
          new MatrixType("ddrvbd 1: zero", x -> x.entries(0)),
          new MatrixType("ddrvbd 2: identity", x -> identity(x)),
          new MatrixType("ddrvbd 3: full, even", x -> x.full(x.even(), 1)),
          new MatrixType(
              "ddrvbd 4: full, even, underflow",
              x -> x.full(x.even(), x.smallest() / x.type.epsilon())),
          new MatrixType(
              "ddrvbd 5: full, even, overflow",
              x -> x.full(x.even(), x.largest() * x.type.epsilon())),
          new MatrixType("dchkbd 1: zero", x -> x.entries(0)),
          new MatrixType("dchkbd 2: identity", x -> identity(x)),
          new MatrixType("dchkbd 3: diagonal, even", x -> x.diagonal(x.even(), 1)),
          new MatrixType("dchkbd 4: diagonal, geometric", x -> x.diagonal(x.geometric(), 1)),
          new MatrixType("dchkbd 5: diagonal, clustered", x -> x.diagonal(x.clustered(), 1)),
          new MatrixType(
              "dchkbd 6: diagonal, even, large", x -> x.diagonal(x.even(), Math.sqrt(x.largest()))),
          new MatrixType(
              "dchkbd 7: diagonal, even, small",
              x -> x.diagonal(x.even(), Math.sqrt(x.smallest()))),
          new MatrixType("dchkbd 8: full, even", x -> x.full(x.even(), 1)),
          new MatrixType("dchkbd 9: full, geometric", x -> x.full(x.geometric(), 1)),
          new MatrixType("dchkbd 10: full, clustered", x -> x.full(x.clustered(), 1)),
          new MatrixType(
              "dchkbd 11: full, even, large", x -> x.full(x.even(), Math.sqrt(x.largest()))),
          new MatrixType(
              "dchkbd 12: full, even, small", x -> x.full(x.even(), Math.sqrt(x.smallest()))),
          new MatrixType("dchkbd 13: random entries", x -> x.entries(1)),
          new MatrixType(
              "dchkbd 14: random entries, large", x -> x.entries(Math.sqrt(x.largest()))),
          new MatrixType(
              "dchkbd 15: random entries, small", x -> x.entries(Math.sqrt(x.smallest()))),
          new MatrixType("dchkbd 16: bidiagonal, any size", x -> x.bidiagonal()));

  private static double[] identity(Draw x) {
    double[] ones = new double[x.k()];
    Arrays.fill(ones, 1);
    double[] result = x.diagonal(ones, 1);
    Arrays.setAll(result, t -> Math.abs(result[t]));
    return result;
  }

  private record Ratios(double residual, double orthogonality) {
    Ratios worse(Ratios other) {
      return new Ratios(
          Math.max(residual, other.residual), Math.max(orthogonality, other.orthogonality));
    }

    @Override
    public String toString() {
      return String.format(Locale.ROOT, "%.2f | %.2f", residual, orthogonality);
    }
  }

  private static Ratios ratios(
      Device device, MatrixType matrixType, DataType type, int[] shape, SvdAlgorithm algorithm) {
    int rows = shape[0];
    int columns = shape[1];
    int k = Math.min(rows, columns);
    int parts = type.isComplex() ? 2 : 1;
    int size = rows * columns * parts;
    SplittableRandom random = new SplittableRandom(20261126);
    double[] all = new double[MATRICES * size];
    for (int b = 0; b < MATRICES; b++) {
      double[] one = matrixType.drawn.of(new Draw(type, rows, columns, random));
      for (int t = 0; t < size; t++) {
        all[b * size + t] = Spectra.rounded(type, one[t]);
      }
    }
    SvdOptions options = SvdOptions.defaults().withAlgorithm(algorithm);
    try (SvdPlan plan =
            SvdPlan.create(device, new BatchShape(type, MATRICES, rows, columns), options);
        OwnedMatrixBatch a = device.allocate(new BatchShape(type, MATRICES, rows, columns));
        SvdFactors factors = plan.allocateFactors();
        SvdInfo info = device.allocateInfo(MATRICES)) {
      device.write(a, all);
      plan.forward(a, factors, info, 0);
      double[] u = device.read(factors.u());
      double[] s = device.read(factors.s());
      double[] v = device.read(factors.v());
      Ratios worst = new Ratios(0, 0);
      for (int b = 0; b < MATRICES; b++) {
        double[] left = member(u, b);
        double[] right = member(v, b);
        double residual =
            Measures.residual(type, member(all, b), left, member(s, b), right, rows, columns);
        double orthogonality =
            Math.max(
                Measures.orthogonality(left, rows, k, parts) / rows,
                Measures.orthogonality(right, columns, k, parts) / columns);
        worst =
            worst.worse(
                new Ratios(residual / Math.max(rows, columns), orthogonality / type.epsilon()));
      }
      return worst;
    }
  }

  private static double[] member(double[] values, int b) {
    int size = values.length / MATRICES;
    return Arrays.copyOfRange(values, b * size, (b + 1) * size);
  }

  @Test
  void everyRatioIsFarBelowLapacksThreshold() throws IOException {
    StringJoiner table = new StringJoiner("\n", "", "\n");
    table.add(
        Arrays.stream(DataType.values())
            .map(type -> type + ": residual | orthogonality")
            .collect(Collectors.joining(" | ", "| matrix type | ", " |")));
    table.add("|---".repeat(9) + "|");
    SoftAssertions softly = new SoftAssertions();
    try (Device device = Device.open("cpu")) {
      for (MatrixType matrixType : TYPES) {
        StringJoiner line = new StringJoiner(" | ", "| ", " |").add(matrixType.name);
        for (DataType type : DataType.values()) {
          Ratios worst = new Ratios(0, 0);
          for (int[] shape : SHAPES) {
            for (SvdAlgorithm algorithm :
                List.of(SvdAlgorithm.AUTO, SvdAlgorithm.JACOBI, SvdAlgorithm.GOLUB_KAHAN)) {
              worst = worst.worse(ratios(device, matrixType, type, shape, algorithm));
            }
          }
          line.add(worst.toString());
          softly
              .assertThat(Math.max(worst.residual, worst.orthogonality))
              .as(matrixType.name + " " + type)
              .isLessThan(THRESHOLD);
        }
        table.add(line.toString());
      }
    } finally {
      Files.writeString(Path.of("tools", "target", "lapack-types.md"), table.toString());
    }
    softly.assertAll();
    assertThat(TYPES).hasSize(21);
  }
}
