package io.github.diffsvd.spark;

import io.github.diffsvd.DataType;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdInfo;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.connector.catalog.functions.ScalarFunction;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * A function of {@link SvdCatalog}, for one kind of column: a matrix a call, plans as of a task.
 */
final class SqlFunction implements ScalarFunction<Object> {
  private static final long serialVersionUID = 1;

  enum Kind {
    SVD("svd(a, m, n): the struct u, s, v, status", Operation.SVD),
    SINGULAR_VALUES("singular_values(a, m, n)", Operation.SVD),
    SPECTRAL("spectral(a, m, n, 'soft-threshold=0.5')", Operation.SPECTRAL),
    LOW_RANK("low_rank(a, m, n, r)", Operation.LOW_RANK);

    final String usage;
    final Operation operation;

    Kind(String usage, Operation operation) {
      this.usage = usage;
      this.operation = operation;
    }

    /** The type of the fourth argument, null where there is none. */
    org.apache.spark.sql.types.DataType fourth() {
      return switch (this) {
        case SVD, SINGULAR_VALUES -> null;
        case SPECTRAL -> DataTypes.StringType;
        case LOW_RANK -> DataTypes.IntegerType;
      };
    }
  }

  private final Kind kind;
  private final Cells cells;

  /** Of the last call's fourth argument, in this task. */
  private transient TaskPlans plans;

  private transient Object planned;

  private SqlFunction(Kind kind, Cells cells) {
    this.kind = kind;
    this.cells = cells;
  }

  /**
   * @throws UnsupportedOperationException which Spark shows as an error of the query, if these are
   *     not the function's arguments
   */
  static SqlFunction bind(Kind kind, StructType arguments) {
    int expected = kind.fourth() == null ? 3 : 4;
    if (arguments.size() != expected) {
      throw new UnsupportedOperationException(
          kind.usage + ": expected " + expected + " arguments, got " + arguments.size());
    }
    var type = arguments.apply(0).dataType();
    if (type.equals(DataTypes.BinaryType)) {
      return new SqlFunction(kind, Cells.BINARY);
    }
    if (type.equals(DataTypes.createArrayType(DataTypes.FloatType))
        || type.equals(DataTypes.createArrayType(DataTypes.FloatType, false))) {
      return new SqlFunction(kind, Cells.FLOATS);
    }
    // NULL and decimal numbers as well, which Spark converts.
    boolean numbers = type instanceof ArrayType array && array.elementType() instanceof NumericType;
    if (numbers || type.equals(DataTypes.NullType)) {
      return new SqlFunction(kind, Cells.DOUBLES);
    }
    throw new UnsupportedOperationException(
        kind.usage + ": expected an array of numbers or binary, got " + type.catalogString());
  }

  @Override
  public org.apache.spark.sql.types.DataType[] inputTypes() {
    var matrix =
        switch (cells) {
          case BINARY -> DataTypes.BinaryType;
          case FLOATS -> DataTypes.createArrayType(DataTypes.FloatType);
          default -> DataTypes.createArrayType(DataTypes.DoubleType);
        };
    List<org.apache.spark.sql.types.DataType> types =
        new ArrayList<>(List.of(matrix, DataTypes.IntegerType, DataTypes.IntegerType));
    if (kind.fourth() != null) {
      types.add(kind.fourth());
    }
    return types.toArray(org.apache.spark.sql.types.DataType[]::new);
  }

  @Override
  public org.apache.spark.sql.types.DataType resultType() {
    var numbers = cells.columnType(false);
    return kind != Kind.SVD
        ? numbers
        : new StructType()
            .add("u", numbers)
            .add("s", numbers)
            .add("v", numbers)
            .add("status", DataTypes.StringType);
  }

  @Override
  public String name() {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String canonicalName() {
    return "io.github.diffsvd.spark." + name() + "." + cells;
  }

  @Override
  public Object produceResult(InternalRow arguments) {
    for (int i = 0; i < arguments.numFields(); i++) {
      if (arguments.isNullAt(i)) {
        return null;
      }
    }
    int m = arguments.getInt(1);
    int n = arguments.getInt(2);
    Object matrix =
        cells.columnType(false) instanceof ArrayType array
            ? cells.flat(arguments.getArray(0).toObjectArray(array.elementType()))
            : arguments.getBinary(0);
    String problem = problem(matrix, m, n);
    Object[] results = new Object[3];
    if (problem == null) {
      Object fourth =
          kind.fourth() == null
              ? ""
              : kind == Kind.SPECTRAL ? arguments.getUTF8String(3).toString() : arguments.getInt(3);
      int status = run(m, n, matrix, fourth, results);
      problem = status == SvdInfo.OK ? null : TaskPlans.reason(status);
    }
    return switch (kind) {
      case SVD ->
          new GenericInternalRow(
              new Object[] {
                results[0],
                results[1],
                results[2],
                UTF8String.fromString(problem == null ? "ok" : problem)
              });
      case SINGULAR_VALUES -> results[1];
      case SPECTRAL, LOW_RANK -> results[0];
    };
  }

  private String problem(Object matrix, int m, int n) {
    DataType type = cells.type(DataType.FLOAT64);
    if (m < 1 || n < 1 || (long) m * n > Integer.MAX_VALUE / type.bytes() / 2) {
      return "expected a matrix of 1 byte to 1 GiB, got " + m + "×" + n;
    }
    return cells.problem(matrix, m, n, type);
  }

  private int run(int m, int n, Object matrix, Object fourth, Object[] results) {
    if (plans == null || plans.isClosed() || !fourth.equals(planned)) {
      closePlans();
      SvdSpec spec = SvdSpec.of("a", m, n);
      if (kind == Kind.SPECTRAL) {
        spec = spec.withFunction(SpectralFunction.parse((String) fourth));
      } else if (kind == Kind.LOW_RANK) {
        spec = spec.withRank((Integer) fourth);
      }
      plans = TaskPlans.open(kind.operation, spec, cells.type(DataType.FLOAT64));
      planned = fourth;
    }
    try {
      return plans
          .run(
              m,
              n,
              1,
              (part, i, bytes) -> cells.put(matrix, bytes),
              (part, i, bytes) -> results[part] = get(bytes))[0];
    } finally {
      // Nothing tells when the driver, which folds constants, is done.
      if (TaskContext.get() == null) {
        closePlans();
      }
    }
  }

  private void closePlans() {
    if (plans != null) {
      plans.close();
    }
  }

  private Object get(ByteBuffer bytes) {
    int count = bytes.remaining() / cells.type(DataType.FLOAT64).bytes();
    Object values = cells.get(bytes, count, 1, true);
    return cells == Cells.BINARY ? values : ArrayData.toArrayData(values);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SqlFunction that && kind == that.kind && cells == that.cells;
  }

  @Override
  public int hashCode() {
    return List.of(kind, cells).hashCode();
  }
}
