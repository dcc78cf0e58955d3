package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import io.github.diffsvd.report.ProgressLine;
import io.github.diffsvd.stress.StressReport;
import io.github.diffsvd.stress.StressSuite;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code diffsvd stress}: how true and how stable every gradient is. */
@Command(
    name = "stress",
    description = {
      "Every gradient rule over ties, near-ties, clusters, zeros, scales and random spectra, in all"
          + " types, against a reference in twice the precision of double.",
      "Writes report.html, the plots as PNG, and results.json."
    })
final class StressCommand implements Callable<Integer> {
  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "The folder to write to; made if it is not there.")
  private Path out;

  @Option(
      names = "--quick",
      description = "8 matrices for each case and a million random ones, not 64 and ten million.")
  private boolean quick;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of everything random. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Mixin private DeviceOption deviceOption;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    try {
      Files.createDirectories(out);
    } catch (IOException e) {
      throw new InputException(out + ": the folder cannot be made (" + e + ")", e);
    }
    long begin = System.nanoTime();
    StressReport report;
    try (Device device = deviceOption.open();
        ProgressLine line = new ProgressLine("stress", 1)) {
      report = new StressReport(StressSuite.run(device, seed, quick, line::step));
    }
    report.write(out);
    for (String text : report.summary()) {
      spec.commandLine().getOut().println(text);
    }
    spec.commandLine()
        .getOut()
        .println(
            String.format(
                java.util.Locale.ROOT,
                "%.1f s: %s",
                (System.nanoTime() - begin) / 1e9,
                out.resolve("report.html")));
    return 0;
  }
}
