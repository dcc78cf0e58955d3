package io.github.diffsvd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.npy.NpyType;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The command line from end to end, as a process of its own. Runs while Maven does: the classes are
 * compiled by then and newer than every source, so the launcher has nothing to build.
 */
class LauncherTest {
  private static final Path LAUNCHER = Path.of("bin", "diffsvd").toAbsolutePath();
  private static final String STAMP = "tools/target/class-path";
  private static final int PATIENCE_SECONDS = 300;

  private record Result(int status, String out, String err) {}

  @TempDir Path folder;
  private final List<Path> links = new ArrayList<>();

  @BeforeEach
  void files() throws Exception {
    NpyFiles.write(
        folder.resolve("a b.npy"), NpyType.FLOAT64, new long[] {5, 4, 3}, NpyFiles.random(60, 1));
    NpyFiles.write(
        folder.resolve("gu.npy"), NpyType.FLOAT64, new long[] {5, 4, 3}, NpyFiles.random(60, 2));
    Files.writeString(folder.resolve("bad.npy"), "not an array");
  }

  private Path link(Path link, Path target) throws IOException {
    links.add(link);
    return Files.createSymbolicLink(link, target);
  }

  @AfterEach
  void deleteLinks() throws IOException {
    for (Path link : links) {
      Files.delete(link);
    }
  }

  private Result run(Path launcher, String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(launcher.toString()));
    command.addAll(Arrays.asList(args));
    File out = folder.resolve("out.txt").toFile();
    File err = folder.resolve("err.txt").toFile();
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out)
            .redirectError(err);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    // A build from here would be a second Maven in the same folder: it has to fail.
    builder.environment().put("MAVEN_OPTS", "-Dnot.wanted.here --not-an-option");
    Process process = builder.start();
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("still running after " + PATIENCE_SECONDS + " s");
    }
    return new Result(
        process.exitValue(), Files.readString(out.toPath()), Files.readString(err.toPath()));
  }

  private void succeed(String... args) throws IOException, InterruptedException {
    Result result = run(LAUNCHER, args);
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
  }

  @Test
  void decomposesAndTakesItsOwnFactorsBitForBit() throws Exception {
    succeed("svd", "a b.npy", "--out", "the factors");
    succeed("grad", "a b.npy", "--grad-u", "gu.npy", "--out", "g1.npy");
    succeed("grad", "a b.npy", "--grad-u", "gu.npy", "--out", "g2.npy", "--factors", "the factors");
    assertThat(folder.resolve("g2.npy")).hasSameBinaryContentAs(folder.resolve("g1.npy"));
    assertThat(NpyFiles.read(folder.resolve("g1.npy")))
        .hasSize(60)
        .matches(v -> Arrays.stream(v).allMatch(Double::isFinite));
  }

  @Test
  void aBadFileIsOneLineAndLeavesTheOutput() throws Exception {
    succeed("svd", "a b.npy", "--out", "o");
    byte[] old = Files.readAllBytes(folder.resolve("o/U.npy"));
    Result result = run(LAUNCHER, "svd", "bad.npy", "--out", "o");
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.out()).isEmpty();
    assertThat(result.err()).isEqualTo("diffsvd svd: bad.npy: not a .npy file (wrong magic)\n");
    assertThat(folder.resolve("o/U.npy")).hasBinaryContent(old);
  }

  @Test
  void worksThroughALinkFromAnywhere() throws Exception {
    Path link = link(folder.resolve("a link"), LAUNCHER);
    Result result = run(link(folder.resolve("second"), link.getFileName()), "info");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("cpu").contains(System.getProperty("java.version"));
  }

  @Test
  void worksThroughALinkToItsFolder() throws Exception {
    Path link = link(folder.resolve("tools"), LAUNCHER.getParent());
    Result result = run(link.resolve("diffsvd"), "info");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
  }

  /** What the launcher looks at of a checkout that was built. */
  private Path checkout(String name) throws IOException {
    Path root = Files.createDirectory(folder.resolve(name));
    Path here = LAUNCHER.getParent().getParent();
    Files.createDirectory(root.resolve("bin"));
    for (String parent : List.of("src", "target", "tools/src", "tools/target")) {
      Files.createDirectories(root.resolve(parent));
    }
    Files.copy(LAUNCHER, root.resolve("bin/diffsvd"), StandardCopyOption.COPY_ATTRIBUTES);
    for (String part :
        List.of(
            "kernels",
            "pom.xml",
            "src/main",
            "src/pom.xml",
            "target/classes",
            "tools/pom.xml",
            "tools/src/main",
            "tools/target/classes")) {
      link(root.resolve(part), here.resolve(part));
    }
    // The stamp comes last: nothing is newer.
    Files.copy(here.resolve(STAMP), root.resolve(STAMP));
    return root;
  }

  @Test
  void worksInACheckoutOfAnyOtherName() throws Exception {
    Path root = checkout("a 'single' \"double\" $(touch no) `touch no` * %s \\n");
    for (int i = 0; i < 2; i++) {
      Result result = run(root.resolve("bin/diffsvd"), "info");
      assertThat(result.err()).isEmpty();
      assertThat(result.status()).isZero();
      assertThat(result.out()).contains("kernels on");
    }
    assertThat(folder.resolve("no")).doesNotExist();
    assertThat(root.resolve("tools/target/launcher/diffsvd.jar")).isRegularFile();
  }

  @Test
  void aColonInTheNameOfTheCheckoutIsOneLine() throws Exception {
    Path root = checkout("a:b");
    Result result = run(root.resolve("bin/diffsvd"), "info");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.out()).isEmpty();
    assertThat(result.err())
        .isEqualTo(
            "diffsvd: there is a colon in %s, and a colon ends an entry of Java's class path:"
                    .formatted(root.toRealPath())
                + " rename or move that folder\n");
  }

  /** A file in the place of a folder, because to root nothing is read-only. */
  @Test
  void aCheckoutThatCannotBeWrittenToIsOneLineUnlessItIsBuilt() throws Exception {
    Path root = checkout("read-only");
    Files.createFile(root.resolve("tools/target/launcher"));
    Result built = run(root.resolve("bin/diffsvd"), "info");
    assertThat(built.err()).isEmpty();
    assertThat(built.status()).isZero();

    Files.delete(root.resolve(STAMP));
    Result result = run(root.resolve("bin/diffsvd"), "info");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .isEqualTo(
            "diffsvd: %s has to be built and cannot be written to: use a copy of it, or build it"
                    .formatted(root.toRealPath())
                + " once as a user who can\n");
  }
}
