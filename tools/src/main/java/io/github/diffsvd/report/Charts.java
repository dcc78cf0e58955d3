package io.github.diffsvd.report;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The one look of all charts. */
public final class Charts {
  public static final Color INK = new Color(0x22, 0x22, 0x22);
  public static final Color LINES = new Color(0xe4, 0xe4, 0xe4);

  private Charts() {}

  public static XYChart lines(String title, String xTitle, String yTitle) {
    XYChart chart =
        new XYChartBuilder()
            .width(800)
            .height(480)
            .title(title)
            .xAxisTitle(xTitle)
            .yAxisTitle(yTitle)
            .build();
    style(chart.getStyler());
    return chart;
  }

  public static void style(AxesChartStyler style) {
    style.setLegendPosition(Styler.LegendPosition.OutsideS);
    style.setLegendLayout(Styler.LegendLayout.Horizontal);
    style.setLegendBorderColor(Color.WHITE);
    style.setChartBackgroundColor(Color.WHITE);
    style.setChartFontColor(INK);
    style.setChartPadding(16);
    style.setPlotBorderVisible(false);
    style.setPlotGridLinesColor(LINES);
    style.setAxisTickMarksColor(LINES);
  }

  public static XYSeries addLine(
      XYChart chart, String name, double[] x, double[] y, Color colour, float width) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(SeriesMarkers.NONE);
    series.setLineColor(colour);
    series.setLineWidth(width);
    return series;
  }

  /** Charts side by side. */
  public static BufferedImage row(XYChart... charts) {
    BufferedImage first = BitmapEncoder.getBufferedImage(charts[0]);
    BufferedImage image =
        new BufferedImage(
            first.getWidth() * charts.length, first.getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    for (int i = 0; i < charts.length; i++) {
      graphics.drawImage(BitmapEncoder.getBufferedImage(charts[i]), i * first.getWidth(), 0, null);
    }
    graphics.dispose();
    return image;
  }
}
