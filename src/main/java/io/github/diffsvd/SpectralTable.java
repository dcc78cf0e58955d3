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
public final class SpectralTable {
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

  /** What the plans work with: a function of m×n matrices stands in for its values. */
  static SpectralTable of(SpectralFunction function, DataType type, int rows, int columns) {
    return new SpectralTable(null, null, function, function.cut(type, rows, columns));
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
   * @param weights w_i, batch × k × 1, real; any strides: a stride of 0 over the batch shares them,
   *     one over the rows gives each matrix a threshold of its own
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
  void addTo(Call call, DataType type, int batch, int k) {
    if (values != null) {
      String name = slopes == null ? "table.weights" : "table.values";
      call.reads(name, values, type.real(), batch, k, 1);
    }
    if (slopes != null) {
      call.reads("table.slopes", slopes, type.real(), batch, k, 1);
    }
  }

  /** Names where its gradient goes: that of a function's parameter, or of each entry. */
  void addGradientTo(Call call, MatrixBatch gradient, DataType type, int batch, int k) {
    if (function == null) {
      call.writes("tableGradient", gradient, type.real(), batch, k, 1);
      return;
    }
    call.writes("parameterGradient", gradient, type.real(), batch, 1, 1);
    if (k == 0 && batch > 0) {
      throw new IllegalArgumentException("parameterGradient: there is none without values");
    }
  }
}
