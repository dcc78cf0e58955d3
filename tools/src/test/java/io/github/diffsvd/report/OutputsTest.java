package io.github.diffsvd.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.files.FileException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputsTest {
  @TempDir private Path folder;

  private Path file(String name) {
    return folder.resolve(name);
  }

  @Test
  void outputsAreToldApartFromInputsAndFromOneAnother() throws Exception {
    Files.writeString(file("a"), "a");
    Files.writeString(file("b"), "b");
    Files.createDirectory(file("sub"));
    Files.createSymbolicLink(file("sub/link"), file("a"));
    Files.createLink(file("sub/hard"), file("a"));
    for (String same : List.of("a", "./a", "sub/../a", "sub/link", "sub/hard")) {
      assertThatThrownBy(() -> Outputs.requireDistinct(List.of(file("a")), List.of(file(same))))
          .as(same)
          .isInstanceOf(FileException.class)
          .hasMessage(file(same) + ": would replace the input " + file("a"));
    }
    Outputs.requireDistinct(List.of(file("a")), List.of(file("b"), file("A"), file("none/a")));
    for (String same : List.of("new", "NEW", "sub/../new", "./new")) {
      assertThatThrownBy(() -> Outputs.requireDistinct(List.of(), List.of(file("new"), file(same))))
          .as(same)
          .hasMessage(file(same) + ": would replace the other output " + file("new"));
    }
    Outputs.requireDistinct(List.of(), List.of(file("new"), file("sub/new"), file("none/new")));
  }

  @Test
  void aFolderIsMadeAndTried() throws Exception {
    Outputs.makeFolder(file("new/folder"));
    assertThat(file("new/folder")).isEmptyDirectory();
    Files.createSymbolicLink(file("link"), file("new"));
    Outputs.makeFolder(file("link"));
    Files.writeString(file("a"), "a");
    assertThatThrownBy(() -> Outputs.makeFolder(file("a")))
        .hasMessage(file("a") + ": not a folder");
    assertThatThrownBy(() -> Outputs.makeFolder(file("a/b")))
        .hasMessage(file("a/b") + ": cannot make this folder");
    // Nobody can write here, not even root.
    Path processes = Path.of("/proc/self");
    assertThatThrownBy(() -> Outputs.makeFolder(processes))
        .isInstanceOf(FileException.class)
        .hasMessageStartingWith("/proc/self: ");
  }
}
