package io.github.diffsvd.recover;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.Raster;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Objects;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * A colour picture as a packed array: element (y, x, c) at (y·width + x)·3 + c, red, green, blue
 * from 0 to 1. The array is not copied.
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
public record Picture(int width, int height, double[] values) {
  private static final String EXAMPLE = "example.jpg";

  public Picture {
    Objects.requireNonNull(values, "values");
    if (values.length != width * height * 3) {
      throw new IllegalArgumentException(
          "values: expected " + width * height * 3 + " numbers, got " + values.length);
    }
  }

  /**
   * Reads a PNG or a JPEG file, or whatever else the Java runtime can read.
   *
   * @throws IOException with the reason, if there is no such file or it is no such image
   */
  public static Picture read(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException("there is no such file");
    }
    if (Files.isDirectory(file)) {
      throw new IOException("this is a folder");
    }
    try (InputStream stream = Files.newInputStream(file)) {
      return read(stream);
    }
  }

  /** The picture for trying things out: the cat Chelsea, 256 × 256, by Stefan van der Walt, CC0. */
  public static Picture example() {
    try (InputStream stream =
        Objects.requireNonNull(Picture.class.getResourceAsStream(EXAMPLE), EXAMPLE)) {
      return read(stream);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Picture read(InputStream stream) throws IOException {
    try {
      // In memory, because the runtime's file cache is one more thing that can fail.
      BufferedImage image =
          ImageIO.read(new MemoryCacheImageInputStream(new BufferedInputStream(stream)));
      if (image == null) {
        throw new IOException("neither PNG nor JPEG");
      }
      return of(image);
    } catch (RuntimeException e) {
      // What the runtime's readers throw at some damaged files.
      throw new IOException("the image is damaged (" + e + ")", e);
    }
  }

  /** Any image as RGB; what is transparent stands on white. */
  public static Picture of(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    ColorModel colours = image.getColorModel();
    // The runtime takes grey as linear light and would brighten it.
    boolean grey =
        colours instanceof ComponentColorModel
            && colours.getColorSpace().getType() == ColorSpace.TYPE_GRAY;
    Raster raster = image.getRaster();
    double[] values = new double[Math.multiplyExact(Math.multiplyExact(width, height), 3)];
    for (int i = 0; i < width * height; i++) {
      int x = i % width;
      int y = i / width;
      int argb = grey ? 0 : image.getRGB(x, y);
      double alpha = 1;
      if (colours.hasAlpha()) {
        alpha = grey ? sample(raster, colours, x, y, 1) : (argb >>> 24) / 255.0;
      }
      for (int c = 0; c < 3; c++) {
        double value =
            grey ? sample(raster, colours, x, y, 0) : (argb >> (16 - 8 * c) & 0xff) / 255.0;
        values[3 * i + c] = alpha * value + 1 - alpha;
      }
    }
    return new Picture(width, height, values);
  }

  private static double sample(Raster raster, ColorModel colours, int x, int y, int band) {
    return raster.getSampleDouble(x, y, band) / ((1 << colours.getComponentSize(band)) - 1);
  }

  /** As an 8-bit image; values outside 0 … 1 are clipped. */
  public BufferedImage toImage() {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < width * height; i++) {
      int pixel = 0;
      for (int c = 0; c < 3; c++) {
        pixel = pixel << 8 | (int) Math.round(255 * clip(values[3 * i + c]));
      }
      image.setRGB(i % width, i / width, pixel);
    }
    return image;
  }

  /** The centre square, scaled to side × side; each new pixel is the mean of the area it covers. */
  public Picture centreSquare(int side) {
    int square = Math.min(width, height);
    int left = (width - square) / 2;
    int top = (height - square) / 2;
    double scale = (double) square / side;
    double[] rows = new double[side * square * 3];
    double[] result = new double[side * side * 3];
    for (int y = 0; y < side; y++) {
      double[] weights = coverage(y * scale, (y + 1) * scale, square);
      for (int k = 0; k < square; k++) {
        for (int i = 0; weights[k] > 0 && i < square * 3; i++) {
          rows[y * square * 3 + i] += weights[k] * values[((top + k) * width + left) * 3 + i];
        }
      }
    }
    for (int x = 0; x < side; x++) {
      double[] weights = coverage(x * scale, (x + 1) * scale, square);
      for (int k = 0; k < square; k++) {
        for (int y = 0; weights[k] > 0 && y < side; y++) {
          for (int c = 0; c < 3; c++) {
            result[(y * side + x) * 3 + c] += weights[k] * rows[(y * square + k) * 3 + c];
          }
        }
      }
    }
    return new Picture(side, side, result);
  }

  /** The share of [from, to) that lies in each of the unit intervals 0 … count − 1. */
  private static double[] coverage(double from, double to, int count) {
    double[] weights = new double[count];
    for (int k = 0; k < count; k++) {
      weights[k] = Math.max(0, Math.min(to, k + 1) - Math.max(from, k)) / (to - from);
    }
    return weights;
  }

  /** Peak signal-to-noise ratio in dB of this picture, clipped to 0 … 1, against another. */
  public double psnr(Picture truth) {
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      double difference = clip(values[i]) - truth.values[i];
      sum += difference * difference;
    }
    return 10 * Math.log10(values.length / sum);
  }

  private static double clip(double value) {
    return Math.max(0, Math.min(1, value));
  }
}
