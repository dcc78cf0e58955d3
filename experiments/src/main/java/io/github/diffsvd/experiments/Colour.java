package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.recover.Picture;
import io.github.diffsvd.recover.Samples;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Colour-image compressed sensing: TLR-Net learns from some pictures and recovers others. */
final class Colour implements Experiment {
  /** Sides to which training pictures are scaled; small ones have the sharpest edges. */
  private static final int[] SIDES = {128, 192, 256};

  private final List<Tensor> training = new ArrayList<>();
  private final Map<String, Picture> heldOut;
  private final int cells;
  private final int batch;
  private final double[] rates;
  private final long seed;
  private final Start start;
  private final Device device;

  /**
   * An experiment.
   *
   * @param heldOut as they are recovered
   * @param rates shares of the values that are seen
   * @param seed of the choice which, as in {@code diffsvd recover}
   */
  Colour(
      Iterable<Picture> training,
      Map<String, Picture> heldOut,
      int cells,
      int batch,
      double[] rates,
      long seed,
      Start start,
      Device device) {
    for (Picture picture : training) {
      for (int side : SIDES) {
        int shortSide = Math.min(picture.width(), picture.height());
        this.training.add(Tensors.of(picture.centreSquare(Math.min(side, shortSide))));
      }
    }
    this.heldOut = heldOut;
    this.cells = cells;
    this.batch = batch;
    this.rates = rates;
    this.seed = seed;
    this.start = start;
    this.device = device;
  }

  @Override
  public CompressedSensing problem(GradientMethod method, long seed) {
    torch.manual_seed(seed);
    return new CompressedSensing(
        TlrNet.random(cells, method, device), training, rates, batch, start);
  }

  @Override
  public List<Score> evaluate(Problem trained) {
    List<Score> scores = new ArrayList<>();
    heldOut.forEach(
        (name, picture) -> {
          for (double rate : rates) {
            scores.add(
                new Score(
                    name,
                    String.format(Locale.ROOT, "%.0f %%", 100 * rate),
                    Quality.of(
                        Tensors.of(
                            ((CompressedSensing) trained).recover(Samples.of(picture, rate, seed))),
                        Tensors.of(picture))));
          }
        });
    return scores;
  }
}
