package io.github.diffsvd.internal.backend.cuda;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;

import com.google.gson.GsonBuilder;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.simulator.Simulator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcusolver.JCusolver;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * The Java side of native-tests/gpu-check: every test with the tag gpu on cuda:0, a table of times,
 * and the two reports, to which the script adds what it did itself.
 *
 * <p>Arguments: the folder of the reports, the commit, and name=outcome of the script's own parts.
 * With the argument "small" alone: a small run for compute-sanitizer.
 */
public final class GpuCheck {
  /** What one part came to; the first word is passed, failed or skipped. */
  private final Map<String, String> parts = new LinkedHashMap<>();

  private final Map<String, String> machine = new LinkedHashMap<>();

  private GpuCheck() {}

  public static void main(String[] arguments) throws IOException {
    if (Simulator.isLoaded()) {
      Simulator.load();
    }
    if (arguments.length == 1 && arguments[0].equals("small")) {
      small();
      return;
    }
    System.exit(new GpuCheck().run(arguments));
  }

  /** All four types through both tiers and the library's own kernels. */
  private static void small() {
    try (Device device = Device.open("cuda:0")) {
      for (DataType type : DataType.values()) {
        for (int[] shape : new int[][] {{5, 3}, {3, 5}, {17, 16}, {40, 36}}) {
          for (SvdAlgorithm algorithm : List.of(SvdAlgorithm.AUTO, SvdAlgorithm.JACOBI)) {
            try (Problem problem = new Problem(device, type, 3, shape[0], shape[1], algorithm)) {
              problem.run(0);
              problem.info.check(0);
            }
          }
        }
      }
    }
  }

  private int run(String[] arguments) throws IOException {
    if (arguments.length < 2) {
      System.err.println("usage: GpuCheck FOLDER COMMIT [PART=OUTCOME …]");
      return 2;
    }
    try (Device device = Device.open("cuda:0")) {
      describe(device, arguments[1]);
    } catch (DeviceUnavailableException e) {
      System.err.println("gpu-check: " + e.getMessage());
      return 2;
    }
    parts.put("tests", tests());
    List<GpuTimes.Row> times = new ArrayList<>();
    try (Device device = Device.open("cuda:0");
        CallersStream stream = new CallersStream()) {
      new GpuTimes(device, stream, 0.5, GpuTimes.ALGORITHMS, times::add)
          .measure(Simulator.isLoaded());
    }
    for (int i = 2; i < arguments.length; i++) {
      String[] part = arguments[i].split("=", 2);
      parts.put(part[0], part[1]);
    }
    Path folder = Files.createDirectories(Path.of(arguments[0]));
    Files.writeString(folder.resolve("gpu-check.txt"), text(times));
    Files.writeString(folder.resolve("gpu-check.json"), json(times));
    System.out.print(text(times));
    return parts.values().stream().anyMatch(outcome -> outcome.startsWith("failed")) ? 1 : 0;
  }

  private void describe(Device device, String commit) {
    int[] driver = {0};
    JCudaDriver.cuDriverGetVersion(driver);
    machine.put("gpu", device.description());
    machine.put("driver", "CUDA " + CudaProbe.version(driver[0]) + kernelDriver());
    machine.put("cublas", property(JCublas2::cublasGetProperty));
    machine.put("cusolver", property(JCusolver::cusolverGetProperty));
    machine.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
    machine.put("commit", commit);
    machine.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    machine.put("simulated", String.valueOf(Simulator.isLoaded()));
  }

  /** NVIDIA's own number, where the kernel module tells it. */
  private static String kernelDriver() {
    try {
      String words = Files.readString(Path.of("/proc/driver/nvidia/version"));
      return ", "
          + words
              .lines()
              .findFirst()
              .orElse("")
              .replaceAll(".*Kernel Module\\s+", "")
              .replaceAll("\\s.*", "");
    } catch (IOException e) {
      return "";
    }
  }

  private interface Property {
    int get(int which, int[] value);
  }

  private static String property(Property library) {
    int[] part = {0};
    StringBuilder version = new StringBuilder();
    for (int which = 0; which < 3; which++) {
      int status = library.get(which, part);
      version.append(which == 0 ? "" : ".").append(status == 0 ? part[0] : "?");
    }
    return version.toString();
  }

  private static String tests() {
    System.setProperty("diffsvd.test.devices", "cuda:0");
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(selectPackage("io.github.diffsvd"))
            .filters(TagFilter.includeTags("gpu"))
            .configurationParameter("junit.jupiter.extensions.autodetection.enabled", "true")
            .build();
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    Launcher launcher = LauncherFactory.create();
    launcher.execute(request, listener);
    TestExecutionSummary summary = listener.getSummary();
    summary.getFailures().stream()
        .limit(20)
        .forEach(
            failure ->
                System.err.println(
                    failure.getTestIdentifier().getUniqueId() + "\n  " + failure.getException()));
    boolean good = summary.getTotalFailureCount() == 0 && summary.getTestsSucceededCount() > 0;
    return (good ? "passed" : "failed")
        + ": "
        + summary.getTestsSucceededCount()
        + " tests passed, "
        + summary.getTotalFailureCount()
        + " failed";
  }

  private String text(List<GpuTimes.Row> times) {
    List<String> lines = new ArrayList<>();
    machine.forEach((name, value) -> lines.add(String.format("%-10s %s", name, value)));
    lines.add("");
    parts.forEach((name, outcome) -> lines.add(name + ": " + outcome));
    lines.add("");
    lines.add(GpuTimes.Row.HEADER);
    times.forEach(row -> lines.add(row.toString()));
    return String.join("\n", lines) + "\n";
  }

  private String json(List<GpuTimes.Row> times) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("machine", machine);
    report.put("parts", parts);
    report.put("times", times.stream().map(GpuTimes.Row::json).toList());
    return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(report)
        + "\n";
  }
}
