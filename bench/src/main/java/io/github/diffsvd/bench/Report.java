package io.github.diffsvd.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.report.Json;
import io.github.diffsvd.report.ReportFiles;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.StringJoiner;
import java.util.stream.Stream;
import org.openjdk.jmh.runner.RunnerException;

/** Runs the benchmarks and their peers and prints one table, losses first; see bench/run. */
public final class Report {
  private final Settings settings;
  private final Measurements measured;

  private Report(Settings settings) {
    this.settings = settings;
    measured =
        new Measurements(settings.device(), settings.threads(), settings.clock(), settings.quick());
  }

  public static void main(String[] args) throws RunnerException, IOException {
    Settings settings = null;
    try {
      settings = Settings.parse(args);
    } catch (IllegalArgumentException e) {
      System.err.println("bench/run: " + e.getMessage() + "\n" + Settings.USAGE);
      System.exit(2);
    }
    new Report(settings).run();
  }

  private void run() throws RunnerException, IOException {
    Rates rates = Rates.measure(settings.threads(), settings.clock());
    List<Row> rows = settings.rows();
    measured.run(
        Stream.concat(Stream.of(Contender.DIFFSVD), settings.peers().stream()).toList(), rows);
    List<Row> sorted =
        rows.stream()
            .filter(row -> measured.of(Contender.DIFFSVD, row) != null)
            .sorted(Comparator.comparing(Row::spectrum).thenComparing(this::ratioToStrongest))
            .toList();
    System.out.println(
        "Median, 10th and 90th percentile, µs per matrix; peers: median (ratio to ours). Floor:"
            + " what moving the data and, for backward, the products take at this processor's"
            + " measured rates, as a part of our time. Workspace: bytes per matrix.\n");
    StringJoiner header = new StringJoiner(" | ", "| ", " |");
    header
        .add("op")
        .add("dtype")
        .add("batch × shape")
        .add("spectrum")
        .add("ratio to the strongest");
    header.add("ours").add("p10").add("p90");
    settings.peers().forEach(peer -> header.add(peer.label));
    System.out.println(header.add("floor").add("workspace"));
    System.out.println("|---".repeat(10 + settings.peers().size()) + "|");
    JsonArray json = new JsonArray();
    try (Device device = Device.open(settings.device())) {
      for (Row row : sorted) {
        System.out.println(line(row, rates, device));
        settings.peers().stream()
            .filter(peer -> measured.of(peer, row) != null)
            .forEach(peer -> json.add(json(row, peer)));
      }
    }
    if (settings.json() != null) {
      ReportFiles.write(settings.json(), Json.text(json));
    }
  }

  private double ours(Row row) {
    return measured.of(Contender.DIFFSVD, row).median();
  }

  /** Infinite where no peer was measured. */
  private double ratioToStrongest(Row row) {
    return settings.peers().stream()
            .map(peer -> measured.of(peer, row))
            .filter(Objects::nonNull)
            .mapToDouble(Times::median)
            .min()
            .orElse(Double.POSITIVE_INFINITY)
        / ours(row);
  }

  private String line(Row row, Rates rates, Device device) {
    Extents extents = row.extents();
    Times ours = measured.of(Contender.DIFFSVD, row);
    StringJoiner line = new StringJoiner(" | ", "| ", " |");
    line.add(row.operation().toString()).add(row.type().name());
    line.add(extents.toString().replace('x', '×')).add(row.spectrum().toString());
    double ratio = ratioToStrongest(row);
    line.add(Double.isFinite(ratio) ? ratio(ratio) : "");
    line.add(micros(ours.median())).add(micros(ours.p10())).add(micros(ours.p90()));
    for (Contender peer : settings.peers()) {
      Times times = measured.of(peer, row);
      line.add(
          times == null
              ? ""
              : micros(times.median()) + " (" + ratio(times.median() / ours.median()) + ")");
    }
    double floor =
        rates.floor(
            extents.elements(row.operation()),
            row.operation() == Operation.BACKWARD ? extents.backwardFlops() : 0,
            row.type());
    boolean onCpu = settings.device().equals("cpu");
    line.add(onCpu ? String.format(Locale.ROOT, "%.0f %%", 100 * floor / ours.median()) : "");
    long workspace =
        SvdPlan.workspaceBytes(
            device,
            new BatchShape(row.type(), extents.batch(), extents.rows(), extents.columns()),
            SvdOptions.defaults());
    return line.add(Long.toString(workspace / extents.batch())).toString();
  }

  private static String ratio(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.1f", value);
  }

  private static String micros(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.3f" : value < 1000 ? "%.1f" : "%.0f", value);
  }

  private JsonObject json(Row row, Contender peer) {
    double theirs = measured.of(peer, row).median();
    JsonObject members = new JsonObject();
    members.addProperty("op", row.operation().toString());
    members.addProperty("device", settings.device());
    members.addProperty("dtype", row.type().name());
    members.addProperty("batch", row.extents().batch());
    members.addProperty("m", row.extents().rows());
    members.addProperty("n", row.extents().columns());
    members.addProperty("spectrum", row.spectrum().toString());
    members.addProperty("threads", settings.threads());
    members.addProperty("algorithm", "AUTO");
    members.addProperty("ours_us", Json.decimals(ours(row), 4));
    members.addProperty("peer", peer.label);
    members.addProperty("peer_us", Json.decimals(theirs, 4));
    members.addProperty("ratio", Json.decimals(theirs / ours(row), 3));
    return members;
  }
}
