package io.github.diffsvd.recover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.awt.image.WritableRaster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
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
    Path whole = folder.resolve("whole.png");
    ImageIO.write(TestPictures.smooth(64, 64).toImage(), "png", whole.toFile());
    byte[] bytes = Files.readAllBytes(whole);
    Path half = Files.write(folder.resolve("half.png"), Arrays.copyOf(bytes, 400));
    assertThatThrownBy(() -> Picture.read(half)).isInstanceOf(IOException.class);
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
