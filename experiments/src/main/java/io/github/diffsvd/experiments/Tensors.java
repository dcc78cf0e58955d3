package io.github.diffsvd.experiments;

import io.github.diffsvd.recover.Picture;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/** Arrays and pictures as tensors, and back. */
final class Tensors {
  private Tensors() {}

  /** Of float64, with memory of its own. */
  static Tensor of(double[] values, long... sizes) {
    TensorOptions doubles =
        new TensorOptions().dtype(new ScalarTypeOptional(torch.ScalarType.Double));
    try (DoublePointer memory = new DoublePointer(values)) {
      return torch.from_blob(memory, sizes, doubles).clone();
    }
  }

  /** Of float32, with memory of its own. */
  static Tensor of(float[] values, long... sizes) {
    TensorOptions floats =
        new TensorOptions().dtype(new ScalarTypeOptional(torch.ScalarType.Float));
    try (FloatPointer memory = new FloatPointer(values)) {
      return torch.from_blob(memory, sizes, floats).clone();
    }
  }

  static double[] values(Tensor x) {
    double[] values = new double[Math.toIntExact(x.numel())];
    Tensor plain = x.detach().cpu().to(torch.ScalarType.Double).contiguous();
    new DoublePointer(plain.data_ptr()).get(values);
    return values;
  }

  /** 3 × height × width, float32. */
  static Tensor of(Picture picture) {
    return of(picture.values(), picture.height(), picture.width(), 3)
        .permute(2, 0, 1)
        .to(torch.ScalarType.Float)
        .contiguous();
  }

  static Picture picture(Tensor planes) {
    return new Picture((int) planes.size(2), (int) planes.size(1), values(planes.permute(1, 2, 0)));
  }
}
