package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import io.github.diffsvd.report.Charts;
import io.github.diffsvd.report.ReportFiles;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.knowm.xchart.XYChart;
import org.openjdk.jmh.runner.RunnerException;

/** How the cost of a matrix grows with its size and with the batch, as a picture; see bench/run. */
public final class Growth {
  private static final int[] SIZES = {
    3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512
  };
  private static final int[] BATCHES = {1, 10, 100, 1_000, 10_000, 100_000, 1_000_000};

  private static final List<Contender> CONTENDERS = List.of(Contender.DIFFSVD, Contender.LIBTORCH);
  private static final List<Operation> OPERATIONS = List.of(Operation.FORWARD, Operation.BACKWARD);

  private Growth() {}

  public static void main(String[] args) throws RunnerException, IOException {
    if (args.length != 2) {
      System.err.println("usage: bench/run growth DEVICE PNG");
      System.exit(2);
    }
    List<Extents> bySize =
        IntStream.of(SIZES)
            .mapToObj(n -> new Extents(Math.max(4, Math.min(65536, (1 << 20) / n / n)), n, n))
            .toList();
    List<Extents> byBatch =
        IntStream.of(BATCHES).mapToObj(batch -> new Extents(batch, 8, 8)).toList();
    Measurements measured =
        new Measurements(args[0], Runtime.getRuntime().availableProcessors(), Clock.WALL, true);
    List<Row> rows =
        Stream.concat(bySize.stream(), byBatch.stream())
            .flatMap(extents -> OPERATIONS.stream().map(operation -> row(operation, extents)))
            .toList();
    measured.run(CONTENDERS, rows);
    ReportFiles.write(
        Path.of(args[1]),
        Charts.row(
            chart(measured, "float32, n×n", "n", bySize, Extents::rows),
            chart(measured, "float32, 8×8", "batch", byBatch, Extents::batch)));
  }

  private static Row row(Operation operation, Extents extents) {
    return new Row(operation, DataType.FLOAT32, extents, Spectrum.GAUSS);
  }

  private static XYChart chart(
      Measurements measured,
      String title,
      String xTitle,
      List<Extents> shapes,
      ToDoubleFunction<Extents> x) {
    XYChart chart = Charts.lines(title, xTitle, "µs per matrix");
    chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
    double[] xs = shapes.stream().mapToDouble(x).toArray();
    for (Contender contender : CONTENDERS) {
      for (Operation operation : OPERATIONS) {
        double[] ys =
            shapes.stream()
                .mapToDouble(extents -> measured.of(contender, row(operation, extents)).median())
                .toArray();
        boolean ours = contender == Contender.DIFFSVD;
        boolean forward = operation == Operation.FORWARD;
        Color colour =
            ours
                ? forward ? new Color(0x1b, 0x6c, 0xa8) : new Color(0x6f, 0xb1, 0xe0)
                : forward ? new Color(0xc2, 0x3b, 0x22) : new Color(0xf0, 0x9a, 0x6a);
        Charts.addLine(chart, contender.label + " " + operation, xs, ys, colour, 2.5f);
      }
    }
    return chart;
  }
}
