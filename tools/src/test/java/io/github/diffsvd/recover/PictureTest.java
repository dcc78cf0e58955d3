package io.github.diffsvd.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.files.FileException;
import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.WritableRaster;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Random;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PictureTest {
  @TempDir private Path folder;

  private Picture written(BufferedImage image, String format) throws IOException {
    Path file = folder.resolve("picture." + format);
    assertThat(ImageIO.write(image, format, file.toFile())).isTrue();
    return Picture.read(file);
  }

  @Test
  void coloursComeBackFromPng() throws IOException {
    BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, 0xff8000);
    image.setRGB(1, 0, 0x102030);
    Picture picture = written(image, "png");
    assertThat(picture.values())
        .containsExactly(
            new double[] {1, 128 / 255.0, 0, 16 / 255.0, 32 / 255.0, 48 / 255.0}, within(1e-12));
    assertThat(picture.toImage().getRGB(1, 0)).isEqualTo(0xff102030);
  }

  @ParameterizedTest
  @ValueSource(ints = {BufferedImage.TYPE_BYTE_GRAY, BufferedImage.TYPE_USHORT_GRAY})
  void greyBecomesRgbOfTheSameLevel(int type) throws IOException {
    BufferedImage image = new BufferedImage(3, 2, type);
    WritableRaster raster = image.getRaster();
    int full = type == BufferedImage.TYPE_BYTE_GRAY ? 255 : 65535;
    raster.setSample(1, 0, 0, full / 5);
    Picture picture = written(image, "png");
    for (int c = 0; c < 3; c++) {
      assertThat(picture.values()[3 + c]).isCloseTo(0.2, within(1e-12));
    }
  }

  @Test
  void transparencyStandsOnWhite() throws IOException {
    BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_INT_ARGB);
    image.setRGB(0, 0, 0x33ff0000);
    assertThat(written(image, "png").values())
        .containsExactly(new double[] {1, 0.8, 0.8}, within(1e-12));
  }

  @ParameterizedTest
  @ValueSource(ints = {BufferedImage.TYPE_BYTE_INDEXED, BufferedImage.TYPE_BYTE_BINARY})
  void palettesBecomeRgb(int type) throws IOException {
    BufferedImage image = new BufferedImage(4, 4, type);
    image.setRGB(2, 1, 0xffffffff);
    Picture picture = written(image, "png");
    assertThat(picture.values()[(4 + 2) * 3]).isEqualTo(1);
    assertThat(picture.values()[0]).isZero();
  }

  @Test
  void readsJpeg() throws IOException {
    Picture given = TestPictures.smooth(64, 48);
    Picture picture = written(given.toImage(), "jpg");
    assertThat(picture.width()).isEqualTo(64);
    assertThat(picture.psnr(given)).isGreaterThan(25);
  }

  @Test
  void saysWhatIsWrongWithAFile() throws IOException {
    Path text = Files.writeString(folder.resolve("text.png"), "not an image");
    assertThatThrownBy(() -> Picture.read(text)).hasMessageContaining("neither PNG nor JPEG");
    assertThatThrownBy(() -> Picture.read(folder.resolve("none.png")))
        .hasMessageContaining("no such file");
    assertThatThrownBy(() -> Picture.read(folder)).hasMessageContaining("folder");
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpg", "gif", "bmp", "tiff"})
  void truncatedFilesAreCalledSo(String format) throws IOException {
    byte[] whole = encoded(TestPictures.smooth(64, 64).toImage(), format);
    for (double part : new double[] {0.3, 0.6, 0.9}) {
      Path file = folder.resolve("part." + format);
      Files.write(file, Arrays.copyOf(whole, (int) (part * whole.length)));
      assertThatThrownBy(() -> Picture.read(file))
          .isInstanceOf(FileException.class)
          .hasMessage(file + ": truncated");
    }
  }

  private static byte[] encoded(BufferedImage image, String format) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    assertThat(ImageIO.write(image, format, bytes)).isTrue();
    return bytes.toByteArray();
  }

  /** A head of a PNG file that claims a size, and nothing after it. */
  @Test
  void aSizeThatIsTooLargeIsRefusedBeforeItIsTaken() throws IOException {
    ByteBuffer header = ByteBuffer.allocate(17).put("IHDR".getBytes(StandardCharsets.US_ASCII));
    header.putInt(30_000).putInt(20_000).put(new byte[] {8, 2, 0, 0, 0});
    CRC32 check = new CRC32();
    check.update(header.array());
    ByteBuffer bomb =
        ByteBuffer.allocate(33).put(new byte[] {(byte) 0x89, 'P', 'N', 'G', 13, 10, 26, 10});
    bomb.putInt(13).put(header.array()).putInt((int) check.getValue());
    Path file = Files.write(folder.resolve("bomb.png"), bomb.array());
    assertThatThrownBy(() -> Picture.read(file))
        .isInstanceOf(FileException.class)
        .hasMessage(file + ": expected at most 100 megapixels, got 30000×20000");
  }

  /** A TIFF file of samples of a kind that BufferedImage has no name for. */
  private Path tiff(int type, int bands, double... samples) throws IOException {
    int space = bands == 1 ? ColorSpace.CS_GRAY : ColorSpace.CS_sRGB;
    ColorModel colours =
        new ComponentColorModel(
            ColorSpace.getInstance(space), false, false, Transparency.OPAQUE, type);
    int width = samples.length / bands;
    WritableRaster raster = colours.createCompatibleWritableRaster(width, 1);
    raster.setPixels(0, 0, width, 1, samples);
    BufferedImage image = new BufferedImage(colours, raster, false, null);
    return Files.write(folder.resolve("a.tiff"), encoded(image, "tiff"));
  }

  @Test
  void floatingPointIsTakenAsItIs() throws IOException {
    Picture grey = Picture.read(tiff(DataBuffer.TYPE_FLOAT, 1, 0, 0.25, 1));
    assertThat(grey.values()).containsExactly(0, 0, 0, 0.25, 0.25, 0.25, 1, 1, 1);
    grey = Picture.read(tiff(DataBuffer.TYPE_DOUBLE, 1, 1e-5));
    assertThat(grey.values()).containsExactly(1e-5, 1e-5, 1e-5);
    Picture colour = Picture.read(tiff(DataBuffer.TYPE_FLOAT, 3, 0, 0.125, 0.0009765625));
    assertThat(colour.values()).containsExactly(0, 0.125, 0.0009765625);
    for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, -0.5, 255}) {
      Path file = tiff(DataBuffer.TYPE_FLOAT, 3, 0, 0, bad);
      assertThatThrownBy(() -> Picture.read(file))
          .isInstanceOf(FileException.class)
          .hasMessage(file + ": a sample of " + bad + "; expected 0 to 1");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {DataBuffer.TYPE_INT, DataBuffer.TYPE_SHORT})
  void integersWithoutAKnownRangeAreRefused(int type) throws IOException {
    for (int bands : new int[] {1, 3}) {
      Path file = tiff(type, bands, 1, 2, 3);
      assertThatThrownBy(() -> Picture.read(file))
          .isInstanceOf(FileException.class)
          .hasMessageStartingWith(file + ": samples of 32 bits or with a sign");
    }
  }

  /** A byte replaced, a few taken out or written twice, or all from there on taken away. */
  private static byte[] damaged(byte[] file, Random random) {
    if (file.length == 0) {
      return file;
    }
    int at = random.nextInt(file.length);
    int end = Math.min(file.length, at + 1 + random.nextInt(4));
    ByteArrayOutputStream result = new ByteArrayOutputStream();
    switch (random.nextInt(4)) {
      case 0 -> {
        result.write(file, 0, at);
        result.write(random.nextInt(256));
        result.write(file, at + 1, file.length - at - 1);
      }
      case 1 -> {
        result.write(file, 0, at);
        result.write(file, end, file.length - end);
      }
      case 2 -> {
        result.write(file, 0, end);
        result.write(file, at, file.length - at);
      }
      default -> result.write(file, 0, at);
    }
    return result.toByteArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "jpg", "gif", "bmp", "tiff"})
  void damagedFilesAreReadOrRefused(String format) throws IOException {
    byte[] whole = encoded(TestPictures.smooth(24, 20).toImage(), format);
    Random random = new Random(13);
    Path file = folder.resolve("damaged." + format);
    for (int trial = 0; trial < 800; trial++) {
      byte[] damaged = whole;
      for (int i = random.nextInt(4); i >= 0; i--) {
        damaged = damaged(damaged, random);
      }
      if (claims(damaged) > 10_000_000) {
        continue; // It would be read or refused as well, in more memory than tests have.
      }
      Files.write(file, damaged);
      try {
        assertThat(Picture.read(file).values())
            .as("trial %d", trial)
            .matches(values -> Arrays.stream(values).allMatch(Double::isFinite));
      } catch (FileException e) {
        assertThat(e.getMessage())
            .as("trial %d", trial)
            .startsWith(file + ": ")
            .doesNotEndWith(": null");
      } catch (RuntimeException e) {
        throw new AssertionError("trial " + trial, e);
      }
    }
  }

  /** Pixels that a file says it has. */
  private static long claims(byte[] file) {
    try (ImageInputStream input = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(input);
      if (!readers.hasNext()) {
        return 0;
      }
      ImageReader reader = readers.next();
      reader.setInput(input, true, true);
      return (long) reader.getWidth(0) * reader.getHeight(0);
    } catch (IOException | RuntimeException e) {
      return 0;
    }
  }

  @Test
  void theCentreSquareKeepsMeansAndConstants() {
    Picture picture = TestPictures.smooth(90, 60).centreSquare(25);
    assertThat(picture.width()).isEqualTo(25);
    Picture same = TestPictures.smooth(60, 60);
    assertThat(same.centreSquare(60).psnr(same)).isGreaterThan(200);
    double[] halves = new double[4 * 2 * 3];
    for (int i = 0; i < halves.length; i++) {
      int pixel = i / 3;
      halves[i] = pixel % 4; // columns 0 1 2 3, of which 1 and 2 remain
    }
    assertThat(new Picture(4, 2, halves).centreSquare(1).values())
        .containsExactly(new double[] {1.5, 1.5, 1.5}, within(1e-12));
  }

  @Test
  void theExampleIsThere() {
    assertThat(Picture.example().width()).isEqualTo(256);
  }
}
