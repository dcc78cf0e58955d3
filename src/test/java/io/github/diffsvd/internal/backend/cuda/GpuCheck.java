package io.github.diffsvd.internal.backend.cuda;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.simulator.Simulator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcusolver.JCusolver;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The Java side of native-tests/gpu-check, a process for each part that can lose the device. */
public final class GpuCheck {
  private static final String USAGE =
      """
      usage: GpuCheck FOLDER machine              what it runs on; exit status 2 if there is no GPU
             GpuCheck FOLDER tests CLASS          the tests of a class that have the tag gpu
             GpuCheck FOLDER probe QUESTION
             GpuCheck FOLDER times [ALGORITHM …]
             GpuCheck FOLDER list tests|probe     the names of classes or questions, on standard output
             GpuCheck FOLDER json                 writes gpu-check.json anew""";

  private final GpuReport report;

  private GpuCheck(GpuReport report) {
    this.report = report;
  }

  public static void main(String[] arguments) throws IOException {
    if (arguments.length < 2) {
      System.err.println(USAGE);
      System.exit(2);
    }
    if (Simulator.isLoaded()) {
      Simulator.load();
    }
    GpuReport report = new GpuReport(Files.createDirectories(Path.of(arguments[0])));
    List<String> names = Arrays.asList(arguments).subList(2, arguments.length);
    System.exit(new GpuCheck(report).run(arguments[1], names));
  }

  private int run(String phase, List<String> names) throws IOException {
    switch (phase) {
      case "machine" -> {
        return machine();
      }
      case "tests" -> {
        return tests(names.get(0));
      }
      case "probe" -> {
        return new GpuProbe(report).ask(names.get(0)) ? 0 : 1;
      }
      case "times" -> {
        List<SvdAlgorithm> algorithms = names.stream().map(SvdAlgorithm::valueOf).toList();
        new GpuTimes(report, algorithms.isEmpty() ? GpuTimes.ALGORITHMS : algorithms).measure();
      }
      case "list" ->
          (names.get(0).equals("tests") ? classes() : new GpuProbe(report).questions())
              .forEach(System.out::println);
      case "json" -> report.writeJson();
      default -> {
        System.err.println(USAGE);
        return 2;
      }
    }
    return 0;
  }

  private int machine() {
    try (Device device = Device.open("cuda:0")) {
      int[] driver = {0};
      JCudaDriver.cuDriverGetVersion(driver);
      machine("gpu", device.description() + (Simulator.isLoaded() ? ", simulated" : ""));
      machine("driver", "CUDA " + CudaProbe.version(driver[0]) + kernelDriver());
      machine("cublas", property(JCublas2::cublasGetProperty));
      machine("cusolver", property(JCusolver::cusolverGetProperty));
      machine("java", System.getProperty("java.vm.name") + " " + Runtime.version());
      return 0;
    } catch (DeviceUnavailableException e) {
      System.err.println("gpu-check: " + e.getMessage());
      return 2;
    }
  }

  private void machine(String subject, String result) {
    report.line("machine", subject, result);
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

  /** The tests with the tag gpu of the classes whose full names match. */
  private static LauncherDiscoveryRequest request(String classes) {
    return LauncherDiscoveryRequestBuilder.request()
        .selectors(selectPackage("io.github.diffsvd"))
        .filters(
            // ArchUnit's would read every class.
            EngineFilter.includeEngines("junit-jupiter"),
            TagFilter.includeTags("gpu"),
            ClassNameFilter.includeClassNamePatterns(classes))
        .configurationParameter("junit.jupiter.extensions.autodetection.enabled", "true")
        .build();
  }

  private static Optional<Class<?>> classOf(TestIdentifier test) {
    return test.getSource()
        .filter(ClassSource.class::isInstance)
        .map(source -> ((ClassSource) source).getJavaClass());
  }

  /** Those that have such tests, by their simple names. */
  private static List<String> classes() {
    TestPlan plan = LauncherFactory.create().discover(request(".*"));
    return plan.getRoots().stream()
        .flatMap(root -> plan.getChildren(root).stream())
        .flatMap(test -> classOf(test).stream())
        .map(Class::getSimpleName)
        .sorted()
        .toList();
  }

  private int tests(String name) {
    System.setProperty("diffsvd.test.devices", "cuda:0");
    Outcomes outcomes = new Outcomes(name);
    LauncherFactory.create().execute(request(".*\\." + Pattern.quote(name)), outcomes);
    return outcomes.finish("");
  }

  /** Writes each failure, and counts; ends the process where the device is lost to it. */
  private final class Outcomes implements TestExecutionListener {
    private final String name;
    private final long start = System.nanoTime();
    private int passed;
    private int failed;

    Outcomes(String name) {
      this.name = name;
    }

    @Override
    public synchronized void executionSkipped(TestIdentifier test, String reason) {
      report.line("tests", subject(test), "skipped: " + reason);
    }

    @Override
    public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
      if (result.getStatus() == Status.SUCCESSFUL) {
        passed += test.isTest() ? 1 : 0;
        return;
      }
      Throwable reason = result.getThrowable().orElseThrow();
      if (result.getStatus() == Status.ABORTED) {
        report.line("tests", subject(test), "skipped: " + reason.getMessage());
        return;
      }
      failed++;
      reason.printStackTrace();
      report.line("tests", subject(test), "failed: " + reason);
      if (isFatal(reason)) {
        Runtime.getRuntime().halt(finish("; the device is lost, and the rest was not run"));
      }
    }

    private String subject(TestIdentifier test) {
      String method =
          test.getSource()
              .filter(MethodSource.class::isInstance)
              .map(source -> "." + ((MethodSource) source).getMethodName() + " ")
              .orElse(" ");
      return name + method + test.getDisplayName();
    }

    /** Writes the line of the class; the exit status. */
    int finish(String remark) {
      boolean good = failed == 0 && passed > 0;
      report.line(
          "tests",
          name,
          String.format(
              "%s: %d passed, %d failed in %d s%s",
              good ? "passed" : "failed",
              passed,
              failed,
              Math.round((System.nanoTime() - start) / 1e9),
              remark));
      return good ? 0 : 1;
    }
  }

  private static boolean isFatal(Throwable reason) {
    return reason instanceof CudaFatalException
        || (reason.getCause() != null && isFatal(reason.getCause()))
        || Arrays.stream(reason.getSuppressed()).anyMatch(GpuCheck::isFatal);
  }
}
