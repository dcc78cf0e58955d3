package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** native-tests/gpu-pack and gpu-run: what they need, and parts that come one after the other. */
class GpuPackTest {
  private static final int PATIENCE_SECONDS = 300;

  /** A kit of a program that says where the tests of the kernels are, as .tar.xz. */
  private static final String PACK =
      """
      import io, sys, tarfile
      with tarfile.open(sys.argv[1], "w:xz") as archive:
          for name, text in ("kernel-tests", "-"), ("commit", "abc"), ("tell", '#!/bin/sh\\necho "$KERNEL_TESTS $DIFFSVD_COMMIT $1"\\n'):
              entry = tarfile.TarInfo(name)
              entry.mode, entry.size = 0o755, len(text)
              archive.addfile(entry, io.BytesIO(text.encode()))
      """;

  @TempDir Path folder;
  private String python;

  @BeforeEach
  void python() throws Exception {
    ProcessBuilder which = new ProcessBuilder("sh", "-c", "command -v python3");
    assumeTrue(which.start().waitFor() == 0, "no python3 here");
    assertThat(run("python3", "-c", "import sys; print(sys.executable)")).isZero();
    python = output().strip();
  }

  private int run(String... command) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("out").toFile());
    builder.environment().put("DIFFSVD_KIT", folder.resolve("kit").toString());
    if (python != null && Arrays.asList(command).contains("native-tests/gpu-pack")) {
      builder.environment().put("PATH", folder.toString());
    }
    Process process = builder.start();
    assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private String output() throws IOException {
    return Files.readString(folder.resolve("out"));
  }

  @Test
  void whatIsMissingForPackingIsNamed() throws Exception {
    assertThat(run(python, "native-tests/gpu-pack", folder.resolve("packed").toString()))
        .isEqualTo(1);
    assertThat(output()).isEqualTo("gpu-pack: mvn is missing\n");
    assertThat(run(python, "native-tests/gpu-pack", "--cuda", "90")).isEqualTo(1);
    assertThat(output()).contains("usage: native-tests/gpu-pack FOLDER");
  }

  @Test
  void partsMayComeOneAfterTheOther() throws Exception {
    Path packed = folder.resolve("packed");
    assertThat(run(python, "-c", PACK, packed.toString())).isZero();
    byte[] bytes = Files.readAllBytes(packed);
    String script =
        Files.copy(Path.of("native-tests/gpu-run"), folder.resolve("gpu-run")).toString();

    Path first = folder.resolve("kernels.1-of-2");
    Files.write(first, Arrays.copyOf(bytes, 100));
    assertThat(run(python, script)).isZero();
    assertThat(output()).contains("kernels waits for kernels.2-of-2");
    assertThat(run(python, script, "tell")).isEqualTo(1);
    assertThat(output()).contains("gpu-run: tell is not there");

    Files.delete(first);
    Files.write(folder.resolve("kernels.2-of-2"), Arrays.copyOfRange(bytes, 100, bytes.length));
    assertThat(run(python, script, "tell", "a b")).isZero();
    assertThat(output()).isEqualTo(folder.resolve("kit/kernels/kernel-tests") + " abc a b\n");
  }
}
