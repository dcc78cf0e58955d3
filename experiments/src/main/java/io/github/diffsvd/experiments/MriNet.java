package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Image sequences from a part of their k-space: T cells, each
 *
 * <pre>
 *   X'  = threshold of every block's Casorati matrix, frames × pixels, complex
 *   X'' = X' + C(X')                                   C: 2 → 8 → 8 → 2, 3×3×3, ReLU between
 *   X   = Fᴴ (F X'' + μ M (k − F X''))                 k measured where M is 1
 * </pre>
 *
 * The threshold is sigmoid(θ)·σ₁, θ = −2 at first; real and imaginary parts are C's two channels; μ
 * = 1 at first. Blocks are 8×8 pixels, moved by half a block in every second cell.
 */
final class MriNet extends Network {
  static final int BLOCK = 8;
  private static final int CHANNELS = 8;
  private static final float FIRST_THETA = -2;

  private final List<Cell> cells = new ArrayList<>();

  private record Cell(Tensor theta, Convolutions c, Tensor mu) {}

  MriNet(int cells, GradientMethod method, Device device) {
    super(method, device);
    for (int t = 0; t < cells; t++) {
      this.cells.add(
          new Cell(
              parameter(torch.tensor(FIRST_THETA)),
              Convolutions.ofFrames(this, 2, CHANNELS, 0.1),
              parameter(torch.tensor(1f))));
    }
  }

  /**
   * The recovered sequence.
   *
   * @param k measured values, 0 elsewhere: frames × rows × columns
   * @param measured 1 where a value is measured, 0 elsewhere
   */
  Tensor recover(Tensor k, Tensor measured) {
    Tensor x = Mri.toPicture(k);
    for (int t = 0; t < cells.size(); t++) {
      Cell cell = cells.get(t);
      x = lowRankBlocks(x, cell.theta.sigmoid(), t % 2 * BLOCK / 2);
      x = x.add(convolved(x, cell.c));
      Tensor missed = k.sub(Mri.toKspace(x)).mul(measured);
      x = x.add(Mri.toPicture(missed).mul(cell.mu));
    }
    return x;
  }

  private Tensor lowRankBlocks(Tensor x, Tensor kappa, long moved) {
    long frames = x.size(0);
    long down = x.size(1) / BLOCK;
    long across = x.size(2) / BLOCK;
    long[] both = {1, 2};
    Tensor blocks =
        x.roll(new long[] {moved, moved}, both)
            .view(frames, down, BLOCK, across, BLOCK)
            .permute(1, 3, 0, 2, 4)
            .reshape(down * across, frames, BLOCK * BLOCK);
    return lowRank(blocks, kappa)
        .view(down, across, frames, BLOCK, BLOCK)
        .permute(2, 0, 3, 1, 4)
        .reshape(x.sizes().vec().get())
        .roll(new long[] {-moved, -moved}, both);
  }

  private static Tensor convolved(Tensor x, Convolutions c) {
    Tensor parts = c.apply(torch.view_as_real(x).permute(0, 3, 1, 2));
    return torch.view_as_complex(parts.permute(0, 2, 3, 1).contiguous());
  }
}
