package io.github.diffsvd.report;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.Map;

/** Pictures of one size in a row, each under its name. */
public final class SideBySide {
  private static final int GAP = 8;
  private static final int HEADER = 32;

  /** Smaller pictures are enlarged by a whole number, so that there is room for the words. */
  private static final int LEAST_WIDTH = 240;

  private SideBySide() {}

  public static BufferedImage of(Map<String, BufferedImage> pictures) {
    BufferedImage first = pictures.values().iterator().next();
    int scale = Math.max(1, (int) Math.ceil((double) LEAST_WIDTH / first.getWidth()));
    int width = first.getWidth() * scale;
    int height = first.getHeight() * scale;
    BufferedImage image =
        new BufferedImage(
            pictures.size() * (width + GAP) + GAP,
            HEADER + height + GAP,
            BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
    graphics.setColor(Charts.INK);
    graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 16));
    int left = GAP;
    for (Map.Entry<String, BufferedImage> picture : pictures.entrySet()) {
      int spare = width - graphics.getFontMetrics().stringWidth(picture.getKey());
      graphics.drawString(picture.getKey(), left + spare / 2, 22);
      graphics.drawImage(picture.getValue(), left, HEADER, width, height, null);
      left += width + GAP;
    }
    graphics.dispose();
    return image;
  }
}
