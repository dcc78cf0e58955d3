package io.github.diffsvd.recover;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.compare.GradientMethod;
import java.util.Arrays;

/**
 * The unrolled network for pictures of one size: T cells, run forward, and backward by hand.
 *
 * <p>With the seen values y on the set Ω, κ = sigmoid(θ) and (Z, L) from the cell before, one cell
 * is a step of the method of multipliers for "low rank in every patch, y on Ω":
 *
 * <pre>
 * X-step   W  = y + L on Ω, Z elsewhere
 * Z-step   Z' = mean over the patches of U max(S − κ σ₁, 0) Vᵀ, where W's patch is U S Vᵀ
 * L-step   L' = L + η (y − Z') on Ω
 * </pre>
 *
 * <p>Cells take turns at unfolding the patches along rows and along columns. The parameters are θ
 * of every cell, then η of every cell.
 */
final class RecoveryNetwork implements AutoCloseable {
  /** Patches given to the device at a time where nothing has to be remembered. */
  private static final int CHUNK = 256;

  private final int cells;
  private final boolean trainable;
  private final Patches patches;
  private final SoftThreshold threshold;
  private final int chunk;
  private final double[] unfolded;

  private final double[] w;
  private final double[] z;
  private final double[] multiplier;

  /** y − Z' on Ω of every cell that is remembered, 0 elsewhere. */
  private final double[][] residual;

  // Of the last forward pass.
  private boolean[] seen;
  private double[] parameters;

  /**
   * @param stride pixels from one patch to the next
   * @param trainable whether every cell is remembered for {@link #backward}
   */
  RecoveryNetwork(
      Device device,
      DataType type,
      GradientMethod gradient,
      int cells,
      int width,
      int height,
      int stride,
      boolean trainable) {
    this.cells = cells;
    this.trainable = trainable;
    patches = new Patches(width, height, stride);
    chunk = trainable ? patches.count() : Math.min(patches.count(), CHUNK);
    threshold = new SoftThreshold(device, type, gradient, chunk, trainable ? cells : 1);
    unfolded = new double[chunk * Patches.SIZE];
    int size = width * height * 3;
    w = new double[size];
    z = new double[size];
    multiplier = new double[size];
    residual = new double[trainable ? cells : 1][size];
  }

  private static boolean alongColumns(int cell) {
    return cell % 2 == 1;
  }

  private int slot(int cell) {
    return trainable ? cell : 0;
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
      lowRank(cell);
      double eta = parameters[cells + cell];
      double[] r = residual[slot(cell)];
      for (int i = 0; i < w.length; i++) {
        r[i] = seen[i] ? y[i] - z[i] : 0;
        multiplier[i] += eta * r[i];
      }
    }
    return z;
  }

  /** The Z-step, from w to z. */
  private void lowRank(int cell) {
    double kappa = sigmoid(parameters[cell]);
    Arrays.fill(z, 0);
    for (int first = 0; first < patches.count(); first += chunk) {
      int count = Math.min(chunk, patches.count() - first);
      // Where the last chunk is not full, what an earlier one left is computed once more, unused.
      patches.gather(w, alongColumns(cell), first, count, unfolded);
      threshold.forward(slot(cell), unfolded, kappa);
      patches.scatter(unfolded, alongColumns(cell), first, count, z);
    }
    patches.average(z);
  }

  /**
   * The derivatives of a loss at the last {@link #forward}.
   *
   * @param gradient ∂L/∂Z of the last cell; not changed
   * @return ∂L/∂θ of every cell, then ∂L/∂η of every cell
   */
  double[] backward(double[] gradient) {
    if (!trainable) {
      throw new IllegalStateException("the network remembers no cells");
    }
    double[] result = new double[2 * cells];
    double[] gradZ = gradient.clone();
    double[] gradL = new double[gradZ.length];
    double[] gradW = new double[gradZ.length];
    for (int cell = cells - 1; cell >= 0; cell--) {
      double eta = parameters[cells + cell];
      double gradEta = 0;
      for (int i = 0; i < gradZ.length; i++) {
        gradEta += gradL[i] * residual[cell][i];
        gradZ[i] -= eta * gradL[i]; // gradL is 0 outside Ω
      }
      result[cells + cell] = gradEta;

      double kappa = sigmoid(parameters[cell]);
      patches.average(gradZ);
      patches.gather(gradZ, alongColumns(cell), 0, chunk, unfolded);
      result[cell] = threshold.backward(cell, unfolded, kappa) * kappa * (1 - kappa);
      Arrays.fill(gradW, 0);
      patches.scatter(unfolded, alongColumns(cell), 0, chunk, gradW);

      for (int i = 0; i < gradZ.length; i++) {
        gradL[i] += seen[i] ? gradW[i] : 0;
        gradZ[i] = seen[i] ? 0 : gradW[i];
      }
    }
    return result;
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  @Override
  public void close() {
    threshold.close();
  }
}
