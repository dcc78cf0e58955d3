package io.github.diffsvd.experiments;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** What a network starts from: a colour picture from the values that are seen, without learning. */
enum Start {
  /** Every channel's local mean. */
  MEANS {
    @Override
    Tensor estimate(Tensor y, Tensor seen) {
      return mean(y, NEAR).div(mean(seen, NEAR).add(new Scalar(1e-12)));
    }
  },

  /**
   * In the manner of demosaicing: local means; the detail that the seen values of all channels have
   * over theirs; then, some times over, every channel half as it is and half as the local linear
   * function of the two other channels that fits its seen values best.
   */
  INTERPOLATION {
    @Override
    Tensor estimate(Tensor y, Tensor seen) {
      Tensor z = mean(y, MIDDLE).div(mean(seen, MIDDLE).add(new Scalar(1e-12)));
      Tensor detail = sum(blurred(y.sub(z).mul(seen), DETAIL));
      z = z.add(detail.div(sum(blurred(seen, DETAIL)).add(new Scalar(DETAIL_TO_ZERO))));
      z = withRest(withRest(z, y, seen), y, seen);
      for (int i = 0; i < FITS; i++) {
        z = torch.lerp(z, fitted(z, y, seen), new Scalar(0.5));
      }
      return withRest(withRest(z, y, seen), y, seen);
    }
  };

  private static final int COLOURS = 3;

  /** Standard deviations in pixels of Gaussian means. */
  private static final double DETAIL = 0.5;

  private static final double NEAR = 0.7;
  private static final double REST = 0.9;
  private static final double MIDDLE = 1.5;
  private static final double FAR = 4;

  private static final int FITS = 4;

  /** Added to the variances of the channels that a fit is made from. */
  private static final double RIDGE = 1e-4;

  /** How much detail and rest are drawn to 0 where little is seen. */
  private static final double DETAIL_TO_ZERO = 1e-3;

  private static final double REST_TO_ZERO = 0.1;

  /**
   * All values, those that are seen not exactly as they are; no gradient goes through it.
   *
   * @param y the seen values, 0 elsewhere: batch × 3 × rows × columns
   * @param seen 1 where a value is seen, 0 elsewhere
   */
  final Tensor of(Tensor y, Tensor seen) {
    Tensor z;
    try (PointerScope scope = new PointerScope();
        NoGradGuard guard = new NoGradGuard()) {
      z = estimate(y, seen);
      z.retainReference();
    }
    PointerScope callers = PointerScope.getInnerScope();
    if (callers != null) {
      callers.attach(z);
      z.releaseReference();
    }
    return z;
  }

  abstract Tensor estimate(Tensor y, Tensor seen);

  /** A wide one where there is nothing near. */
  private static Tensor mean(Tensor x, double sigma) {
    return blurred(x, sigma).add(blurred(x, FAR), new Scalar(1e-3));
  }

  /** What the seen values have over z, spread. */
  private static Tensor withRest(Tensor z, Tensor y, Tensor seen) {
    Tensor weight = blurred(seen, REST).add(new Scalar(REST_TO_ZERO));
    return z.add(blurred(y.sub(z).mul(seen), REST).div(weight));
  }

  private static Tensor fitted(Tensor z, Tensor y, Tensor seen) {
    Tensor full = y.add(z.sub(y).mul(seen.neg().add(new Scalar(1))));
    Tensor[] channels = new Tensor[COLOURS];
    for (int c = 0; c < COLOURS; c++) {
      channels[c] =
          fit(
              channel(full, c),
              channel(full, (c + 1) % COLOURS),
              channel(full, (c + 2) % COLOURS),
              channel(seen, c));
    }
    return torch.cat(new TensorVector(channels), 1);
  }

  /** Around every pixel, t as a function α + β g + γ h by least squares over where m is 1. */
  private static Tensor fit(Tensor t, Tensor g, Tensor h, Tensor m) {
    Tensor[] products = {
      m, m.mul(t), m.mul(g), m.mul(h), g.mul(g), h.mul(h), g.mul(h), g.mul(t), h.mul(t)
    };
    for (int i = 4; i < products.length; i++) {
      products[i] = products[i].mul(m);
    }
    Tensor sums = blurred(torch.cat(new TensorVector(products), 1), MIDDLE);
    Tensor moments = sums.div(channel(sums, 0).add(new Scalar(1e-6)));
    Tensor meanT = channel(moments, 1);
    Tensor meanG = channel(moments, 2);
    Tensor meanH = channel(moments, 3);
    Tensor gg = channel(moments, 4).sub(meanG.square()).add(new Scalar(RIDGE));
    Tensor hh = channel(moments, 5).sub(meanH.square()).add(new Scalar(RIDGE));
    Tensor gh = channel(moments, 6).sub(meanG.mul(meanH));
    Tensor gt = channel(moments, 7).sub(meanG.mul(meanT));
    Tensor ht = channel(moments, 8).sub(meanH.mul(meanT));
    Tensor determinant = gg.mul(hh).sub(gh.square());
    Tensor beta = hh.mul(gt).sub(gh.mul(ht)).div(determinant);
    Tensor gamma = gg.mul(ht).sub(gh.mul(gt)).div(determinant);
    return meanT.add(beta.mul(g.sub(meanG))).add(gamma.mul(h.sub(meanH)));
  }

  private static Tensor channel(Tensor x, int c) {
    return x.narrow(1, c, 1);
  }

  /** Over the channels. */
  private static Tensor sum(Tensor x) {
    return x.sum(new long[] {1}, true, null);
  }

  /** Weights exp(−r²/2σ²), not divided by their sum. */
  private static Tensor blurred(Tensor x, double sigma) {
    return torch.matmul(weights(x, 2, sigma).matmul(x), weights(x, 3, sigma));
  }

  /** Of every place along a dimension for every other. */
  private static Tensor weights(Tensor x, int dimension, double sigma) {
    Tensor places = torch.arange(new Scalar(x.size(dimension))).to(x.device(), x.scalar_type());
    Tensor distances = places.view(-1, 1).sub(places.view(1, -1));
    return distances.square().mul(new Scalar(-0.5 / (sigma * sigma))).exp();
  }
}
