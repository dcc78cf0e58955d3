package io.github.diffsvd.recover;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.diffsvd.report.Charts;
import io.github.diffsvd.report.Json;
import io.github.diffsvd.report.ReportFiles;
import io.github.diffsvd.report.SideBySide;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.style.XYStyler;

/**
 * One recovery with what it is judged by: the given picture, which the recovery itself never sees.
 *
 * @param name of the picture
 * @param rate share of the values that are seen
 * @param seed of the choice which
 * @param device it ran on
 * @param seconds it took
 * @param psnrThinPlate dB of the thin-plate interpolation of the same values, every channel alone
 * @param psnrAcrossChannels dB of the interpolation across channels of the same values
 */
public record RecoveryReport(
    String name,
    Picture given,
    Samples samples,
    Recovery.Settings settings,
    Recovery.Result result,
    double rate,
    long seed,
    String device,
    double seconds,
    double psnrThinPlate,
    double psnrAcrossChannels) {
  private static final Color FAINT = new Color(0xa9, 0xc4, 0xe4);
  private static final Color STRONG = new Color(0x1f, 0x5f, 0xa8);
  private static final Color OTHER = new Color(0xd9, 0x7a, 0x1e);

  /** Interpolates the same values besides, for comparison. */
  public static RecoveryReport of(
      String name,
      Picture given,
      Samples samples,
      Recovery.Settings settings,
      Recovery.Result result,
      double rate,
      long seed,
      String device,
      double seconds) {
    return new RecoveryReport(
        name,
        given,
        samples,
        settings,
        result,
        rate,
        seed,
        device,
        seconds,
        samples.completed(Interpolation.thinPlate(samples, 1)).psnr(given),
        samples.completed(Interpolation.acrossChannels(samples)).psnr(given));
  }

  /** The dB of what is seen, black elsewhere. */
  public double psnrSeen() {
    return samples.picture().psnr(given);
  }

  /** The dB of the interpolation that the network starts from. */
  public double psnrStart() {
    return result.start().psnr(given);
  }

  public double psnrUntrained() {
    return result.untrained().psnr(given);
  }

  public double psnrLearned() {
    return result.learned().psnr(given);
  }

  /**
   * Writes seen.png, recovered.png, side-by-side.png and loss.png; each replaces what was there in
   * one step.
   */
  public void writePictures(Path folder) throws IOException {
    ReportFiles.write(folder.resolve("seen.png"), samples.picture().toImage());
    ReportFiles.write(folder.resolve("recovered.png"), result.learned().toImage());
    ReportFiles.write(folder.resolve("side-by-side.png"), sideBySide());
    ReportFiles.write(folder.resolve("loss.png"), lossChart());
  }

  /** Writes what was measured, an array with an object per picture. */
  public static void writeMetrics(Path file, List<RecoveryReport> reports) throws IOException {
    ReportFiles.write(file, Json.text(Json.array(reports, RecoveryReport::metrics)));
  }

  private JsonObject metrics() {
    JsonObject metrics = new JsonObject();
    metrics.addProperty("name", name);
    metrics.addProperty("width", given.width());
    metrics.addProperty("height", given.height());
    metrics.addProperty("rate", rate);
    metrics.addProperty("seed", seed);
    metrics.addProperty("cells", settings.cells());
    metrics.addProperty("iterations", settings.iterations());
    metrics.addProperty("rule", settings.gradient().name());
    metrics.addProperty("device", device);
    metrics.addProperty("psnr_seen", Json.decimals(psnrSeen(), 3));
    metrics.addProperty("psnr_thin_plate", Json.decimals(psnrThinPlate, 3));
    metrics.addProperty("psnr_across_channels", Json.decimals(psnrAcrossChannels, 3));
    metrics.addProperty("psnr_start", Json.decimals(psnrStart(), 3));
    metrics.addProperty("psnr_untrained", Json.decimals(psnrUntrained(), 3));
    metrics.addProperty("psnr_learned", Json.decimals(psnrLearned(), 3));
    metrics.addProperty("nonfinite_gradients", result.nonFiniteGradients());
    metrics.addProperty("seconds", Json.decimals(seconds, 2));
    metrics.add("theta", numbers(result.theta()));
    metrics.add("alpha", numbers(result.alpha()));
    metrics.add("eta", numbers(result.eta()));
    return metrics;
  }

  private static JsonArray numbers(double[] values) {
    JsonArray numbers = new JsonArray();
    for (double value : values) {
      numbers.add(Json.decimals(value, 3));
    }
    return numbers;
  }

  /** Seen, recovered, given, each under its name. */
  private BufferedImage sideBySide() {
    Map<String, BufferedImage> pictures = new LinkedHashMap<>();
    pictures.put(
        "seen: "
            + new BigDecimal(100 * rate, new MathContext(3)).stripTrailingZeros().toPlainString()
            + " %",
        samples.picture().toImage());
    pictures.put(
        String.format(Locale.ROOT, "recovered: %.1f dB", psnrLearned()),
        result.learned().toImage());
    pictures.put("given", given.toImage());
    return SideBySide.of(pictures);
  }

  private BufferedImage lossChart() {
    XYChart chart =
        Charts.lines(name + ": error on the hidden values", "iteration", "root mean square error");
    XYStyler style = chart.getStyler();
    style.setXAxisDecimalPattern("0");
    style.setYAxisDecimalPattern("0.000");
    style.setXAxisMin(0.0);
    style.setXAxisTickMarkSpacingHint(100);
    double[] errors = roots(result.losses());
    double[] iterations = IntStream.rangeClosed(1, errors.length).asDoubleStream().toArray();
    if (errors.length == 0) {
      Charts.addLine(chart, "no iteration", new double[1], new double[1], FAINT, 1);
    } else {
      Charts.addLine(chart, "network, one crop", iterations, errors, FAINT, 1);
      Charts.addLine(chart, "network, mean of 9", iterations, smoothed(errors), STRONG, 2.5f);
      double[] start = smoothed(roots(result.startLosses()));
      Charts.addLine(chart, "interpolation, mean of 9", iterations, start, OTHER, 2.5f);
    }
    return BitmapEncoder.getBufferedImage(chart);
  }

  private static double[] roots(double[] losses) {
    return Arrays.stream(losses).filter(Double::isFinite).map(Math::sqrt).toArray();
  }

  private static double[] smoothed(double[] values) {
    return IntStream.range(0, values.length)
        .mapToDouble(
            i ->
                Arrays.stream(values, Math.max(0, i - 4), Math.min(values.length, i + 5))
                    .average()
                    .orElseThrow())
        .toArray();
  }
}
