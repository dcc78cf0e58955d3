package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Matrices.SEED;
import static io.github.diffsvd.spark.Matrices.SEEDED;
import static io.github.diffsvd.spark.Matrices.composed;
import static io.github.diffsvd.spark.Matrices.distance;
import static io.github.diffsvd.spark.Matrices.doubles;
import static io.github.diffsvd.spark.Matrices.largest;
import static io.github.diffsvd.spark.Matrices.product;
import static io.github.diffsvd.spark.Matrices.random;
import static io.github.diffsvd.spark.Matrices.transposed;
import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.SpectralFunction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.DenseVector;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.mllib.linalg.SingularValueDecomposition;
import org.apache.spark.mllib.linalg.distributed.IndexedRowMatrix;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DistributedSvdTest {
  private static final int N = 8;

  private final Random random = new Random(SEED);

  private static JavaSparkContext spark() {
    return JavaSparkContext.fromSparkContext(session().sparkContext());
  }

  private static List<Row> rows(double[] a, int n) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < a.length / n; i++) {
      rows.add(RowFactory.create(i, Arrays.copyOfRange(a, i * n, (i + 1) * n)));
    }
    return rows;
  }

  private static Dataset<Row> frame(
      List<Row> rows, String name, org.apache.spark.sql.types.DataType type, int partitions) {
    StructType schema = new StructType().add("id", DataTypes.IntegerType).add(name, type);
    return session().createDataFrame(spark().parallelize(rows, partitions), schema);
  }

  private static Dataset<Row> frame(double[] a, int n, int partitions) {
    return frame(rows(a, n), "a", DataTypes.createArrayType(DataTypes.DoubleType), partitions);
  }

  private static double[] collected(Dataset<Row> frame, String column) {
    List<Row> rows = new ArrayList<>(frame.select("id", column).collectAsList());
    rows.sort(Comparator.comparingInt(row -> row.getInt(0)));
    return rows.stream().flatMapToDouble(row -> Arrays.stream(doubles(row, column))).toArray();
  }

  private static double[] v(DistributedSvd svd) {
    return transposed(svd.v().toArray(), svd.v().numCols(), svd.v().numRows());
  }

  /** With another column, that of the same id. */
  private static Dataset<Row> with(Dataset<Row> frame, String name, double[] values, int n) {
    return frame.join(
        frame(rows(values, n), name, DataTypes.createArrayType(DataTypes.DoubleType), 3), "id");
  }

  /** UᵀU − I. */
  private static double fromOrthonormal(double[] u, int r) {
    int m = u.length / r;
    double[] gram = product(transposed(u, m, r), u, r, m, r);
    for (int i = 0; i < r; i++) {
      gram[i * r + i] -= 1;
    }
    return largest(gram);
  }

  /** A matrix of known singular values, from 1 down to 1/condition by equal factors. */
  private double[] conditioned(int m, int n, double condition, double[] s) {
    for (int i = 0; i < n; i++) {
      s[i] = Math.pow(condition, -i / (n - 1.0));
    }
    double[] u = Matrices.svd(random(random, m * n), m, n).u();
    double[] v = Matrices.svd(random(random, n * n), n, n).v();
    return composed(u, s, v, m, n);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 7})
  void theFactorsAreThoseOfTheWholeMatrix(int partitions) {
    int m = 101;
    double[] a = random(random, m * N);
    try (DistributedSvd svd = DistributedSvd.of(frame(a, N, partitions), "a", N)) {
      assertThat(svd.rows()).isEqualTo(m);
      assertThat(distance(svd.s(), Matrices.svd(a, m, N).s())).as(SEEDED).isLessThan(1e-13);
      double[] u = collected(svd.u(), "u");
      assertThat(distance(composed(u, svd.s(), v(svd), m, N), a)).as(SEEDED).isLessThan(1e-13);
      assertThat(fromOrthonormal(u, N)).as(SEEDED).isLessThan(1e-13);
      assertThat(collected(svd.u(), "a")).as(SEEDED).isEqualTo(a);
    }
  }

  /** Less rows than columns in each, none in some. */
  @Test
  void partitionsMayBeSmall() {
    int m = 13;
    double[] a = random(random, m * N);
    try (DistributedSvd svd =
        DistributedSvd.of(frame(a, N, 9).unionAll(frame(a, N, 2).where("id < 0")), "a", N)) {
      double[] u = collected(svd.u(), "u");
      assertThat(distance(composed(u, svd.s(), v(svd), m, N), a)).as(SEEDED).isLessThan(1e-13);
      assertThat(fromOrthonormal(u, N)).as(SEEDED).isLessThan(1e-13);
    }
  }

  @Test
  void columnsOfEveryKind() {
    int m = 40;
    double[] a = random(random, m * N);
    double[] expected = Matrices.svd(a, m, N).s();
    record Kind(
        org.apache.spark.sql.types.DataType type, Function<double[], Object> cell, double bound) {}
    for (Kind kind :
        List.of(
            new Kind(DataTypes.BinaryType, Matrices::bytes, 1e-13),
            new Kind(SQLDataTypes.VectorType(), DenseVector::new, 1e-13),
            new Kind(DataTypes.createArrayType(DataTypes.FloatType), Matrices::floats, 1e-6))) {
      List<Row> rows = new ArrayList<>();
      for (Row row : rows(a, N)) {
        rows.add(RowFactory.create(row.get(0), kind.cell.apply((double[]) row.get(1))));
      }
      try (DistributedSvd svd = DistributedSvd.of(frame(rows, "a", kind.type, 2), "a", N)) {
        assertThat(distance(svd.s(), expected)).as(SEEDED).isLessThan(kind.bound);
        assertThat(svd.u().schema().apply("u").dataType().sql())
            .isEqualTo(svd.u().schema().apply("a").dataType().sql());
        svd.u().count();
      }
    }
  }

  /** Beside MLlib, which goes through AᵀA. */
  @Test
  void smallSingularValuesOfAnIllConditionedMatrix() {
    // Rounding the matrix's elements moves its smallest singular values by some 4e-9 of themselves,
    // so the matrix is a fixed one.
    random.setSeed(1);
    int m = 4000;
    int n = 32;
    double[] exact = new double[n];
    double[] a = conditioned(m, n, 1e10, exact);
    Dataset<Row> frame = frame(a, n, 4);
    try (DistributedSvd svd = DistributedSvd.of(frame, "a", n)) {
      double[] u = collected(svd.u(), "u");
      double worst = 0;
      for (int i = 0; i < n; i++) {
        worst = Math.max(worst, Math.abs(svd.s()[i] / exact[i] - 1));
      }
      IndexedRowMatrix matrix = DistributedSvd.matrix(frame, "id", "a", n);
      SingularValueDecomposition<IndexedRowMatrix, ?> mllib = matrix.computeSVD(n, true, 1e-15);
      double[] values = mllib.s().toArray();
      double theirs = 0;
      for (int i = 0; i < values.length; i++) {
        theirs = Math.max(theirs, Math.abs(values[i] / exact[i] - 1));
      }
      double[] theirU = new double[m * values.length];
      mllib.U()
          .rows()
          .toJavaRDD()
          .collect()
          .forEach(
              row ->
                  System.arraycopy(
                      row.vector().toArray(),
                      0,
                      theirU,
                      (int) row.index() * values.length,
                      values.length));
      System.out.printf(
          "%d×%d of condition 1e10, relative error of S and ‖UᵀU−I‖max: diffsvd %.1e, %.1e;"
              + " computeSVD %.1e of %d values, %.1e%n",
          m,
          n,
          worst,
          fromOrthonormal(u, n),
          theirs,
          values.length,
          fromOrthonormal(theirU, values.length));
      assertThat(worst).as(SEEDED).isLessThan(1e-8);
      assertThat(fromOrthonormal(u, n)).as(SEEDED).isLessThan(1e-13);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {10, 1e10})
  void thePullbackIsThatOfTheWholeMatrix(double condition) {
    int m = 90;
    double[] a = conditioned(m, N, condition, new double[N]);
    double[] gu = random(random, m * N);
    double[] gs = random(random, N);
    double[] gv = random(random, N * N);
    DenseMatrix v = new DenseMatrix(N, N, gv, true);
    try (DistributedSvd svd = DistributedSvd.of(frame(a, N, 4), "a", N)) {
      Matrices.Factors factors = new Matrices.Factors(collected(svd.u(), "u"), svd.s(), v(svd));
      Dataset<Row> rows = with(svd.u(), "gu", gu, N);
      check(svd.gradient(rows, "gu", gs, v), Matrices.gradient(factors, gu, gs, gv, m, N));
      check(svd.gradient(rows, "gu", null, null), Matrices.gradient(factors, gu, null, null, m, N));
      check(svd.gradient(rows, null, gs, null), Matrices.gradient(factors, null, gs, null, m, N));
      check(svd.gradient(rows, null, null, v), Matrices.gradient(factors, null, null, gv, m, N));
    }
  }

  private static void check(Dataset<Row> gradient, double[] expected) {
    assertThat(distance(collected(gradient, "gradient"), expected) / largest(expected))
        .as(SEEDED)
        .isLessThan(1e-12);
  }

  @ParameterizedTest
  @ValueSource(strings = {"soft-threshold=0.1", "log1p", "sqrt", "clip=0.5", "polar=1e-6"})
  void spectralFunctionsAndTheirPullback(String name) {
    SpectralFunction f = SpectralFunction.parse(name);
    int m = 90;
    double[] a = conditioned(m, N, 1e4, new double[N]);
    double[] gy = random(random, m * N);
    try (DistributedSvd svd = DistributedSvd.of(frame(a, N, 4), "a", N)) {
      Dataset<Row> rows = svd.spectral(f);
      Matrices.Factors factors = new Matrices.Factors(collected(rows, "u"), svd.s(), v(svd));
      double[] y = Matrices.spectral(factors, f, m, N);
      assertThat(distance(collected(rows, "y"), y)).as(SEEDED).isLessThan(1e-13);
      Matrices.SpectralGradient expected = Matrices.spectralGradient(factors, f, gy, m, N);
      DistributedSvd.Gradient gradient = svd.spectralGradient(f, with(rows, "gy", gy, N), "gy");
      check(gradient.rows(), expected.a());
      assertThat(gradient.parameter() - expected.parameter()).as(SEEDED).isBetween(-1e-11, 1e-11);
    }
  }

  /** Rank 5 of 8: a cut relative to the rows of the whole matrix, and f'(0) where s is 0. */
  @Test
  void ranksBelowTheNumberOfColumns() {
    int m = 60;
    double[] a = product(random(random, m * 5), random(random, 5 * N), m, 5, N);
    double[] gy = random(random, m * N);
    try (DistributedSvd svd = DistributedSvd.of(frame(a, N, 3), "a", N)) {
      assertThat(svd.s()[5]).as(SEEDED).isLessThan(1e-14);
      assertThat(fromOrthonormal(collected(svd.u(), "u"), N)).as(SEEDED).isLessThan(1e-13);
      for (SpectralFunction f :
          List.of(SpectralFunction.sqrt(), SpectralFunction.softThreshold(0.2))) {
        Dataset<Row> rows = svd.spectral(f);
        Matrices.Factors factors = new Matrices.Factors(collected(rows, "u"), svd.s(), v(svd));
        check(
            svd.spectralGradient(f, with(rows, "gy", gy, N), "gy").rows(),
            Matrices.spectralGradient(factors, f, gy, m, N).a());
      }
    }
  }

  @Test
  void matricesOfMllibGoInAndOut() {
    int m = 30;
    double[] a = random(random, m * N);
    IndexedRowMatrix matrix = DistributedSvd.matrix(frame(a, N, 3), "id", "a", N);
    Dataset<Row> frame = DistributedSvd.frame(session(), matrix);
    try (DistributedSvd svd = DistributedSvd.of(frame, "row", N)) {
      IndexedRowMatrix u = DistributedSvd.matrix(svd.u(), "index", "u", N);
      double[] rows = new double[m * N];
      u.rows()
          .toJavaRDD()
          .collect()
          .forEach(
              row -> System.arraycopy(row.vector().toArray(), 0, rows, (int) row.index() * N, N));
      assertThat(distance(composed(rows, svd.s(), v(svd), m, N), a)).as(SEEDED).isLessThan(1e-13);
    }
  }

  /** 60×500 of rank 5 and a little noise. */
  @Test
  void wideMatricesByRandomDirections() {
    int m = 60;
    int n = 500;
    double[] a = product(random(random, m * 5), random(random, 5 * n), m, 5, n);
    for (int i = 0; i < a.length; i++) {
      a[i] += 1e-6 * random.nextGaussian();
    }
    Matrices.Factors exact = Matrices.svd(a, m, n);
    try (DistributedSvd svd = DistributedSvd.randomised(frame(a, n, 3), "a", n, 5, SEED)) {
      for (int i = 0; i < 5; i++) {
        assertThat(svd.s()[i] / exact.s()[i] - 1).as(SEEDED).isBetween(-1e-10, 1e-10);
      }
      double[] u = collected(svd.u(), "u");
      assertThat(fromOrthonormal(u, 5)).as(SEEDED).isLessThan(1e-13);
      assertThat(fromOrthonormal(v(svd), 5)).as(SEEDED).isLessThan(1e-13);
      assertThat(distance(composed(u, svd.s(), v(svd), m, n), a)).as(SEEDED).isLessThan(2e-5);
      assertThatThrownBy(() -> svd.spectral(SpectralFunction.sqrt()))
          .hasMessage("a randomised decomposition has neither spectral functions nor a pullback");
    }
    try (DistributedSvd once =
            DistributedSvd.randomised(
                frame(a, n, 2), "a", n, 5, 3, 0, SEED, ExecutorDevice.named("cpu"));
        DistributedSvd again =
            DistributedSvd.randomised(
                frame(a, n, 2), "a", n, 5, 3, 0, SEED, ExecutorDevice.named("cpu"))) {
      assertThat(once.s()).isEqualTo(again.s());
      assertThat(once.s()[4] / exact.s()[4] - 1).as(SEEDED).isBetween(-1e-6, 1e-6);
    }
  }

  @Test
  void mistakesAreNamed() {
    Dataset<Row> frame = frame(random(random, 5 * N), N, 2);
    assertThatThrownBy(() -> DistributedSvd.of(frame, "b", N))
        .hasMessage("column b: not among id, a");
    assertThatThrownBy(() -> DistributedSvd.of(frame, "a", N))
        .hasMessage(
            "column a: expected at least 8 rows of 8 values, got 5; randomised decomposes a wide"
                + " matrix");
    assertThatThrownBy(() -> DistributedSvd.of(frame, "a", 7))
        .hasStackTraceContaining("column a: expected 7 values, got 8");
    assertThatThrownBy(() -> DistributedSvd.randomised(frame, "a", N, 6, 1))
        .hasMessage("rank: expected at most the number of rows, 5, got 6");
    assertThatThrownBy(() -> DistributedSvd.of(frame.where("id < 0"), "a", N))
        .hasMessage("frame: expected rows, got none");
    double[] nan = random(random, 20 * N);
    nan[77] = Double.NaN;
    assertThatThrownBy(() -> DistributedSvd.of(frame(nan, N, 1), "a", N))
        .hasStackTraceContaining("column a, partition 0: not finite");
    List<Row> hole = new ArrayList<>(rows(random(random, 20 * N), N));
    hole.set(3, RowFactory.create(3, null));
    assertThatThrownBy(
            () ->
                DistributedSvd.of(
                    frame(hole, "a", DataTypes.createArrayType(DataTypes.DoubleType), 1), "a", N))
        .hasStackTraceContaining("column a: null");
    try (DistributedSvd svd = DistributedSvd.of(frame(random(random, 20 * N), N, 2), "a", N)) {
      assertThatThrownBy(() -> svd.gradient(svd.u(), "gu", null, null))
          .hasMessage("column gu: not among id, a, u");
      assertThatThrownBy(() -> svd.gradient(svd.u(), null, new double[3], null))
          .hasMessage("gs: expected 8 values, got 3");
    }
  }
}
