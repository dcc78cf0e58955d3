package io.github.diffsvd.recover;

import io.github.diffsvd.files.FileException;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * A colour picture as a packed array: element (y, x, c) at (y·width + x)·3 + c, red, green, blue
 * from 0 to 1. The array is not copied.
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
public record Picture(int width, int height, double[] values) {
  /** 100 million pixels take 2.4 GB as numbers. */
  private static final int MOST_PIXELS = 100_000_000;

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
   * @throws FileException if there is no such file, it is no such image or damaged, it has more
   *     than 100 million pixels, or floating-point samples outside 0 … 1
   */
  public static Picture read(Path file) throws FileException {
    if (Files.isDirectory(file)) {
      throw new FileException(file, "this is a folder");
    }
    try (InputStream stream = Files.newInputStream(file)) {
      return read(stream);
    } catch (IOException e) {
      throw isTruncated(e) ? new FileException(file, "truncated", e) : new FileException(file, e);
    }
  }

  /** The runtime's reader of GIF speaks of a block's length where the file ends before it. */
  private static boolean isTruncated(Throwable e) {
    return e != null
        && (e instanceof EOFException
            || String.valueOf(e.getMessage()).startsWith("Invalid block length")
            || isTruncated(e.getCause()));
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
    // In memory, because the runtime's file cache is one more thing that can fail.
    try (ImageInputStream input =
        new MemoryCacheImageInputStream(new BufferedInputStream(stream))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(input);
      if (!readers.hasNext()) {
        throw new IOException("neither PNG nor JPEG");
      }
      ImageReader reader = readers.next();
      AtomicBoolean truncated = new AtomicBoolean();
      try {
        reader.addIIOReadWarningListener(
            (source, warning) -> truncated.compareAndSet(false, warning.startsWith("Truncated")));
        reader.setInput(input, true, true);
        BufferedImage image = decoded(reader);
        if (!truncated.get()) {
          return of(image);
        }
      } catch (IOException e) {
        if (!truncated.get()) {
          throw e;
        }
      } finally {
        reader.dispose();
      }
      // libjpeg only warns, and fills what is lacking with grey.
      throw new EOFException();
    } catch (RuntimeException e) {
      // What the runtime's readers throw at some damaged files.
      throw new IOException("the image is damaged (" + e + ")", e);
    }
  }

  /** The size is looked at before there is memory for it: a few bytes can claim any size. */
  private static BufferedImage decoded(ImageReader reader) throws IOException {
    int width = reader.getWidth(0);
    int height = reader.getHeight(0);
    if ((long) width * height > MOST_PIXELS) {
      throw new IOException(
          "expected at most "
              + MOST_PIXELS / 1_000_000
              + " megapixels, got "
              + width
              + "×"
              + height);
    }
    BufferedImage image = reader.read(0);
    requireSamples(image.getColorModel(), image.getRaster());
    return image;
  }

  /** What has no range to scale it by must be in the range of a picture. */
  private static void requireSamples(ColorModel colours, Raster raster) throws IOException {
    int type = raster.getTransferType();
    if (colours instanceof ComponentColorModel
        && (type == DataBuffer.TYPE_INT || type == DataBuffer.TYPE_SHORT)) {
      throw new IOException(
          "samples of 32 bits or with a sign; expected 8 or 16 bits without, or floating point");
    }
    int space = colours.getColorSpace().getType();
    if (isReal(raster) && space != ColorSpace.TYPE_GRAY && space != ColorSpace.TYPE_RGB) {
      throw new IOException("floating-point samples that are neither grey nor RGB");
    }
    for (int y = 0; isReal(raster) && y < raster.getHeight(); y++) {
      for (double sample : raster.getPixels(0, y, raster.getWidth(), 1, (double[]) null)) {
        if (!(sample >= 0 && sample <= 1)) {
          throw new IOException("a sample of " + sample + "; expected 0 to 1");
        }
      }
    }
  }

  private static boolean isReal(Raster raster) {
    int type = raster.getTransferType();
    return type == DataBuffer.TYPE_FLOAT || type == DataBuffer.TYPE_DOUBLE;
  }

  /**
   * Any image as RGB; what is transparent stands on white. Floating-point samples stay as they are.
   */
  public static Picture of(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    ColorModel colours = image.getColorModel();
    Raster raster = image.getRaster();
    boolean grey = colours.getColorSpace().getType() == ColorSpace.TYPE_GRAY;
    // The runtime takes grey as linear light and would brighten it; floating point it would round.
    boolean sampled = colours instanceof ComponentColorModel && (grey || isReal(raster));
    double[] values = new double[Math.multiplyExact(Math.multiplyExact(width, height), 3)];
    for (int i = 0; i < width * height; i++) {
      int x = i % width;
      int y = i / width;
      int argb = sampled ? 0 : image.getRGB(x, y);
      double alpha = 1;
      if (colours.hasAlpha()) {
        int band = colours.getNumColorComponents();
        alpha = sampled ? sample(raster, colours, x, y, band) : (argb >>> 24) / 255.0;
      }
      for (int c = 0; c < 3; c++) {
        double value =
            sampled
                ? sample(raster, colours, x, y, grey ? 0 : c)
                : (argb >> (16 - 8 * c) & 0xff) / 255.0;
        values[3 * i + c] = alpha * value + (1 - alpha);
      }
    }
    return new Picture(width, height, values);
  }

  private static double sample(Raster raster, ColorModel colours, int x, int y, int band) {
    double value = raster.getSampleDouble(x, y, band);
    return isReal(raster) ? value : value / ((1 << colours.getComponentSize(band)) - 1);
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
