package io.github.diffsvd.spark;

import io.github.diffsvd.DataType;
import io.github.diffsvd.SpectralFunction;
import java.util.Locale;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReadable;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/**
 * {@link SvdFrames} as a stage of an ML pipeline, which can be saved and loaded. Its parameters are
 * those of {@link SvdSpec}:
 *
 * <ul>
 *   <li>operation: svd (the default), spectral or lowRank;
 *   <li>inputCol: the column of matrices;
 *   <li>rows and columns: their shape, 0 (the default) for a column of ml.linalg Matrix; or rowsCol
 *       and columnsCol, the columns that hold it;
 *   <li>elementType: of a binary column, float64 (the default), float32, complex64 or complex128;
 *   <li>function: of spectral, as {@link SpectralFunction#parse} takes it;
 *   <li>rank: of svd and lowRank, 0 (the default) for all;
 *   <li>mode: permissive (the default), dropMalformed or failFast;
 *   <li>outputPrefix: what the names of the new columns begin with, "" by default;
 *   <li>batch: 1024 by default.
 * </ul>
 */
public final class SvdTransformer extends Transformer implements DefaultParamsWritable {
  private static final long serialVersionUID = 1;

  private final String uid;

  private final Param<String> operation;
  private final Param<String> inputCol;
  private final IntParam rows;
  private final IntParam columns;
  private final Param<String> rowsCol;
  private final Param<String> columnsCol;
  private final Param<String> elementType;
  private final Param<String> function;
  private final IntParam rank;
  private final Param<String> mode;
  private final Param<String> outputPrefix;
  private final IntParam batch;

  /** A stage with an identifier of its own. */
  public SvdTransformer() {
    this(Identifiable.randomUID("svd"));
  }

  /**
   * A stage with a given identifier, as loading needs it.
   *
   * @param uid unique within a pipeline
   */
  @SuppressWarnings("this-escape")
  public SvdTransformer(String uid) {
    this.uid = uid;
    operation = text("operation", "svd, spectral or lowRank");
    inputCol = text("inputCol", "column of matrices");
    rows = number("rows", "rows of each matrix, or 0");
    columns = number("columns", "columns of each matrix, or 0");
    rowsCol = text("rowsCol", "column with the rows of each matrix");
    columnsCol = text("columnsCol", "column with the columns of each matrix");
    elementType = text("elementType", "element type of a binary column");
    function = text("function", "function of the singular values");
    rank = number("rank", "singular values to keep, or 0 for all");
    mode = text("mode", "permissive, dropMalformed or failFast");
    outputPrefix = text("outputPrefix", "prefix of the new columns");
    batch = number("batch", "matrices at a time");
    setDefault(operation, "svd");
    setDefault(rows, 0);
    setDefault(columns, 0);
    setDefault(elementType, "float64");
    setDefault(rank, 0);
    setDefault(mode, "permissive");
    setDefault(outputPrefix, "");
    setDefault(batch, 1024);
  }

  private Param<String> text(String name, String doc) {
    return new Param<>(this, name, doc);
  }

  private IntParam number(String name, String doc) {
    return new IntParam(this, name, doc);
  }

  /** Reads what {@link #save(String)} wrote. */
  public static SvdTransformer load(String path) {
    return read().load(path);
  }

  /** The reader of {@link #load}, which pipelines look for. */
  public static MLReader<SvdTransformer> read() {
    return new Reading().read();
  }

  private static final class Reading implements DefaultParamsReadable<SvdTransformer> {}

  @Override
  public String uid() {
    return uid;
  }

  @Override
  public SvdTransformer copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  private String chosen(Param<String> param) {
    return (String) get(param).getOrElse(() -> null);
  }

  private int count(IntParam param) {
    return (Integer) getOrDefault(param);
  }

  private SvdSpec spec() {
    String column = chosen(inputCol);
    if (column == null) {
      throw new IllegalArgumentException(uid + ": inputCol is not set");
    }
    boolean ragged = isSet(rowsCol) || isSet(columnsCol);
    SvdSpec spec;
    if (ragged) {
      spec = SvdSpec.ragged(column, chosen(rowsCol), chosen(columnsCol));
    } else if (count(rows) == 0 && count(columns) == 0) {
      spec = SvdSpec.of(column);
    } else {
      spec = SvdSpec.of(column, count(rows), count(columns));
    }
    spec =
        spec.withType(elementType(getOrDefault(elementType)))
            .withMode(SvdSpec.Mode.of(getOrDefault(mode)))
            .withPrefix(getOrDefault(outputPrefix))
            .withBatch(count(batch));
    if (count(rank) != 0) {
      spec = spec.withRank(count(rank));
    }
    return isSet(function) ? spec.withFunction(SpectralFunction.parse(chosen(function))) : spec;
  }

  static DataType elementType(String name) {
    try {
      return DataType.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "elementType: expected float32, float64, complex64 or complex128, got " + name, e);
    }
  }

  private Operation chosenOperation() {
    return switch (getOrDefault(operation)) {
      case "svd" -> Operation.SVD;
      case "spectral" -> Operation.SPECTRAL;
      case "lowRank" -> Operation.LOW_RANK;
      default ->
          throw new IllegalArgumentException(
              "operation: expected svd, spectral or lowRank, got " + getOrDefault(operation));
    };
  }

  @Override
  public Dataset<Row> transform(Dataset<?> frame) {
    return SvdFrames.apply(frame.toDF(), spec(), chosenOperation());
  }

  @Override
  public StructType transformSchema(StructType schema) {
    return SvdFrames.schema(schema, spec(), chosenOperation());
  }

  /** The parameter: svd, spectral or lowRank. */
  public Param<String> operation() {
    return operation;
  }

  /** Sets {@link #operation()}. */
  public SvdTransformer setOperation(String value) {
    return (SvdTransformer) set(operation, value);
  }

  /** The parameter: column of matrices. */
  public Param<String> inputCol() {
    return inputCol;
  }

  /** Sets {@link #inputCol()}. */
  public SvdTransformer setInputCol(String value) {
    return (SvdTransformer) set(inputCol, value);
  }

  /** The parameter: rows of each matrix, or 0. */
  public IntParam rows() {
    return rows;
  }

  /** Sets {@link #rows()}. */
  public SvdTransformer setRows(int value) {
    return (SvdTransformer) set(rows, value);
  }

  /** The parameter: columns of each matrix, or 0. */
  public IntParam columns() {
    return columns;
  }

  /** Sets {@link #columns()}. */
  public SvdTransformer setColumns(int value) {
    return (SvdTransformer) set(columns, value);
  }

  /** The parameter: column with the rows of each matrix. */
  public Param<String> rowsCol() {
    return rowsCol;
  }

  /** Sets {@link #rowsCol()}. */
  public SvdTransformer setRowsCol(String value) {
    return (SvdTransformer) set(rowsCol, value);
  }

  /** The parameter: column with the columns of each matrix. */
  public Param<String> columnsCol() {
    return columnsCol;
  }

  /** Sets {@link #columnsCol()}. */
  public SvdTransformer setColumnsCol(String value) {
    return (SvdTransformer) set(columnsCol, value);
  }

  /** The parameter: element type of a binary column. */
  public Param<String> elementType() {
    return elementType;
  }

  /** Sets {@link #elementType()}. */
  public SvdTransformer setElementType(String value) {
    return (SvdTransformer) set(elementType, value);
  }

  /** The parameter: function of the singular values. */
  public Param<String> function() {
    return function;
  }

  /** Sets {@link #function()}. */
  public SvdTransformer setFunction(String value) {
    return (SvdTransformer) set(function, value);
  }

  /** The parameter: singular values to keep, or 0 for all. */
  public IntParam rank() {
    return rank;
  }

  /** Sets {@link #rank()}. */
  public SvdTransformer setRank(int value) {
    return (SvdTransformer) set(rank, value);
  }

  /** The parameter: permissive, dropMalformed or failFast. */
  public Param<String> mode() {
    return mode;
  }

  /** Sets {@link #mode()}. */
  public SvdTransformer setMode(String value) {
    return (SvdTransformer) set(mode, value);
  }

  /** The parameter: prefix of the new columns. */
  public Param<String> outputPrefix() {
    return outputPrefix;
  }

  /** Sets {@link #outputPrefix()}. */
  public SvdTransformer setOutputPrefix(String value) {
    return (SvdTransformer) set(outputPrefix, value);
  }

  /** The parameter: matrices at a time. */
  public IntParam batch() {
    return batch;
  }

  /** Sets {@link #batch()}. */
  public SvdTransformer setBatch(int value) {
    return (SvdTransformer) set(batch, value);
  }
}
