package io.github.diffsvd.spark;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.mllib.linalg.Vectors;
import org.apache.spark.mllib.linalg.distributed.IndexedRow;
import org.apache.spark.mllib.linalg.distributed.IndexedRowMatrix;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.storage.StorageLevel;

/**
 * The SVD of one tall matrix A = U diag(S) Vᵀ whose rows are those of a frame, and its pullback to
 * them.
 *
 * <p>A column holds a row of A in each row, n numbers as array&lt;float&gt;, array&lt;double&gt;,
 * binary of float64, or Vector; what is computed is in double precision, new columns are as that
 * one is. Each partition decomposes its own rows, A_i = L_i R_i with R_i = S_i W_iᵀ; the driver
 * decomposes all R_i above one another, T S Vᵀ; and U_i = L_i T_i. So no product AᵀA is formed, and
 * singular values are as accurate as those of the whole matrix at once: to about eps·s₁. The driver
 * holds p·n² numbers, p partitions; an executor the rows of those it works on.
 *
 * <p>The pullback from ∂L/∂U, ∂L/∂S and ∂L/∂V, or from ∂L/∂Y of Y = U f(S) Vᵀ, sums C = Uᵀ ∂L/∂U
 * (or Uᵀ ∂L/∂Y), n×n, over the partitions, and maps each row: ∂L/∂A = U G₁ + (∂L/∂U − U C) G₂ with
 * two n×n matrices of the driver's. It is that of {@link SvdPlan#backward} and {@link
 * SpectralPlan#backward} for the whole matrix.
 *
 * <p>The rows and their L are kept, in memory or on disk, until {@link #close()}. A partition that
 * is lost is computed again; should its rows then come in another order, what needs them fails and
 * says so.
 */
public final class DistributedSvd implements AutoCloseable {
  private static final String U = "u";
  private static final String Y = "y";
  private static final String GRADIENT = "gradient";

  private final Dataset<Row> frame;
  private final RowColumn column;
  private final JavaRDD<Block> blocks;

  /** T_i of each block. */
  private final List<Tail> tails;

  private final double[] s;

  /** n × r. */
  private final double[] v;

  private final long rows;

  /** Whether all of A is in the factors. */
  private final boolean complete;

  /**
   * T_i, by which a block's left vectors become rows of U.
   *
   * @param fingerprint of the corner that it belongs to
   */
  private record Tail(double[] values, int columns, int fingerprint) implements Serializable {}

  /**
   * The derivative with respect to the rows of A, and to what f depends on.
   *
   * @param rows the frame that was given, and the column gradient
   * @param parameter ∂L/∂τ, ∂L/∂p or ∂L/∂c of a {@link SpectralFunction}
   */
  public record Gradient(Dataset<Row> rows, double parameter) {}

  private DistributedSvd(
      Dataset<Row> frame,
      RowColumn column,
      JavaRDD<Block> blocks,
      List<Tail> tails,
      double[] s,
      double[] v,
      long rows,
      boolean complete) {
    this.frame = frame;
    this.column = column;
    this.blocks = blocks;
    this.tails = tails;
    this.s = s;
    this.v = v;
    this.rows = rows;
    this.complete = complete;
  }

  /** {@link #of(Dataset, String, int, ExecutorDevice)}, on the device of each task. */
  public static DistributedSvd of(Dataset<Row> frame, String column, int columns) {
    return of(frame, column, columns, ExecutorDevice.ofTask());
  }

  /**
   * Decomposes a tall matrix; runs one job.
   *
   * @param column that holds its rows
   * @param columns n, the length of each
   * @param device where the partitions are decomposed
   * @throws IllegalArgumentException if there is no such column, or the matrix has less than n
   *     rows. A row that is null, of another length or not finite lets the job fail, with the
   *     column and the reason
   */
  public static DistributedSvd of(
      Dataset<Row> frame, String column, int columns, ExecutorDevice device) {
    RowColumn rows = column(frame, column, columns);
    JavaRDD<Block> blocks = blocks(frame, Sketch.none(rows), device);
    try {
      Merged merged = merge(blocks);
      if (merged.s.length < columns) {
        throw new IllegalArgumentException(
            "column "
                + column
                + ": expected at least "
                + columns
                + " rows of "
                + columns
                + " values, got "
                + merged.rows
                + "; randomised decomposes a wide matrix");
      }
      return new DistributedSvd(
          frame, rows, blocks, merged.tails, merged.s, merged.v, merged.rows, true);
    } catch (RuntimeException | Error e) {
      blocks.unpersist();
      throw e;
    }
  }

  /**
   * {@link #randomised(Dataset, String, int, int, int, int, long, ExecutorDevice)} with 10 columns
   * more than the rank and 2 rounds, on the device of each task.
   */
  public static DistributedSvd randomised(
      Dataset<Row> frame, String column, int columns, int rank, long seed) {
    return randomised(frame, column, columns, rank, 10, 2, seed, ExecutorDevice.ofTask());
  }

  /**
   * The first r singular values and vectors of a matrix of any shape, a wide one too: those of its
   * projection on l = r + more directions (Halko, Martinsson and Tropp, SIAM Review 2011). The
   * directions are the left vectors of A Ω, with normal numbers Ω that every task makes for itself,
   * by their index; each round of power iteration multiplies them by A Aᵀ. The error is about
   * s_{r+1} and falls with every round. Runs 2 + 2·rounds jobs; the driver holds n·l and p·l²
   * numbers. There is no pullback.
   *
   * @param column that holds the rows of A
   * @param columns n, the length of each
   * @param rank r ≥ 1, at most min(m, n)
   * @param more ≥ 0; l is at most n
   * @param rounds ≥ 0
   * @param seed the same one gives the same directions
   */
  public static DistributedSvd randomised(
      Dataset<Row> frame,
      String column,
      int columns,
      int rank,
      int more,
      int rounds,
      long seed,
      ExecutorDevice device) {
    RowColumn rows = column(frame, column, columns);
    if (rank < 1 || rank > columns) {
      throw new IllegalArgumentException("rank: expected 1 … " + columns + ", got " + rank);
    }
    if (more < 0 || rounds < 0) {
      throw new IllegalArgumentException(
          "more, rounds: expected at least 0, got " + more + ", " + rounds);
    }
    int directions = (int) Math.min(columns, (long) rank + more);
    Sketch sketch = Sketch.random(rows, directions, seed);
    for (int round = 0; ; round++) {
      JavaRDD<Block> blocks = blocks(frame, sketch, device);
      try {
        Merged merged = merge(blocks);
        int found = merged.s.length;
        if (found < rank) {
          throw new IllegalArgumentException(
              "rank: expected at most the number of rows, " + merged.rows + ", got " + rank);
        }
        // B = Qᵀ A, l × n.
        double[] b =
            zip(blocks, merged.tails)
                .mapPartitions(
                    parts -> {
                      double[] sum = new double[found * columns];
                      parts.forEachRemaining(
                          part ->
                              part.forEach((row, q) -> Products.addOuter(q, rows.read(row), sum)));
                      return Collections.singleton(sum).iterator();
                    })
                .treeReduce(Products::sum);
        Block.Factors factors =
            Block.svd(ExecutorDevice.ofTask(), Products.transposed(b, columns), found, column);
        if (round < rounds) {
          sketch = Sketch.along(rows, factors.u());
          blocks.unpersist();
          continue;
        }
        // Bᵀ = V S Ûᵀ, so U = Q Û.
        double[] turn = leading(factors.v(), factors.s().length, rank);
        List<Tail> tails = new ArrayList<>();
        for (Tail tail : merged.tails) {
          tails.add(new Tail(product(tail.values, found, turn, rank), rank, tail.fingerprint));
        }
        return new DistributedSvd(
            frame,
            rows,
            blocks,
            tails,
            Arrays.copyOf(factors.s(), rank),
            leading(factors.u(), factors.s().length, rank),
            merged.rows,
            false);
      } catch (RuntimeException | Error e) {
        blocks.unpersist();
        throw e;
      }
    }
  }

  private static RowColumn column(Dataset<Row> frame, String column, int columns) {
    if (columns < 1) {
      throw new IllegalArgumentException("columns: expected at least 1, got " + columns);
    }
    return RowColumn.of(Objects.requireNonNull(frame, "frame").schema(), column, columns);
  }

  private static JavaRDD<Block> blocks(Dataset<Row> frame, Sketch sketch, ExecutorDevice device) {
    return frame
        .toJavaRDD()
        .mapPartitionsWithIndex(
            (partition, rows) ->
                Collections.singleton(Block.of(rows, sketch, device, partition)).iterator(),
            true)
        .persist(StorageLevel.MEMORY_AND_DISK());
  }

  /** All blocks' corners above one another, T S Vᵀ. */
  private record Merged(List<Tail> tails, double[] s, double[] v, long rows) {}

  private record Seen(Block.Corner corner, int rows) implements Serializable {}

  private static Merged merge(JavaRDD<Block> blocks) {
    List<Seen> seen = blocks.map(block -> new Seen(block.corner(), block.rows().size())).collect();
    long rows = 0;
    long length = 0;
    for (Seen each : seen) {
      rows += each.rows;
      length += each.corner.values().length;
    }
    if (rows == 0) {
      throw new IllegalArgumentException("frame: expected rows, got none");
    }
    if (length > Integer.MAX_VALUE / Double.BYTES) {
      throw new IllegalArgumentException(
          "frame: the driver would hold "
              + length
              + " numbers of "
              + seen.size()
              + " partitions; coalesce them");
    }
    int columns = seen.get(0).corner.columns();
    double[] stack = new double[(int) length];
    int next = 0;
    for (Seen each : seen) {
      System.arraycopy(each.corner.values(), 0, stack, next, each.corner.values().length);
      next += each.corner.values().length;
    }
    Block.Factors factors =
        Block.svd(ExecutorDevice.ofTask(), stack, columns, "the partitions' singular values");
    int k = factors.s().length;
    List<Tail> tails = new ArrayList<>();
    next = 0;
    for (Seen each : seen) {
      int size = each.corner.rows() * k;
      tails.add(
          new Tail(
              Arrays.copyOfRange(factors.u(), next, next + size), k, each.corner.fingerprint()));
      next += size;
    }
    return new Merged(tails, factors.s(), factors.v(), rows);
  }

  /** A block with its T. */
  private record Part(Block block, Tail tail) implements Serializable {
    interface Action {
      void accept(Row row, double[] u);
    }

    /** Each row, and its row of L T. */
    void forEach(Action action) {
      if (block.corner().fingerprint() != tail.fingerprint) {
        throw new IllegalStateException(
            "a partition was lost, and its rows came in another order when it was computed again:"
                + " sort within the partitions, or checkpoint the frame");
      }
      for (int i = 0; i < block.rows().size(); i++) {
        double[] u = new double[tail.columns];
        Products.add(1, block.left(i), tail.values, u);
        action.accept(block.rows().get(i), u);
      }
    }
  }

  private static JavaRDD<Part> zip(JavaRDD<Block> blocks, List<Tail> tails) {
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(blocks.context());
    return blocks.zipPartitions(
        spark.parallelize(tails, tails.size()),
        (block, tail) -> Collections.singleton(new Part(block.next(), tail.next())).iterator());
  }

  private static double[] leading(double[] matrix, int columns, int count) {
    double[] result = new double[matrix.length / columns * count];
    for (int i = 0; i < result.length; i++) {
      result[i] = matrix[i / count * columns + i % count];
    }
    return result;
  }

  private static double[] product(double[] left, int inner, double[] right, int columns) {
    double[] result = new double[left.length / inner * columns];
    for (int i = 0; i < left.length / inner; i++) {
      double[] row = new double[columns];
      Products.add(1, Arrays.copyOfRange(left, i * inner, (i + 1) * inner), right, row);
      System.arraycopy(row, 0, result, i * columns, columns);
    }
    return result;
  }

  /** The singular values, descending: n, or the rank of a randomised one. */
  public double[] s() {
    return s.clone();
  }

  /** The right singular vectors, n × r, a column for each singular value. */
  public DenseMatrix v() {
    return new DenseMatrix(column.length(), s.length, v.clone(), /* isTransposed= */ true);
  }

  /** m, the number of rows. */
  public long rows() {
    return rows;
  }

  /**
   * The frame and the column u: the row of U, r numbers, that belongs to each row of A.
   *
   * @throws IllegalArgumentException if the frame has a column u
   */
  public Dataset<Row> u() {
    return withRows(null, null);
  }

  /**
   * The frame and the columns u and y: the rows of U, and those of Y = U f(S) Vᵀ, n numbers each.
   *
   * @param f with the cut that it would have for the whole matrix
   * @throws IllegalArgumentException if the frame has a column u or y
   * @throws IllegalStateException after {@link #randomised}
   */
  public Dataset<Row> spectral(SpectralFunction f) {
    checkComplete();
    int n = column.length();
    // Y = U F with F = f(S) Vᵀ.
    double[] factor =
        inDriver(
            (device, scope) -> {
              SpectralPlan plan =
                  scope.keep(
                      SpectralPlan.create(device, new BatchShape(DataType.FLOAT64, 1, n, n)));
              SvdFactors factors = plan.allocateFactors();
              device.write(factors.u(), identity(n, 0));
              device.write(factors.s(), s);
              device.write(factors.v(), v);
              MatrixBatch y = plan.allocateY();
              plan.compose(factors, withCut(f), y);
              return device.read(y);
            });
    return withRows(Y, factor);
  }

  private Dataset<Row> withRows(String name, double[] factor) {
    StructType schema = SvdFrames.add(frame.schema(), U, column.cells().columnType(true));
    if (name != null) {
      schema = SvdFrames.add(schema, name, column.cells().columnType(true));
    }
    RowColumn like = column;
    JavaRDD<Row> result =
        zip(blocks, tails)
            .flatMap(
                part -> {
                  List<Row> rows = new ArrayList<>(part.block.rows().size());
                  part.forEach(
                      (row, u) -> {
                        if (factor == null) {
                          rows.add(appended(row, like.cell(u)));
                        } else {
                          double[] y = new double[like.length()];
                          Products.add(1, u, factor, y);
                          rows.add(appended(row, like.cell(u), like.cell(y)));
                        }
                      });
                  return rows.iterator();
                });
    return frame.sparkSession().createDataFrame(result, schema);
  }

  private static Row appended(Row row, Object... cells) {
    Object[] all = new Object[row.size() + cells.length];
    for (int i = 0; i < row.size(); i++) {
      all[i] = row.get(i);
    }
    System.arraycopy(cells, 0, all, row.size(), cells.length);
    return RowFactory.create(all);
  }

  /**
   * The pullback of U, S and V, as {@link SvdPlan#backward}: the column gradient, a row of ∂L/∂A, n
   * numbers, for each row.
   *
   * @param rows what {@link #u()} gave, with more columns as may be, in any order
   * @param gu the column with the row of ∂L/∂U, n numbers, or null, which counts as zero
   * @param gs ∂L/∂S, n numbers, or null
   * @param gv ∂L/∂V, n×n, or null
   * @param options with the {@link io.github.diffsvd.GradientRule}
   * @throws IllegalArgumentException if a column is absent, or a length is another
   * @throws IllegalStateException after {@link #randomised}
   */
  public Dataset<Row> gradient(
      Dataset<Row> rows, String gu, double[] gs, DenseMatrix gv, SvdOptions options) {
    checkComplete();
    int n = column.length();
    if (gs != null && gs.length != n) {
      throw new IllegalArgumentException("gs: expected " + n + " values, got " + gs.length);
    }
    if (gv != null && (gv.numRows() != n || gv.numCols() != n)) {
      throw new IllegalArgumentException(
          "gv: expected " + n + "×" + n + ", got " + gv.numRows() + "×" + gv.numCols());
    }
    double[] c = gu == null ? new double[n * n] : correlation(rows, gu);
    double[] both =
        inDriver(
            (device, scope) -> {
              BatchShape shape = new BatchShape(DataType.FLOAT64, 1, 2 * n, n);
              SvdPlan plan = scope.keep(SvdPlan.create(device, shape, options));
              SvdFactors factors = plan.allocateFactors();
              SvdCotangents given = plan.allocateCotangents();
              device.write(factors.u(), identity(n, n));
              device.write(factors.s(), s);
              device.write(factors.v(), v);
              device.write(given.u(), aboveIdentity(c));
              if (gs != null) {
                device.write(given.s(), gs);
              }
              if (gv != null) {
                // DenseMatrix is column by column.
                device.write(given.v(), Products.transposed(gv.toArray(), n));
              }
              MatrixBatch gradient = plan.allocateGradient();
              plan.backward(
                  factors,
                  new SvdCotangents(
                      given.u(), gs == null ? null : given.s(), gv == null ? null : given.v()),
                  gradient);
              return device.read(gradient);
            });
    return pulledBack(column, rows, gu, c, both);
  }

  /** {@link #gradient(Dataset, String, double[], DenseMatrix, SvdOptions)} with the defaults. */
  public Dataset<Row> gradient(Dataset<Row> rows, String gu, double[] gs, DenseMatrix gv) {
    return gradient(rows, gu, gs, gv, SvdOptions.defaults());
  }

  /**
   * The pullback of Y = U f(S) Vᵀ, as {@link SpectralPlan#backward}: exact where singular values
   * repeat or vanish.
   *
   * @param f as it was in {@link #spectral}
   * @param rows what {@link #spectral} or {@link #u()} gave, with more columns as may be, in any
   *     order
   * @param gy the column with the row of ∂L/∂Y, n numbers
   * @throws IllegalArgumentException if a column is absent
   * @throws IllegalStateException after {@link #randomised}
   */
  public Gradient spectralGradient(SpectralFunction f, Dataset<Row> rows, String gy) {
    checkComplete();
    int n = column.length();
    double[] c = correlation(rows, gy);
    double[] parameter = new double[1];
    double[] both =
        inDriver(
            (device, scope) -> {
              BatchShape shape = new BatchShape(DataType.FLOAT64, 1, 2 * n, n);
              SpectralPlan plan = scope.keep(SpectralPlan.create(device, shape));
              SvdFactors factors = plan.allocateFactors();
              device.write(factors.u(), identity(n, n));
              device.write(factors.s(), s);
              device.write(factors.v(), v);
              MatrixBatch given = plan.allocateY();
              device.write(given, aboveIdentity(c));
              MatrixBatch gradient = plan.allocateGradient();
              MatrixBatch sum =
                  scope.keep(device.allocate(new BatchShape(DataType.FLOAT64, 1, 1, 1)));
              plan.backward(factors, withCut(f), SpectralCotangents.of(given), gradient, sum, 0);
              parameter[0] = device.read(sum)[0];
              return device.read(gradient);
            });
    return new Gradient(pulledBack(column, rows, gy, c, both), parameter[0]);
  }

  private void checkComplete() {
    if (!complete) {
      throw new IllegalStateException(
          "a randomised decomposition has neither spectral functions nor a pullback");
    }
  }

  private interface InDriver<T> {
    T run(io.github.diffsvd.Device device, Scope scope);
  }

  private static <T> T inDriver(InDriver<T> action) {
    return ExecutorDevice.ofTask()
        .use(
            device -> {
              try (Scope scope = new Scope()) {
                return action.run(device, scope);
              }
            });
  }

  /** The cut is relative to the extents of the whole matrix, which the driver's plans have not. */
  private SpectralFunction withCut(SpectralFunction f) {
    return f.hasDefaultCut() ? f.withCut(rows * DataType.FLOAT64.epsilon()) : f;
  }

  /** The identity above as many rows of zeros. */
  private static double[] identity(int n, int zeros) {
    double[] identity = new double[(n + zeros) * n];
    for (int i = 0; i < n; i++) {
      identity[i * n + i] = 1;
    }
    return identity;
  }

  /**
   * C above the identity. With U = (I, 0)ᵀ the upper half of the gradient is G₁, what comes of C,
   * and the lower one G₂, what becomes of any row that is orthogonal to U.
   */
  private static double[] aboveIdentity(double[] c) {
    int n = (int) Math.sqrt(c.length);
    double[] both = Arrays.copyOf(c, 2 * c.length);
    System.arraycopy(identity(n, 0), 0, both, c.length, c.length);
    return both;
  }

  /** C = Uᵀ G. */
  private double[] correlation(Dataset<Row> rows, String cotangent) {
    int n = column.length();
    RowColumn u = RowColumn.of(rows.schema(), U, n);
    RowColumn g = RowColumn.of(rows.schema(), cotangent, n);
    return rows.toJavaRDD()
        .mapPartitions(
            part -> {
              double[] sum = new double[n * n];
              part.forEachRemaining(row -> Products.addOuter(u.read(row), g.read(row), sum));
              return Collections.singleton(sum).iterator();
            })
        .treeReduce(Products::sum);
  }

  private static Dataset<Row> pulledBack(
      RowColumn like, Dataset<Row> rows, String cotangent, double[] c, double[] both) {
    int n = like.length();
    RowColumn u = RowColumn.of(rows.schema(), U, n);
    RowColumn g = cotangent == null ? null : RowColumn.of(rows.schema(), cotangent, n);
    double[] inside = Arrays.copyOf(both, n * n);
    double[] outside = Arrays.copyOfRange(both, n * n, 2 * n * n);
    MapPartitionsFunction<Row, Row> map =
        part ->
            new Iterator<>() {
              @Override
              public boolean hasNext() {
                return part.hasNext();
              }

              @Override
              public Row next() {
                Row row = part.next();
                double[] left = u.read(row);
                double[] result = new double[n];
                Products.add(1, left, inside, result);
                if (g != null) {
                  double[] rest = g.read(row);
                  Products.add(-1, left, c, rest);
                  Products.add(1, rest, outside, result);
                }
                return appended(row, like.cell(result));
              }
            };
    StructType schema = SvdFrames.add(rows.schema(), GRADIENT, like.cells().columnType(true));
    return SvdFrames.map(rows, map, schema);
  }

  /** The rows of a matrix of MLlib as a frame: the columns index, a long, and row, a Vector. */
  public static Dataset<Row> frame(
      org.apache.spark.sql.SparkSession spark, IndexedRowMatrix matrix) {
    StructType schema =
        new StructType()
            .add("index", DataTypes.LongType, false)
            .add("row", SQLDataTypes.VectorType(), false);
    return spark.createDataFrame(
        matrix.rows().toJavaRDD().map(row -> RowFactory.create(row.index(), row.vector().asML())),
        schema);
  }

  /** A column of a frame as a matrix of MLlib, each row at the index that another column holds. */
  public static IndexedRowMatrix matrix(
      Dataset<Row> frame, String index, String column, int columns) {
    RowColumn rows = RowColumn.of(frame.schema(), column, columns);
    int at = frame.schema().fieldIndex(index);
    return new IndexedRowMatrix(
        frame
            .toJavaRDD()
            .map(
                row ->
                    new IndexedRow(
                        ((Number) row.get(at)).longValue(), Vectors.dense(rows.read(row))))
            .rdd());
  }

  /** Lets go of what is kept on the executors; frames that came from it can be computed anew. */
  @Override
  public void close() {
    blocks.unpersist();
  }
}
