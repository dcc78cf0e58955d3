package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Matrices.SEED;
import static io.github.diffsvd.spark.Matrices.SEEDED;
import static io.github.diffsvd.spark.Matrices.boxed;
import static io.github.diffsvd.spark.Matrices.bytes;
import static io.github.diffsvd.spark.Matrices.composed;
import static io.github.diffsvd.spark.Matrices.distance;
import static io.github.diffsvd.spark.Matrices.doubles;
import static io.github.diffsvd.spark.Matrices.floats;
import static io.github.diffsvd.spark.Matrices.random;
import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.DataType;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.DenseVector;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SvdFramesTest {
  private static final org.apache.spark.sql.types.DataType DOUBLES =
      DataTypes.createArrayType(DataTypes.DoubleType);
  private static final org.apache.spark.sql.types.DataType FLOATS =
      DataTypes.createArrayType(DataTypes.FloatType);
  private static final int M = 5;
  private static final int N = 3;

  private final Random random = new Random(SEED);

  @AfterEach
  void nothingIsLeft() {
    assertThat(TaskPlans.alive()).as("tasks with open plans").isZero();
  }

  private static Dataset<Row> frame(List<Row> rows, Object... namesAndTypes) {
    StructType schema = new StructType();
    for (int i = 0; i < namesAndTypes.length; i += 2) {
      schema =
          schema.add(
              (String) namesAndTypes[i],
              (org.apache.spark.sql.types.DataType) namesAndTypes[i + 1]);
    }
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session().sparkContext());
    return session().createDataFrame(spark.parallelize(rows, 2), schema);
  }

  private List<double[]> matrices(int count) {
    return IntStream.range(0, count).mapToObj(i -> random(random, M * N)).toList();
  }

  private static Dataset<Row> frame(
      List<double[]> matrices,
      org.apache.spark.sql.types.DataType type,
      Function<double[], Object> cell) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < matrices.size(); i++) {
      double[] matrix = matrices.get(i);
      rows.add(RowFactory.create(i, matrix == null ? null : cell.apply(matrix)));
    }
    return frame(rows, "id", DataTypes.IntegerType, "a", type);
  }

  private static Dataset<Row> frame(List<double[]> matrices) {
    return frame(matrices, DOUBLES, Matrices::boxed);
  }

  private static List<Row> sorted(Dataset<Row> frame) {
    List<Row> rows = new ArrayList<>(frame.collectAsList());
    rows.sort(Comparator.comparingInt(row -> row.getInt(0)));
    return rows;
  }

  @Test
  void everyKindOfColumnIsDecomposed() {
    List<double[]> matrices = matrices(37);
    SvdSpec spec = SvdSpec.of("a", M, N).withBatch(8);
    List<Dataset<Row>> frames =
        List.of(
            SvdFrames.svd(frame(matrices), spec),
            SvdFrames.svd(frame(matrices, DataTypes.BinaryType, Matrices::bytes), spec),
            SvdFrames.svd(frame(matrices, SQLDataTypes.VectorType(), DenseVector::new), spec),
            SvdFrames.svd(
                frame(
                    matrices,
                    SQLDataTypes.MatrixType(),
                    a -> new DenseMatrix(M, N, a, true).transpose().transpose()),
                SvdSpec.of("a")),
            SvdFrames.svd(
                frame(
                    matrices, SQLDataTypes.MatrixType(), a -> new DenseMatrix(N, M, a).transpose()),
                SvdSpec.of("a")));
    for (Dataset<Row> frame : frames) {
      List<Row> rows = sorted(frame);
      assertThat(rows).as(SEEDED).hasSize(matrices.size());
      for (int i = 0; i < rows.size(); i++) {
        Row row = rows.get(i);
        assertThat(row.<String>getAs("status")).isEqualTo("ok");
        assertThat(doubles(row, "a")).as(SEEDED).isEqualTo(matrices.get(i));
        double[] back = composed(doubles(row, "u"), doubles(row, "s"), doubles(row, "v"), M, N);
        assertThat(distance(back, matrices.get(i))).as(SEEDED).isLessThan(1e-14);
      }
    }
    assertThat(frames.get(0).schema().apply("u").dataType())
        .isEqualTo(DataTypes.createArrayType(DataTypes.DoubleType, false));
    assertThat(frames.get(1).schema().apply("s").dataType()).isEqualTo(DataTypes.BinaryType);
    assertThat(frames.get(3).schema().apply("v").dataType()).isEqualTo(SQLDataTypes.MatrixType());
    assertThat(frames.get(3).schema().apply("s").dataType()).isEqualTo(SQLDataTypes.VectorType());
  }

  @Test
  void singlePrecisionStaysSingle() {
    List<double[]> matrices = matrices(9);
    Dataset<Row> arrays =
        SvdFrames.svd(frame(matrices, FLOATS, a -> floats(a)), SvdSpec.of("a", M, N));
    Dataset<Row> binary =
        SvdFrames.svd(
            frame(matrices, DataTypes.BinaryType, a -> bytes(floats(a))),
            SvdSpec.of("a", M, N).withType(DataType.FLOAT32));
    assertThat(arrays.schema().apply("s").dataType())
        .isEqualTo(DataTypes.createArrayType(DataTypes.FloatType, false));
    List<Row> rows = sorted(arrays);
    List<Row> same = sorted(binary);
    for (int i = 0; i < rows.size(); i++) {
      double[] s = doubles(rows.get(i), "s");
      assertThat(distance(s, Matrices.svd(matrices.get(i), M, N).s())).as(SEEDED).isLessThan(1e-6);
      byte[] packed = same.get(i).getAs("s");
      assertThat(packed).isEqualTo(bytes(floats(s)));
    }
  }

  @Test
  void complexMatricesAreBinary() {
    // i·A has the singular values of A.
    List<double[]> matrices = matrices(3);
    Dataset<Row> frame =
        SvdFrames.svd(
            frame(
                matrices,
                DataTypes.BinaryType,
                a -> {
                  double[] complex = new double[2 * a.length];
                  for (int i = 0; i < a.length; i++) {
                    complex[2 * i + 1] = a[i];
                  }
                  return bytes(complex);
                }),
            SvdSpec.of("a", M, N).withType(DataType.COMPLEX128));
    List<Row> rows = sorted(frame);
    for (int i = 0; i < rows.size(); i++) {
      assertThat(rows.get(i).<byte[]>getAs("u")).hasSize(16 * M * N);
      assertThat(distance(doubles(rows.get(i), "s"), Matrices.svd(matrices.get(i), M, N).s()))
          .as(SEEDED)
          .isLessThan(1e-14);
    }
  }

  /** A function sees what the schema says before and after, though Spark skips its own rows. */
  @Test
  void functionsOfRowsBeforeAndAfter() {
    List<double[]> matrices = matrices(3);
    Dataset<Row> frame = frame(matrices);
    Dataset<Row> made =
        frame.map(
            (MapFunction<Row, Row>) row -> RowFactory.create(row.getInt(0), doubles(row, "a")),
            Encoders.row(frame.schema()));
    List<Double> sums =
        SvdFrames.svd(made, SvdSpec.of("a", M, N))
            .map(
                (MapFunction<Row, Double>)
                    row -> {
                      List<Double> s = row.getList(row.fieldIndex("s"));
                      List<Double> a = row.getList(row.fieldIndex("a"));
                      return s.get(0) + a.get(0);
                    },
                Encoders.DOUBLE())
            .collectAsList();
    assertThat(sums)
        .as(SEEDED)
        .isEqualTo(matrices.stream().map(a -> Matrices.svd(a, M, N).s()[0] + a[0]).toList());
  }

  @Test
  void raggedRowsKeepTheirOrder() {
    List<Row> rows = new ArrayList<>();
    List<double[]> matrices = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      int m = 1 + random.nextInt(7);
      int n = 1 + random.nextInt(7);
      double[] a = random(random, m * n);
      matrices.add(a);
      rows.add(RowFactory.create(i, m, (long) n, boxed(a)));
    }
    Dataset<Row> result =
        SvdFrames.svd(
            frame(
                rows,
                "id",
                DataTypes.IntegerType,
                "m",
                DataTypes.IntegerType,
                "n",
                DataTypes.LongType,
                "a",
                DOUBLES),
            SvdSpec.ragged("a", "m", "n").withBatch(64));
    int last = -1;
    int seen = 0;
    int partitions = 1;
    for (Row row : result.collectAsList()) {
      int id = row.getInt(0);
      if (id < last) {
        partitions++;
      }
      last = id;
      seen++;
      double[] back =
          composed(
              doubles(row, "u"),
              doubles(row, "s"),
              doubles(row, "v"),
              row.getInt(1),
              (int) row.getLong(2));
      assertThat(distance(back, matrices.get(id))).as(SEEDED + ", row " + id).isLessThan(1e-13);
    }
    assertThat(seen).isEqualTo(300);
    assertThat(partitions).isLessThanOrEqualTo(2);
  }

  /** Each kind of malformed row between two that are well. */
  private List<Row> malformed(List<double[]> good) {
    Double[] hole = boxed(good.get(0));
    hole[4] = null;
    double[] nan = good.get(0).clone();
    nan[2] = Double.NaN;
    double[] infinite = good.get(0).clone();
    infinite[0] = Double.NEGATIVE_INFINITY;
    return List.of(
        RowFactory.create(0, boxed(good.get(0))),
        RowFactory.create(1, null),
        RowFactory.create(2, hole),
        RowFactory.create(3, boxed(new double[] {1})),
        RowFactory.create(4, new Double[0]),
        RowFactory.create(5, boxed(nan)),
        RowFactory.create(6, boxed(infinite)),
        RowFactory.create(7, boxed(good.get(1))));
  }

  @Test
  void malformedRowsSayWhy() {
    List<double[]> good = matrices(2);
    Dataset<Row> frame = frame(malformed(good), "id", DataTypes.IntegerType, "a", DOUBLES);
    SvdSpec spec = SvdSpec.of("a", M, N);
    List<Row> rows = sorted(SvdFrames.svd(frame, spec));
    assertThat(rows.stream().map(row -> row.<String>getAs("status")))
        .containsExactly(
            "ok",
            "null",
            "null element",
            "expected 15 values, got 1",
            "expected 15 values, got 0",
            "not finite",
            "not finite",
            "ok");
    for (int i = 0; i < rows.size(); i++) {
      boolean ok = i == 0 || i == 7;
      for (String column : new String[] {"u", "s", "v"}) {
        assertThat(rows.get(i).getAs(column) != null).as("row " + i + ", " + column).isEqualTo(ok);
      }
    }
    // Bit for bit as without the others.
    List<Row> alone = sorted(SvdFrames.svd(frame(good), spec));
    assertThat(doubles(rows.get(0), "u")).as(SEEDED).isEqualTo(doubles(alone.get(0), "u"));
    assertThat(doubles(rows.get(7), "v")).as(SEEDED).isEqualTo(doubles(alone.get(1), "v"));

    List<Row> kept = sorted(SvdFrames.svd(frame, spec.withMode(SvdSpec.Mode.of("dropMalformed"))));
    assertThat(kept.stream().map(row -> row.getInt(0))).containsExactly(0, 7);

    assertThatThrownBy(
            () ->
                SvdFrames.svd(
                        frame.where("id in (0, 3)").coalesce(1),
                        spec.withMode(SvdSpec.Mode.FAIL_FAST))
                    .collectAsList())
        .hasStackTraceContaining("column a: expected 15 values, got 1, in row 1 of partition 0");
  }

  @Test
  void malformedRowsOfOtherColumns() {
    double[] a = random(random, 6);
    List<Row> rows =
        List.of(
            RowFactory.create(0, 2, 3, bytes(a)),
            RowFactory.create(1, null, 3, bytes(a)),
            RowFactory.create(2, 2, -1, bytes(a)),
            RowFactory.create(3, 3, 3, bytes(a)),
            RowFactory.create(4, 2, 3, new byte[47]),
            RowFactory.create(5, 1 << 20, 1 << 20, bytes(a)));
    List<Row> result =
        sorted(
            SvdFrames.svd(
                frame(
                    rows,
                    "id",
                    DataTypes.IntegerType,
                    "m",
                    DataTypes.IntegerType,
                    "n",
                    DataTypes.IntegerType,
                    "a",
                    DataTypes.BinaryType),
                SvdSpec.ragged("a", "m", "n")));
    assertThat(result.stream().map(row -> row.<String>getAs("status")))
        .containsExactly(
            "ok",
            "m: null",
            "n: expected at least 1, got -1",
            "expected 72 bytes, got 48",
            "expected 48 bytes, got 47",
            "expected a matrix of 1 byte to 1 GiB, got 1048576×1048576");
    List<Row> cotangents =
        List.of(
            RowFactory.create(0, boxed(a), boxed(new double[] {1, 2})),
            RowFactory.create(1, boxed(a), null),
            RowFactory.create(2, boxed(a), boxed(new double[] {1})));
    assertThat(
            sorted(
                    SvdFrames.gradient(
                        frame(cotangents, "id", DataTypes.IntegerType, "a", DOUBLES, "gs", DOUBLES),
                        SvdSpec.of("a", 2, 3).withCotangents(null, "gs", null)))
                .stream()
                .map(row -> row.<String>getAs("status")))
        .containsExactly("ok", "gs: null", "gs: expected 2 values, got 1");
  }

  @Test
  void gradientsAreThoseOfThePlans() {
    SpectralFunction f = SpectralFunction.softThreshold(0.3);
    List<double[]> matrices = matrices(11);
    List<Row> rows = new ArrayList<>();
    List<double[][]> cotangents = new ArrayList<>();
    for (int i = 0; i < matrices.size(); i++) {
      double[][] g = {
        random(random, M * N), random(random, N), random(random, N * N), random(random, M * N)
      };
      cotangents.add(g);
      rows.add(
          RowFactory.create(
              i,
              boxed(matrices.get(i)),
              boxed(g[0]),
              bytes(g[1]),
              new DenseVector(g[2]),
              boxed(g[3])));
    }
    Dataset<Row> frame =
        frame(
            rows,
            "id",
            DataTypes.IntegerType,
            "a",
            DOUBLES,
            "gu",
            DOUBLES,
            "gs",
            DataTypes.BinaryType,
            "gv",
            SQLDataTypes.VectorType(),
            "gy",
            DOUBLES);
    SvdSpec spec = SvdSpec.of("a", M, N).withFunction(f);
    List<Row> all = sorted(SvdFrames.gradient(frame, spec.withCotangents("gu", "gs", "gv")));
    List<Row> some = sorted(SvdFrames.gradient(frame, spec.withCotangents("gu", null, null)));
    List<Row> spectral =
        sorted(
            SvdFrames.gradient(
                SvdFrames.spectral(frame, spec).drop("status"), spec.withCotangent("gy")));
    for (int i = 0; i < matrices.size(); i++) {
      double[][] g = cotangents.get(i);
      Matrices.Factors factors = Matrices.svd(matrices.get(i), M, N);
      assertThat(
              distance(
                  doubles(all.get(i), "gradient"),
                  Matrices.gradient(factors, g[0], g[1], g[2], M, N)))
          .as(SEEDED)
          .isLessThan(1e-9);
      assertThat(
              distance(
                  doubles(some.get(i), "gradient"),
                  Matrices.gradient(factors, g[0], null, null, M, N)))
          .as(SEEDED)
          .isLessThan(1e-9);
      Matrices.SpectralGradient expected = Matrices.spectralGradient(factors, f, g[3], M, N);
      Row row = spectral.get(i);
      assertThat(distance(doubles(row, "y"), Matrices.spectral(factors, f, M, N)))
          .as(SEEDED)
          .isLessThan(1e-14);
      assertThat(distance(doubles(row, "gradient"), expected.a())).as(SEEDED).isLessThan(1e-12);
      assertThat(row.<Double>getAs("parameter_gradient") - expected.parameter())
          .as(SEEDED)
          .isBetween(-1e-12, 1e-12);
    }
  }

  @Test
  void lowRankIsTheBestOne() {
    List<double[]> matrices = matrices(7);
    List<Row> rows = sorted(SvdFrames.lowRank(frame(matrices), SvdSpec.of("a", M, N).withRank(2)));
    List<Row> factors =
        sorted(SvdFrames.svd(frame(matrices), SvdSpec.of("a", M, N).withRank(2).withPrefix("x_")));
    for (int i = 0; i < rows.size(); i++) {
      Row f = factors.get(i);
      double[] y = doubles(rows.get(i), "y");
      double[] u = doubles(f, "x_u");
      assertThat(u).hasSize(2 * M);
      assertThat(distance(y, composed(u, doubles(f, "x_s"), doubles(f, "x_v"), M, N)))
          .as(SEEDED)
          .isLessThan(1e-14);
      double error = 0;
      for (int j = 0; j < y.length; j++) {
        error = Math.hypot(error, y[j] - matrices.get(i)[j]);
      }
      assertThat(rows.get(i).<Double>getAs("error") - error).as(SEEDED).isBetween(-1e-14, 1e-14);
      assertThat(error)
          .as(SEEDED)
          .isCloseTo(
              Matrices.svd(matrices.get(i), M, N).s()[2],
              org.assertj.core.data.Offset.offset(1e-13));
    }
  }

  @Test
  void optionsGoAlong() {
    // Equal singular values: the textbook's rule ends in NaN, the default stays finite.
    Dataset<Row> frame =
        frame(
            List.of(
                RowFactory.create(
                    0, boxed(new double[] {1, 0, 0, 1}), boxed(new double[] {1, 2, 3, 4}))),
            "id",
            DataTypes.IntegerType,
            "a",
            DOUBLES,
            "gu",
            DOUBLES);
    SvdSpec spec = SvdSpec.of("a", 2, 2).withCotangents("gu", null, null);
    double[] bounded = doubles(SvdFrames.gradient(frame, spec).first(), "gradient");
    assertThat(Arrays.stream(bounded).allMatch(Double::isFinite)).isTrue();
    SvdOptions exact = SvdOptions.defaults().withRule(GradientRule.exact());
    double[] textbook =
        doubles(SvdFrames.gradient(frame, spec.withOptions(exact)).first(), "gradient");
    assertThat(Arrays.stream(textbook).allMatch(Double::isFinite)).isFalse();
  }

  @Test
  void mistakesAreNamedInTheDriver() {
    Dataset<Row> frame = frame(matrices(1));
    assertThatThrownBy(() -> SvdFrames.svd(frame, SvdSpec.of("b", 5, 3)))
        .hasMessage("column b: not among id, a");
    assertThatThrownBy(() -> SvdFrames.svd(frame, SvdSpec.of("id", 5, 3)))
        .hasMessageContaining("column id: expected array<float>")
        .hasMessageEndingWith("got int");
    assertThatThrownBy(() -> SvdFrames.svd(frame, SvdSpec.of("a")))
        .hasMessageContaining("column a: a array<double> needs a shape");
    assertThatThrownBy(() -> SvdFrames.svd(frame, SvdSpec.ragged("a", "id", "a")))
        .hasMessage("column a: expected whole numbers, got array<double>");
    assertThatThrownBy(() -> SvdFrames.spectral(frame, SvdSpec.of("a", 5, 3)))
        .hasMessage("spectral: withFunction is missing from the spec");
    assertThatThrownBy(() -> SvdFrames.lowRank(frame, SvdSpec.of("a", 5, 3)))
        .hasMessage("lowRank: withRank is missing from the spec");
    assertThatThrownBy(() -> SvdFrames.gradient(frame, SvdSpec.of("a", 5, 3)))
        .hasMessage("gradient: withCotangents or withCotangent is missing from the spec");
    assertThatThrownBy(
            () -> SvdFrames.svd(SvdFrames.svd(frame, SvdSpec.of("a", 5, 3)), SvdSpec.of("a", 5, 3)))
        .hasMessageContaining("column u: is there already");
    assertThatThrownBy(
            () ->
                SvdFrames.gradient(
                    frame.withColumn("g", functions.lit(new float[] {1f})),
                    SvdSpec.of("a", 5, 3).withCotangents(null, "g", null)))
        .hasMessage("column g: expected elements of FLOAT64 as in a, got FLOAT32");
    assertThatThrownBy(() -> SvdSpec.of("a", 0, 3)).hasMessage("rows: expected at least 1, got 0");
    assertThatThrownBy(() -> SvdSpec.Mode.of("strict"))
        .hasMessage("mode: expected permissive, dropMalformed or failFast, got strict");
  }

  @Test
  void plansAreClosedWhereATaskEndsEarly() {
    List<double[]> matrices = matrices(50);
    Dataset<Row> result = SvdFrames.svd(frame(matrices), SvdSpec.of("a", M, N).withBatch(4));
    assertThat(result.take(1)).isNotNull();
    assertThat(result.limit(3).count()).isEqualTo(3);
  }

  /** The rows, of which the first attempt sees 17. */
  private static Iterator<Row> fails(Iterator<Row> rows) {
    boolean first = TaskContext.get().attemptNumber() == 0;
    int[] seen = {0};
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public Row next() {
        if (first && seen[0]++ == 17) {
          throw new IllegalStateException("the first attempt");
        }
        return rows.next();
      }
    };
  }

  @Test
  void aTaskThatFailsIsTriedAgainAndLeavesNothing() {
    List<double[]> matrices = matrices(50);
    Dataset<Row> frame = frame(matrices);
    Dataset<Row> shaky =
        frame.mapPartitions(
            (MapPartitionsFunction<Row, Row>) SvdFramesTest::fails, Encoders.row(frame.schema()));
    int idle = Staging.idle();
    List<Row> rows = sorted(SvdFrames.svd(shaky, SvdSpec.of("a", M, N).withBatch(4)));
    assertThat(rows.stream().map(row -> row.getInt(0)).toList())
        .isEqualTo(IntStream.range(0, 50).boxed().toList());
    assertThat(TaskPlans.alive()).isZero();
    // No more buffers than tasks at a time, or than there were.
    assertThat(Staging.idle()).isBetween(1, Math.max(idle, 2));
  }

  @Test
  void largeMatricesGoInSmallerBatches() {
    // 8 MiB each, all of whose elements are of eight spaces: a batch of 1024 would be 8 GiB.
    Dataset<Row> frame =
        session()
            .range(0, 6, 1, 1)
            .selectExpr("cast(id as int) id", "cast(repeat(' ', 8388608) as binary) a");
    SvdSpec spec = SvdSpec.of("a", 262144, 4).withRank(1);
    List<Row> rows = sorted(SvdFrames.svd(frame, spec).drop("a", "u", "v"));
    assertThat(rows).hasSize(6);
    double element = Double.longBitsToDouble(0x2020202020202020L);
    for (Row row : rows) {
      assertThat(doubles(row, "s")[0] / (1024 * element)).isBetween(1 - 1e-12, 1 + 1e-12);
    }
  }
}
