package io.github.diffsvd.experiments;

import com.google.gson.JsonObject;
import io.github.diffsvd.compare.MethodColours;
import io.github.diffsvd.experiments.Comparison.Outcome;
import io.github.diffsvd.experiments.Experiment.Score;
import io.github.diffsvd.report.Charts;
import io.github.diffsvd.report.HtmlPage;
import io.github.diffsvd.report.Json;
import io.github.diffsvd.report.ReportFiles;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;

/** What the methods came to: report.html, its pictures as PNG, results.json. */
final class ExperimentReport {
  /** Of the losses that a curve's point is the mean of. */
  private static final double SMOOTHED = 0.05;

  /** Of the last losses that the table has the mean of. */
  private static final double LAST = 0.05;

  private final String title;
  private final String settings;
  private final List<Outcome> outcomes;
  private final HtmlPage page;
  private final Map<String, BufferedImage> pictures = new LinkedHashMap<>();

  ExperimentReport(String title, String settings, List<Outcome> outcomes) {
    this.title = title;
    this.settings = settings;
    this.outcomes = outcomes;
    page = new HtmlPage(title);
    page.paragraph(settings);
    page.heading("Every gradient method, the same network, the same data");
    page.table(header(), rows());
    page.paragraph(
        "Loss: mean of the last 5 % of the steps. Not finite: steps whose gradient held NaN or"
            + " infinity; they change nothing. Gradient error: ‖g − g₀‖/‖g₀‖ of the trained"
            + " network's gradient, g₀ that of the spectral method. PSNR in dB, SSIM in brackets,"
            + " means over what is held out.");
  }

  private List<String> conditions() {
    return outcomes.get(0).scores().stream().map(Score::condition).distinct().toList();
  }

  private List<String> header() {
    List<String> header =
        new ArrayList<>(List.of("method", "loss", "not finite", "gradient error", "ms a step"));
    header.addAll(conditions());
    return header;
  }

  private List<List<String>> rows() {
    List<List<String>> rows = new ArrayList<>();
    for (Outcome outcome : outcomes) {
      List<String> row = new ArrayList<>();
      row.add(outcome.method().name());
      row.add(text("%.2e", lastLoss(outcome)));
      row.add(outcome.nonFinite() + " of " + outcome.losses().length);
      row.add(text("%.1e", outcome.gradientError()));
      row.add(text("%.1f", outcome.milliseconds()));
      for (String condition : conditions()) {
        row.add(
            text("%.2f", mean(outcome, condition, Quality::psnr))
                + text(" (%.3f)", mean(outcome, condition, Quality::ssim)));
      }
      rows.add(row);
    }
    return rows;
  }

  private static String text(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private static double mean(Outcome outcome, String condition, ToDoubleFunction<Quality> measure) {
    return outcome.scores().stream()
        .filter(score -> score.condition().equals(condition))
        .mapToDouble(score -> measure.applyAsDouble(score.quality()))
        .average()
        .orElse(Double.NaN);
  }

  private static double lastLoss(Outcome outcome) {
    double[] losses = outcome.losses();
    int first = (int) ((1 - LAST) * losses.length);
    return Arrays.stream(losses, Math.min(first, losses.length - 1), losses.length)
        .average()
        .orElse(Double.NaN);
  }

  HtmlPage page() {
    return page;
  }

  /** In the page and as a file of that name. */
  void add(String name, BufferedImage picture) throws IOException {
    pictures.put(name, picture);
    page.image(name, picture);
  }

  void addLosses() throws IOException {
    XYChart chart = Charts.lines("loss, running mean", "step", "loss");
    chart.getStyler().setYAxisLogarithmic(true).setYAxisDecimalPattern("0E0");
    chart.getStyler().setXAxisDecimalPattern("0");
    chart.getStyler().setXAxisMin(0.0).setXAxisTickMarkSpacingHint(100);
    List<Outcome> drawn = new ArrayList<>(outcomes);
    drawn.sort(
        Comparator.comparing(
            outcome ->
                MethodColours.names().indexOf(outcome.method().name().replaceFirst("=.*", ""))));
    for (Outcome outcome : drawn) {
      double[] losses = outcome.losses();
      int width = Math.max(1, (int) (SMOOTHED * losses.length));
      List<Double> x = new ArrayList<>();
      List<Double> y = new ArrayList<>();
      for (int i = 0; i + width <= losses.length; i += width) {
        double mean = Arrays.stream(losses, i, i + width).average().orElseThrow();
        if (Double.isFinite(mean) && mean > 0) {
          x.add((double) i + width);
          y.add(mean);
        }
      }
      if (!x.isEmpty()) {
        String name = outcome.method().name();
        Charts.addLine(chart, name, array(x), array(y), MethodColours.of(name), 2);
      }
    }
    page.heading("Loss");
    add("losses", BitmapEncoder.getBufferedImage(chart));
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** Writes everything; each file replaces what was there in one step. */
  void write(Path folder) throws IOException {
    for (Map.Entry<String, BufferedImage> picture : pictures.entrySet()) {
      ReportFiles.write(folder.resolve(picture.getKey() + ".png"), picture.getValue());
    }
    ReportFiles.write(folder.resolve("results.json"), json());
    ReportFiles.write(folder.resolve("report.html"), page.toString());
  }

  private String json() {
    JsonObject results = new JsonObject();
    results.addProperty("experiment", title);
    results.addProperty("settings", settings);
    results.add("methods", Json.array(outcomes, ExperimentReport::json));
    return Json.text(results);
  }

  private static JsonObject json(Outcome outcome) {
    JsonObject method = new JsonObject();
    method.addProperty("method", outcome.method().name());
    method.addProperty("loss", Json.digits(lastLoss(outcome), 5));
    method.addProperty("steps", outcome.losses().length);
    method.addProperty("nonfinite", outcome.nonFinite());
    method.addProperty("gradient_error", Json.digits(outcome.gradientError(), 4));
    method.addProperty("ms_per_step", Json.decimals(outcome.milliseconds(), 2));
    method.add("scores", Json.array(outcome.scores(), ExperimentReport::json));
    return method;
  }

  private static JsonObject json(Score score) {
    JsonObject members = new JsonObject();
    members.addProperty("subject", score.subject());
    members.addProperty("condition", score.condition());
    members.addProperty("psnr", Json.decimals(score.quality().psnr(), 3));
    members.addProperty("ssim", Json.decimals(score.quality().ssim(), 4));
    return members;
  }

  /** The table, a line a method. */
  List<String> lines() {
    List<List<String>> table = new ArrayList<>(List.of(header()));
    table.addAll(rows());
    return columns(table);
  }

  static List<String> columns(List<List<String>> table) {
    int[] widths = new int[table.get(0).size()];
    for (List<String> row : table) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : table) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        line.append(
            String.format(Locale.ROOT, (i == 0 ? "%-" : "  %") + widths[i] + "s", row.get(i)));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}
