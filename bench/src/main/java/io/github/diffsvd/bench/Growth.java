package io.github.diffsvd.bench;

import io.github.diffsvd.bench.Measurements.Contender;
import io.github.diffsvd.report.Charts;
import io.github.diffsvd.report.ReportFiles;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.knowm.xchart.XYChart;
import org.openjdk.jmh.runner.RunnerException;

/** How the cost of a matrix grows with its size and with the batch, as a picture; see bench/run. */
public final class Growth {
  private static final int[] SIZES = {
    3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512
  };
  private static final int[] BATCHES = {1, 10, 100, 1_000, 10_000, 100_000, 1_000_000};

  private Growth() {}

  public static void main(String[] args) throws RunnerException, IOException {
    if (args.length != 2) {
      System.err.println("usage: bench/run growth DEVICE PNG");
      System.exit(2);
    }
    String[] bySize =
        IntStream.of(SIZES)
            .mapToObj(n -> new Extents(Math.max(4, Math.min(65536, (1 << 20) / n / n)), n, n))
            .map(Extents::toString)
            .toArray(String[]::new);
    String[] byBatch =
        IntStream.of(BATCHES)
            .mapToObj(batch -> new Extents(batch, 8, 8).toString())
            .toArray(String[]::new);
    String[] type = {"FLOAT32"};
    Measurements measured = new Measurements(args[0], true);
    for (Contender contender : new Contender[] {Contender.OURS, Contender.TORCH}) {
      measured.run(contender, "forward|backward", type, bySize);
      measured.run(contender, "forward|backward", type, byBatch);
    }
    ReportFiles.write(
        Path.of(args[1]),
        Charts.row(
            chart(measured, "float32, n×n", "n", bySize, extents -> extents.rows()),
            chart(measured, "float32, 8×8", "batch", byBatch, extents -> extents.batch())));
  }

  private static XYChart chart(
      Measurements measured,
      String title,
      String xTitle,
      String[] shapes,
      ToDoubleFunction<Extents> x) {
    XYChart chart = Charts.lines(title, xTitle, "µs per matrix");
    chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    double[] xs = Arrays.stream(shapes).map(Extents::parse).mapToDouble(x).toArray();
    for (Contender contender : new Contender[] {Contender.OURS, Contender.TORCH}) {
      for (String op : new String[] {"forward", "backward"}) {
        double[] ys =
            Arrays.stream(shapes)
                .mapToDouble(
                    shape ->
                        measured.of(contender, op, "FLOAT32", shape).getPercentile(50)
                            / Extents.parse(shape).batch())
                .toArray();
        boolean ours = contender == Contender.OURS;
        boolean forward = op.equals("forward");
        Color colour =
            ours
                ? forward ? new Color(0x1b, 0x6c, 0xa8) : new Color(0x6f, 0xb1, 0xe0)
                : forward ? new Color(0xc2, 0x3b, 0x22) : new Color(0xf0, 0x9a, 0x6a);
        Charts.addLine(chart, contender.label + " " + op, xs, ys, colour, 2.5f);
      }
    }
    return chart;
  }
}
