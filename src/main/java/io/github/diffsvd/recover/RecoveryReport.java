package io.github.diffsvd.recover;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

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
  private static final Color INK = new Color(0x22, 0x22, 0x22);
  private static final Color FAINT = new Color(0xa9, 0xc4, 0xe4);
  private static final Color STRONG = new Color(0x1f, 0x5f, 0xa8);
  private static final Color OTHER = new Color(0xd9, 0x7a, 0x1e);
  private static final Color LINES = new Color(0xe4, 0xe4, 0xe4);

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
    writeImage(folder.resolve("seen.png"), samples.picture().toImage());
    writeImage(folder.resolve("recovered.png"), result.learned().toImage());
    writeImage(folder.resolve("side-by-side.png"), sideBySide());
    writeImage(folder.resolve("loss.png"), lossChart());
  }

  /** Writes what was measured, an array with an object per picture. */
  public static void writeMetrics(Path file, List<RecoveryReport> reports) throws IOException {
    String json =
        reports.stream()
            .map(RecoveryReport::metrics)
            .collect(Collectors.joining(",\n", "[\n", "\n]\n"));
    replace(file, json.getBytes(StandardCharsets.UTF_8));
  }

  private String metrics() {
    String[] members = {
      member("name", quoted(name)),
      member("width", given.width()),
      member("height", given.height()),
      member("rate", rate),
      member("seed", seed),
      member("cells", settings.cells()),
      member("iterations", settings.iterations()),
      member("rule", quoted(settings.rule().name())),
      member("device", quoted(device)),
      member("psnr_seen", number(psnrSeen())),
      member("psnr_start", number(result.start().psnr(given))),
      member("psnr_untrained", number(psnrUntrained())),
      member("psnr_learned", number(psnrLearned())),
      member("nonfinite_gradients", result.nonFiniteGradients()),
      member("seconds", String.format(Locale.ROOT, "%.2f", seconds)),
      member("theta", numbers(result.theta())),
      member("eta", numbers(result.eta()))
    };
    return String.join(",\n", members).indent(4).replaceAll("^", "  {\n") + "  }";
  }

  private static String member(String key, Object value) {
    return quoted(key) + ": " + value;
  }

  /** JSON has no infinity, which is the PSNR of a perfect picture. */
  private static String number(double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, "%.3f", value) : "null";
  }

  private static String numbers(double[] values) {
    return Arrays.stream(values)
        .mapToObj(RecoveryReport::number)
        .collect(Collectors.joining(", ", "[", "]"));
  }

  private static String quoted(String text) {
    StringBuilder result = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        result.append('\\').append(c);
      } else if (c < ' ') {
        result.append(String.format("\\u%04x", (int) c));
      } else {
        result.append(c);
      }
    }
    return result.append('"').toString();
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
    graphics.setColor(INK);
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
        new XYChartBuilder()
            .width(800)
            .height(480)
            .title(name + ": error on the hidden values")
            .xAxisTitle("iteration")
            .yAxisTitle("root mean square error")
            .build();
    XYStyler style = chart.getStyler();
    style.setLegendPosition(Styler.LegendPosition.OutsideS);
    style.setLegendLayout(Styler.LegendLayout.Horizontal);
    style.setLegendBorderColor(Color.WHITE);
    style.setChartBackgroundColor(Color.WHITE);
    style.setChartFontColor(INK);
    style.setChartPadding(16);
    style.setPlotBorderVisible(false);
    style.setPlotGridLinesColor(LINES);
    style.setAxisTickMarksColor(LINES);
    style.setXAxisDecimalPattern("0");
    style.setYAxisDecimalPattern("0.000");
    style.setXAxisMin(0.0);
    style.setXAxisTickMarkSpacingHint(100);
    double[] errors = roots(result.losses());
    double[] iterations = IntStream.rangeClosed(1, errors.length).asDoubleStream().toArray();
    if (errors.length == 0) {
      addLine(chart, "no iteration", new double[1], new double[1], FAINT, 1);
    } else {
      addLine(chart, "network, one crop", iterations, errors, FAINT, 1);
      addLine(chart, "network, mean of 21", iterations, smoothed(errors), STRONG, 2.5f);
      double[] start = smoothed(roots(result.startLosses()));
      addLine(chart, "local means, mean of 21", iterations, start, OTHER, 2.5f);
    }
    return BitmapEncoder.getBufferedImage(chart);
  }

  private static void addLine(
      XYChart chart, String name, double[] x, double[] y, Color colour, float width) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(SeriesMarkers.NONE);
    series.setLineColor(colour);
    series.setLineWidth(width);
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

  private static void writeImage(Path file, BufferedImage image) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(image, "png", bytes);
    replace(file, bytes.toByteArray());
  }

  private static void replace(Path file, byte[] bytes) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".part");
    try {
      Files.write(temporary, bytes);
      Files.move(
          temporary, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }
}
