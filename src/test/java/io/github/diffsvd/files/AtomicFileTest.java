package io.github.diffsvd.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  private static final byte[] CONTENTS = "new".getBytes(StandardCharsets.UTF_8);

  @TempDir private Path folder;

  /** A process that begins the file of its argument and never ends it. */
  static final class Unfinished {
    private Unfinished() {}

    public static void main(String[] args) throws Exception {
      try (AtomicFile file = AtomicFile.create(Path.of(args[0]))) {
        file.write(CONTENTS);
        System.out.println("begun");
        Thread.sleep(TimeUnit.HOURS.toMillis(1));
      }
    }
  }

  private Path file(String name) {
    return folder.resolve(name);
  }

  @Test
  void theOldContentsStayUntilTheNewAreComplete() throws Exception {
    Files.writeString(file("a"), "old");
    try (AtomicFile file = AtomicFile.create(file("a"))) {
      file.channel().write(ByteBuffer.wrap(CONTENTS));
      assertThat(file("a")).hasContent("old");
      AtomicFile.commit(file);
      assertThat(file("a")).hasContent("new");
    }
    try (AtomicFile file = AtomicFile.create(file("a"))) {
      file.channel().write(ByteBuffer.wrap(new byte[100]));
    }
    assertThat(file("a")).hasContent("new");
    assertThat(folder.toFile().list()).containsExactly("a");
  }

  @Test
  void theLongestNameIsWrittenAndALongerOneRefusedAtOnce() throws Exception {
    AtomicFile.write(file("x".repeat(255)), CONTENTS);
    assertThat(folder.toFile().list()).containsExactly("x".repeat(255));
    assertThatThrownBy(() -> AtomicFile.create(file("x".repeat(256))))
        .isInstanceOf(FileException.class)
        .hasMessage(file("x".repeat(256)) + ": File name too long");
  }

  @Test
  void aLinkIsReplacedAndNotFollowed() throws Exception {
    Files.writeString(file("a"), "old");
    Files.createSymbolicLink(file("link"), file("a"));
    AtomicFile.write(file("link"), CONTENTS);
    assertThat(file("a")).hasContent("old");
    assertThat(file("link")).hasContent("new").isRegularFile();
  }

  @Test
  void onlyWhatNoProcessIsWritingIsRemoved() throws Exception {
    Files.writeString(file(".diffsvd-left.tmp"), "left");
    Files.createSymbolicLink(file(".diffsvd-link.tmp"), Path.of("/dev/null"));
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Unfinished.class.getName(),
                file("theirs").toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (AtomicFile own = AtomicFile.create(file("own"))) {
      own.write(CONTENTS);
      assertThat(other.inputReader().readLine()).isEqualTo("begun");
      AtomicFile.removeLeftovers(folder);
      assertThat(file(".diffsvd-left.tmp")).doesNotExist();
      assertThat(folder.toFile().list()).as("own, theirs and the link").hasSize(3);
      AtomicFile.commit(own);
    } finally {
      other.destroyForcibly().waitFor();
    }
    AtomicFile.removeLeftovers(folder);
    assertThat(folder.toFile().list()).containsExactlyInAnyOrder("own", ".diffsvd-link.tmp");
    assertThat(file("own")).hasContent("new");
  }
}
