package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * TLR-Net (arXiv 2411.14141): T steps of the method of multipliers for pictures that have low rank
 * after a transform, the transform and its inverse three 3×3 convolutions each.
 *
 * <pre>
 *   W  = y + L on the seen values, Z elsewhere
 *   Z' = W + D(threshold(C(W)))        C, D: 3 → 16 → 16 → 3, ReLU between
 *   L' = L + η (y − Z') on the seen values
 * </pre>
 *
 * The threshold is sigmoid(θ)·σ₁ of every channel's matrix, θ = −2 at first.
 */
final class TlrNet extends Network {
  private static final int COLOURS = 3;
  private static final int CHANNELS = 16;
  private static final float FIRST_THETA = -2;

  private final List<Cell> cells = new ArrayList<>();

  /** η is null in the last cell, after which nothing reads L. */
  private record Cell(Convolutions c, Convolutions d, Tensor theta, Tensor eta) {}

  /** Whether Z' is W plus the cell's low-rank part, or this part alone. */
  private final boolean residual;

  private TlrNet(GradientMethod method, Device device, boolean residual) {
    super(method, device);
    this.residual = residual;
  }

  /** C at random, D so small that Z' starts next to W. */
  static TlrNet random(int cells, GradientMethod method, Device device) {
    TlrNet net = new TlrNet(method, device, true);
    for (int t = 0; t < cells; t++) {
      net.add(
          t < cells - 1,
          Convolutions.random(net, COLOURS, CHANNELS, 1),
          Convolutions.random(net, COLOURS, CHANNELS, 0.1));
    }
    return net;
  }

  /** C and D the identity, Z' = D(threshold(C(W))): what has ties keeps them. */
  static TlrNet identity(int cells, GradientMethod method, Device device) {
    TlrNet net = new TlrNet(method, device, false);
    for (int t = 0; t < cells; t++) {
      net.add(
          t < cells - 1,
          Convolutions.identity(net, COLOURS, CHANNELS),
          Convolutions.identity(net, COLOURS, CHANNELS));
    }
    return net;
  }

  private void add(boolean hasNext, Convolutions c, Convolutions d) {
    Tensor theta = parameter(torch.tensor(FIRST_THETA));
    cells.add(new Cell(c, d, theta, hasNext ? parameter(torch.tensor(1f)) : null));
  }

  /**
   * The recovered pictures, the seen values themselves among them.
   *
   * @param y the seen values, 0 elsewhere: batch × 3 × rows × columns
   * @param seen 1 where a value is seen, 0 elsewhere; of the same shape
   * @param start Z at first
   */
  Tensor recover(Tensor y, Tensor seen, Tensor start) {
    Tensor hidden = seen.neg().add(new Scalar(1));
    Tensor z = start;
    Tensor l = torch.zeros_like(y);
    for (Cell cell : cells) {
      Tensor w = y.add(l.mul(seen)).add(z.mul(hidden));
      Tensor low = cell.d.apply(lowRank(cell.c.apply(w), cell.theta.sigmoid()));
      z = residual ? w.add(low) : low;
      if (cell.eta != null) {
        l = l.add(y.sub(z).mul(seen).mul(cell.eta));
      }
    }
    return y.add(z.mul(hidden));
  }
}
