package io.github.diffsvd.cli;

import io.github.diffsvd.Device;
import io.github.diffsvd.report.Outputs;
import io.github.diffsvd.report.ProgressLine;
import io.github.diffsvd.stress.RandomSearch;
import io.github.diffsvd.stress.SearchReport;
import io.github.diffsvd.stress.StressReport;
import io.github.diffsvd.stress.StressSuite;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code diffsvd stress}: how true and how stable every gradient is. */
@Command(
    name = "stress",
    description = {
      "Every gradient rule over ties, near-ties, clusters, zeros, scales and random spectra, in all"
          + " types, against a reference in twice the precision of double.",
      "Writes report.html, the plots as PNG, and results.json.",
      "With --search: matrices of every kind, size and type at random through every plan, judged"
          + " and, where one fails, made smaller. Writes search.md if there is --out; exit status 1"
          + " if any failed."
    })
final class StressCommand implements Callable<Integer> {
  private static final int MOST_MINUTES = 100_000;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "The folder to write to; made if it is not there. Needed unless there is --search.")
  private Path out;

  @Option(
      names = "--quick",
      description = "8 matrices for each case and a million random ones, not 64 and ten million.")
  private boolean quick;

  @Option(
      names = "--search",
      paramLabel = "MINUTES",
      description = "Search at random for so long; 0 is the one batch that --seed names.")
  private Double search;

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
    if (out == null && search == null) {
      throw new ParameterException(
          spec.commandLine(), "Missing required option: '--out=DIR' or '--search=MINUTES'");
    }
    if (search != null && !(search >= 0 && search <= MOST_MINUTES)) {
      throw new ParameterException(
          spec.commandLine(), "--search: expected 0 … " + MOST_MINUTES + ", got " + search);
    }
    if (out != null) {
      Outputs.makeFolder(out);
    }
    return search == null ? suite() : search();
  }

  private int suite() throws IOException {
    long begin = System.nanoTime();
    StressReport report;
    try (Device device = deviceOption.open();
        ProgressLine line = new ProgressLine("stress", 1)) {
      report = new StressReport(StressSuite.run(device, seed, quick, line::step));
    }
    report.write(out);
    print(report.summary());
    print(
        List.of(
            String.format(
                Locale.ROOT,
                "%.1f s: %s",
                (System.nanoTime() - begin) / 1e9,
                out.resolve("report.html"))));
    return 0;
  }

  private int search() throws IOException {
    RandomSearch.Result result;
    try (Device device = deviceOption.open();
        ProgressLine line = new ProgressLine("search", 1)) {
      result = RandomSearch.run(device, seed, search, line::step);
    }
    SearchReport report = new SearchReport(result);
    if (out != null) {
      report.write(out);
    }
    print(report.summary());
    return result.failed() ? 1 : 0;
  }

  private void print(List<String> lines) {
    lines.forEach(line -> Lines.print(spec, line));
  }
}
