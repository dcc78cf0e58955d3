package io.github.diffsvd.experiments;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.recover.Picture;
import io.github.diffsvd.report.ReportFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands, as small as they go. */
class MainTest {
  @TempDir private Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private Path results;

  @BeforeEach
  void name() {
    results = folder.resolve("results");
  }

  private int run(String... arguments) {
    return Main.run(new PrintWriter(out), new PrintWriter(err), arguments);
  }

  private void assertReport(String... pictures) throws IOException {
    String page = Files.readString(results.resolve("report.html"));
    assertThat(page).contains("<table>").endsWith("</body></html>\n");
    assertThat(page.split("data:image/png;base64,", -1)).hasSize(pictures.length + 1);
    for (String picture : pictures) {
      assertThat(results.resolve(picture + ".png")).isNotEmptyFile();
    }
    assertThat(Files.readString(results.resolve("results.json"))).contains("\"nonfinite\": 0");
  }

  @Test
  void ties() throws IOException {
    String[] arguments = {
      "ties",
      "--out",
      results.toString(),
      "--steps",
      "2",
      "--cells",
      "1",
      "--rules",
      "spectral,exact"
    };
    assertThat(run(arguments)).as(err.toString()).isZero();
    assertReport("losses");
    assertThat(out.toString()).contains("exact").contains("0 of 2");
  }

  @Test
  void mri() throws IOException {
    assertThat(
            run(
                "mri",
                "--out",
                results.toString(),
                "--steps",
                "2",
                "--cells",
                "1",
                "--size",
                "40",
                "--frames",
                "4",
                "--rules",
                "spectral,svd-inv",
                "--masks",
                "CARTESIAN"))
        .as(err.toString())
        .isZero();
    assertReport("acceleration-8", "acceleration-10", "losses");
  }

  @Test
  void colour() throws IOException {
    Path pictures = Files.createDirectory(folder.resolve("pictures"));
    Picture picture = Picture.example();
    ReportFiles.write(pictures.resolve("one.png"), picture.centreSquare(48).toImage());
    ReportFiles.write(pictures.resolve("two.png"), picture.centreSquare(40).toImage());
    assertThat(
            run(
                "colour",
                "--out",
                results.toString(),
                "--steps",
                "2",
                "--cells",
                "1",
                "--size",
                "32",
                "--pictures",
                pictures.toString(),
                "--rules",
                "spectral",
                "--rates",
                "0.4"))
        .as(err.toString())
        .isZero();
    assertReport("one", "two", "losses");
  }

  @Test
  void mistakesAreNamed() throws IOException {
    assertMistake("--steps: expected at least 1, got 0", "ties", "--steps", "0");
    assertMistake("--device: expected cpu or cuda:N, got tpu", "ties", "--device", "tpu");
    assertMistake("--rules: ", "ties", "--rules", "best");
    assertMistake("--size: expected a multiple of 8", "mri", "--size", "20");
    assertMistake(
        "--pictures: expected one to train on", "colour", "--pictures", folder.toString());
    assertThat(results).doesNotExist();
  }

  @Test
  void filesThatCannotBeWrittenAreNamedBeforeTheWork() throws IOException {
    results = Files.writeString(folder.resolve("file"), "not a folder");
    assertMistake("experiments: " + results + ": not a folder", "ties");
    assertMistake("Missing required option: '--pictures=DIR'", "colour", "@" + folder);
    results = Files.createDirectory(folder.resolve("pictures"));
    assertMistake(
        "experiments: " + results + ": would replace the input " + results + "/.",
        "colour",
        "--pictures",
        results + "/.");
  }

  private void assertMistake(String message, String... arguments) {
    String[] all = new String[arguments.length + 2];
    System.arraycopy(arguments, 0, all, 0, arguments.length);
    all[arguments.length] = "--out";
    all[arguments.length + 1] = results.toString();
    err.getBuffer().setLength(0);
    assertThat(run(all)).isEqualTo(2);
    assertThat(err.toString()).startsWith(message);
  }
}
