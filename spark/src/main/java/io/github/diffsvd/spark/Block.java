package io.github.diffsvd.spark;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.sql.Row;

/**
 * The rows of a partition and the SVD of what they hold, of which the left vectors stay here and
 * the corner goes to the driver.
 *
 * @param rows of the frame
 * @param left L, rows × k
 * @param corner R = S Wᵀ, k × n
 */
record Block(List<Row> rows, double[] left, Corner corner) implements Serializable {
  /** What the driver sees of a block: k × n numbers. */
  record Corner(double[] values, int columns) implements Serializable {
    int rows() {
      return values.length / columns;
    }

    /** Tells a block that was computed again from the same rows in the same order. */
    int fingerprint() {
      return Arrays.hashCode(values);
    }
  }

  /** A = U diag(S) Vᵀ of one matrix, row by row. */
  record Factors(double[] u, double[] s, double[] v) {}

  /** Row i of L. */
  double[] left(int i) {
    int k = corner.rows();
    return Arrays.copyOfRange(left, i * k, (i + 1) * k);
  }

  /**
   * Decomposes the rows of a partition.
   *
   * @param sketch what is decomposed of each
   */
  static Block of(Iterator<Row> rows, Sketch sketch, ExecutorDevice device, int partition) {
    List<Row> kept = new ArrayList<>();
    List<double[]> values = new ArrayList<>();
    double[] matrix = sketch.matrix();
    while (rows.hasNext()) {
      Row row = rows.next();
      kept.add(row);
      values.add(sketch.of(row, matrix));
    }
    int columns = sketch.columns();
    if ((long) kept.size() * columns > Integer.MAX_VALUE / Double.BYTES) {
      throw new IllegalArgumentException(
          "partition "
              + partition
              + ": expected at most "
              + Integer.MAX_VALUE / Double.BYTES / columns
              + " rows of "
              + columns
              + " values, got "
              + kept.size()
              + "; repartition the frame");
    }
    double[] a = new double[kept.size() * columns];
    for (int i = 0; i < values.size(); i++) {
      System.arraycopy(values.get(i), 0, a, i * columns, columns);
    }
    Factors factors =
        svd(device, a, columns, "column " + sketch.column().name() + ", partition " + partition);
    int k = factors.s.length;
    double[] corner = Products.transposed(factors.v, k);
    for (int i = 0; i < corner.length; i++) {
      corner[i] *= factors.s[i / columns];
    }
    return new Block(kept, factors.u, new Corner(corner, columns));
  }

  /**
   * The thin SVD of one matrix.
   *
   * @param name for messages
   * @throws IllegalArgumentException if it has none
   */
  static Factors svd(ExecutorDevice where, double[] a, int columns, String name) {
    int rows = a.length / columns;
    if (rows == 0) {
      return new Factors(new double[0], new double[0], new double[0]);
    }
    return where.use(
        device -> svd(device, new BatchShape(DataType.FLOAT64, 1, rows, columns), a, name));
  }

  private static Factors svd(Device device, BatchShape shape, double[] a, String name) {
    try (Scope scope = new Scope()) {
      SvdPlan plan = scope.keep(SvdPlan.create(device, shape));
      SvdFactors factors = plan.allocateFactors();
      SvdInfo info = plan.allocateInfo();
      plan.forward(scope.keep(device.upload(shape, a)), factors, info);
      int status = info.read()[0];
      if (status != SvdInfo.OK) {
        throw new IllegalArgumentException(name + ": " + TaskPlans.reason(status));
      }
      return new Factors(
          device.read(factors.u()), device.read(factors.s()), device.read(factors.v()));
    }
  }
}
