package io.github.diffsvd;

import io.github.diffsvd.internal.backend.KernelArguments;
import java.util.Objects;

/**
 * A function of the singular values of each matrix that the caller computes, on the device: f(s_i)
 * and f'(s_i), or soft thresholds of their own.
 *
 * <p>Divided differences below a gap of √eps·s₁ are the mean of the two slopes; so f must be a
 * function, equal for equal values, for the pullback to be exact at ties.
 */
public final class SpectralTable implements SpectralMap {
  private final MatrixBatch values;
  private final MatrixBatch slopes;
  private final SpectralFunction function;
  private final double cut;

  private SpectralTable(
      MatrixBatch values, MatrixBatch slopes, SpectralFunction function, double cut) {
    this.values = values;
    this.slopes = slopes;
    this.function = function;
    this.cut = cut;
  }

  /** What the plans work with: a function of matrices of the shape stands in for its values. */
  static SpectralTable of(SpectralMap f, BatchShape shape) {
    Objects.requireNonNull(f, "f");
    return f instanceof SpectralFunction function
        ? new SpectralTable(null, null, function, function.cut(shape))
        : ((SpectralTable) f).spread(shape.k());
  }

  /** A threshold for each matrix becomes one for each of its values. */
  private SpectralTable spread(int k) {
    if (slopes != null || values.rows() == k || values.rows() != 1) {
      return this;
    }
    BatchShape all = new BatchShape(values.type(), values.batch(), k, 1);
    MatrixBatch spread =
        new MatrixBatch(values.memory(), values.address(), all, 0, 0, values.batchStride());
    return new SpectralTable(spread, null, null, 0);
  }

  /**
   * Any function.
   *
   * @param values f(s_i), batch × k × 1, real; any strides
   * @param slopes f'(s_i), f'(0) at 0, batch × k × 1, real; any strides
   */
  public static SpectralTable of(MatrixBatch values, MatrixBatch slopes) {
    return new SpectralTable(
        Objects.requireNonNull(values, "values"),
        Objects.requireNonNull(slopes, "slopes"),
        null,
        0);
  }

  /**
   * f(s_i) = max(s_i − w_i, 0), the weighted soft threshold.
   *
   * @param weights w_i, batch × k × 1, real; or batch × 1 × 1, a threshold for each matrix. Any
   *     strides: a stride of 0 over the batch shares them
   */
  public static SpectralTable softThreshold(MatrixBatch weights) {
    return new SpectralTable(Objects.requireNonNull(weights, "weights"), null, null, 0);
  }

  /** s and what f is there, as the kernels take it. */
  void put(KernelArguments arguments, MatrixBatch s) {
    arguments.put(s).put(values).put(slopes);
    arguments.put(function == null ? -1L : function.code());
    arguments.put(function == null ? 0.0 : function.parameter());
    arguments.put(cut);
  }

  /** Names the matrices of the table as arguments of a call. */
  void addTo(Call call, BatchShape s) {
    call.readsIfPresent(slopes == null ? "table.weights" : "table.values", values, s);
    call.readsIfPresent("table.slopes", slopes, s);
  }

  /** Names where its gradient goes: that of a function's parameter, or of each entry. */
  void addGradientTo(Call call, MatrixBatch gradient, BatchShape s) {
    if (function == null) {
      call.writes("parameterGradient", gradient, s);
      return;
    }
    call.writes("parameterGradient", gradient, s.realColumn(1));
    if (s.rows() == 0 && s.batch() > 0) {
      throw new IllegalArgumentException("parameterGradient: there is none without values");
    }
  }
}
