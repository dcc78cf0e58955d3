package io.github.diffsvd.torch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

/** The README's training step is the code between the marks below. */
class TrainingStepTest {
  @Test
  void learnsAThreshold() {
    torch.manual_seed(1);
    Tensor clean = torch.randn(new long[] {64, 16, 2}).matmul(torch.randn(new long[] {64, 2, 16}));
    Tensor noisy = clean.add(torch.randn_like(clean).mul(new Scalar(0.3)));
    double before = torch.mse_loss(noisy, clean).item_double();
    double after = before;
    // README
    Tensor theta = torch.tensor(-4f).set_requires_grad(true);
    Adam adam = new Adam(new TensorVector(theta), new AdamOptions(0.1));
    for (int step = 0; step < 50; step++) {
      try (PointerScope scope = new PointerScope()) {
        adam.zero_grad();
        Tensor denoised = TorchSvd.relativeSoftThreshold(noisy, theta.sigmoid());
        Tensor loss = torch.mse_loss(denoised, clean);
        loss.backward();
        adam.step();
        after = loss.item_double();
      }
    }
    // README
    assertThat(after).isLessThan(before / 2);
  }

  @Test
  void pageShowsIt() throws IOException {
    String source =
        Files.readString(Path.of("src/test/java/io/github/diffsvd/torch/TrainingStepTest.java"));
    String example = source.split("    // README\n", -1)[1].replaceAll("(?m)^    ", "");
    assertThat(Files.readString(Path.of("../README.md"))).contains("```java\n" + example + "```");
  }
}
