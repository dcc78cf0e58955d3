package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code diffsvd info}: what this machine offers, and the reason for what it does not. */
@Command(
    name = "info",
    description = "Devices, driver, CUDA libraries, kernels and threads: what works, and why not.")
final class InfoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
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
    Device.diagnosis().forEach(detail -> line(out, "", detail));
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
}
