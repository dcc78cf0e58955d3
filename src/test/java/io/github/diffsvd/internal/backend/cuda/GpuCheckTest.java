package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.diffsvd.simulator.Simulator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** native-tests/gpu-check, phase by phase: what a host without a GPU can show of it. */
@Tag("simulator")
class GpuCheckTest {
  private static final int PATIENCE_SECONDS = 300;

  @TempDir Path folder;

  /** The exit status. */
  private int check(Map<String, String> environment, String... arguments) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder("native-tests/gpu-check", folder.resolve("report").toString());
    builder.command().addAll(List.of(arguments));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("CP", System.getProperty("java.class.path"));
    builder.environment().put("SIMULATOR", Simulator.folder().toString());
    builder.environment().putAll(environment);
    Process process =
        builder.redirectErrorStream(true).redirectOutput(folder.resolve("out").toFile()).start();
    assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private List<String> lines(String start) throws IOException {
    return Files.readAllLines(folder.resolve("report/gpu-check.txt")).stream()
        .filter(line -> line.startsWith(start))
        .toList();
  }

  private String script(String name, String body) throws IOException {
    Path script =
        Files.createFile(
            folder.resolve(name),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    return Files.writeString(script, "#!/bin/sh\n" + body).toString();
  }

  @Test
  void theKernelsOwnTestsNeedNoJava() throws Exception {
    String tests =
        script(
            "tests",
            """
            case $1 in
              f64) exit 134 ;;
              c64) echo "FAILED copy c64 3x3 (DIFFSVD_SEED=7): off"; echo "4 passed, 1 failed"; exit 1 ;;
              *) echo "5 passed, 0 failed" ;;
            esac
            """);
    script("compute-sanitizer", "echo $*; shift 4; \"$@\"\n");
    Map<String, String> environment =
        Map.of(
            "JAVA_HOME",
            folder.toString(),
            "KERNEL_TESTS",
            tests,
            "PATH",
            folder + ":" + System.getenv("PATH"));
    assertThat(check(environment, "kernels")).isEqualTo(1);
    assertThat(check(environment, "sanitizers", "f32")).isZero();
    assertThat(lines(""))
        .filteredOn(line -> !line.startsWith("machine"))
        .containsExactly(
            "kernels\tf32\tpassed: 5 passed, 0 failed",
            "kernels\tf64\tfailed: status 134: ",
            "kernels\tcopy c64 3x3\tfailed: DIFFSVD_SEED=7: off",
            "kernels\tc64\tfailed: status 1: 4 passed, 1 failed",
            "kernels\tc128\tpassed: 5 passed, 0 failed",
            "sanitizers\tmemcheck f32\tpassed: 5 passed, 0 failed",
            "sanitizers\tracecheck f32\tpassed: 5 passed, 0 failed",
            "sanitizers\tsynccheck f32\tpassed: 5 passed, 0 failed",
            "sanitizers\tinitcheck f32\tpassed: 5 passed, 0 failed");
    assertThat(folder.resolve("report/gpu-check.log")).content().contains("--tool racecheck");
  }

  @Test
  void everyPhaseAddsToTheReport() throws Exception {
    Map<String, String> quick = Map.of("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1");
    assertThat(check(quick, "probe", "capture")).isZero();
    assertThat(lines("machine\tgpu\t")).singleElement().asString().contains("simulated");
    assertThat(lines("probe\tcapture cusolverDnDgesvdj 8×8\t"))
        .singleElement()
        .asString()
        .contains("INVALIDATED");
    // A capture that failed was ended.
    assertThat(lines("probe"))
        .contains("probe\tcapture JACOBI 40×36\treplays the same, info [0, 0, 0]");

    Map<String, String> lost = new HashMap<>(quick);
    lost.put("DIFFSVD_SIMULATOR", "lose cuLaunchKernel 1 700");
    assertThat(check(lost, "tests", "CudaRoundTripTest", "CudaUnavailableTest")).isEqualTo(1);
    assertThat(lines("tests"))
        .satisfiesExactly(
            line ->
                assertThat(line).contains("\tfailed: ").contains("CudaFatalException: cuLaunch"),
            line -> assertThat(line).contains("0 passed, 1 failed").contains("the device is lost"),
            line -> assertThat(line).contains("CudaUnavailableTest\tfailed: 0 passed, 0 failed"));

    assertThat(check(quick, "times", "GESVDJ_BATCHED")).isZero();
    assertThat(lines("times\tforward FLOAT32 1×48×48 GESVDJ_BATCHED\tnone: algorithm")).hasSize(1);

    JsonObject report =
        JsonParser.parseString(Files.readString(folder.resolve("report/gpu-check.json")))
            .getAsJsonObject();
    assertThat(report.getAsJsonObject("tests").get("CudaRoundTripTest").getAsString())
        .startsWith("failed: ");
    JsonObject row = report.getAsJsonArray("rows").get(0).getAsJsonObject();
    assertThat(row.get("algorithm").getAsString()).isEqualTo("GESVDJ_BATCHED");
    assertThat(row.get("ours_us").getAsDouble()).isPositive();
  }

  @Test
  void anUnknownPhaseIsTheUsage() throws Exception {
    assertThat(check(Map.of(), "everything")).isEqualTo(2);
    assertThat(folder.resolve("out")).content().startsWith("Checks a host with an NVIDIA GPU.");
  }
}
