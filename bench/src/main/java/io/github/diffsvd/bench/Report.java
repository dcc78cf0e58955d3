package io.github.diffsvd.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.util.Statistics;

/** Runs the benchmarks and their peer and prints one table; see bench/run. */
public final class Report {
  private static final String[] SHAPES = {
    "65536x3x3", "16384x8x8", "4096x16x16", "1024x32x32", "1024x64x16", "64x128x128"
  };

  private Report() {}

  public static void main(String[] args) throws RunnerException, IOException {
    boolean quick = false;
    String device = "cpu";
    Path json = null;
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--quick" -> quick = true;
        case "--device" -> device = args[++i];
        case "--json" -> json = Path.of(args[++i]);
        default -> {
          System.err.println("usage: bench/run [--quick] [--device cpu|cuda:0] [--json FILE]");
          System.exit(2);
        }
      }
    }
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include("SvdBenchmark|TorchBenchmark")
            .param("device", device)
            .param("shape", SHAPES)
            .warmupTime(TimeValue.milliseconds(quick ? 300 : 1000))
            .warmupIterations(quick ? 1 : 2)
            .measurementTime(TimeValue.milliseconds(quick ? 500 : 1000))
            .measurementIterations(quick ? 1 : 3);
    Map<String, Statistics> times = new TreeMap<>();
    for (RunResult result : new Runner(options.build()).run()) {
      String[] benchmark = result.getParams().getBenchmark().split("\\.");
      times.put(
          String.join(
              " ",
              benchmark[benchmark.length - 2],
              benchmark[benchmark.length - 1],
              result.getParams().getParam("type"),
              result.getParams().getParam("shape")),
          result.getPrimaryResult().getStatistics());
    }
    List<String> rows = new ArrayList<>();
    System.out.println("median, 10th and 90th percentile, µs per matrix\n");
    System.out.println("| op | dtype | shape | ours | p10 | p90 | libtorch | ratio |");
    System.out.println("|---|---|---|---|---|---|---|---|");
    for (String op : List.of("backward", "forward")) {
      for (String type : List.of("FLOAT32", "FLOAT64")) {
        for (String shape : SHAPES) {
          String[] extents = shape.split("x");
          double batch = Double.parseDouble(extents[0]);
          Statistics ours = times.get("SvdBenchmark " + op + " " + type + " " + shape);
          double own = ours.getPercentile(50) / batch;
          double peer =
              times.get("TorchBenchmark " + op + " " + type + " " + shape).getPercentile(50)
                  / batch;
          System.out.printf(
              Locale.ROOT,
              "| %s | %s | %s | %.3f | %.3f | %.3f | %.3f | %.1f |%n",
              op,
              type,
              shape.replace('x', '×'),
              own,
              ours.getPercentile(10) / batch,
              ours.getPercentile(90) / batch,
              peer,
              peer / own);
          rows.add(
              String.format(
                  Locale.ROOT,
                  "{\"op\": \"%s\", \"device\": \"%s\", \"dtype\": \"%s\", \"batch\": %s, \"m\": %s,"
                      + " \"n\": %s, \"algorithm\": \"AUTO\", \"ours_us\": %.4f,"
                      + " \"peer\": \"libtorch cpu\", \"peer_us\": %.4f, \"ratio\": %.3f}",
                  op,
                  device,
                  type,
                  extents[0],
                  extents[1],
                  extents[2],
                  own * batch,
                  peer * batch,
                  peer / own));
        }
      }
    }
    if (json != null) {
      Files.writeString(json, "[\n" + String.join(",\n", rows) + "\n]\n");
    }
  }
}
