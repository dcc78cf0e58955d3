package io.github.diffsvd.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.npy.NpyType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command line on a simulated GPU whose faults come from the environment. */
class SimulatedGpuTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fail cuLaunchKernel 1 1 | cuLaunchKernel returned 1 (CUDA_ERROR_INVALID_VALUE)",
        "lose cuLaunchKernel 1 700 | cuLaunchKernel returned 700 (CUDA_ERROR_ILLEGAL_ADDRESS)",
        "fail cuOccupancyMaxActiveBlocksPerMultiprocessor 1 1 | returned 1 (CUDA_ERROR_INVALID_VALUE)",
        "memory 1000 | cuda:0: 120 bytes requested, 20 free",
        "capability 50 | cuda:0: the kernels do not load on diffsvd simulator"
      })
  void anErrorOfTheGpuIsOneLineAndLeavesNoFile(String fault, String message) throws Exception {
    Path a = folder.resolve("a.npy");
    NpyFiles.write(a, NpyType.FLOAT64, new long[] {5, 4, 3}, NpyFiles.random(60, 1));
    Process process = start(fault, "svd", a.toString(), "--out", folder.resolve("out").toString());
    String errors = new String(process.getErrorStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).isNotZero();
    assertThat(errors).contains(message).doesNotContain("\tat ");
    try (Stream<Path> files = Files.walk(folder)) {
      assertThat(files.filter(Files::isRegularFile)).containsExactly(a);
    }
  }

  private Process start(String fault, String... arguments) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            "io.github.diffsvd.cli.Main");
    builder.command().addAll(List.of(arguments));
    builder.command().addAll(List.of("--device", "cuda:0"));
    Path simulator = Path.of(System.getProperty("diffsvd.simulator")).toAbsolutePath();
    builder.environment().put("LD_LIBRARY_PATH", simulator.toString());
    builder
        .environment()
        .put(
            "DIFFSVD_SIMULATOR",
            "kernels " + simulator.resolve("libdiffsvd_serial.so") + ";" + fault);
    return builder.start();
  }
}
