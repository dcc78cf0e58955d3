package io.github.diffsvd.spark;

import io.github.diffsvd.DataType;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.DenseVector;
import org.apache.spark.ml.linalg.Matrix;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import scala.collection.Seq;
import scala.collection.mutable.ArraySeq;
import scala.jdk.javaapi.CollectionConverters;

/** How numbers lie in the cells of a column. */
enum Cells {
  FLOATS {
    @Override
    void put(Object cell, ByteBuffer bytes) {
      bytes.asFloatBuffer().put((float[]) cell);
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
    void put(Object cell, ByteBuffer bytes) {
      bytes.asDoubleBuffer().put((double[]) cell);
    }

    @Override
    Object get(ByteBuffer bytes, int rows, int columns, boolean vector) {
      return doubles(bytes, rows * columns);
    }
  },

  BINARY {
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
    String problem(Object cell, int rows, int columns, DataType type) {
      if (cell instanceof Vector vector) {
        return ofLength(vector.size(), rows * columns);
      }
      Matrix matrix = (Matrix) cell;
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
  org.apache.spark.sql.types.DataType columnType(boolean vector) {
    return switch (this) {
      case FLOATS -> array(DataTypes.FloatType);
      case DOUBLES -> array(DataTypes.DoubleType);
      case BINARY -> DataTypes.BinaryType;
      case LINALG -> vector ? SQLDataTypes.VectorType() : SQLDataTypes.MatrixType();
    };
  }

  /** The element type of the numbers; a binary column holds what the caller says. */
  DataType type(DataType ofBinary) {
    return switch (this) {
      case FLOATS -> DataType.FLOAT32;
      case DOUBLES, LINALG -> DataType.FLOAT64;
      case BINARY -> ofBinary;
    };
  }

  /**
   * What the other methods take: a cell whose numbers are not boxed. Spark makes a column of it
   * again in one copy. Null stays null, and what has a null element stays as it is.
   */
  Object flat(Object cell) {
    Object[] values = boxed(cell);
    if (values == null || Arrays.asList(values).contains(null)) {
      return cell;
    }
    if (this == DOUBLES) {
      double[] doubles = new double[values.length];
      for (int i = 0; i < doubles.length; i++) {
        doubles[i] = (Double) values[i];
      }
      return doubles;
    }
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (Float) values[i];
    }
    return floats;
  }

  /** Why a flat cell is not a matrix of that shape, or null if it is one. */
  String problem(Object cell, int rows, int columns, DataType type) {
    Object[] holed = boxed(cell);
    int length = holed == null ? Array.getLength(cell) : holed.length;
    String problem = ofLength(length, rows * columns);
    return problem == null && holed != null ? "null element" : problem;
  }

  /** Appends the numbers of a flat cell without a problem, row by row. */
  abstract void put(Object cell, ByteBuffer bytes);

  /** A flat cell of the numbers that come next, in a column of {@link #columnType}. */
  abstract Object get(ByteBuffer bytes, int rows, int columns, boolean vector);

  /**
   * The cells of a column.
   *
   * @throws IllegalArgumentException with the column's name if they hold no numbers
   */
  static Cells of(String column, org.apache.spark.sql.types.DataType type) {
    // Whether an array may have null elements makes two types of it.
    var found = type instanceof ArrayType array ? array(array.elementType()) : type;
    return Arrays.stream(values())
        .filter(cells -> List.of(cells.columnType(false), cells.columnType(true)).contains(found))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "column "
                        + column
                        + ": expected array<float>, array<double>, binary, or a Vector or Matrix of"
                        + " ml.linalg, got "
                        + type.catalogString()));
  }

  private static ArrayType array(org.apache.spark.sql.types.DataType elements) {
    return DataTypes.createArrayType(elements, false);
  }

  private static String ofLength(int length, int expected) {
    return length == expected ? null : "expected " + expected + " values, got " + length;
  }

  /**
   * The elements of an array as Spark gives it, or as a function before has left it in its row;
   * null of what has none boxed.
   */
  private static Object[] boxed(Object cell) {
    if (cell instanceof ArraySeq.ofRef<?> references) {
      return references.array();
    }
    if (cell instanceof Seq<?> seq) {
      return CollectionConverters.asJava(seq).toArray();
    }
    return cell instanceof Object[] values ? values : null;
  }

  private static double[] doubles(ByteBuffer bytes, int count) {
    double[] values = new double[count];
    bytes.order(ByteOrder.nativeOrder()).asDoubleBuffer().get(values);
    return values;
  }
}
