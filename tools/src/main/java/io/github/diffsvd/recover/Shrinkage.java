package io.github.diffsvd.recover;

import static io.github.diffsvd.recover.Groups.COLUMNS;
import static io.github.diffsvd.recover.Groups.ROWS;
import static io.github.diffsvd.recover.Groups.SIZE;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SpectralCotangents;
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
 * Y = U f(S) Vᵀ for the matrix A = U S Vᵀ of every group, with f(s) = max(s − τ²/s, 0), and its
 * derivative through {@link SpectralPlan#backward} or {@link SvdPlan#backward}.
 *
 * <p>Each call of the forward pass is remembered in a slot, so that a network can be run backwards;
 * a slot that is used again forgets. All memory is taken when the object is made. Not for several
 * threads.
 */
final class Shrinkage implements AutoCloseable {
  private final int batch;
  private final boolean throughSpectral;
  private final SvdPlan plan;
  private final SpectralPlan spectral;
  private final SvdInfo info;
  private final HostedBatch matrices;
  private final HostedBatch gradY;
  private final HostedBatch values;
  private final HostedBatch slopes;
  private final HostedBatch gradF;
  private final HostedBatch gradU;
  private final HostedBatch gradS;
  private final HostedBatch gradV;
  private final Factors[] factors;

  // The batch on the host.
  private final double[] s;
  private final double[] f;
  private final double[] fSlopes;
  private final double[] gf;

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
   * @param batch groups per call
   * @param slots calls remembered
   */
  Shrinkage(Device device, DataType type, GradientMethod gradient, int batch, int slots) {
    this.batch = batch;
    throughSpectral = gradient.isSpectral();
    SvdOptions options = throughSpectral ? SvdOptions.defaults() : gradient.options();
    plan = SvdPlan.create(device, new BatchShape(type, batch, ROWS, COLUMNS), options);
    spectral = SpectralPlan.create(device, new BatchShape(type, batch, ROWS, COLUMNS));
    info = device.allocateInfo(batch);
    matrices = new HostedBatch(device, type, batch, ROWS, COLUMNS);
    gradY = new HostedBatch(device, type, batch, ROWS, COLUMNS);
    values = new HostedBatch(device, type, batch, COLUMNS, 1);
    slopes = new HostedBatch(device, type, batch, COLUMNS, 1);
    gradF = new HostedBatch(device, type, batch, COLUMNS, 1);
    gradU = new HostedBatch(device, type, batch, ROWS, COLUMNS);
    gradS = new HostedBatch(device, type, batch, COLUMNS, 1);
    gradV = new HostedBatch(device, type, batch, COLUMNS, COLUMNS);
    factors = new Factors[slots];
    Arrays.setAll(
        factors,
        i ->
            new Factors(
                new HostedBatch(device, type, batch, ROWS, COLUMNS),
                new HostedBatch(device, type, batch, COLUMNS, 1),
                new HostedBatch(device, type, batch, COLUMNS, COLUMNS)));
    s = new double[batch * COLUMNS];
    f = new double[s.length];
    fSlopes = new double[s.length];
    gf = new double[s.length];
  }

  /**
   * Replaces every matrix by its Y.
   *
   * @param groups batch × ROWS × COLUMNS, overwritten
   */
  void forward(int slot, double[] groups, double tau) {
    matrices.write(groups);
    plan.forward(matrices.matrices(), factors[slot].matrices(), info, 0);
    info.check(0);
    spectral.compose(factors[slot].matrices(), table(slot, tau), matrices.matrices(), 0);
    matrices.read(groups);
  }

  /**
   * The derivative of a loss at a remembered call.
   *
   * @param gradient ∂L/∂Y, batch × ROWS × COLUMNS; overwritten with ∂L/∂A
   * @param tau as it was in that call
   * @return ∂L/∂τ
   */
  double backward(int slot, double[] gradient, double tau) {
    SvdFactors remembered = factors[slot].matrices();
    gradY.write(gradient);
    spectral.backward(
        remembered,
        table(slot, tau),
        SpectralCotangents.of(gradY.matrices()),
        matrices.matrices(),
        gradF.matrices(),
        0);
    gradF.read(gf);
    if (!throughSpectral) {
      throughFactors(slot, gradient);
    }
    matrices.read(gradient);
    double sum = 0;
    for (int i = 0; i < s.length; i++) {
      sum -= s[i] > tau ? gf[i] * 2 * tau / s[i] : 0;
    }
    return sum;
  }

  /** f and its slopes at the singular values of a slot. */
  private SpectralTable table(int slot, double tau) {
    factors[slot].s().read(s);
    for (int i = 0; i < s.length; i++) {
      double ratio = tau / s[i];
      f[i] = s[i] > tau ? s[i] - tau * ratio : 0;
      fSlopes[i] = s[i] > tau ? 1 + ratio * ratio : 0;
    }
    values.write(f);
    slopes.write(fSlopes);
    return SpectralTable.of(values.matrices(), slopes.matrices());
  }

  /**
   * ∂L/∂A by the cotangents of U, S and V: with G = ∂L/∂Y, gU = G V f(S), gV = Gᵀ U f(S), and gS =
   * diag(Uᵀ G V) f'(S).
   */
  private void throughFactors(int slot, double[] gradient) {
    double[] u = new double[batch * SIZE];
    double[] v = new double[batch * COLUMNS * COLUMNS];
    double[] gu = new double[u.length];
    double[] gs = new double[s.length];
    double[] gv = new double[v.length];
    factors[slot].u().read(u);
    factors[slot].v().read(v);
    IntStream.range(0, batch)
        .parallel()
        .forEach(
            b -> {
              for (int k = b * COLUMNS; k < (b + 1) * COLUMNS; k++) {
                gs[k] = gf[k] * fSlopes[k];
              }
              for (int i = 0; i < ROWS; i++) {
                int row = b * SIZE + i * COLUMNS;
                for (int j = 0; j < COLUMNS; j++) {
                  int column = (b * COLUMNS + j) * COLUMNS;
                  double g = gradient[row + j];
                  for (int k = 0; k < COLUMNS; k++) {
                    double scaled = g * f[b * COLUMNS + k];
                    gu[row + k] += scaled * v[column + k];
                    gv[column + k] += scaled * u[row + k];
                  }
                }
              }
            });
    gradU.write(gu);
    gradS.write(gs);
    gradV.write(gv);
    plan.backward(
        factors[slot].matrices(),
        new SvdCotangents(gradU.matrices(), gradS.matrices(), gradV.matrices()),
        matrices.matrices(),
        0);
  }

  @Override
  public void close() {
    for (Factors slot : factors) {
      slot.close();
    }
    for (HostedBatch each :
        new HostedBatch[] {matrices, gradY, values, slopes, gradF, gradU, gradS, gradV}) {
      each.close();
    }
    info.close();
    spectral.close();
    plan.close();
  }
}
