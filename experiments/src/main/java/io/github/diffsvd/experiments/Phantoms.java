package io.github.diffsvd.experiments;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * A body of ellipses, some of which beat and some of which move, under the smooth shading and phase
 * of a receiver coil. Every sequence is another body.
 */
final class Phantoms implements Sequences {
  private static final int ORGANS = 9;

  /** Pixels over which a border goes from one side to the other. */
  private static final double SOFTNESS = 1;

  private final int frames;
  private final int size;
  private final int heldOut;

  Phantoms(int frames, int size, int heldOut) {
    this.frames = frames;
    this.size = size;
    this.heldOut = heldOut;
  }

  @Override
  public String toString() {
    return String.format("phantoms, %d frames of %d×%d", frames, size, size);
  }

  @Override
  public List<Tensor> heldOut() {
    List<Tensor> sequences = new ArrayList<>();
    for (int i = 0; i < heldOut; i++) {
      sequences.add(draw(new SplittableRandom(Long.MIN_VALUE + i)));
    }
    return sequences;
  }

  @Override
  public Tensor draw(SplittableRandom random) {
    Tensor line =
        torch.arange(new Scalar(size)).mul(new Scalar(2.0 / (size - 1))).sub(new Scalar(1));
    Tensor x = line.view(1, 1, -1);
    Tensor y = line.view(1, -1, 1);
    Tensor beat = cycle(random);
    Tensor breath = cycle(random);
    Tensor still = torch.zeros_like(beat);
    Tensor picture = ellipse(random, x, y, 0, 0, 0.85, 0.7, still, still).mul(new Scalar(0.3));
    for (int i = 0; i < ORGANS; i++) {
      Tensor moved = i % 3 == 0 ? breath : still;
      Tensor grown = i % 3 == 1 ? beat : still;
      Tensor organ =
          ellipse(
              random,
              x,
              y,
              random.nextDouble(-0.5, 0.5),
              random.nextDouble(-0.4, 0.4),
              random.nextDouble(0.06, 0.3),
              random.nextDouble(0.06, 0.3),
              moved.mul(new Scalar(random.nextDouble(0.03, 0.1))),
              grown.mul(new Scalar(random.nextDouble(0.1, 0.3))));
      picture = picture.add(organ.mul(new Scalar(random.nextDouble(-0.15, 0.5))));
    }
    Tensor magnitude = picture.relu().mul(shading(random, x, y));
    Tensor phase = phase(random, x, y).add(breath.mul(new Scalar(0.2)));
    Tensor parts =
        torch.stack(new TensorVector(magnitude.mul(phase.cos()), magnitude.mul(phase.sin())), -1);
    return torch.view_as_complex(parts.div(magnitude.max()));
  }

  /** A periodic motion from −1 to 1, frames × 1 × 1. */
  private Tensor cycle(SplittableRandom random) {
    double speed = random.nextDouble(1, 3) * 2 * Math.PI / frames;
    return torch
        .arange(new Scalar(frames))
        .mul(new Scalar(speed))
        .add(new Scalar(random.nextDouble(2 * Math.PI)))
        .sin()
        .view(-1, 1, 1);
  }

  /** 1 inside, 0 outside; the centre is moved along y and the radii grow by a factor. */
  private Tensor ellipse(
      SplittableRandom random,
      Tensor x,
      Tensor y,
      double centreX,
      double centreY,
      double radiusX,
      double radiusY,
      Tensor moved,
      Tensor grown) {
    double angle = random.nextDouble(Math.PI);
    Tensor dx = x.sub(new Scalar(centreX));
    Tensor dy = y.sub(new Scalar(centreY)).sub(moved);
    Tensor along = combination(dx, Math.cos(angle), dy, Math.sin(angle)).div(new Scalar(radiusX));
    Tensor across = combination(dx, -Math.sin(angle), dy, Math.cos(angle)).div(new Scalar(radiusY));
    Tensor radius = along.square().add(across.square()).sqrt();
    double sharpness = 2 * Math.min(radiusX, radiusY) * size / SOFTNESS;
    return grown.add(new Scalar(1)).sub(radius).mul(new Scalar(sharpness)).sigmoid();
  }

  private static Tensor combination(Tensor x, double a, Tensor y, double b) {
    return x.mul(new Scalar(a)).add(y.mul(new Scalar(b)));
  }

  private static Tensor shading(SplittableRandom random, Tensor x, Tensor y) {
    double angle = random.nextDouble(2 * Math.PI);
    return combination(x, 0.4 * Math.cos(angle), y, 0.4 * Math.sin(angle)).exp();
  }

  private static Tensor phase(SplittableRandom random, Tensor x, Tensor y) {
    Tensor linear = combination(x, random.nextDouble(-2, 2), y, random.nextDouble(-2, 2));
    Tensor curved =
        combination(x.square(), random.nextDouble(-1, 1), y.square(), random.nextDouble(-1, 1));
    return linear.add(curved).add(x.mul(y)).add(new Scalar(random.nextDouble(2 * Math.PI)));
  }
}
