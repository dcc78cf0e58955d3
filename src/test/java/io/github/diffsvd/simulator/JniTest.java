package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.cuda.Problem;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The JVM's own check of how natives use it: forward and backward through every library in a
 * process with -Xcheck:jni. What JCuda does outside our calls, and has always done, is let by.
 */
@Tag("simulator")
class JniTest {
  private static final String DONE = "all calls are made";

  /** The process. */
  static final class Calls {
    public static void main(String[] args) {
      Simulator.load();
      try (Device device = Device.open("cuda:0")) {
        for (SvdAlgorithm algorithm :
            List.of(
                SvdAlgorithm.JACOBI,
                SvdAlgorithm.GESVD,
                SvdAlgorithm.GESVDJ,
                SvdAlgorithm.GESVDA_BATCHED)) {
          for (DataType type : DataType.values()) {
            try (Problem problem = new Problem(device, type, 2, 43, 40, algorithm)) {
              problem.run(0);
              problem.info.check(0);
            }
          }
        }
      }
      System.out.println(DONE);
    }
  }

  @Test
  void noNativeEntersTheJvmWhileItHoldsAnArray() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xcheck:jni",
                "-Ddiffsvd.simulator=" + Simulator.folder(),
                "-cp",
                System.getProperty("java.class.path"),
                Calls.class.getName())
            .redirectErrorStream(true)
            .start();
    List<String> lines;
    try (Stream<String> output = process.inputReader().lines()) {
      lines = output.toList();
    }
    assertThat(process.waitFor()).as(String.join("\n", lines)).isZero();
    assertThat(lines)
        .contains(DONE)
        .noneMatch(line -> line.contains("FATAL ERROR in native method"))
        .noneMatch(line -> line.contains("in the scope of Get/ReleasePrimitiveArrayCritical"));
  }
}
