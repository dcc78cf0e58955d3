package io.github.diffsvd.internal.backend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.OwnedMatrixBatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole processes that start beside, after and in spite of one another. */
class NativeStartTest {
  private static final int PATIENCE_SECONDS = 300;

  /** Where a disk is full, a write ends as it does at this limit, of at most 100 KiB. */
  private static final String FULL_DISK = "ulimit -f 100; exec \"$@\"";

  @TempDir Path folder;
  private Path home;
  private Path temporary;
  private Path work;

  @BeforeEach
  void folders() throws IOException {
    home = Files.createDirectory(folder.resolve("home"));
    temporary = Files.createDirectory(folder.resolve("tmp"));
    work = Files.createDirectory(folder.resolve("work"));
  }

  /**
   * Says what the CPU is, or why there is none, then takes memory, for which JavaCPP loads its own
   * natives.
   */
  static final class Start {
    public static void main(String[] args) {
      try (Device device = Device.open("cpu");
          OwnedMatrixBatch batch = device.allocate(new BatchShape(DataType.FLOAT32, 1, 2, 2))) {
        System.out.println(device.description() + " " + batch.size());
      } catch (DeviceUnavailableException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  private Process start(String... options) throws IOException {
    return start(List.of(), List.of(Start.class.getName()), options);
  }

  private Process start(List<String> shell, List<String> program, String... options)
      throws IOException {
    List<String> command = new ArrayList<>(shell);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Duser.home=" + home);
    command.add("-Djava.io.tmpdir=" + temporary);
    command.addAll(Arrays.asList(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(program);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.directory(work.toFile());
    builder.environment().remove("XDG_CACHE_HOME");
    return builder.start();
  }

  private static List<String> lines(Process process) throws IOException, InterruptedException {
    List<String> lines;
    try (Stream<String> output = process.inputReader().lines()) {
      lines = output.toList();
    }
    assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as("%s", lines).isZero();
    return lines;
  }

  private static String cpu(Process process) throws IOException, InterruptedException {
    return String.join("\n", lines(process));
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> !file.equals(folder)).toList();
    }
  }

  /** JCuda unpacks its natives without looking whether another process is about to. */
  @Test
  void processesThatStartTogetherShareOneFolderForEverything() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      processes.add(start());
    }
    List<String> first = lines(processes.get(0));
    assertThat(first).anySatisfy(line -> assertThat(line).matches(".* kernels on .*"));
    for (Process process : processes.subList(1, processes.size())) {
      assertThat(lines(process)).isEqualTo(first);
    }
    assertThat(files(temporary)).isEmpty();
    assertThat(files(home.resolve(".cache").resolve("diffsvd")))
        .noneMatch(file -> file.toString().endsWith(".part"));
  }

  @Test
  void aLibraryThatWasCutIsHealedBeforeItIsLoaded() throws Exception {
    String expected = cpu(start());
    List<Path> libraries =
        files(home).stream().filter(file -> file.toString().contains("libdiffsvd")).toList();
    assertThat(libraries).hasSize(4);
    for (Path library : libraries) {
      Files.write(library, Arrays.copyOf(Files.readAllBytes(library), 10_000));
    }
    assertThat(cpu(start())).isEqualTo(expected).contains("kernels on");
  }

  @ParameterizedTest
  @ValueSource(strings = {"?", "/proc/none"})
  void aUserWithoutNameAndHomeHasOneFolderInTheTemporaryOne(String none) throws Exception {
    for (int i = 0; i < 2; i++) {
      assertThat(cpu(start("-Duser.name=?", "-Duser.home=" + none))).contains("kernels on");
    }
    try (Stream<Path> folders = Files.list(temporary)) {
      assertThat(folders)
          .containsExactly(
              temporary.resolve("diffsvd-" + Files.getAttribute(temporary, "unix:uid")));
    }
    assertThat(files(work)).isEmpty();
  }

  @Test
  void aFullDiskIsOneLineAndLeavesNothing() throws Exception {
    List<String> shell = List.of("sh", "-c", FULL_DISK, "sh");
    assertThat(cpu(start(shell, List.of(Start.class.getName()), "-XX:-UsePerfData")))
        .startsWith("cpu: the kernels cannot be loaded: no folder for the native")
        .contains(home.resolve(".cache").resolve("diffsvd") + ": ")
        .contains(temporary.resolve("diffsvd-") + "")
        .doesNotContain("null");
    assertThat(files(temporary)).isEmpty();
    assertThat(home.resolve(".cache").resolve("diffsvd")).doesNotExist();
  }

  @Test
  void anEmptyPropertyIsNotTheCurrentFolder() throws Exception {
    assertThat(cpu(start("-Ddiffsvd.native=")))
        .isEqualTo("cpu: the kernels cannot be loaded: -Ddiffsvd.native= names no folder");
  }

  @Test
  void aFolderThatHoldsNoneIsNamed() throws Exception {
    assertThat(cpu(start("-Ddiffsvd.native=" + home)))
        .startsWith("cpu: the kernels cannot be loaded: ")
        .contains(home.resolve("libdiffsvd.so").toString());
  }
}
