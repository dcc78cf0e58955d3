package io.github.diffsvd.recover;

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
import java.util.stream.Collectors;
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
    String json =
        reports.stream()
            .map(RecoveryReport::metrics)
            .collect(Collectors.joining(",\n", "[\n", "\n]\n"));
    ReportFiles.write(file, json);
  }

  private String metrics() {
    String[] members = {
      Json.member("name", Json.quoted(name)),
      Json.member("width", given.width()),
      Json.member("height", given.height()),
      Json.member("rate", rate),
      Json.member("seed", seed),
      Json.member("cells", settings.cells()),
      Json.member("iterations", settings.iterations()),
      Json.member("rule", Json.quoted(settings.gradient().name())),
      Json.member("device", Json.quoted(device)),
      Json.member("psnr_seen", number(psnrSeen())),
      Json.member("psnr_thin_plate", number(psnrThinPlate)),
      Json.member("psnr_across_channels", number(psnrAcrossChannels)),
      Json.member("psnr_start", number(psnrStart())),
      Json.member("psnr_untrained", number(psnrUntrained())),
      Json.member("psnr_learned", number(psnrLearned())),
      Json.member("nonfinite_gradients", result.nonFiniteGradients()),
      Json.member("seconds", String.format(Locale.ROOT, "%.2f", seconds)),
      Json.member("theta", numbers(result.theta())),
      Json.member("alpha", numbers(result.alpha())),
      Json.member("eta", numbers(result.eta()))
    };
    return String.join(",\n", members).indent(4).replaceAll("^", "  {\n") + "  }";
  }

  private static String number(double value) {
    return Json.number("%.3f", value);
  }

  private static String numbers(double[] values) {
    return Arrays.stream(values)
        .mapToObj(RecoveryReport::number)
        .collect(Collectors.joining(", ", "[", "]"));
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
