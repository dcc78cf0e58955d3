package io.github.diffsvd.stress;

import com.google.gson.JsonObject;
import io.github.diffsvd.DataType;
import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.compare.MethodColours;
import io.github.diffsvd.report.Charts;
import io.github.diffsvd.report.HtmlPage;
import io.github.diffsvd.report.Json;
import io.github.diffsvd.report.ReportFiles;
import io.github.diffsvd.stress.Spectra.Sweep;
import io.github.diffsvd.stress.StressSuite.Finiteness;
import io.github.diffsvd.stress.StressSuite.Result;
import io.github.diffsvd.stress.StressSuite.Tolerance;
import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.Styler;

/** What the suite found: results.json, plots as PNG, and report.html with the plots inside. */
public final class StressReport {
  /** Where errors are drawn that are infinite, and the ones below rounding. */
  private static final double INFINITE = 1e3;

  private static final double NOTHING = 1e-17;

  private final Result result;

  public StressReport(Result result) {
    this.result = result;
  }

  /** The bars of the suite, each with what was measured, a line each. */
  public List<String> summary() {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%,d finite matrices under the methods that promise finite gradients: %d gradients not finite",
            result.matrices(),
            nonFinite()));
    lines.add(
        "members given as NaN whose gradient was finite: "
            + result.finiteness().stream().mapToInt(Finiteness::silent).sum()
            + "; neighbours that they changed: "
            + result.finiteness().stream().mapToInt(Finiteness::disturbed).sum());
    for (GradientMethod method :
        new GradientMethod[] {GradientMethod.SPECTRAL, GradientMethod.RESOLVE_TIES}) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%s, worst relative error over all %s: %.1e in double, %.1e in single precision",
              method.name(),
              method.isSpectral() ? "sweeps" : "gaps",
              worst(method, DataType.FLOAT64),
              worst(method, DataType.FLOAT32)));
    }
    lines.add(
        String.format(
            Locale.ROOT,
            "divided differences of %d functions and parameters at every ratio: within %.1f eps",
            result.differences().size() / 2,
            result.differences().stream()
                .mapToDouble(DividedDifferences.Row::worst)
                .max()
                .orElseThrow()));
    return lines;
  }

  /** Gradients with NaN or infinity where they are promised to be finite. */
  public int nonFinite() {
    return result.rows().stream()
            .filter(StressRow::promisesFinite)
            .mapToInt(StressRow::nonFinite)
            .sum()
        + result.finiteness().stream().mapToInt(Finiteness::nonFinite).sum();
  }

  /** Of real and complex data in one precision. */
  private double worst(GradientMethod method, DataType real) {
    return result.rows().stream()
        .filter(row -> row.method().equals(method.name()) && row.type().real() == real)
        .filter(row -> row.loss() != Loss.VECTORS)
        .filter(row -> method.isSpectral() || row.sweep() == Sweep.GAP)
        .mapToDouble(StressRow::worst)
        .filter(error -> !Double.isNaN(error))
        .max()
        .orElse(Double.NaN);
  }

  /** Writes everything; each file replaces what was there in one step. */
  public void write(Path folder) throws IOException {
    Map<String, BufferedImage> plots = new LinkedHashMap<>();
    plots.put(
        "gap",
        Charts.row(
            gapChart(DataType.FLOAT64, Loss.SOFT_THRESHOLD),
            gapChart(DataType.FLOAT64, Loss.PROJECTOR)));
    plots.put(
        "gap-single",
        Charts.row(
            gapChart(DataType.FLOAT32, Loss.SOFT_THRESHOLD),
            gapChart(DataType.FLOAT32, Loss.PROJECTOR)));
    plots.put("spectra", heatMap(DataType.FLOAT64));
    plots.put("spectra-complex-single", heatMap(DataType.COMPLEX64));
    plots.put("scale", Charts.row(scaleChart(DataType.FLOAT64), scaleChart(DataType.FLOAT32)));
    plots.put(
        "tolerance",
        Charts.row(toleranceChart(DataType.FLOAT64), toleranceChart(DataType.FLOAT32)));
    for (Map.Entry<String, BufferedImage> plot : plots.entrySet()) {
      ReportFiles.write(folder.resolve(plot.getKey() + ".png"), plot.getValue());
    }
    ReportFiles.write(folder.resolve("results.json"), json());
    ReportFiles.write(folder.resolve("report.html"), html(plots));
  }

  private static double drawn(double error) {
    return Math.min(INFINITE, Math.max(NOTHING, error));
  }

  private List<StressRow> rows(Sweep sweep, DataType type, String method, Loss loss) {
    return result.rows().stream()
        .filter(row -> row.sweep() == sweep && row.type() == type)
        .filter(row -> row.method().equals(method) && row.loss() == loss)
        .toList();
  }

  private XYChart gapChart(DataType type, Loss loss) {
    XYChart chart =
        Charts.lines(
            loss.title + ", " + type.toString().toLowerCase(Locale.ROOT),
            "relative gap of a pair of singular values, power of 10 (-17: equal)",
            "relative error of the gradient (1e3: infinite, NaN)");
    addCurves(chart, Sweep.GAP, type, loss, x -> Math.log10(Math.max(x, NOTHING)));
    return chart;
  }

  private XYChart scaleChart(DataType type) {
    XYChart chart =
        Charts.lines(
            "an exact pair, " + type.toString().toLowerCase(Locale.ROOT),
            "largest singular value, power of 10",
            "relative error of the gradient");
    addCurves(chart, Sweep.SCALE, type, Loss.SOFT_THRESHOLD, Math::log10);
    return chart;
  }

  private void addCurves(
      XYChart chart, Sweep sweep, DataType type, Loss loss, DoubleUnaryOperator position) {
    styleErrors(chart);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setLegendLayout(Styler.LegendLayout.Vertical);
    chart.getStyler().setXAxisDecimalPattern("0");
    for (String method : MethodColours.names()) {
      List<StressRow> points = rows(sweep, type, method, loss);
      if (!points.isEmpty()) {
        boolean ours =
            method.equals("moore-penrose")
                || method.equals(GradientMethod.RESOLVE_TIES.name())
                || method.equals(GradientMethod.SPECTRAL.name());
        Charts.addLine(
            chart,
            method,
            points.stream().mapToDouble(row -> position.applyAsDouble(row.x())).toArray(),
            points.stream().mapToDouble(row -> drawn(row.worst())).toArray(),
            MethodColours.of(method),
            ours ? 3.5f : 1.8f);
      }
    }
  }

  private static void styleErrors(XYChart chart) {
    chart.getStyler().setPlotGridVerticalLinesVisible(false);
    chart
        .getStyler()
        .setYAxisLogarithmic(true)
        .setYAxisMin(NOTHING)
        .setYAxisMax(INFINITE)
        .setYAxisDecimalPattern("0E0");
  }

  private XYChart toleranceChart(DataType type) {
    List<Tolerance> points =
        result.tolerances().stream().filter(each -> each.type() == type).toList();
    XYChart chart =
        Charts.lines(
            "moore-penrose, " + type.toString().toLowerCase(Locale.ROOT),
            "p of the tolerance eps^p",
            "relative error over all gaps");
    styleErrors(chart);
    addTolerances(chart, points, "gap sweep, worst projector", Tolerance::worst, "lorentzian");
    addTolerances(chart, points, "gap sweep, mean", Tolerance::gaps, "svd-inv");
    addTolerances(chart, points, "condition sweep, mean", Tolerance::conditions, "zero");
    addTolerances(chart, points, "mean of both", Tolerance::mean, "moore-penrose");
    return chart;
  }

  private static void addTolerances(
      XYChart chart,
      List<Tolerance> points,
      String name,
      ToDoubleFunction<Tolerance> error,
      String colour) {
    Charts.addLine(
        chart,
        name,
        points.stream().mapToDouble(Tolerance::exponent).toArray(),
        points.stream().mapToDouble(each -> drawn(error.applyAsDouble(each))).toArray(),
        MethodColours.of(colour),
        3);
  }

  /** Methods by spectra, the worst error of soft threshold, projector and polar factor. */
  private BufferedImage heatMap(DataType type) {
    List<String> methods = MethodColours.names();
    List<String> spectra =
        result.rows().stream()
            .filter(row -> row.type() == type && row.sweep() == Sweep.SPECTRUM)
            .map(StressRow::point)
            .distinct()
            .toList();
    List<Number[]> cells = new ArrayList<>();
    for (int x = 0; x < methods.size(); x++) {
      for (int y = 0; y < spectra.size(); y++) {
        String method = methods.get(x);
        String spectrum = spectra.get(y);
        double worst =
            Arrays.stream(Loss.values())
                .flatMap(loss -> rows(Sweep.SPECTRUM, type, method, loss).stream())
                .filter(row -> row.point().equals(spectrum) && !Double.isNaN(row.worst()))
                .mapToDouble(StressRow::worst)
                .max()
                .orElse(0);
        cells.add(new Number[] {x, y, Math.round(10 * Math.log10(drawn(worst))) / 10.0});
      }
    }
    HeatMapChart chart =
        new HeatMapChartBuilder()
            .width(1360)
            .height(640)
            .title(
                "worst relative error of the gradient, log₁₀ (3: infinite or NaN), "
                    + type.toString().toLowerCase(Locale.ROOT))
            .build();
    Charts.style(chart.getStyler());
    chart
        .getStyler()
        .setMin(Math.log10(NOTHING))
        .setMax(Math.log10(INFINITE))
        .setShowValue(true)
        .setValueFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13))
        .setHeatMapValueDecimalPattern("0.0")
        .setRangeColors(
            new Color[] {
              new Color(0x7f, 0xc9, 0x8f), new Color(0xf4, 0xf0, 0xc8), new Color(0xe8, 0x7a, 0x5d)
            });
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setLegendVisible(false);
    chart.addSeries("error", methods, spectra, cells);
    return BitmapEncoder.getBufferedImage(chart);
  }

  private String json() {
    JsonObject results = new JsonObject();
    results.addProperty("device", result.device());
    results.addProperty("seed", result.seed());
    results.addProperty("matrices", result.matrices());
    results.addProperty("nonfinite", nonFinite());
    results.add("random", Json.array(result.finiteness(), StressReport::json));
    results.add("tolerances", Json.array(result.tolerances(), StressReport::json));
    results.add("differences", Json.array(result.differences(), StressReport::json));
    results.add("rows", Json.array(result.rows(), StressReport::json));
    return Json.text(results);
  }

  private static String lowerCase(Enum<?> value) {
    return value.toString().toLowerCase(Locale.ROOT);
  }

  private static JsonObject json(StressRow row) {
    JsonObject members = new JsonObject();
    members.addProperty("sweep", lowerCase(row.sweep()));
    members.addProperty("dtype", lowerCase(row.type()));
    members.addProperty("method", row.method());
    members.addProperty("loss", row.loss().title);
    members.addProperty("point", row.point());
    members.addProperty("x", Json.digits(row.x(), 1));
    members.addProperty("matrices", row.matrices());
    members.addProperty("nonfinite", row.nonFinite());
    members.addProperty("worst", Json.digits(row.worst(), 3));
    members.addProperty("median", Json.digits(row.median(), 3));
    members.addProperty("largest", Json.digits(row.largest(), 3));
    members.addProperty("asymmetry", Json.digits(row.asymmetry(), 3));
    return members;
  }

  private static JsonObject json(Finiteness row) {
    JsonObject members = new JsonObject();
    members.addProperty("dtype", lowerCase(row.type()));
    members.addProperty("method", row.method());
    members.addProperty("matrices", row.matrices());
    members.addProperty("nonfinite", row.nonFinite());
    members.addProperty("silent", row.silent());
    members.addProperty("disturbed", row.disturbed());
    return members;
  }

  private static JsonObject json(Tolerance row) {
    JsonObject members = new JsonObject();
    members.addProperty("dtype", lowerCase(row.type()));
    members.addProperty("exponent", Json.decimals(row.exponent(), 2));
    members.addProperty("gaps", Json.digits(row.gaps(), 3));
    members.addProperty("conditions", Json.digits(row.conditions(), 3));
    members.addProperty("worst", Json.digits(row.worst(), 3));
    return members;
  }

  private static JsonObject json(DividedDifferences.Row row) {
    JsonObject members = new JsonObject();
    members.addProperty("dtype", lowerCase(row.type()));
    members.addProperty("function", row.function());
    members.addProperty("pairs", row.pairs());
    members.addProperty("worst", Json.digits(row.worst(), 3));
    members.addProperty("a", Json.digits(row.a(), 17));
    members.addProperty("b", Json.digits(row.b(), 17));
    return members;
  }

  private String html(Map<String, BufferedImage> plots) throws IOException {
    HtmlPage page = new HtmlPage("The gradient of the SVD under stress");
    page.list(summary());
    page.paragraph(
        result.device()
            + ", seed "
            + result.seed()
            + ". The reference is computed in twice the precision of double, from the same factors. An error"
            + " is ‖gA − reference‖/‖reference‖ of the worst matrix; resolve ties starts from A itself.");
    for (Map.Entry<String, BufferedImage> plot : plots.entrySet()) {
      page.heading(CAPTIONS.get(plot.getKey()));
      page.image(plot.getKey(), plot.getValue());
    }
    return page.toString();
  }

  private static final Map<String, String> CAPTIONS =
      Map.of(
          "gap", "A pair of singular values comes together",
          "gap-single", "The same in single precision",
          "spectra", "Every method, every spectrum",
          "spectra-complex-single", "The same for complex data in single precision",
          "scale", "The same matrix at every scale",
          "tolerance", "The tolerance of moore-penrose");
}
