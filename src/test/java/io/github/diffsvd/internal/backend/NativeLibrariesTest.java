package io.github.diffsvd.internal.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What may have happened to the folder of natives between two starts. */
class NativeLibrariesTest {
  private static final String ROOT = "/io/github/diffsvd/internal/backend/";
  private static final String FIRST = "NativeLibraries.class";
  private static final List<String> NAMES = List.of(FIRST, "Devices.class");

  @TempDir Path temporary;
  private Path place;

  @BeforeEach
  void place() {
    place = temporary.resolve("diffsvd");
  }

  private Path unpack() throws IOException {
    return NativeLibraries.unpack(List.of(place), ROOT, NAMES);
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream stream = NativeLibraries.class.getResourceAsStream(ROOT + name)) {
      return stream.readAllBytes();
    }
  }

  private void isWhole(Path folder) throws IOException {
    assertThat(list(place)).containsExactly(folder);
    assertThat(list(folder)).hasSize(NAMES.size());
    for (String name : NAMES) {
      assertThat(folder.resolve(name))
          .isRegularFile()
          .hasBinaryContent(resource(name))
          .satisfies(file -> assertThat(Files.isSymbolicLink(file)).isFalse());
    }
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  private void isRefused(String reason) {
    assertThatThrownBy(this::unpack)
        .isInstanceOf(IOException.class)
        .hasMessage(
            "no folder for the native libraries (" + reason + "); XDG_CACHE_HOME can name one");
  }

  @Test
  void tenStartsLeaveOneFolder() throws IOException {
    Path folder = unpack();
    for (int i = 1; i < 10; i++) {
      assertThat(unpack()).isEqualTo(folder);
    }
    isWhole(folder);
    assertThat(Files.getPosixFilePermissions(place))
        .isEqualTo(PosixFilePermissions.fromString("rwx------"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"one missing", "all missing", "empty", "cut", "other", "longer", "link"})
  void aFileThatIsNotAsItWasIsWrittenAnew(String fault) throws IOException {
    Path folder = unpack();
    Path file = folder.resolve(FIRST);
    byte[] content = Files.readAllBytes(file);
    switch (fault) {
      case "one missing" -> Files.delete(file);
      case "all missing" -> {
        for (String name : NAMES) {
          Files.delete(folder.resolve(name));
        }
      }
      case "empty" -> Files.write(file, new byte[0]);
      case "cut" -> Files.write(file, Arrays.copyOf(content, content.length / 2));
      case "other" -> {
        content[content.length / 2]++;
        Files.write(file, content);
      }
      case "longer" -> Files.write(file, Arrays.copyOf(content, content.length + 1));
      case "link" -> {
        Path elsewhere = temporary.resolve("elsewhere");
        Files.move(file, elsewhere);
        Files.createSymbolicLink(file, elsewhere);
      }
      default -> throw new AssertionError(fault);
    }
    assertThat(unpack()).isEqualTo(folder);
    isWhole(folder);
  }

  @Test
  void aFileIsReplacedAndNeverWrittenOver() throws IOException {
    Path file = unpack().resolve(FIRST);
    Files.write(file, new byte[] {1, 2, 3});
    try (InputStream loaded = Files.newInputStream(file)) {
      unpack();
      assertThat(loaded.readAllBytes()).containsExactly(1, 2, 3);
    }
  }

  @Test
  void aFolderThatOthersCanReadIsTaken() throws IOException {
    Path folder = unpack();
    Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxr-xr-x"));
    assertThat(unpack()).isEqualTo(folder);
    isWhole(folder);
  }

  @Test
  void aFolderThatOthersCanWriteToIsRefused() throws IOException {
    Files.createDirectory(place);
    Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxr-x"));
    isRefused(place + ": other users can write to it");
    assertThat(list(place)).isEmpty();
  }

  @Test
  void aFolderOfAnotherUserIsRefused() throws IOException {
    assumeTrue(Files.getAttribute(temporary, "unix:uid").equals(0), "only root can give it away");
    Files.setAttribute(Files.createDirectory(place), "unix:uid", 54321);
    Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwx------"));
    isRefused(place + ": it belongs to another user");
    assertThat(list(place)).isEmpty();
  }

  @Test
  void aLinkIsRefusedWhereverItLeads() throws IOException {
    Path target = temporary.resolve("target");
    Files.createSymbolicLink(place, target);
    isRefused(place + ": it is a link");
    Files.createDirectory(target);
    Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("rwx------"));
    isRefused(place + ": it is a link");
    assertThat(list(target)).isEmpty();
  }

  @Test
  void aLinkInThePlaceOfTheInnerFolderIsRefused() throws IOException {
    Path folder = unpack();
    Path elsewhere = Files.move(folder, temporary.resolve("elsewhere"));
    Files.createSymbolicLink(folder, elsewhere);
    isRefused(folder + ": it is a link");
  }

  @Test
  void aFileOfThatNameIsRefusedAndStays() throws IOException {
    Files.writeString(place, "mine");
    isRefused(place + ": it is not a folder");
    assertThat(place).hasContent("mine");
  }

  @Test
  void theSecondPlaceIsTakenWhereTheFirstCannotBeUsed() throws IOException {
    Path file = Files.createFile(temporary.resolve("file"));
    Path folder = NativeLibraries.unpack(List.of(file.resolve("diffsvd"), place), ROOT, NAMES);
    assertThat(folder.getParent()).isEqualTo(place);
    isWhole(folder);
  }

  @Test
  void everyPlaceIsNamedWithItsReason() throws IOException {
    Path file = Files.createFile(temporary.resolve("file"));
    Files.createSymbolicLink(place, file);
    assertThatThrownBy(() -> NativeLibraries.unpack(List.of(file, place), ROOT, NAMES))
        .hasMessage(
            "no folder for the native libraries (%s: it is not a folder; %s: it is a link);"
                + " XDG_CACHE_HOME can name one",
            file, place);
  }

  @Test
  void aFolderThatIsMissingIsMade() throws IOException {
    place = temporary.resolve("home").resolve(".cache").resolve("diffsvd");
    isWhole(unpack());
  }
}
