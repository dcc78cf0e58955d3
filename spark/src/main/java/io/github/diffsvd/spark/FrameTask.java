package io.github.diffsvd.spark;

import io.github.diffsvd.DataType;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.ml.linalg.Matrix;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** An operation over the rows of a partition, which keep their order. */
record FrameTask(
    Operation operation,
    SvdSpec spec,
    DataType type,
    List<Column> inputs,
    List<Column> outputs,
    int rowsIndex,
    int columnsIndex)
    implements MapPartitionsFunction<Row, Row> {
  /**
   * A column of matrices.
   *
   * @param index of an input in its row
   */
  record Column(Part part, Cells cells, int index) implements Serializable {}

  private record Shape(int rows, int columns) {}

  /** A row that waits for its results: the cells of the new one, those given first. */
  private static final class Pending {
    final Object[] cells;
    Shape shape;
    String status;

    Pending(Row row, int added) {
      cells = new Object[row.size() + added];
      for (int i = 0; i < row.size(); i++) {
        cells[i] = row.get(i);
      }
    }
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    TaskPlans plans = TaskPlans.open(operation, spec, type);
    return new Iterator<>() {
      private Iterator<Row> done = Collections.emptyIterator();
      private long read;

      @Override
      public boolean hasNext() {
        while (!done.hasNext() && rows.hasNext()) {
          List<Pending> chunk = nextChunk(rows);
          compute(plans, chunk);
          done = finish(chunk, read);
          read += chunk.size();
        }
        if (!done.hasNext()) {
          plans.close();
        }
        return done.hasNext();
      }

      @Override
      public Row next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return done.next();
      }
    };
  }

  private List<Pending> nextChunk(Iterator<Row> rows) {
    List<Pending> chunk = new ArrayList<>();
    long bytes = 0;
    while (rows.hasNext() && chunk.size() < spec.batch && bytes < TaskPlans.MOST_BYTES / 2) {
      Pending pending = new Pending(rows.next(), outputs.size() + 1);
      pending.status = check(pending);
      if (pending.status == null) {
        bytes += (long) pending.shape.rows * pending.shape.columns * type.bytes();
      }
      chunk.add(pending);
    }
    return chunk;
  }

  /** Finds a row's shape; what is wrong with the row, or null. */
  private String check(Pending pending) {
    Object matrix = pending.cells[inputs.get(0).index];
    if (matrix == null) {
      return "null";
    }
    if (rowsIndex >= 0) {
      Object rows = pending.cells[rowsIndex];
      Object columns = pending.cells[columnsIndex];
      String problem = ofExtent(spec.rowsColumn, rows);
      problem = problem == null ? ofExtent(spec.columnsColumn, columns) : problem;
      if (problem != null) {
        return problem;
      }
      pending.shape = new Shape(((Number) rows).intValue(), ((Number) columns).intValue());
    } else if (spec.rows > 0) {
      pending.shape = new Shape(spec.rows, spec.columns);
    } else {
      Matrix given = (Matrix) matrix;
      pending.shape = new Shape(given.numRows(), given.numCols());
    }
    long elements = (long) pending.shape.rows * pending.shape.columns;
    if (elements < 1 || elements > Integer.MAX_VALUE / type.bytes() / 2) {
      return "expected a matrix of 1 byte to 1 GiB, got "
          + pending.shape.rows
          + "×"
          + pending.shape.columns;
    }
    int rank = rank(pending.shape);
    for (Column input : inputs) {
      Object cell = input.cells.flat(pending.cells[input.index]);
      pending.cells[input.index] = cell;
      String problem =
          cell == null
              ? "null"
              : input.cells.problem(
                  cell,
                  input.part.rows(pending.shape.rows, pending.shape.columns, rank),
                  input.part.columns(pending.shape.columns, rank),
                  input.part.isReal() ? type.real() : type);
      if (problem != null) {
        return input.part.column().equals(spec.column)
            ? problem
            : input.part.column() + ": " + problem;
      }
    }
    return null;
  }

  private static String ofExtent(String column, Object extent) {
    if (extent == null) {
      return column + ": null";
    }
    long value = ((Number) extent).longValue();
    return value >= 1 && value <= Integer.MAX_VALUE
        ? null
        : column + ": expected at least 1, got " + value;
  }

  private int rank(Shape shape) {
    int k = Math.min(shape.rows, shape.columns);
    return spec.rank == 0 ? k : Math.min(spec.rank, k);
  }

  private void compute(TaskPlans plans, List<Pending> chunk) {
    Map<Shape, List<Pending>> groups = new LinkedHashMap<>();
    for (Pending pending : chunk) {
      if (pending.status == null) {
        groups.computeIfAbsent(pending.shape, shape -> new ArrayList<>()).add(pending);
      }
    }
    groups.forEach(
        (shape, group) -> {
          int rank = rank(shape);
          int[] status =
              plans.run(
                  shape.rows,
                  shape.columns,
                  group.size(),
                  (part, i, bytes) -> {
                    Column input = inputs.get(part);
                    input.cells.put(group.get(i).cells[input.index], bytes);
                  },
                  (part, i, bytes) -> {
                    Column output = outputs.get(part);
                    Object[] cells = group.get(i).cells;
                    cells[cells.length - 1 - outputs.size() + part] =
                        output.cells == null
                            ? number(bytes)
                            : output.cells.get(
                                bytes,
                                output.part.rows(shape.rows, shape.columns, rank),
                                output.part.columns(shape.columns, rank),
                                output.part.role() == Part.Role.S);
                  });
          for (int i = 0; i < group.size(); i++) {
            group.get(i).status = status[i] == 0 ? "ok" : TaskPlans.reason(status[i]);
          }
        });
  }

  private Iterator<Row> finish(List<Pending> chunk, long before) {
    List<Row> rows = new ArrayList<>(chunk.size());
    for (int i = 0; i < chunk.size(); i++) {
      Pending pending = chunk.get(i);
      if (!pending.status.equals("ok") && spec.mode != SvdSpec.Mode.PERMISSIVE) {
        if (spec.mode == SvdSpec.Mode.FAIL_FAST) {
          throw new IllegalArgumentException(
              "column "
                  + spec.column
                  + ": "
                  + pending.status
                  + ", in row "
                  + (before + i)
                  + " of partition "
                  + TaskContext.getPartitionId());
        }
        continue;
      }
      pending.cells[pending.cells.length - 1] = pending.status;
      rows.add(RowFactory.create(pending.cells));
    }
    return rows.iterator();
  }

  private Object number(ByteBuffer bytes) {
    return type.real() == DataType.FLOAT32 ? (double) bytes.getFloat() : bytes.getDouble();
  }
}
