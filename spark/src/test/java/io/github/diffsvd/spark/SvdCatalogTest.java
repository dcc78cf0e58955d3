package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Matrices.SEED;
import static io.github.diffsvd.spark.Matrices.SEEDED;
import static io.github.diffsvd.spark.Matrices.composed;
import static io.github.diffsvd.spark.Matrices.distance;
import static io.github.diffsvd.spark.Matrices.doubles;
import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SvdCatalogTest {
  private final double[] a = Matrices.random(new Random(SEED), 12);

  @BeforeEach
  void view() {
    double[] nan = a.clone();
    nan[3] = Double.NaN;
    Double[] hole = Matrices.boxed(a);
    hole[5] = null;
    session()
        .createDataFrame(
            List.of(
                RowFactory.create(0, a, Matrices.floats(a), Matrices.bytes(a)),
                RowFactory.create(1, nan, null, new byte[3]),
                RowFactory.create(2, hole, null, null)),
            new StructType()
                .add("id", DataTypes.IntegerType)
                .add("a", DataTypes.createArrayType(DataTypes.DoubleType))
                .add("f", DataTypes.createArrayType(DataTypes.FloatType))
                .add("b", DataTypes.BinaryType))
        .repartition(1)
        .createOrReplaceTempView("matrices");
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(TaskPlans.alive()).as("tasks with open plans").isZero();
  }

  private static Row first(String query) {
    return session().sql(query).first();
  }

  @Test
  void columnsOfEveryKind() {
    for (String column : new String[] {"a", "b"}) {
      Row row =
          first(
              "select r.* from (select diffsvd.svd("
                  + column
                  + ", 4, 3) r from matrices where id = 0)");
      assertThat(row.<String>getAs("status")).isEqualTo("ok");
      double[] back = composed(doubles(row, "u"), doubles(row, "s"), doubles(row, "v"), 4, 3);
      assertThat(distance(back, a)).as(SEEDED).isLessThan(1e-14);
    }
    double[] s = Matrices.svd(a, 4, 3).s();
    Row row =
        first(
            "select diffsvd.singular_values(f, 4, 3) single,"
                + " diffsvd.Singular_Values(a, 4, 3) s,"
                + " diffsvd.spectral(a, 4, 3, 'identity') y,"
                + " diffsvd.low_rank(a, 4, 3, 3) z from matrices where id = 0");
    assertThat(row.schema().apply("single").dataType().catalogString()).isEqualTo("array<float>");
    assertThat(distance(doubles(row, "single"), s)).as(SEEDED).isLessThan(1e-6);
    assertThat(doubles(row, "s")).as(SEEDED).isEqualTo(s);
    assertThat(distance(doubles(row, "y"), a)).as(SEEDED).isLessThan(1e-14);
    assertThat(distance(doubles(row, "z"), a)).as(SEEDED).isLessThan(1e-14);
  }

  @Test
  void malformedMatricesAndNulls() {
    assertThat(
            session()
                .sql("select diffsvd.svd(a, 4, 3).status from matrices order by id")
                .collectAsList()
                .stream()
                .map(row -> row.getString(0)))
        .containsExactly("ok", "not finite", "null element");
    assertThat(
            session()
                .sql("select diffsvd.svd(b, 4, 3).status from matrices order by id")
                .collectAsList()
                .stream()
                .map(row -> row.getString(0)))
        .containsExactly("ok", "expected 96 bytes, got 3", null);
    assertThat(
            first("select diffsvd.singular_values(a, 4, 3) from matrices where id = 1").isNullAt(0))
        .isTrue();
    assertThat(first("select diffsvd.svd(a, 5, 3).status from matrices where id = 0").getString(0))
        .isEqualTo("expected 15 values, got 12");
    assertThat(first("select diffsvd.svd(a, 0, 3).status from matrices where id = 0").getString(0))
        .isEqualTo("expected a matrix of 1 byte to 1 GiB, got 0×3");
  }

  /** Which Spark evaluates while it plans. */
  @Test
  void constants() {
    assertThat(first("select diffsvd.singular_values(array(3.0, 0, 0, 4.0), 2, 2) s").getList(0))
        .isEqualTo(List.of(4.0, 3.0));
    assertThat(first("select diffsvd.singular_values(null, 2, 2)").isNullAt(0)).isTrue();
    assertThat(first("select diffsvd.singular_values(array(1.0), null, 1)").isNullAt(0)).isTrue();
    assertThat(first("select diffsvd.svd(null, 2, 2)").isNullAt(0)).isTrue();
    assertThat(first("select diffsvd.spectral(array(1.0), 1, 1, null)").isNullAt(0)).isTrue();
    assertThat(
            first("select diffsvd.low_rank(a, 4, 3, cast(null as int)) from matrices").isNullAt(0))
        .isTrue();
  }

  @Test
  void byNameFromCode() {
    Row row =
        session()
            .table("matrices")
            .where("id = 0")
            .select(
                functions
                    .call_function(
                        "diffsvd.singular_values",
                        functions.col("a"),
                        functions.lit(4),
                        functions.lit(3))
                    .as("s"))
            .first();
    assertThat(doubles(row, "s")).as(SEEDED).isEqualTo(Matrices.svd(a, 4, 3).s());
  }

  @Test
  void mistakesAreErrorsOfTheQuery() {
    assertThatThrownBy(() -> first("select diffsvd.svd(a, 4) from matrices"))
        .hasMessageContaining("svd(a, m, n)")
        .hasMessageContaining("expected 3 arguments, got 2");
    assertThatThrownBy(() -> first("select diffsvd.svd(id, 4, 3) from matrices"))
        .hasMessageContaining("expected an array of numbers or binary, got int");
    assertThatThrownBy(() -> first("select diffsvd.qr(a, 4, 3) from matrices"))
        .hasMessageContaining("qr");
    assertThatThrownBy(() -> first("select diffsvd.spectral(a, 4, 3, 'cube') from matrices"))
        .hasStackTraceContaining("function: expected one of identity");
  }

  @Test
  void theFunctionsAreListed() {
    assertThat(
            session().sql("show functions in diffsvd").collectAsList().stream()
                .map(row -> row.getString(0)))
        .anyMatch(name -> name.endsWith("singular_values"));
  }
}
