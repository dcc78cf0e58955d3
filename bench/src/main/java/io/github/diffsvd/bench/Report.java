package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.bench.Measurements.Contender;
import io.github.diffsvd.report.Json;
import io.github.diffsvd.report.ReportFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.util.Statistics;

/** Runs the benchmarks and their peers and prints one table; see bench/run. */
public final class Report {
  private static final String[] SHAPES = {
    "65536x3x3", "16384x8x8", "4096x16x16", "1024x32x32", "1024x64x16", "64x128x128", "4x512x512"
  };
  private static final String[] TYPES = {"FLOAT32", "FLOAT64"};
  private static final List<Contender> PEERS =
      List.of(Contender.TORCH, Contender.GESDD, Contender.EJML);

  private final boolean quick;
  private final String device;
  private final List<String> json = new ArrayList<>();

  private Report(boolean quick, String device) {
    this.quick = quick;
    this.device = device;
  }

  public static void main(String[] args) throws RunnerException, IOException {
    boolean quick = false;
    String device = "cpu";
    Path json = null;
    for (int i = 0; i < args.length; i++) {
      boolean hasValue = i + 1 < args.length;
      if (args[i].equals("--quick")) {
        quick = true;
      } else if (args[i].equals("--device") && hasValue) {
        device = args[++i];
      } else if (args[i].equals("--json") && hasValue) {
        json = Path.of(args[++i]);
      } else {
        System.err.println(
            "bench/run: "
                + args[i]
                + "?\nusage: bench/run [--quick] [--device cpu|cuda:0] [--json FILE]");
        System.exit(2);
      }
    }
    Report report = new Report(quick, device.equals("cuda") ? "cuda:0" : device);
    report.run();
    if (json != null) {
      ReportFiles.write(json, "[\n" + String.join(",\n", report.json) + "\n]\n");
    }
  }

  private void run() throws RunnerException {
    String ops = quick ? "forward|backward" : "forward|backward|both|spectral";
    Rates rates = Rates.measure();
    Measurements measured = new Measurements(device, quick);
    measured.run(Contender.OURS, ops, TYPES, SHAPES);
    measured.run(Contender.TORCH, ops, TYPES, SHAPES);
    if (!quick) {
      if (device.equals("cpu")) {
        measured.run(Contender.GESDD, "forward", TYPES, SHAPES);
      }
      measured.run(Contender.EJML, "forward", TYPES, SHAPES);
    }

    System.out.println(
        "Median, 10th and 90th percentile, µs per matrix; peers: median (ratio to ours). Floor:"
            + " what moving the data and, for backward, the products take at this processor's"
            + " measured rates, as a part of our time. Workspace: bytes per matrix.\n");
    StringJoiner header = new StringJoiner(" | ", "| ", " |");
    header.add("op").add("dtype").add("batch × shape").add("ours").add("p10").add("p90");
    PEERS.forEach(peer -> header.add(peer.label));
    System.out.println(header.add("floor").add("workspace"));
    System.out.println("|---".repeat(8 + PEERS.size()) + "|");
    try (Device open = Device.open(device)) {
      for (String op : ops.split("\\|", -1)) {
        for (String type : TYPES) {
          for (String shape : SHAPES) {
            System.out.println(line(measured, rates, open, op, type, shape));
          }
        }
      }
    }
  }

  private String line(
      Measurements measured, Rates rates, Device open, String op, String type, String shape) {
    Extents extents = Extents.parse(shape);
    DataType dataType = DataType.valueOf(type);
    Statistics ours = measured.of(Contender.OURS, op, type, shape);
    double own = ours.getPercentile(50) / extents.batch();
    StringJoiner line = new StringJoiner(" | ", "| ", " |");
    line.add(op).add(type).add(shape.replace('x', '×'));
    for (int percentile : new int[] {50, 10, 90}) {
      line.add(micros(ours.getPercentile(percentile) / extents.batch()));
    }
    for (Contender peer : PEERS) {
      Statistics times = measured.of(peer, op, type, shape);
      if (times == null) {
        line.add("");
        continue;
      }
      double theirs = times.getPercentile(50) / extents.batch();
      line.add(micros(theirs) + String.format(Locale.ROOT, " (%.1f)", theirs / own));
      json.add(json(op, dataType, extents, own, peer.label, theirs));
    }
    boolean onCpu = device.equals("cpu");
    double floor =
        rates.floor(
            extents.elements(op), op.equals("backward") ? extents.backwardFlops() : 0, dataType);
    line.add(onCpu ? String.format(Locale.ROOT, "%.0f %%", 100 * floor / own) : "");
    long workspace =
        SvdPlan.workspaceBytes(
            open,
            dataType,
            extents.batch(),
            extents.rows(),
            extents.columns(),
            SvdOptions.defaults());
    return line.add(Long.toString(workspace / extents.batch())).toString();
  }

  private static String micros(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.3f" : value < 1000 ? "%.1f" : "%.0f", value);
  }

  private String json(
      String op, DataType type, Extents extents, double own, String peer, double theirs) {
    return "{"
        + String.join(
            ", ",
            Json.member("op", Json.quoted(op)),
            Json.member("device", Json.quoted(device)),
            Json.member("dtype", Json.quoted(type.name())),
            Json.member("batch", extents.batch()),
            Json.member("m", extents.rows()),
            Json.member("n", extents.columns()),
            Json.member("algorithm", Json.quoted("AUTO")),
            Json.member("ours_us", Json.number("%.4f", own)),
            Json.member("peer", Json.quoted(peer)),
            Json.member("peer_us", Json.number("%.4f", theirs)),
            Json.member("ratio", Json.number("%.3f", theirs / own)))
        + "}";
  }
}
