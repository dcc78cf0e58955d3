package io.github.diffsvd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.recover.Picture;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecoverCommandTest {
  private static final String[] PICTURES = {
    "seen.png", "recovered.png", "side-by-side.png", "loss.png"
  };

  @TempDir private Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int recover(String... arguments) {
    List<String> all = new ArrayList<>(List.of("recover", "--device", "cpu"));
    all.addAll(List.of("--out", output().toString()));
    all.addAll(List.of(arguments));
    return Main.run(
        all.toArray(String[]::new), new PrintWriter(out, true), new PrintWriter(err, true));
  }

  private Path output() {
    return folder.resolve("out");
  }

  private String picture(String name, int width, int height) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    image.createGraphics().drawImage(Picture.example().toImage(), 0, 0, width, height, null);
    assertThat(ImageIO.write(image, "png", file.toFile())).isTrue();
    return file.toString();
  }

  @Test
  void recoversTheBundledPicture() throws IOException {
    assertThat(recover("--size", "64", "--iterations", "2", "--cells", "2")).isZero();
    assertThat(err.toString()).isEmpty();
    assertThat(out.toString()).startsWith("example: seen ").hasLineCount(1);
    for (String file : PICTURES) {
      assertThat(ImageIO.read(output().resolve(file).toFile())).as(file).isNotNull();
    }
    assertThat(ImageIO.read(output().resolve("recovered.png").toFile()).getWidth()).isEqualTo(64);
    assertThat(Files.readString(output().resolve("metrics.json")))
        .contains("\"name\": \"example\"")
        .contains("\"rule\": \"spectral\"")
        .contains("\"nonfinite_gradients\": 0")
        .contains("\"psnr_seen\": ")
        .contains("\"psnr_thin_plate\": ")
        .contains("\"psnr_across_channels\": ")
        .contains("\"psnr_start\": ")
        .contains("\"psnr_untrained\": ")
        .contains("\"psnr_learned\": ")
        .contains("\"seconds\": ");
    try (Stream<Path> files = Files.list(output())) {
      assertThat(files).hasSize(PICTURES.length + 1);
    }
  }

  @Test
  void severalPicturesGoToFoldersOfTheirNames() throws IOException {
    String first = picture("a/cat.png", 40, 32);
    String second = picture("b/cat.png", 600, 520);
    assertThat(recover(first, second, "--iterations", "1", "--cells", "1")).isZero();
    Path recovered = output().resolve("cat/recovered.png");
    assertThat(ImageIO.read(recovered.toFile()).getWidth()).as("as it is").isEqualTo(40);
    recovered = output().resolve("cat-2/recovered.png");
    assertThat(ImageIO.read(recovered.toFile()).getWidth()).as("scaled").isEqualTo(256);
    assertThat(Files.readString(output().resolve("metrics.json")))
        .contains("\"cat\"")
        .contains("\"cat-2\"");
  }

  @Test
  void badPicturesAreRefusedBeforeAnyWork() throws IOException {
    String good = picture("good.png", 40, 40);
    String small = picture("small.png", 31, 80);
    String text = Files.writeString(folder.resolve("text.jpg"), "no").toString();
    String missing = folder.resolve("missing.png").toString();
    for (String bad : new String[] {small, text, missing, folder.toString()}) {
      err.getBuffer().setLength(0);
      assertThat(recover(good, bad)).as(bad).isEqualTo(2);
      assertThat(err.toString()).contains(bad + ": ").hasLineCount(1);
      assertThat(output()).doesNotExist();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"...png", "..png", "metrics.json.png", "Metrics.json.png"})
  void namesThatLeadOutOfTheOutputAreRefused(String name) throws IOException {
    String good = picture("good.png", 40, 40);
    String bad = picture(name, 40, 40);
    assertThat(recover(good, bad)).isEqualTo(2);
    assertThat(err.toString()).contains(bad + ": among several pictures").hasLineCount(1);
    assertThat(output()).doesNotExist();
  }

  @Test
  void anUnknownGradientIsToldEveryOneThereIs() {
    assertThat(recover("--gradient", "nonsense")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("diffsvd recover: --gradient: expected one of spectral, resolve-ties, moore-")
        .contains("svd-inv, got nonsense");
  }

  @Test
  void aPictureIsNotReplacedByAnOutput() throws IOException {
    String given = picture("out/seen.png", 40, 40);
    byte[] before = Files.readAllBytes(Path.of(given));
    assertThat(recover(given)).isEqualTo(2);
    assertThat(err.toString()).contains("seen.png: would replace the input ").hasLineCount(1);
    assertThat(Path.of(given)).hasBinaryContent(before);
  }

  @Test
  void namesThatDifferInCaseAreTwoEverywhere() throws IOException {
    String first = picture("a/cat.png", 32, 32);
    String second = picture("b/CAT.png", 32, 32);
    assertThat(recover(first, second, "--iterations", "0", "--cells", "1")).isZero();
    assertThat(output().resolve("CAT-2/recovered.png")).exists();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--rate=0",
        "--rate=1",
        "--rate=NaN",
        "--size=31",
        "--cells=0",
        "--iterations=-1",
        "--gradient=none"
      })
  void badOptionsAreRefused(String option) {
    assertThat(recover(option)).isEqualTo(2);
    assertThat(err.toString()).contains(option.substring(2, 6)).hasLineCount(1);
    assertThat(output()).doesNotExist();
  }
}
