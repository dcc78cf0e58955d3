package io.github.diffsvd.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.npy.NpyType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names of files that are not ASCII, where the locale is. The shell makes them here. */
class LocaleTest {
  private static final int PATIENCE_SECONDS = 300;

  @TempDir Path folder;

  private String run(String script, String command) throws Exception {
    NpyFiles.write(folder.resolve("a.npy"), NpyType.FLOAT64, new long[] {1, 1}, 3);
    ProcessBuilder builder =
        new ProcessBuilder(
                "sh", "-c", "name=$(printf 'gr\\303\\266\\303\\237e.npy'); " + script, command)
            .directory(folder.toFile())
            .redirectErrorStream(true);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("CLASSES", System.getProperty("java.class.path"));
    builder.environment().put("LC_ALL", "C");
    // As in LauncherTest: a build from here would be a second Maven in the same folder.
    builder.environment().put("MAVEN_OPTS", "-Dnot.wanted.here --not-an-option");
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    return out;
  }

  @Test
  void theLauncherTakesEveryName() throws Exception {
    String launcher = Path.of("bin", "diffsvd").toAbsolutePath().toString();
    String out = run("mv a.npy $name; \"$0\" svd $name --out o --device cpu && rm $name", launcher);
    assertThat(out).startsWith("1 float64 matrix of 1×1 decomposed on cpu");
    assertThat(NpyFiles.read(folder.resolve("o/S.npy"))).containsExactly(3);
  }

  @Test
  void withoutItTheReasonAndTheMendAreNamed() throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String out = run("\"$0\" -cp \"$CLASSES\" io.github.diffsvd.cli.Main svd $name --out o", java);
    assertThat(out).contains("LC_ALL=C.UTF-8 takes every name").hasLineCount(1);
  }
}
