package io.github.diffsvd;

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
  @Test
  void exampleRuns() {
    double[] values = {2, 4, -4, 2, 2, 4, -4, 2.0001};
    double[] result;
    // README
    try (Device device = Device.open("auto");
        SvdPlan plan = SvdPlan.create(device, DataType.FLOAT64, 2, 2, 2);
        OwnedMatrixBatch a = device.allocate(DataType.FLOAT64, 2, 2, 2);
        SvdFactors factors = plan.allocateFactors();
        SvdInfo info = device.allocateInfo(2)) {
      device.write(a, values);
      plan.forward(a, factors, info, 0);
      info.check(0);
      // The loss ½ Σ s² has the cotangent gS = S, and its gradient is A itself.
      plan.backward(factors, SvdCotangents.ofValues(factors.s()), a, 0);
      result = device.read(a);
    }
    // README
    assertThat(result).containsExactly(values, within(1e-12));
  }

  @Test
  void pageShowsIt() throws IOException {
    String source = Files.readString(Path.of("src/test/java/io/github/diffsvd/ReadmeTest.java"));
    String example = source.split("    // README\n", -1)[1].replaceAll("(?m)^    ", "");
    assertThat(Files.readString(Path.of("README.md"))).contains("```java\n" + example + "```");
  }
}
