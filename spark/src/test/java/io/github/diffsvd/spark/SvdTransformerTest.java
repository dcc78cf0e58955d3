package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Matrices.SEED;
import static io.github.diffsvd.spark.Matrices.SEEDED;
import static io.github.diffsvd.spark.Matrices.doubles;
import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SvdTransformerTest {
  private final double[] a = Matrices.random(new Random(SEED), 12);

  private Dataset<Row> frame() {
    return session()
        .createDataFrame(
            List.of(RowFactory.create(a, 4, 3, new DenseMatrix(4, 3, a, true))),
            new StructType()
                .add("a", DataTypes.createArrayType(DataTypes.DoubleType))
                .add("m", DataTypes.IntegerType)
                .add("n", DataTypes.IntegerType)
                .add("matrix", SQLDataTypes.MatrixType()));
  }

  @Test
  void eachOperationIsThatOfTheFrames() {
    SvdTransformer svd = new SvdTransformer().setInputCol("a").setRows(4).setColumns(3);
    Row row = svd.transform(frame()).first();
    assertThat(doubles(row, "s")).as(SEEDED).isEqualTo(Matrices.svd(a, 4, 3).s());
    assertThat(svd.transformSchema(frame().schema())).isEqualTo(svd.transform(frame()).schema());

    SvdTransformer spectral =
        new SvdTransformer()
            .setInputCol("a")
            .setRowsCol("m")
            .setColumnsCol("n")
            .setOperation("spectral")
            .setFunction("identity")
            .setOutputPrefix("f_");
    assertThat(Matrices.distance(doubles(spectral.transform(frame()).first(), "f_y"), a))
        .as(SEEDED)
        .isLessThan(1e-14);

    // A column of u of rank 1 is a Matrix still.
    SvdTransformer lowRank = new SvdTransformer().setInputCol("matrix").setRank(1);
    assertThat(lowRank.transform(frame()).first().<DenseMatrix>getAs("u").numCols()).isEqualTo(1);
    Row low = lowRank.setOperation("lowRank").transform(frame()).first();
    double[] s = Matrices.svd(a, 4, 3).s();
    assertThat(low.<Double>getAs("error") - Math.hypot(s[1], s[2]))
        .as(SEEDED)
        .isBetween(-1e-14, 1e-14);
    assertThat(lowRank.transformSchema(frame().schema()))
        .isEqualTo(lowRank.transform(frame()).schema());
  }

  @Test
  void aPipelineIsSavedAndLoaded(@TempDir Path folder) throws IOException {
    SvdTransformer svd =
        new SvdTransformer()
            .setInputCol("a")
            .setRows(4)
            .setColumns(3)
            .setMode("failFast")
            .setElementType("float32")
            .setBatch(7);
    Dataset<Row> frame = frame();
    String alone = folder.resolve("alone").toString();
    svd.save(alone);
    SvdTransformer loaded = SvdTransformer.load(alone);
    assertThat(loaded.uid()).isEqualTo(svd.uid());
    assertThat(loaded.extractParamMap().toString()).isEqualTo(svd.extractParamMap().toString());
    assertThat(loaded.copy(new ParamMap()).extractParamMap().toString())
        .isEqualTo(svd.extractParamMap().toString());

    String within = folder.resolve("pipeline").toString();
    new Pipeline().setStages(new PipelineStage[] {svd}).fit(frame).save(within);
    Row row = PipelineModel.load(within).transform(frame).first();
    assertThat(doubles(row, "s")).as(SEEDED).isEqualTo(Matrices.svd(a, 4, 3).s());
  }

  @Test
  void mistakesAreNamed() {
    assertThatThrownBy(() -> new SvdTransformer("x").transform(frame()))
        .hasMessage("x: inputCol is not set");
    assertThatThrownBy(
            () -> new SvdTransformer().setInputCol("matrix").setOperation("qr").transform(frame()))
        .hasMessage("operation: expected svd, spectral or lowRank, got qr");
    assertThatThrownBy(
            () ->
                new SvdTransformer()
                    .setInputCol("matrix")
                    .setElementType("half")
                    .transform(frame()))
        .hasMessage("elementType: expected float32, float64, complex64 or complex128, got half");
    assertThatThrownBy(
            () ->
                new SvdTransformer()
                    .setInputCol("matrix")
                    .setOperation("spectral")
                    .transform(frame()))
        .hasMessage("spectral: withFunction is missing from the spec");
  }
}
