package io.github.diffsvd.experiments;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** How near a picture is to the truth. */
record Quality(double psnr, double ssim) {
  private static final int WINDOW = 11;
  private static final double SIGMA = 1.5;

  /**
   * Peak signal-to-noise ratio in dB and structural similarity (Wang et al. 2004: a Gaussian window
   * of 11 pixels, standard deviation 1.5, inside the picture; mean over planes).
   *
   * @param picture planes × rows × columns, real or complex; SSIM is that of magnitudes
   * @param truth of the same shape, on a scale of 1
   */
  static Quality of(Tensor picture, Tensor truth) {
    double error = picture.sub(truth).abs().square().mean().item_double();
    return new Quality(-10 * Math.log10(error), ssim(picture.abs(), truth.abs()));
  }

  private static double ssim(Tensor x, Tensor y) {
    Tensor meanX = mean(x);
    Tensor meanY = mean(y);
    Tensor covariance = mean(x.mul(y)).sub(meanX.mul(meanY));
    Tensor variances =
        mean(x.square()).sub(meanX.square()).add(mean(y.square()).sub(meanY.square()));
    Scalar c1 = new Scalar(1e-4);
    Scalar c2 = new Scalar(9e-4);
    Tensor two = torch.tensor(2f);
    return meanX
        .mul(meanY)
        .mul(two)
        .add(c1)
        .mul(covariance.mul(two).add(c2))
        .div(meanX.square().add(meanY.square()).add(c1).mul(variances.add(c2)))
        .mean()
        .item_double();
  }

  private static Tensor mean(Tensor planes) {
    Tensor line = torch.arange(new Scalar(WINDOW)).sub(new Scalar(WINDOW / 2));
    Tensor weights = line.square().mul(new Scalar(-0.5 / (SIGMA * SIGMA))).exp();
    weights = weights.div(weights.sum()).to(planes.device(), planes.scalar_type());
    Tensor x = planes.unsqueeze(1);
    x = torch.conv2d(x, weights.view(1, 1, -1, 1));
    return torch.conv2d(x, weights.view(1, 1, 1, -1));
  }
}
