package io.github.diffsvd;

import static io.github.diffsvd.DataType.FLOAT64;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/**
 * The README's Java is the code between the marks below: compiled and run here, and compared with
 * the page.
 */
class ReadmeTest {
  private static final String IMPORTS =
      """
      ```java
      import static io.github.diffsvd.DataType.FLOAT64;

      import io.github.diffsvd.*;

      """;

  @Test
  void exampleRuns() {
    double[] values = {2, 4, -4, 2, 2, 4, -4, 2.0001};
    double[] result;
    // README
    try (Device device = Device.open();
        OwnedMatrixBatch a = device.upload(new BatchShape(FLOAT64, 2, 2, 2), values);
        SvdPlan plan = SvdPlan.like(device, a)) {
      SvdFactors factors = plan.allocateFactors();
      SvdInfo info = plan.allocateInfo();
      plan.forward(a, factors, info);
      info.check();
      // The loss ½ Σ s² has the cotangent gS = S, and its gradient is A itself.
      plan.backward(factors, SvdCotangents.ofValues(factors.s()), a);
      result = device.read(a);
    }
    // README
    assertThat(result).containsExactly(values, within(1e-12));
  }

  @Test
  void pageShowsIt() throws IOException {
    String source = Files.readString(Path.of("src/test/java/io/github/diffsvd/ReadmeTest.java"));
    String example = source.split("    // README\n", -1)[1].replaceAll("(?m)^    ", "");
    assertThat(Files.readString(Path.of("README.md"))).contains(IMPORTS + example + "```");
  }
}
