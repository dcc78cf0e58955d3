package io.github.diffsvd.experiments;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Three 3×3 convolutions, outer → inner → inner → outer channels, ReLU between them. Without
 * biases: twice the picture gives twice the result, so that bright and dark are learned at once.
 */
final class Convolutions {
  private static final int LAYERS = 3;
  private static final int KERNEL = 3;

  static {
    // oneDNN's gradients of few channels are wrong on some processors, and now and then NaN.
    torch.globalContext().setUserEnabledMkldnn(false);
  }

  /** What stands beyond the border. */
  private enum Kind {
    /** Zeros. */
    PLAIN,
    /** The opposite border. */
    CYCLIC,
    /** Zeros; pictures are frames, each seen with the one before and the one after it: 3×3×3. */
    FRAMES
  }

  private final Tensor[] weights = new Tensor[LAYERS];
  private final Kind kind;

  private Convolutions(Kind kind) {
    this.kind = kind;
  }

  /** At random after He; the last layer times a gain. */
  static Convolutions random(Network network, int outer, int inner, double gain) {
    return new Convolutions(Kind.PLAIN).randomise(network, outer, inner, gain);
  }

  /** The same over space and time; a batch is the frames of one sequence. */
  static Convolutions ofFrames(Network network, int outer, int inner, double gain) {
    return new Convolutions(Kind.FRAMES).randomise(network, outer, inner, gain);
  }

  /** The identity where nothing is negative, on pictures whose borders are joined. */
  static Convolutions identity(Network network, int outer, int inner) {
    Convolutions result = new Convolutions(Kind.CYCLIC);
    for (int i = 0; i < LAYERS; i++) {
      Tensor weight = torch.zeros(result.shape(i, outer, inner));
      for (int c = 0; c < outer; c++) {
        weight.narrow(0, c, 1).narrow(1, c, 1).narrow(2, 1, 1).narrow(3, 1, 1).fill_(new Scalar(1));
      }
      result.weights[i] = network.parameter(weight);
    }
    return result;
  }

  private Convolutions randomise(Network network, int outer, int inner, double gain) {
    for (int i = 0; i < LAYERS; i++) {
      long[] shape = shape(i, outer, inner);
      double scale = Math.sqrt(2.0 / (shape[1] * KERNEL * KERNEL)) * (i == LAYERS - 1 ? gain : 1);
      weights[i] = network.parameter(torch.randn(shape).mul(new Scalar(scale)));
    }
    return this;
  }

  private long[] shape(int layer, int outer, int inner) {
    long to = layer == LAYERS - 1 ? outer : inner;
    long from = layer == 0 ? outer : inner;
    return new long[] {to, kind == Kind.FRAMES ? 3 * from : from, KERNEL, KERNEL};
  }

  Tensor apply(Tensor x) {
    return layer(layer(layer(x, 0).relu(), 1).relu(), 2);
  }

  private Tensor layer(Tensor x, int i) {
    Tensor input =
        switch (kind) {
          case PLAIN -> x;
          case CYCLIC -> torch.pad(x, new long[] {1, 1, 1, 1}, "circular", null);
          case FRAMES -> withNeighbours(x);
        };
    long border = kind == Kind.CYCLIC ? 0 : 1;
    long[] one = {1, 1};
    return torch.conv2d(
        input, weights[i], new TensorOptional(), one, new long[] {border, border}, one, 1);
  }

  private static Tensor withNeighbours(Tensor x) {
    long frames = x.size(0);
    Tensor padded = torch.pad(x, 0, 0, 0, 0, 0, 0, 1, 1);
    return torch.cat(
        new TensorVector(padded.narrow(0, 0, frames), x, padded.narrow(0, 2, frames)), 1);
  }
}
