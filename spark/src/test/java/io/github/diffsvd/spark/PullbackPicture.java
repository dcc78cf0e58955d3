package io.github.diffsvd.spark;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/**
 * The picture of docs/spark.md: which numbers go from the partitions to the driver and back. Its
 * main writes the file that it is given.
 */
final class PullbackPicture {
  private static final Color INK = new Color(0x22, 0x22, 0x22);
  private static final Color SOFT = new Color(0x66, 0x66, 0x66);
  private static final Color PARTITION = new Color(0xe6, 0xf0, 0xfa);
  private static final Color DRIVER = new Color(0xfd, 0xee, 0xdc);
  private static final Font TITLE = new Font("DejaVu Sans", Font.BOLD, 19);
  private static final Font FORMULA = new Font("DejaVu Sans", Font.PLAIN, 17);
  private static final Font LABEL = new Font("DejaVu Sans", Font.PLAIN, 14);
  private static final int BOX = 62;
  private static final int PITCH = 80;

  private final BufferedImage image = new BufferedImage(1240, 660, BufferedImage.TYPE_INT_RGB);
  private final Graphics2D pen = image.createGraphics();

  private PullbackPicture() {
    pen.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    pen.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    pen.setColor(Color.WHITE);
    pen.fillRect(0, 0, image.getWidth(), image.getHeight());
  }

  public static void main(String[] arguments) throws IOException {
    PullbackPicture picture = new PullbackPicture();
    picture.row(
        40,
        "Forward",
        new String[] {"A₁ = L₁ R₁", "A₂ = L₂ R₂", "Aₚ = Lₚ Rₚ"},
        "R₁ … Rₚ, n×n each",
        new String[] {"SVD of R₁ … Rₚ, stacked", "= T S Vᵀ"},
        "T₁ … Tₚ, n×n each",
        new String[] {"U₁ = L₁ T₁", "U₂ = L₂ T₂", "Uₚ = Lₚ Tₚ"});
    picture.row(
        370,
        "Pullback",
        new String[] {"U₁ᵀ ∂L/∂U₁", "U₂ᵀ ∂L/∂U₂", "Uₚᵀ ∂L/∂Uₚ"},
        "their sum C, n×n",
        new String[] {"plan of 2n×n, from C,", "∂L/∂S, ∂L/∂V:  G₁, G₂"},
        "C, G₁, G₂, n×n each",
        new String[] {
          "∂L/∂A₁ = U₁G₁ + (∂L/∂U₁ − U₁C) G₂",
          "∂L/∂A₂ = U₂G₁ + (∂L/∂U₂ − U₂C) G₂",
          "∂L/∂Aₚ = UₚG₁ + (∂L/∂Uₚ − UₚC) G₂"
        });
    ImageIO.write(picture.image, "png", Path.of(arguments[0]).toFile());
  }

  private void row(
      int top,
      String title,
      String[] left,
      String up,
      String[] driver,
      String down,
      String[] right) {
    pen.setColor(INK);
    pen.setFont(TITLE);
    pen.drawString(title, 30, top);
    pen.setFont(LABEL);
    pen.setColor(SOFT);
    pen.drawString("partitions", 30, top + 24);
    pen.drawString("driver", 420, top + 24);
    pen.drawString("partitions", 860, top + 24);
    int middle = top + 40 + PITCH + BOX / 2;
    for (int i = 0; i < 3; i++) {
      int y = top + 40 + i * PITCH;
      box(30, y, 190, BOX, PARTITION, left[i]);
      box(860, y, 350, BOX, PARTITION, right[i]);
      arrow(220, y + BOX / 2, 418, middle + (i - 1) * 18);
      arrow(695, middle + (i - 1) * 18, 858, y + BOX / 2);
    }
    box(420, middle - 48, 275, 96, DRIVER, driver);
    pen.setFont(LABEL);
    pen.setColor(SOFT);
    centred(up, 322, top + 40 + BOX / 2 - 10);
    centred(down, 772, top + 40 + BOX / 2 - 4);
  }

  private void box(int x, int y, int width, int height, Color fill, String... lines) {
    pen.setColor(fill);
    pen.fillRoundRect(x, y, width, height, 14, 14);
    pen.setColor(SOFT);
    pen.setStroke(new BasicStroke(1.2f));
    pen.drawRoundRect(x, y, width, height, 14, 14);
    pen.setColor(INK);
    pen.setFont(FORMULA);
    int step = 26;
    int first = y + height / 2 + 7 - (lines.length - 1) * step / 2;
    for (int i = 0; i < lines.length; i++) {
      centred(lines[i], x + width / 2, first + i * step);
    }
  }

  private void centred(String text, int x, int y) {
    pen.drawString(text, x - pen.getFontMetrics().stringWidth(text) / 2, y);
  }

  private void arrow(int fromX, int fromY, int toX, int toY) {
    pen.setColor(SOFT);
    pen.setStroke(new BasicStroke(1.6f));
    pen.drawLine(fromX, fromY, toX, toY);
    double angle = Math.atan2(toY - fromY, toX - fromX);
    Path2D head = new Path2D.Double();
    head.moveTo(toX, toY);
    head.lineTo(toX - 11 * Math.cos(angle - 0.4), toY - 11 * Math.sin(angle - 0.4));
    head.lineTo(toX - 11 * Math.cos(angle + 0.4), toY - 11 * Math.sin(angle + 0.4));
    head.closePath();
    pen.fill(head);
  }
}
