package io.github.diffsvd.experiments;

import io.github.diffsvd.recover.Picture;
import io.github.diffsvd.recover.Samples;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Colour pictures from a share of their values: patches of 32×32, each value seen with the
 * probability of the batch's rate.
 */
final class CompressedSensing implements Problem {
  static final int PATCH = 32;

  /** Between overlapping patches of a whole picture. */
  private static final int STEP = 16;

  private static final int CHUNK = 64;

  private final TlrNet net;
  private final List<Tensor> pictures;
  private final double[] rates;
  private final int batch;
  private final Start start;

  /**
   * A problem for training.
   *
   * @param pictures 3 × height × width each, at least 32 both ways
   * @param rates of which each batch takes one
   * @param batch patches at a time
   */
  CompressedSensing(TlrNet net, List<Tensor> pictures, double[] rates, int batch, Start start) {
    this.net = net;
    this.pictures = pictures;
    this.rates = rates;
    this.batch = batch;
    this.start = start;
  }

  @Override
  public Network network() {
    return net;
  }

  @Override
  public Tensor loss(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Tensor[] patches = new Tensor[batch];
    for (int i = 0; i < batch; i++) {
      Tensor picture = pictures.get(random.nextInt(pictures.size()));
      long top = random.nextLong(picture.size(1) - PATCH + 1);
      long left = random.nextLong(picture.size(2) - PATCH + 1);
      Tensor patch = picture.narrow(1, top, PATCH).narrow(2, left, PATCH);
      patch = random.nextBoolean() ? patch.flip(2) : patch;
      patch = random.nextBoolean() ? patch.transpose(1, 2) : patch;
      patch = random.nextBoolean() ? patch.flip(0) : patch;
      patch = patch.roll(new long[] {random.nextInt(3)}, 0);
      patches[i] = patch.mul(new Scalar(random.nextDouble(0.3, 1)));
    }
    torch.manual_seed(random.nextLong());
    Tensor truth = torch.stack(new TensorVector(patches));
    double rate = rates[random.nextInt(rates.length)];
    Tensor seen = torch.rand_like(truth).lt(new Scalar(rate)).to(torch.ScalarType.Float);
    truth = truth.to(net.device(), torch.ScalarType.Float);
    seen = seen.to(net.device(), torch.ScalarType.Float);
    return torch.mse_loss(recover(truth.mul(seen), seen), truth);
  }

  @Override
  public String toString() {
    double light = pictures.stream().mapToDouble(p -> p.mean().item_double()).sum();
    return String.format(
        Locale.ROOT,
        "colour, %s, %d parameters, start %s, %d pictures of light %.6f, batch %d, rates %s",
        net.method().name(),
        net.parameters().size(),
        start,
        pictures.size(),
        light,
        batch,
        Arrays.toString(rates));
  }

  private Tensor recover(Tensor y, Tensor seen) {
    return net.recover(y, seen, start.of(y, seen));
  }

  /** A whole picture by overlapping patches, whose middles count most. */
  Picture recover(Samples samples) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard guard = new NoGradGuard()) {
      Tensor y = values(samples);
      Tensor seen = seen(samples);
      Tensor sum = torch.zeros_like(y);
      Tensor weight = torch.zeros_like(y);
      Tensor middle = middle().to(net.device(), torch.ScalarType.Float);
      int across = (samples.width() - PATCH + STEP - 1) / STEP + 1;
      int down = (samples.height() - PATCH + STEP - 1) / STEP + 1;
      for (int first = 0; first < across * down; first += CHUNK) {
        int last = Math.min(first + CHUNK, across * down);
        try (PointerScope chunk = new PointerScope()) {
          Tensor[] values = new Tensor[last - first];
          Tensor[] masks = new Tensor[last - first];
          for (int i = first; i < last; i++) {
            values[i - first] = patch(y, i, across);
            masks[i - first] = patch(seen, i, across);
          }
          Tensor recovered =
              recover(torch.stack(new TensorVector(values)), torch.stack(new TensorVector(masks)));
          for (int i = first; i < last; i++) {
            patch(sum, i, across).add_(recovered.select(0, i - first).mul(middle));
            patch(weight, i, across).add_(middle);
          }
        }
      }
      return picture(sum.div(weight));
    }
  }

  /** What the network starts from, and the seen values. */
  Picture start(Samples samples) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard guard = new NoGradGuard()) {
      Tensor y = values(samples);
      Tensor seen = seen(samples);
      Tensor z = start.of(y.unsqueeze(0), seen.unsqueeze(0)).squeeze(0);
      return picture(y.add(z.sub(y).mul(seen.neg().add(new Scalar(1)))));
    }
  }

  private static Picture picture(Tensor planes) {
    return Tensors.picture(torch.hardtanh(planes, new Scalar(0), new Scalar(1)));
  }

  private Tensor values(Samples samples) {
    return Tensors.of(samples.picture()).to(net.device(), torch.ScalarType.Float);
  }

  private Tensor seen(Samples samples) {
    double[] mask = new double[samples.seen().length];
    for (int i = 0; i < mask.length; i++) {
      mask[i] = samples.seen()[i] ? 1 : 0;
    }
    return Tensors.of(new Picture(samples.width(), samples.height(), mask))
        .to(net.device(), torch.ScalarType.Float);
  }

  /** A pyramid over a patch. */
  private static Tensor middle() {
    Tensor line = torch.arange(new Scalar(PATCH)).sub(new Scalar((PATCH - 1) / 2.0)).abs();
    Tensor tent = line.neg().add(new Scalar((PATCH + 1) / 2.0));
    return tent.view(-1, 1).mul(tent.view(1, -1));
  }

  private static Tensor patch(Tensor planes, int i, int across) {
    long top = Math.min((long) (i / across) * STEP, planes.size(1) - PATCH);
    long left = Math.min((long) (i % across) * STEP, planes.size(2) - PATCH);
    return planes.narrow(1, top, PATCH).narrow(2, left, PATCH);
  }
}
