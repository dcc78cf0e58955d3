package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code diffsvd info}: what this machine offers, and the reason for what it does not. */
@Command(
    name = "info",
    description = "Devices, driver, CUDA libraries, kernels and threads: what works, and why not.")
final class InfoCommand implements Callable<Integer> {
  private static final String FATBIN = "/io/github/diffsvd/native/diffsvd.fatbin";

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    line(
        out,
        "java",
        System.getProperty("java.version")
            + ", "
            + System.getProperty("java.vm.name")
            + ", "
            + System.getProperty("java.home"));
    line(
        out,
        "system",
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.arch")
            + ", "
            + Runtime.getRuntime().availableProcessors()
            + " processors");
    line(out, "cpu", describe("cpu"));
    line(out, "cuda:0", describe("cuda:0"));
    cudaDetails().forEach(detail -> line(out, "", detail));
    line(out, "fatbin", fatbin());
    return 0;
  }

  private static void line(PrintWriter out, String name, String value) {
    out.println(String.format("%-8s %s", name, value));
  }

  private static String describe(String name) {
    try (Device device = Device.open(name)) {
      return device.description();
    } catch (DeviceUnavailableException e) {
      String reason = e.getMessage();
      return "unusable: "
          + (reason.startsWith(name + ": ") ? reason.substring(name.length() + 2) : reason);
    }
  }

  /** Driver and libraries, one line each. */
  private static List<String> cudaDetails() {
    return List.of();
  }

  private static String fatbin() throws IOException {
    try (InputStream stream = InfoCommand.class.getResourceAsStream(FATBIN)) {
      return stream == null
          ? "none: built without nvcc, so CUDA cannot be used"
          : "CUDA kernels, " + stream.readAllBytes().length + " bytes";
    }
  }
}
