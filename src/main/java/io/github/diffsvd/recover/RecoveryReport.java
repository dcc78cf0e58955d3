package io.github.diffsvd.recover;

import io.github.diffsvd.report.Charts;
import io.github.diffsvd.report.Json;
import io.github.diffsvd.report.ReportFiles;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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
    double seconds) {
  private static final Color FAINT = new Color(0xa9, 0xc4, 0xe4);
  private static final Color STRONG = new Color(0x1f, 0x5f, 0xa8);
  private static final Color OTHER = new Color(0xd9, 0x7a, 0x1e);

  /** The dB of what is seen, black elsewhere. */
  public double psnrSeen() {
    return samples.picture().psnr(given);
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
      Json.member("psnr_start", number(result.start().psnr(given))),
      Json.member("psnr_untrained", number(psnrUntrained())),
      Json.member("psnr_learned", number(psnrLearned())),
      Json.member("nonfinite_gradients", result.nonFiniteGradients()),
      Json.member("seconds", String.format(Locale.ROOT, "%.2f", seconds)),
      Json.member("theta", numbers(result.theta())),
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
    BufferedImage[] pictures = {
      samples.picture().toImage(), result.learned().toImage(), given.toImage()
    };
    String[] labels = {
      "seen: "
          + new BigDecimal(100 * rate, new MathContext(3)).stripTrailingZeros().toPlainString()
          + " %",
      String.format(Locale.ROOT, "recovered: %.1f dB", psnrLearned()),
      "given"
    };
    // Small pictures are enlarged by a whole number, so that there is room for the words.
    int scale = Math.max(1, (int) Math.ceil(240.0 / given.width()));
    int width = given.width() * scale;
    int height = given.height() * scale;
    int gap = 8;
    int header = 32;
    BufferedImage image =
        new BufferedImage(3 * width + 4 * gap, header + height + gap, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
    graphics.setColor(Charts.INK);
    graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 16));
    for (int i = 0; i < pictures.length; i++) {
      int left = gap + i * (width + gap);
      int middle = (width - graphics.getFontMetrics().stringWidth(labels[i])) / 2;
      graphics.drawString(labels[i], left + middle, 22);
      graphics.drawImage(pictures[i], left, header, width, height, null);
    }
    graphics.dispose();
    return image;
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
      Charts.addLine(chart, "network, mean of 21", iterations, smoothed(errors), STRONG, 2.5f);
      double[] start = smoothed(roots(result.startLosses()));
      Charts.addLine(chart, "local means, mean of 21", iterations, start, OTHER, 2.5f);
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
                Arrays.stream(values, Math.max(0, i - 10), Math.min(values.length, i + 11))
                    .average()
                    .orElseThrow())
        .toArray();
  }
}
