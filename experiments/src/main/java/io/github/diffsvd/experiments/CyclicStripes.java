package io.github.diffsvd.experiments;

import io.github.diffsvd.compare.GradientMethod;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Pictures whose singular values repeat: diagonal stripes, pixel (i, j) a function of i − j modulo
 * 32. As matrices they are circulant, and the singular values of a real circulant matrix are the
 * magnitudes of a real signal's spectrum: all but two come in pairs. A quarter of them are of one
 * colour: rank one, all other values zero. Masks are stripes too, and convolutions over joined
 * borders keep circulants circulant, so that every decomposition on the way has these ties, in
 * training as well.
 */
final class CyclicStripes implements Experiment {
  private static final int SIZE = 32;
  private static final int COLOURS = 3;
  private static final int HARMONICS = 6;
  private static final int HELD_OUT = 32;
  private static final int REACH = 2;

  private final int cells;
  private final int batch;
  private final double[] rates;
  private final Device device;
  private final Tensor window;

  CyclicStripes(int cells, int batch, double[] rates, Device device) {
    this.cells = cells;
    this.batch = batch;
    this.rates = rates;
    this.device = device;
    Tensor line = torch.arange(new Scalar(-REACH), new Scalar(REACH + 1)).square();
    Tensor squares = line.view(-1, 1).add(line.view(1, -1));
    window =
        squares
            .mul(new Scalar(-0.5))
            .exp()
            .unsqueeze(0)
            .unsqueeze(0)
            .to(device, torch.ScalarType.Float);
  }

  private final class Stripes implements Problem {
    private final TlrNet net;

    Stripes(TlrNet net) {
      this.net = net;
    }

    @Override
    public Network network() {
      return net;
    }

    @Override
    public Tensor loss(long seed) {
      SplittableRandom random = new SplittableRandom(seed);
      Tensor truth = pictures(batch, random);
      Tensor seen = masks(batch, rates[random.nextInt(rates.length)], random);
      return torch.mse_loss(recover(truth, seen), truth);
    }

    Tensor recover(Tensor truth, Tensor seen) {
      Tensor y = truth.mul(seen);
      Tensor start = blurred(y).div(blurred(seen).add(new Scalar(1e-6)));
      return net.recover(y, seen, start);
    }

    @Override
    public String toString() {
      return "ties, " + net.method().name() + ", cells " + cells + ", batch " + batch;
    }
  }

  /** A mean over joined borders. */
  private Tensor blurred(Tensor x) {
    long[] reach = {REACH, REACH, REACH, REACH};
    long[] one = {1, 1};
    Tensor planes = torch.pad(x.reshape(-1, 1, SIZE, SIZE), reach, "circular", null);
    return torch.conv2d(planes, window, new TensorOptional(), one, new long[2], one, 1).view_as(x);
  }

  Tensor pictures(int count, SplittableRandom random) {
    double[] lines = new double[count * COLOURS * SIZE];
    for (int i = 0; i < count; i++) {
      int harmonics = random.nextInt(4) == 0 ? 0 : HARMONICS;
      for (int c = 0; c < COLOURS; c++) {
        int at = (i * COLOURS + c) * SIZE;
        double level = random.nextDouble(0.2, 0.8);
        for (int d = 0; d < SIZE; d++) {
          lines[at + d] = level;
        }
        for (int h = 1; h <= harmonics; h++) {
          double height = random.nextDouble(0.3) / h;
          double phase = random.nextDouble(2 * Math.PI);
          for (int d = 0; d < SIZE; d++) {
            lines[at + d] += height * Math.sin(2 * Math.PI * h * d / SIZE + phase);
          }
        }
      }
    }
    return circulant(lines, count);
  }

  private Tensor masks(int count, double rate, SplittableRandom random) {
    double[] lines = new double[count * COLOURS * SIZE];
    for (int i = 0; i < lines.length; i++) {
      lines[i] = random.nextDouble() < rate ? 1 : 0;
    }
    return circulant(lines, count);
  }

  private Tensor circulant(double[] lines, int count) {
    double[] values = new double[lines.length * SIZE];
    for (int line = 0; line < count * COLOURS; line++) {
      for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
          values[(line * SIZE + i) * SIZE + j] = lines[line * SIZE + Math.floorMod(i - j, SIZE)];
        }
      }
    }
    return Tensors.of(values, count, COLOURS, SIZE, SIZE).to(device, torch.ScalarType.Float);
  }

  @Override
  public Problem problem(GradientMethod method, long seed) {
    return new Stripes(TlrNet.identity(cells, method, device));
  }

  @Override
  public List<Score> evaluate(Problem trained) {
    List<Score> scores = new ArrayList<>();
    for (double rate : rates) {
      try (PointerScope scope = new PointerScope();
          NoGradGuard guard = new NoGradGuard()) {
        SplittableRandom random = new SplittableRandom(Long.MIN_VALUE);
        Tensor truth = pictures(HELD_OUT, random);
        Tensor recovered = ((Stripes) trained).recover(truth, masks(HELD_OUT, rate, random));
        scores.add(
            new Score(
                "stripes",
                String.format(Locale.ROOT, "%.0f %%", 100 * rate),
                Quality.of(recovered.flatten(0, 1).cpu(), truth.flatten(0, 1).cpu())));
      }
    }
    return scores;
  }
}
