package io.github.diffsvd.experiments;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** The unitary Fourier transform between pictures and k-space, over the last two dimensions. */
final class Mri {
  private Mri() {}

  static Tensor toKspace(Tensor picture) {
    return torch.fft_fft2(picture).mul(new Scalar(1 / norm(picture)));
  }

  static Tensor toPicture(Tensor k) {
    return torch.fft_ifft2(k).mul(new Scalar(norm(k)));
  }

  private static double norm(Tensor x) {
    return Math.sqrt((double) x.size(-2) * x.size(-1));
  }

  /** From the centre in the middle, as scanners store it, to the centre first. */
  static Tensor fromCentred(Tensor k) {
    return torch.fft_ifftshift(k, -2, -1);
  }
}
