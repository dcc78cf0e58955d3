package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The scripts around CMake, with a CMake that does nothing. */
class BuildScriptsTest {
  private static final int PATIENCE_SECONDS = 300;

  @TempDir Path folder;
  private Path build;

  @BeforeEach
  void cmake() throws IOException {
    build = Files.createDirectory(folder.resolve("build"));
    Files.writeString(
        Files.createFile(
            Files.createDirectory(folder.resolve("bin")).resolve("cmake"),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))),
        "#!/bin/sh\n");
  }

  private Process run(Path script, String... arguments) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(script.toAbsolutePath().toString());
    builder.command().addAll(List.of(arguments));
    builder
        .environment()
        .merge("PATH", "", (path, none) -> folder.resolve("bin") + File.pathSeparator + path);
    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.redirectError(folder.resolve("err").toFile());
    Process process = builder.start();
    assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    return process;
  }

  @ParameterizedTest
  @ValueSource(strings = {"kernels/build", "native-tests/run", "native-tests/simulator/build"})
  void aCacheOfAnotherFolderIsDropped(String name) throws Exception {
    Path script = Path.of(name);
    Path cache = build.resolve("CMakeCache.txt");
    Path files = build.resolve("CMakeFiles");
    for (boolean moved : new boolean[] {false, true}) {
      Path home = moved ? folder : script.toRealPath().getParent();
      Files.writeString(cache, "A:STRING=b\nCMAKE_HOME_DIRECTORY:INTERNAL=" + home + "\n");
      Files.createDirectories(files.resolve("objects"));
      // What a script does after CMake is not asked here, so neither is its status.
      run(script, build.toString(), folder.resolve("out").toString(), "80", "java-home");
      assertThat(Files.exists(cache)).isEqualTo(!moved);
      assertThat(Files.exists(files)).isEqualTo(!moved);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\"b", "a#b", "a$b", "a%b", "a*b", "a:b", "a;b", "a?b", "a[b", "a\\b"})
  void aFolderThatCmakeCannotBuildInIsOneLine(String name) throws Exception {
    Path kernels = Files.createDirectories(folder.resolve(name).resolve("kernels"));
    Path script = Files.copy(Path.of("kernels/build"), kernels.resolve("build"));
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    Process process = run(script, build.toString(), folder.toString(), "80", "java-home");
    assertThat(process.exitValue()).isEqualTo(1);
    assertThat(Files.readAllLines(folder.resolve("err")))
        .singleElement()
        .asString()
        .startsWith("diffsvd: CMake and make cannot build in a folder with any of ")
        .endsWith(": " + kernels.toRealPath());
  }

  @Test
  void aFolderWithSpacesAndSingleQuotesIsTaken() throws Exception {
    Path kernels = Files.createDirectories(folder.resolve("it's a b (c)&d").resolve("kernels"));
    Path script = Files.copy(Path.of("kernels/build"), kernels.resolve("build"));
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    Process process = run(script, build.toString(), folder.toString(), "80", "java-home");
    assertThat(Files.readString(folder.resolve("err"))).isEmpty();
    assertThat(process.exitValue()).isZero();
  }
}
