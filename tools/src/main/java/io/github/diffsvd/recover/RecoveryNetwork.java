package io.github.diffsvd.recover;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.compare.GradientMethod;
import java.util.Arrays;

/**
 * The unrolled network for pictures of one size: T cells, run forward, and backward by hand.
 *
 * <p>With the seen values y on the set Ω, τ = exp(θ) and (Z, L) from the cell before, one cell is a
 * step of the method of multipliers, over-relaxed, for "low rank in every group of similar patches,
 * y on Ω":
 *
 * <pre>
 * X-step   W  = y + L on Ω, Z elsewhere
 * Z-step   Z' = W + α (P − W),  P = mean over the groups of U max(S − τ²/S, 0) Vᵀ, where W's group is U S Vᵀ
 * L-step   L' = L + η (y − Z') on Ω
 * </pre>
 *
 * <p>Every cell chooses its groups anew, by W. The parameters are θ of every cell, then α, then η.
 */
final class RecoveryNetwork implements AutoCloseable {
  /** Numbers to learn of a cell. */
  static final int PARAMETERS = 3;

  /** Groups given to the device at a time where nothing has to be remembered. */
  private static final int CHUNK = 512;

  private final int cells;
  private final boolean trainable;
  private final Shrinkage shrinkage;
  private final int chunk;
  private final double[] matrices;

  private final double[] w;
  private final double[] z;
  private final double[] multiplier;

  // Of every cell that is remembered: its groups, P − W, and y − Z' on Ω, 0 elsewhere.
  private final Groups[] groups;
  private final double[][] change;
  private final double[][] residual;

  // Of the last forward pass.
  private boolean[] seen;
  private double[] parameters;

  /**
   * @param trainable whether every cell is remembered for {@link #backward}
   */
  RecoveryNetwork(
      Device device,
      DataType type,
      GradientMethod gradient,
      int cells,
      int width,
      int height,
      boolean trainable) {
    this.cells = cells;
    this.trainable = trainable;
    int slots = trainable ? cells : 1;
    groups = new Groups[slots];
    Arrays.setAll(groups, i -> new Groups(width, height));
    chunk = trainable ? groups[0].count() : Math.min(groups[0].count(), CHUNK);
    shrinkage = new Shrinkage(device, type, gradient, chunk, slots);
    matrices = new double[chunk * Groups.SIZE];
    int size = width * height * 3;
    w = new double[size];
    z = new double[size];
    multiplier = new double[size];
    change = new double[slots][size];
    residual = new double[slots][size];
  }

  private int slot(int cell) {
    return trainable ? cell : 0;
  }

  private double tau(int cell) {
    return Math.exp(parameters[cell]);
  }

  private double alpha(int cell) {
    return parameters[cells + cell];
  }

  private double eta(int cell) {
    return parameters[2 * cells + cell];
  }

  /**
   * Runs the cells.
   *
   * @param start Z before the first cell
   * @return Z of the last cell; belongs to the network, valid until the next call
   */
  double[] forward(double[] parameters, Samples samples, double[] start) {
    this.parameters = parameters.clone();
    seen = samples.seen();
    double[] y = samples.values();
    System.arraycopy(start, 0, z, 0, z.length);
    Arrays.fill(multiplier, 0);
    for (int cell = 0; cell < cells; cell++) {
      for (int i = 0; i < w.length; i++) {
        w[i] = seen[i] ? y[i] + multiplier[i] : z[i];
      }
      double[] p = change[slot(cell)];
      double[] r = residual[slot(cell)];
      lowRank(cell, p);
      for (int i = 0; i < w.length; i++) {
        p[i] -= w[i];
        z[i] = w[i] + alpha(cell) * p[i];
        r[i] = seen[i] ? y[i] - z[i] : 0;
        multiplier[i] += eta(cell) * r[i];
      }
    }
    return z;
  }

  /** P, from w. */
  private void lowRank(int cell, double[] p) {
    Groups similar = groups[slot(cell)];
    similar.find(w);
    Arrays.fill(p, 0);
    for (int first = 0; first < similar.count(); first += chunk) {
      int count = Math.min(chunk, similar.count() - first);
      // Where the last chunk is not full, what an earlier one left is computed once more, unused.
      similar.gather(w, first, count, matrices);
      shrinkage.forward(slot(cell), matrices, tau(cell));
      similar.scatter(matrices, first, count, p);
    }
    similar.average(p);
  }

  /**
   * The derivatives of a loss at the last {@link #forward}, with the groups as they were there.
   *
   * @param gradient ∂L/∂Z of the last cell; not changed
   * @return ∂L/∂θ of every cell, then ∂L/∂α, then ∂L/∂η
   */
  double[] backward(double[] gradient) {
    if (!trainable) {
      throw new IllegalStateException("the network remembers no cells");
    }
    double[] result = new double[PARAMETERS * cells];
    double[] gradZ = gradient.clone();
    double[] gradL = new double[gradZ.length];
    double[] gradP = new double[gradZ.length];
    double[] gradW = new double[gradZ.length];
    for (int cell = cells - 1; cell >= 0; cell--) {
      double alpha = alpha(cell);
      double gradAlpha = 0;
      double gradEta = 0;
      for (int i = 0; i < gradZ.length; i++) {
        gradEta += gradL[i] * residual[cell][i];
        gradZ[i] -= eta(cell) * gradL[i]; // gradL is 0 outside Ω
        gradAlpha += gradZ[i] * change[cell][i];
        gradP[i] = alpha * gradZ[i];
      }
      result[cells + cell] = gradAlpha;
      result[2 * cells + cell] = gradEta;

      groups[cell].average(gradP);
      groups[cell].gather(gradP, 0, chunk, matrices);
      result[cell] = shrinkage.backward(cell, matrices, tau(cell)) * tau(cell);
      Arrays.fill(gradW, 0);
      groups[cell].scatter(matrices, 0, chunk, gradW);

      for (int i = 0; i < gradZ.length; i++) {
        gradW[i] += (1 - alpha) * gradZ[i];
        gradL[i] += seen[i] ? gradW[i] : 0;
        gradZ[i] = seen[i] ? 0 : gradW[i];
      }
    }
    return result;
  }

  @Override
  public void close() {
    shrinkage.close();
  }
}
