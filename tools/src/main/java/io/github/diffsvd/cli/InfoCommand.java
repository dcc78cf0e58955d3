package io.github.diffsvd.cli;

import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.report.Json;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code diffsvd info}: what this machine offers, and the reason for what it does not. */
@Command(
    name = "info",
    description = "Devices, driver, CUDA libraries, kernels and threads: what works, and why not.")
final class InfoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "The same for programs: one JSON object.")
  private boolean json;

  /** A device of this machine, or why it is none. */
  private record Finding(String name, boolean usable, String text) {
    static Finding of(String name) {
      try (Device device = Device.open(name)) {
        return new Finding(name, true, device.description());
      } catch (DeviceUnavailableException e) {
        String reason = e.getMessage();
        String prefix = name + ": ";
        return new Finding(
            name, false, reason.startsWith(prefix) ? reason.substring(prefix.length()) : reason);
      }
    }

    JsonObject json() {
      JsonObject object = new JsonObject();
      object.addProperty("name", name);
      object.addProperty("usable", usable);
      object.addProperty(usable ? "description" : "reason", text);
      return object;
    }

    @Override
    public String toString() {
      return usable ? text : "unusable: " + text;
    }
  }

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    List<Finding> devices = Stream.of("cpu", "cuda:0").map(Finding::of).toList();
    if (json) {
      out.print(Json.text(object(devices)));
      return 0;
    }
    line(out, "java", properties(", ", "java.version", "java.vm.name", "java.home"));
    line(
        out,
        "system",
        properties(" ", "os.name", "os.arch")
            + ", "
            + Runtime.getRuntime().availableProcessors()
            + " processors");
    devices.forEach(device -> line(out, device.name(), device.toString()));
    Device.diagnosis().forEach(detail -> line(out, "", detail));
    return 0;
  }

  private static JsonObject object(List<Finding> devices) {
    JsonObject java = new JsonObject();
    java.addProperty("version", System.getProperty("java.version"));
    java.addProperty("vm", System.getProperty("java.vm.name"));
    java.addProperty("home", System.getProperty("java.home"));
    JsonObject system = new JsonObject();
    system.addProperty("name", System.getProperty("os.name"));
    system.addProperty("architecture", System.getProperty("os.arch"));
    system.addProperty("processors", Runtime.getRuntime().availableProcessors());
    JsonObject all = new JsonObject();
    all.add("java", java);
    all.add("system", system);
    all.add("devices", Json.array(devices, Finding::json));
    all.add("cuda", Json.array(Device.diagnosis(), JsonPrimitive::new));
    return all;
  }

  private static String properties(String separator, String... names) {
    return Arrays.stream(names).map(System::getProperty).collect(Collectors.joining(separator));
  }

  private static void line(PrintWriter out, String name, String value) {
    out.println(String.format("%-8s %s", name, value));
  }
}
