package io.github.diffsvd.bench;

import com.google.gson.Gson;
import io.github.diffsvd.DataType;
import io.github.diffsvd.report.Charts;
import io.github.diffsvd.report.ReportFiles;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;

/** The forward pass of square matrices beside the strongest peer, as a picture; see bench/run. */
public final class Bars {
  private static final List<DataType> TYPES = List.of(DataType.FLOAT32, DataType.FLOAT64);

  /** Low rank comes first; uniform entries are those of a GPU host's JSON. */
  private static final List<String> SPECTRA = List.of("rank", "graded", "gauss", "uniform");

  private record Series(String spectrum, DataType type) {
    Color colour() {
      boolean single = type == DataType.FLOAT32;
      return switch (spectrum) {
        case "rank" -> single ? new Color(0xc2, 0x3b, 0x22) : new Color(0xf0, 0x9a, 0x6a);
        case "graded" -> single ? new Color(0x5b, 0x7f, 0x2b) : new Color(0xa9, 0xcc, 0x6c);
        default -> single ? new Color(0x1b, 0x6c, 0xa8) : new Color(0x6f, 0xb1, 0xe0);
      };
    }

    @Override
    public String toString() {
      return spectrum + " " + type.name().toLowerCase(Locale.ROOT);
    }
  }

  /** The smallest ratio of the largest batch. */
  private record Strongest(int batch, double ratio) {
    Strongest or(Strongest other) {
      if (batch != other.batch) {
        return batch > other.batch ? this : other;
      }
      return ratio < other.ratio ? this : other;
    }
  }

  private Bars() {}

  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      System.err.println("usage: bench/run plot JSON PNG");
      System.exit(2);
    }
    Map<Series, Map<Integer, Strongest>> ratios = read(Path.of(args[0]));
    SortedSet<Integer> sizes = new TreeSet<>();
    ratios.values().forEach(series -> sizes.addAll(series.keySet()));
    if (sizes.isEmpty()) {
      System.err.println("bench/run plot: no forward pass of square matrices in " + args[0]);
      System.exit(1);
    }
    ReportFiles.write(
        Path.of(args[1]), BitmapEncoder.getBufferedImage(chart(ratios, List.copyOf(sizes))));
  }

  /** A row of what {@link Report} writes, as far as it is drawn. */
  private record Measured(
      String op, DataType dtype, int batch, int m, int n, String spectrum, double ratio) {}

  private static Map<Series, Map<Integer, Strongest>> read(Path json) throws IOException {
    Map<Series, Map<Integer, Strongest>> ratios = new HashMap<>();
    for (Measured row : new Gson().fromJson(Files.readString(json), Measured[].class)) {
      if (row.op().equals("forward") && row.m() == row.n()) {
        ratios
            .computeIfAbsent(new Series(row.spectrum(), row.dtype()), s -> new TreeMap<>())
            .merge(row.n(), new Strongest(row.batch(), row.ratio()), Strongest::or);
      }
    }
    return ratios;
  }

  /** The axis is logarithmic, with the bars from 1 upwards and downwards. */
  private static CategoryChart chart(
      Map<Series, Map<Integer, Strongest>> ratios, List<Integer> sizes) {
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(1600)
            .height(600)
            .title("forward, n×n: time of the strongest peer / time of diffsvd")
            .xAxisTitle("n")
            .yAxisTitle("ratio; below 1 the peer is faster")
            .build();
    Charts.style(chart.getStyler());
    chart.getStyler().setAvailableSpaceFill(0.8);
    chart.getStyler().setyAxisTickLabelsFormattingFunction(Bars::powerOfTwo);
    for (String spectrum : SPECTRA) {
      for (DataType type : TYPES) {
        Series series = new Series(spectrum, type);
        Map<Integer, Strongest> ofSeries = ratios.get(series);
        if (ofSeries != null) {
          List<Double> heights = new ArrayList<>();
          for (int n : sizes) {
            Strongest strongest = ofSeries.get(n);
            heights.add(strongest == null ? null : Math.log(strongest.ratio()) / Math.log(2));
          }
          chart.addSeries(series.toString(), sizes, heights).setFillColor(series.colour());
        }
      }
    }
    return chart;
  }

  private static String powerOfTwo(double exponent) {
    return String.format(Locale.ROOT, "%.3g", Math.pow(2, exponent));
  }
}
