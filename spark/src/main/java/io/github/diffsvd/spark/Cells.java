package io.github.diffsvd.spark;

import io.github.diffsvd.DataType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.DenseVector;
import org.apache.spark.ml.linalg.Matrix;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import scala.collection.Seq;
import scala.collection.mutable.ArraySeq;

/** How numbers lie in the cells of a column. */
enum Cells {
  FLOATS {
    @Override
    org.apache.spark.sql.types.DataType columnType(boolean vector) {
      return DataTypes.createArrayType(DataTypes.FloatType, false);
    }

    @Override
    String problem(Object cell, int rows, int columns, DataType type) {
      return ofArray((Seq<?>) cell, rows * columns);
    }

    @Override
    void put(Object cell, ByteBuffer bytes) {
      if (cell instanceof ArraySeq.ofFloat floats) {
        bytes.asFloatBuffer().put(floats.array());
        return;
      }
      for (Object value : boxed((Seq<?>) cell)) {
        bytes.putFloat((Float) value);
      }
    }

    @Override
    Object get(ByteBuffer bytes, int rows, int columns, boolean vector) {
      float[] values = new float[rows * columns];
      bytes.asFloatBuffer().get(values);
      return values;
    }
  },

  DOUBLES {
    @Override
    org.apache.spark.sql.types.DataType columnType(boolean vector) {
      return DataTypes.createArrayType(DataTypes.DoubleType, false);
    }

    @Override
    String problem(Object cell, int rows, int columns, DataType type) {
      return ofArray((Seq<?>) cell, rows * columns);
    }

    @Override
    void put(Object cell, ByteBuffer bytes) {
      if (cell instanceof ArraySeq.ofDouble doubles) {
        bytes.asDoubleBuffer().put(doubles.array());
        return;
      }
      for (Object value : boxed((Seq<?>) cell)) {
        bytes.putDouble((Double) value);
      }
    }

    @Override
    Object get(ByteBuffer bytes, int rows, int columns, boolean vector) {
      return doubles(bytes, rows * columns);
    }
  },

  BINARY {
    @Override
    org.apache.spark.sql.types.DataType columnType(boolean vector) {
      return DataTypes.BinaryType;
    }

    @Override
    String problem(Object cell, int rows, int columns, DataType type) {
      int expected = rows * columns * type.bytes();
      int length = ((byte[]) cell).length;
      return length == expected ? null : "expected " + expected + " bytes, got " + length;
    }

    @Override
    void put(Object cell, ByteBuffer bytes) {
      bytes.put((byte[]) cell);
    }

    @Override
    Object get(ByteBuffer bytes, int rows, int columns, boolean vector) {
      byte[] values = new byte[bytes.remaining()];
      bytes.get(values);
      return values;
    }
  },

  LINALG {
    @Override
    org.apache.spark.sql.types.DataType columnType(boolean vector) {
      return vector ? SQLDataTypes.VectorType() : SQLDataTypes.MatrixType();
    }

    @Override
    String problem(Object cell, int rows, int columns, DataType type) {
      if (cell instanceof Matrix matrix) {
        return matrix.numRows() == rows && matrix.numCols() == columns
            ? null
            : "expected "
                + rows
                + "×"
                + columns
                + ", got "
                + matrix.numRows()
                + "×"
                + matrix.numCols();
      }
      return ofLength(((Vector) cell).size(), rows * columns);
    }

    @Override
    void put(Object cell, ByteBuffer bytes) {
      if (cell instanceof Vector vector) {
        bytes.asDoubleBuffer().put(vector.toArray());
        return;
      }
      // Column by column, whatever the matrix is stored by.
      Matrix matrix = (Matrix) cell;
      double[] values = matrix.toArray();
      for (int i = 0; i < matrix.numRows(); i++) {
        for (int j = 0; j < matrix.numCols(); j++) {
          bytes.putDouble(values[i + j * matrix.numRows()]);
        }
      }
    }

    @Override
    Object get(ByteBuffer bytes, int rows, int columns, boolean vector) {
      double[] values = doubles(bytes, rows * columns);
      return vector
          ? new DenseVector(values)
          : new DenseMatrix(rows, columns, values, /* isTransposed= */ true);
    }
  };

  /**
   * The type of a column of these cells.
   *
   * @param vector whether each holds one column of numbers
   */
  abstract org.apache.spark.sql.types.DataType columnType(boolean vector);

  /** Why a cell is not a matrix of that shape, or null if it is one. */
  abstract String problem(Object cell, int rows, int columns, DataType type);

  /** Appends the numbers of a cell without a problem, row by row. */
  abstract void put(Object cell, ByteBuffer bytes);

  /** A cell of the numbers that come next, in a column of {@link #columnType}. */
  abstract Object get(ByteBuffer bytes, int rows, int columns, boolean vector);

  /** The element type of the numbers; a binary column holds what the caller says. */
  DataType type(DataType ofBinary) {
    return switch (this) {
      case FLOATS -> DataType.FLOAT32;
      case DOUBLES, LINALG -> DataType.FLOAT64;
      case BINARY -> ofBinary;
    };
  }

  /**
   * The cells of a column.
   *
   * @throws IllegalArgumentException with the column's name if they hold no numbers
   */
  static Cells of(String column, org.apache.spark.sql.types.DataType type) {
    if (type.equals(DataTypes.BinaryType)) {
      return BINARY;
    }
    if (type.equals(SQLDataTypes.MatrixType()) || type.equals(SQLDataTypes.VectorType())) {
      return LINALG;
    }
    if (type instanceof ArrayType array && array.elementType().equals(DataTypes.FloatType)) {
      return FLOATS;
    }
    if (type instanceof ArrayType array && array.elementType().equals(DataTypes.DoubleType)) {
      return DOUBLES;
    }
    throw new IllegalArgumentException(
        "column "
            + column
            + ": expected array<float>, array<double>, binary, or a Vector or Matrix of ml.linalg,"
            + " got "
            + type.catalogString());
  }

  private static String ofLength(int length, int expected) {
    return length == expected ? null : "expected " + expected + " values, got " + length;
  }

  private static String ofArray(Seq<?> cell, int expected) {
    String problem = ofLength(cell.size(), expected);
    if (problem == null
        && !(cell instanceof ArraySeq.ofDouble || cell instanceof ArraySeq.ofFloat)) {
      for (Object value : boxed(cell)) {
        if (value == null) {
          return "null element";
        }
      }
    }
    return problem;
  }

  private static Object[] boxed(Seq<?> cell) {
    if (cell instanceof ArraySeq.ofRef<?> references) {
      return references.array();
    }
    Object[] values = new Object[cell.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = cell.apply(i);
    }
    return values;
  }

  private static double[] doubles(ByteBuffer bytes, int count) {
    double[] values = new double[count];
    bytes.order(ByteOrder.nativeOrder()).asDoubleBuffer().get(values);
    return values;
  }
}
