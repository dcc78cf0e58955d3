package io.github.diffsvd.spark;

import io.github.diffsvd.DataType;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SvdOptions;
import java.io.Serializable;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Which column holds the matrices, how they lie there, and what is done with them: the settings of
 * {@link SvdFrames}. Immutable; every with… gives a changed copy.
 *
 * <p>A column holds a matrix in each row, as one of
 *
 * <ul>
 *   <li>array&lt;float&gt; or array&lt;double&gt;: m·n values, row by row;
 *   <li>binary: m·n packed elements of {@link #withType}, row by row, little-endian, the fast way;
 *   <li>an ml.linalg Vector of m·n values, row by row, or an ml.linalg Matrix, which brings its
 *       shape.
 * </ul>
 *
 * All matrices of a frame have one shape, or each row says its own in two more columns; a plan is
 * made for every shape then.
 */
public final class SvdSpec implements Serializable, Cloneable {
  private static final long serialVersionUID = 1;

  /** What becomes of a row whose matrix is malformed: null, of a wrong length, not finite. */
  public enum Mode {
    /** It is kept, its status says why, and its results are null. The default. */
    PERMISSIVE,
    /** It is left out. */
    DROP_MALFORMED,
    /** The job fails with the column and the reason. */
    FAIL_FAST;

    /**
     * The mode that a name of Spark's readers means: permissive, dropMalformed, failFast, in any
     * case.
     */
    public static Mode of(String name) {
      return Arrays.stream(values())
          .filter(mode -> mode.name().replace("_", "").equalsIgnoreCase(name.replace("_", "")))
          .findFirst()
          .orElseThrow(
              () ->
                  new IllegalArgumentException(
                      "mode: expected permissive, dropMalformed or failFast, got " + name));
    }
  }

  String column;

  /** 0 where each row says it. */
  int rows;

  int columns;

  /** Null where all matrices have one shape, or bring theirs. */
  String rowsColumn;

  String columnsColumn;
  DataType type = DataType.FLOAT64;

  /** Null where none was given. */
  SpectralFunction function;

  /** 0 for all. */
  int rank;

  String gu;
  String gs;
  String gv;
  String gy;
  SvdOptions options = SvdOptions.defaults();
  Mode mode = Mode.PERMISSIVE;
  int batch = 1024;
  String prefix = "";
  ExecutorDevice device = ExecutorDevice.ofTask();

  private SvdSpec() {}

  /**
   * Matrices of one shape.
   *
   * @param column that holds them
   * @param rows m ≥ 1
   * @param columns n ≥ 1
   */
  public static SvdSpec of(String column, int rows, int columns) {
    return of(column)
        .with(
            spec -> {
              spec.rows = atLeastOne("rows", rows);
              spec.columns = atLeastOne("columns", columns);
            });
  }

  /** Matrices of the shapes that two columns of whole numbers hold, m and n. */
  public static SvdSpec ragged(String column, String rowsColumn, String columnsColumn) {
    return of(column)
        .with(
            spec -> {
              spec.rowsColumn = Objects.requireNonNull(rowsColumn, "rowsColumn");
              spec.columnsColumn = Objects.requireNonNull(columnsColumn, "columnsColumn");
            });
  }

  /** Matrices that bring their shapes: a column of ml.linalg Matrix. */
  public static SvdSpec of(String column) {
    SvdSpec spec = new SvdSpec();
    spec.column = Objects.requireNonNull(column, "column");
    return spec;
  }

  /** The element type of binary columns, {@link DataType#FLOAT64} if it is not set. */
  public SvdSpec withType(DataType type) {
    return with(spec -> spec.type = Objects.requireNonNull(type, "type"));
  }

  /** f of {@link SvdFrames#spectral} and of its gradient. */
  public SvdSpec withFunction(SpectralFunction function) {
    return with(spec -> spec.function = Objects.requireNonNull(function, "function"));
  }

  /** The first r singular values and vectors alone; r ≥ 1, what a matrix has less of is all. */
  public SvdSpec withRank(int rank) {
    return with(spec -> spec.rank = atLeastOne("rank", rank));
  }

  /**
   * The columns with ∂L/∂U, ∂L/∂S and ∂L/∂V, for {@link SvdFrames#gradient}: m×r, r and n×r values
   * with r of {@link #withRank}, or min(m, n). Each may be null and counts as zero then, but not
   * all.
   */
  public SvdSpec withCotangents(String gu, String gs, String gv) {
    if (gu == null && gs == null && gv == null) {
      throw new IllegalArgumentException("cotangents: expected a column, got none");
    }
    return with(
        spec -> {
          spec.gu = gu;
          spec.gs = gs;
          spec.gv = gv;
          spec.gy = null;
        });
  }

  /** The column with ∂L/∂Y of {@link SvdFrames#spectral}, for {@link SvdFrames#gradient}. */
  public SvdSpec withCotangent(String gy) {
    Objects.requireNonNull(gy, "gy");
    return with(
        spec -> {
          spec.gu = null;
          spec.gs = null;
          spec.gv = null;
          spec.gy = gy;
        });
  }

  /**
   * Algorithm, gradient rule, ties and phases.
   *
   * @throws IllegalArgumentException if they name memory of this process
   */
  public SvdSpec withOptions(SvdOptions options) {
    if (options.workspace() != null) {
      throw new IllegalArgumentException("options: a workspace cannot go to the executors");
    }
    return with(spec -> spec.options = options);
  }

  /** What becomes of malformed rows. */
  public SvdSpec withMode(Mode mode) {
    return with(spec -> spec.mode = Objects.requireNonNull(mode, "mode"));
  }

  /**
   * How many rows a task decomposes at once, 1024 if it is not set, and fewer where they would be
   * more than 64 MiB.
   */
  public SvdSpec withBatch(int batch) {
    return with(spec -> spec.batch = atLeastOne("batch", batch));
  }

  /** What the names of all new columns begin with. */
  public SvdSpec withPrefix(String prefix) {
    return with(spec -> spec.prefix = Objects.requireNonNull(prefix, "prefix"));
  }

  /** Where the tasks compute. */
  public SvdSpec withDevice(ExecutorDevice device) {
    return with(spec -> spec.device = Objects.requireNonNull(device, "device"));
  }

  private static int atLeastOne(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + ": expected at least 1, got " + value);
    }
    return value;
  }

  private SvdSpec with(Consumer<SvdSpec> change) {
    try {
      SvdSpec copy = (SvdSpec) clone();
      change.accept(copy);
      return copy;
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
  }
}
