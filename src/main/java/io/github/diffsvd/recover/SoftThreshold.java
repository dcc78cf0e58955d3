package io.github.diffsvd.recover;

import static io.github.diffsvd.recover.Patches.COLUMNS;
import static io.github.diffsvd.recover.Patches.SIDE;
import static io.github.diffsvd.recover.Patches.SIZE;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SpectralTable;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.compare.GradientMethod;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Y = U f(S) Vᵀ for every patch P = U S Vᵀ, with f(s)ᵢ = max(sᵢ − κ s₁, 0), and its derivative
 * through {@link SvdPlan#backward} or {@link SpectralPlan#backward}.
 *
 * <p>Each call of the forward pass is remembered in a slot, so that a network can be run backwards;
 * a slot that is used again forgets. All memory is taken when the object is made. Not for several
 * threads.
 */
final class SoftThreshold implements AutoCloseable {
  private final int batch;
  private final SvdPlan plan;
  private final SvdInfo info;
  private final HostedBatch patches;

  /** What the derivative goes through: the cotangents of U and V where this is null. */
  private final SpectralPlan spectral;

  private final HostedBatch gradU;
  private final HostedBatch gradS;
  private final HostedBatch gradV;
  private final HostedBatch values;
  private final HostedBatch derivatives;
  private final HostedBatch gradY;
  private final Factors[] factors;

  // The batch on the host.
  private final double[] u;
  private final double[] s;
  private final double[] v;
  private final double[] gu;
  private final double[] gs;
  private final double[] gv;
  private final double[] gk;
  private final double[] f;
  private final double[] slopes;

  private record Factors(HostedBatch u, HostedBatch s, HostedBatch v) implements AutoCloseable {
    SvdFactors matrices() {
      return new SvdFactors(u.matrices(), s.matrices(), v.matrices());
    }

    @Override
    public void close() {
      u.close();
      s.close();
      v.close();
    }
  }

  /**
   * Takes the memory.
   *
   * @param batch patches per call
   * @param slots calls remembered
   */
  SoftThreshold(Device device, DataType type, GradientMethod gradient, int batch, int slots) {
    this.batch = batch;
    SvdOptions options = gradient.isSpectral() ? SvdOptions.defaults() : gradient.options();
    plan = SvdPlan.create(device, type, batch, SIDE, COLUMNS, options);
    spectral =
        gradient.isSpectral() ? SpectralPlan.create(device, type, batch, SIDE, COLUMNS) : null;
    info = device.allocateInfo(batch);
    patches = new HostedBatch(device, type, batch, SIDE, COLUMNS);
    gradU = new HostedBatch(device, type, batch, SIDE, SIDE);
    gradS = new HostedBatch(device, type, batch, SIDE, 1);
    gradV = new HostedBatch(device, type, batch, COLUMNS, SIDE);
    values = new HostedBatch(device, type, batch, SIDE, 1);
    derivatives = new HostedBatch(device, type, batch, SIDE, 1);
    gradY = new HostedBatch(device, type, batch, SIDE, COLUMNS);
    factors = new Factors[slots];
    Arrays.setAll(
        factors,
        i ->
            new Factors(
                new HostedBatch(device, type, batch, SIDE, SIDE),
                new HostedBatch(device, type, batch, SIDE, 1),
                new HostedBatch(device, type, batch, COLUMNS, SIDE)));
    u = new double[batch * SIDE * SIDE];
    s = new double[batch * SIDE];
    v = new double[batch * SIZE];
    gu = new double[u.length];
    gs = new double[s.length];
    gv = new double[v.length];
    gk = new double[batch];
    f = new double[s.length];
    slopes = new double[s.length];
  }

  /**
   * Replaces every patch by its thresholded self.
   *
   * @param values batch × SIDE × COLUMNS, overwritten
   * @param kappa the threshold relative to each patch's largest singular value
   */
  void forward(int slot, double[] values, double kappa) {
    patches.write(values);
    plan.forward(patches.matrices(), factors[slot].matrices(), info, 0);
    info.check(0);
    fetch(factors[slot]);
    IntStream.range(0, batch).parallel().forEach(p -> compose(p, kappa, values));
  }

  /**
   * The derivative of a loss at a remembered call.
   *
   * @param gradient ∂L/∂Y, batch × SIDE × COLUMNS; overwritten with ∂L/∂P
   * @param kappa as it was in that call
   * @return ∂L/∂κ
   */
  double backward(int slot, double[] gradient, double kappa) {
    fetch(factors[slot]);
    IntStream.range(0, batch).parallel().forEach(p -> cotangents(p, kappa, gradient));
    gradS.write(gs);
    if (spectral == null) {
      gradU.write(gu);
      gradV.write(gv);
      plan.backward(
          factors[slot].matrices(),
          new SvdCotangents(gradU.matrices(), gradS.matrices(), gradV.matrices()),
          patches.matrices(),
          0);
    } else {
      values.write(f);
      derivatives.write(slopes);
      gradY.write(gradient);
      spectral.backward(
          factors[slot].matrices(),
          SpectralTable.of(values.matrices(), derivatives.matrices()),
          gradY.matrices(),
          gradS.matrices(),
          patches.matrices(),
          null,
          0);
    }
    patches.read(gradient);
    return Arrays.stream(gk).sum();
  }

  private void fetch(Factors f) {
    f.u().read(u);
    f.s().read(s);
    f.v().read(v);
  }

  /** The number of singular values of a patch above the threshold. */
  private int rank(int p, double kappa) {
    int r = 0;
    while (r < SIDE && s[p * SIDE + r] > kappa * s[p * SIDE]) {
      r++;
    }
    return r;
  }

  /** Y = U f(S) Vᵀ of one patch. */
  private void compose(int p, double kappa, double[] values) {
    int rank = rank(p, kappa);
    double threshold = kappa * s[p * SIDE];
    double[] column = new double[COLUMNS];
    int y = p * SIZE;
    Arrays.fill(values, y, y + SIZE, 0);
    for (int k = 0; k < rank; k++) {
      columnOfV(p, k, column);
      double f = s[p * SIDE + k] - threshold;
      for (int i = 0; i < SIDE; i++) {
        double factor = f * u[(p * SIDE + i) * SIDE + k];
        int row = y + i * COLUMNS;
        for (int j = 0; j < COLUMNS; j++) {
          values[row + j] += factor * column[j];
        }
      }
    }
  }

  /**
   * From G = ∂L/∂Y: gU = G V f(S), gV = Gᵀ U f(S), gS = diag(Uᵀ G V) where s is above the
   * threshold, and the threshold's own derivatives: κ reaches s₁ and s₁ reaches κ.
   */
  private void cotangents(int p, double kappa, double[] gradient) {
    int rank = rank(p, kappa);
    double top = s[p * SIDE];
    double[] column = new double[COLUMNS];
    double[] product = new double[COLUMNS];
    Arrays.fill(gu, p * SIDE * SIDE, (p + 1) * SIDE * SIDE, 0);
    Arrays.fill(gs, p * SIDE, (p + 1) * SIDE, 0);
    Arrays.fill(gv, p * SIZE, (p + 1) * SIZE, 0);
    Arrays.fill(f, p * SIDE, (p + 1) * SIDE, 0);
    Arrays.fill(slopes, p * SIDE, (p + 1) * SIDE, 0);
    double kept = 0;
    for (int k = 0; k < rank; k++) {
      columnOfV(p, k, column);
      Arrays.fill(product, 0);
      double above = s[p * SIDE + k] - kappa * top;
      f[p * SIDE + k] = above;
      slopes[p * SIDE + k] = 1;
      double diagonal = 0;
      for (int i = 0; i < SIDE; i++) {
        int row = p * SIZE + i * COLUMNS;
        int element = (p * SIDE + i) * SIDE + k;
        double left = u[element];
        double sum = 0;
        for (int j = 0; j < COLUMNS; j++) {
          product[j] += left * gradient[row + j];
        }
        for (int j = 0; j < COLUMNS; j++) {
          sum += gradient[row + j] * column[j];
        }
        gu[element] = above * sum;
        diagonal += left * sum;
      }
      for (int j = 0; j < COLUMNS; j++) {
        gv[(p * COLUMNS + j) * SIDE + k] = above * product[j];
      }
      // The pullback of a spectral function has this part in its slopes.
      gs[p * SIDE + k] = spectral == null ? diagonal : 0;
      kept += diagonal;
    }
    gs[p * SIDE] -= kappa * kept;
    gk[p] = -top * kept;
  }

  private void columnOfV(int p, int k, double[] column) {
    for (int j = 0; j < COLUMNS; j++) {
      column[j] = v[(p * COLUMNS + j) * SIDE + k];
    }
  }

  @Override
  public void close() {
    for (Factors slot : factors) {
      slot.close();
    }
    for (HostedBatch batch :
        new HostedBatch[] {patches, gradU, gradS, gradV, values, derivatives, gradY}) {
      batch.close();
    }
    info.close();
    if (spectral != null) {
      spectral.close();
    }
    plan.close();
  }
}
