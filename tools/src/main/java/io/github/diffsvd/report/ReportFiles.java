package io.github.diffsvd.report;

import io.github.diffsvd.files.AtomicFile;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** Writes texts and pictures as {@link AtomicFile}s. */
public final class ReportFiles {
  private ReportFiles() {}

  public static byte[] png(BufferedImage image) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(image, "png", bytes);
    return bytes.toByteArray();
  }

  public static void write(Path file, BufferedImage image) throws IOException {
    AtomicFile.write(file, png(image));
  }

  public static void write(Path file, String text) throws IOException {
    AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
  }
}
