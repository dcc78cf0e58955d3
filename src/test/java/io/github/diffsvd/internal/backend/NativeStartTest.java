package io.github.diffsvd.internal.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.interop.DlTensors;
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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole processes that start beside, after and in spite of one another. */
class NativeStartTest {
  private static final int PATIENCE_SECONDS = 300;

  /** Where a disk is full, a write ends as it does at this limit, of at most 100 KiB. */
  private static final String FULL_DISK = "ulimit -f 100; exec \"$@\"";

  private static final String DENY = "--illegal-native-access=deny";

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

  /** Says what the device is, or why there is none, and decomposes a matrix. */
  static final class Start {
    public static void main(String[] args) {
      BatchShape shape = new BatchShape(DataType.FLOAT32, 1, 2, 2);
      try (Device device = Device.open(args[0]);
          OwnedMatrixBatch batch = device.upload(shape, 1, 0, 0, 1);
          SvdPlan plan = SvdPlan.create(device, shape)) {
        plan.forward(batch, plan.allocateFactors(), plan.allocateInfo());
        System.out.println(device.description() + " " + batch.size());
      } catch (DeviceUnavailableException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  private Process start(String... options) throws IOException {
    return start("cpu", options);
  }

  private Process start(String device, String[] options) throws IOException {
    return start(List.of(), List.of(Start.class.getName(), device), options);
  }

  private Process start(List<String> shell, List<String> program, String... options)
      throws IOException {
    List<String> command = new ArrayList<>(shell);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Duser.home=" + home);
    command.add("-Djava.io.tmpdir=" + temporary);
    if (!List.of(options).contains(DENY)) {
      // Java 24 and newer would warn, beside what a test reads.
      command.add("--enable-native-access=ALL-UNNAMED");
    }
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
        .noneMatch(file -> file.toString().endsWith(".tmp"));
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
    List<String> program = List.of(Start.class.getName(), "cpu");
    assertThat(cpu(start(shell, program, "-XX:-UsePerfData")))
        .startsWith("cpu: the kernels cannot be loaded: no folder for the native")
        .contains(home.resolve(".cache").resolve("diffsvd") + "/")
        .contains(temporary.resolve("diffsvd-") + "")
        .doesNotContain("null");
    assertThat(files(temporary)).isEmpty();
    assertThat(home.resolve(".cache").resolve("diffsvd")).doesNotExist();
  }

  /** Hands a tensor over twice, and says why it cannot. */
  static final class HandOver {
    public static void main(String[] args) {
      for (int i = 0; i < 2; i++) {
        try {
          DlTensors.delete(1);
        } catch (DeviceUnavailableException e) {
          System.out.println(e.getMessage());
        }
      }
    }
  }

  @Test
  void dlPackWithoutNativesNamesTheReasonEveryTime() throws Exception {
    Process process =
        start(List.of(), List.of(HandOver.class.getName()), "-Ddiffsvd.native=" + work);
    String problem = "cpu: the kernels cannot be loaded: ";
    assertThat(lines(process)).hasSize(2).allMatch(line -> line.startsWith(problem));
  }

  /** As a runtime image of jlink's may be. */
  @Test
  void aJavaWithoutFlightRecorderWorks() throws Exception {
    assertThat(cpu(start("--limit-modules=java.base,java.logging"))).contains(" kernels on ");
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

  @ParameterizedTest
  @CsvSource({
    "cpu, Windows 11, aarch64, windows-aarch64",
    "auto, Windows 11, amd64, windows-x86_64",
    "auto, Mac OS X, aarch64, macos-aarch64",
    "cpu, Linux, riscv64, linux-riscv64",
    "cpu, Linux, aarch64, linux-aarch64; its natives are in diffsvd's jar with the classifier linux-aarch64",
  })
  void aPlatformThatNothingWasBuiltForIsNamed(
      String device, String system, String processor, String platform) throws Exception {
    assumeThat(Platform.current().name()).isEqualTo("linux-x86_64");
    String[] options = {"-Dos.name=" + system, "-Dos.arch=" + processor};
    assertThat(lines(start(device, options)))
        .containsExactly("cpu: built for linux-x86_64, this is " + platform);
  }

  @ParameterizedTest
  @CsvSource({
    "Windows 11, aarch64, JCudaDriver-12.6.0-windows-aarch64.dll",
    "Mac OS X, aarch64, libJCudaDriver-12.6.0-apple-aarch64.dylib",
    "Linux, aarch64, libJCudaDriver-12.6.0-linux-aarch64.so",
  })
  void cudaNamesTheNativesThatAPlatformLacks(String system, String processor, String file)
      throws Exception {
    String[] options = {"-Dos.name=" + system, "-Dos.arch=" + processor};
    assertThat(lines(start("cuda:0", options)))
        .singleElement()
        .asString()
        .startsWith("cuda:0: org.jcuda:jcuda-natives for this platform is not on the class path")
        .contains("/lib/" + file);
  }

  /** JavaCPP's natives are looked for even where the kernels were built by hand. */
  @Test
  void nativesOfJavaCppThatAreMissingAreNamed() throws Exception {
    assertThat(cpu(start("-Dorg.bytedeco.javacpp.platform=linux-arm64")))
        .isEqualTo(
            "cpu: org.bytedeco:javacpp has no natives here; its jar with the classifier"
                + " linux-arm64 brings them");
  }

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "auto", "cuda:0"})
  void aJavaThatRefusesNativeCodeNamesTheOption(String device) throws Exception {
    assumeThat(Runtime.version().feature())
        .as("--illegal-native-access=deny came with Java 24")
        .isGreaterThanOrEqualTo(24);
    assertThat(lines(start(device, new String[] {DENY})))
        .singleElement()
        .asString()
        .startsWith(device.equals("auto") ? "cpu: " : device + ": ")
        .contains(NativeLibraries.REFUSED);
  }
}
