package io.github.diffsvd.spark;

import io.github.diffsvd.DataType;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

/**
 * A column with a row of one matrix in each row of the frame.
 *
 * @param index of the column
 * @param length of each row
 */
record RowColumn(String name, int index, Cells cells, int length) implements Serializable {
  /**
   * @throws IllegalArgumentException if there is no such column of numbers
   */
  static RowColumn of(StructType schema, String name, int length) {
    Cells cells = Cells.of(name, SvdFrames.type(schema, name));
    return new RowColumn(name, schema.fieldIndex(name), cells, length);
  }

  private DataType type() {
    return cells.type(DataType.FLOAT64);
  }

  /**
   * The numbers of a row.
   *
   * @throws IllegalArgumentException with the column and the reason if they are not there
   */
  double[] read(Row row) {
    Object cell = cells.flat(row.get(index));
    String problem = cell == null ? "null" : cells.problem(cell, length, 1, type());
    if (problem != null) {
      throw new IllegalArgumentException("column " + name + ": " + problem);
    }
    ByteBuffer bytes = buffer();
    cells.put(cell, bytes);
    double[] values = new double[length];
    for (int i = 0; i < length; i++) {
      values[i] = type() == DataType.FLOAT32 ? bytes.getFloat(4 * i) : bytes.getDouble(8 * i);
    }
    return values;
  }

  /** A cell as those of this column, rounded where they are in single precision. */
  Object cell(double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * type().bytes()).order(ByteOrder.nativeOrder());
    for (double value : values) {
      if (type() == DataType.FLOAT32) {
        bytes.putFloat((float) value);
      } else {
        bytes.putDouble(value);
      }
    }
    return cells.get(bytes.flip(), values.length, 1, true);
  }

  private ByteBuffer buffer() {
    return ByteBuffer.allocate(length * type().bytes()).order(ByteOrder.nativeOrder());
  }
}
