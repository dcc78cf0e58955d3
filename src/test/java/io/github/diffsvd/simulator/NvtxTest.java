package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Calls on the time line of a profiler that stands in for NVIDIA's. */
@Tag("simulator")
class NvtxTest {
  /** Forward and backward once, in a process of their own, for NVTX starts once. */
  static final class Work {
    public static void main(String[] args) {
      BatchShape shape = new BatchShape(DataType.FLOAT64, 2, 3, 2);
      try (Device device = Device.open("cpu", 1);
          SvdPlan plan = SvdPlan.create(device, shape);
          OwnedMatrixBatch a = device.upload(shape, new double[12]);
          OwnedMatrixBatch gradient = plan.allocateGradient();
          SvdFactors factors = plan.allocateFactors();
          SvdInfo info = plan.allocateInfo()) {
        plan.forward(a, factors, info);
        plan.backward(factors, SvdCotangents.ofValues(factors.s()), gradient);
      }
    }
  }

  private static List<String> ranges(String property) throws IOException, InterruptedException {
    Path profiler = Simulator.folder().resolve("libprofiler.so");
    assumeTrue(Files.exists(profiler), "built without NVTX's headers");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Ddiffsvd.nvtx=" + property,
            "-cp",
            System.getProperty("java.class.path"),
            Work.class.getName());
    builder.environment().put("NVTX_INJECTION64_PATH", profiler.toString());
    Process process = builder.redirectErrorStream(true).start();
    try (Stream<String> lines = process.inputReader().lines()) {
      List<String> output = lines.toList();
      assertThat(process.waitFor()).as(output.toString()).isZero();
      return output;
    }
  }

  @Test
  void eachCallIsARangeWhereItIsAskedFor() throws Exception {
    assertThat(ranges("true"))
        .containsExactly("push SvdPlan.forward", "pop", "push SvdPlan.backward", "pop");
  }

  @Test
  void thereAreNoRangesOtherwise() throws Exception {
    assertThat(ranges("false")).isEmpty();
  }
}
