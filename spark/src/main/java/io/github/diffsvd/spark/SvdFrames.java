package io.github.diffsvd.spark;

import io.github.diffsvd.DataType;
import io.github.diffsvd.spark.Part.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Decompositions of a column of matrices, and their gradients.
 *
 * <p>Each method gives the frame back with new columns at its end, lazily, as a map over the
 * partitions: rows keep their order and are decomposed in batches, on the device of each task. The
 * new columns hold numbers as the column of matrices does: arrays, little-endian binary of the same
 * type (singular values of its real type), or Matrix and Vector of ml.linalg. With r = {@link
 * SvdSpec#withRank}, or min(m, n) where it is not set:
 *
 * <p>The last new column is {@code status}, a string:
 *
 * <ul>
 *   <li>{@code ok};
 *   <li>{@code null}: the matrix is null;
 *   <li>{@code null element}: one of its elements is;
 *   <li>{@code expected 64 values, got 63}, {@code expected 512 bytes, got 3}, {@code expected 8×8,
 *       got 8×7}: it has another length than its shape says, {@code expected a matrix of 1 byte to
 *       1 GiB, got 0×8} a shape that none has;
 *   <li>{@code not finite}: it holds NaN or infinity;
 *   <li>{@code a singular value beyond the type's range}, {@code not converged}: as {@link
 *       io.github.diffsvd.SvdInfo} has it;
 *   <li>{@code gu: null}, {@code rows: expected at least 1, got -1}: the same of another column
 *       that the row needs, after its name.
 * </ul>
 *
 * Where it is not ok the other new columns are null, and neighbours are as they would be without
 * that row; {@link SvdSpec#withMode} leaves such rows out or lets the job fail.
 *
 * <p>All of them throw an IllegalArgumentException at once, in the driver, if a column is absent or
 * of another type, a new one would have the name of one that is there, or the spec lacks something.
 */
public final class SvdFrames {
  private static final String STATUS = "status";

  private SvdFrames() {}

  /** A = U diag(S) Vᴴ: the columns u (m×r), s (r, descending) and v (n×r, not Vᴴ). */
  public static Dataset<Row> svd(Dataset<Row> frame, SvdSpec spec) {
    return apply(frame, spec, Operation.SVD);
  }

  /**
   * The column y (m×n): Y = U f(S) Vᴴ.
   *
   * @param spec with {@link SvdSpec#withFunction}
   */
  public static Dataset<Row> spectral(Dataset<Row> frame, SvdSpec spec) {
    return apply(frame, spec, Operation.SPECTRAL);
  }

  /**
   * The best approximation of rank r: the column y (m×n), and error, a double, ‖A − Y‖ in the
   * Frobenius norm.
   *
   * @param spec with {@link SvdSpec#withRank}
   */
  public static Dataset<Row> lowRank(Dataset<Row> frame, SvdSpec spec) {
    return apply(frame, spec, Operation.LOW_RANK);
  }

  /**
   * The column gradient (m×n): ∂L/∂A, from the columns of cotangents that the spec names; the
   * matrices are decomposed anew. From ∂L/∂Y it is that of {@link #spectral}, and another column is
   * parameter_gradient, a double: ∂L/∂τ, ∂L/∂p or ∂L/∂c of each matrix.
   *
   * @param spec with {@link SvdSpec#withCotangents}, or with {@link SvdSpec#withCotangent} and
   *     {@link SvdSpec#withFunction}
   */
  public static Dataset<Row> gradient(Dataset<Row> frame, SvdSpec spec) {
    return apply(frame, spec, spec.gy == null ? Operation.GRADIENT : Operation.SPECTRAL_GRADIENT);
  }

  static Dataset<Row> apply(Dataset<Row> frame, SvdSpec spec, Operation operation) {
    StructType schema = Objects.requireNonNull(frame, "frame").schema();
    return map(frame, task(schema, spec, operation), schema(schema, spec, operation));
  }

  /**
   * The frame of what a function makes of the partitions, by names of its own until it is done.
   * Otherwise Spark would hand the function's rows to the next one as they are, without a schema
   * and with arrays where it promises a Seq.
   */
  static Dataset<Row> map(
      Dataset<Row> frame, MapPartitionsFunction<Row, Row> function, StructType schema) {
    StructType numbered = new StructType();
    for (StructField field : schema.fields()) {
      numbered =
          numbered.add(
              Integer.toString(numbered.size()),
              field.dataType(),
              field.nullable(),
              field.metadata());
    }
    return frame.mapPartitions(function, Encoders.row(numbered)).toDF(schema.fieldNames());
  }

  /** The schema of the result. */
  static StructType schema(StructType schema, SvdSpec spec, Operation operation) {
    Cells cells = cells(schema, spec.column);
    StructType result = schema;
    for (Part part : operation.outputs(spec)) {
      result =
          add(
              result,
              part.column(),
              part.role() == Role.NUMBER
                  ? DataTypes.DoubleType
                  : cells.columnType(part.role() == Role.S));
    }
    return add(result, spec.prefix + STATUS, DataTypes.StringType);
  }

  private static FrameTask task(StructType schema, SvdSpec spec, Operation operation) {
    String missing = operation.missing(spec);
    if (missing != null) {
      throw new IllegalArgumentException(missing + " is missing from the spec");
    }
    Cells cells = cells(schema, spec.column);
    DataType type = cells.type(spec.type);
    List<FrameTask.Column> inputs = new ArrayList<>();
    for (Part part : operation.inputs(spec)) {
      Cells each = cells(schema, part.column());
      DataType expected = part.isReal() ? type.real() : type;
      if (each.type(expected) != expected) {
        throw new IllegalArgumentException(
            "column "
                + part.column()
                + ": expected elements of "
                + expected
                + " as in "
                + spec.column
                + ", got "
                + each.type(expected));
      }
      inputs.add(new FrameTask.Column(part, each, schema.fieldIndex(part.column())));
    }
    boolean ownShape = spec.rows == 0 && spec.rowsColumn == null;
    if (ownShape && !type(schema, spec.column).equals(SQLDataTypes.MatrixType())) {
      throw new IllegalArgumentException(
          "column "
              + spec.column
              + ": a "
              + type(schema, spec.column).catalogString()
              + " needs a shape: SvdSpec.of(column, rows, columns) or ragged(column, …)");
    }
    List<FrameTask.Column> outputs = new ArrayList<>();
    for (Part part : operation.outputs(spec)) {
      outputs.add(new FrameTask.Column(part, part.role() == Role.NUMBER ? null : cells, -1));
    }
    return new FrameTask(
        operation,
        spec,
        type,
        inputs,
        outputs,
        extent(schema, spec.rowsColumn),
        extent(schema, spec.columnsColumn));
  }

  static org.apache.spark.sql.types.DataType type(StructType schema, String column) {
    if (!List.of(schema.fieldNames()).contains(column)) {
      throw new IllegalArgumentException(
          "column " + column + ": not among " + String.join(", ", schema.fieldNames()));
    }
    return schema.apply(column).dataType();
  }

  private static Cells cells(StructType schema, String column) {
    return Cells.of(column, type(schema, column));
  }

  private static int extent(StructType schema, String column) {
    if (column == null) {
      return -1;
    }
    var type = type(schema, column);
    if (!Set.of(DataTypes.ShortType, DataTypes.IntegerType, DataTypes.LongType).contains(type)) {
      throw new IllegalArgumentException(
          "column " + column + ": expected whole numbers, got " + type.catalogString());
    }
    return schema.fieldIndex(column);
  }

  static StructType add(
      StructType schema, String column, org.apache.spark.sql.types.DataType type) {
    if (List.of(schema.fieldNames()).contains(column)) {
      throw new IllegalArgumentException(
          "column "
              + column
              + ": is there already; SvdSpec.withPrefix gives the new ones other"
              + " names");
    }
    return schema.add(column, type, true);
  }
}
