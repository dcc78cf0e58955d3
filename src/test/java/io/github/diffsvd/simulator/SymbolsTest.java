package io.github.diffsvd.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A symbol that cannot be resolved ends the JVM: the stand-ins have all that JCuda asks for. */
@Tag("simulator")
class SymbolsTest {
  private static final Pattern CUDA = Pattern.compile("(cu[A-Z]|cublas|cusolver)\\w*");

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"libJCudaDriver", "libJCublas2", "libJCusolver"})
  void everySymbolOfJcudaIsThere(String library) throws Exception {
    Path file = folder.resolve(library);
    String resource = "/lib/" + library + "-12.6.0-linux-x86_64.so";
    try (InputStream in = SymbolsTest.class.getResourceAsStream(resource)) {
      assertThat(in).as(resource).isNotNull();
      Files.copy(in, file);
    }
    Set<String> wanted = symbols("--undefined-only", file);
    assertThat(wanted).isNotEmpty();
    Set<String> there = new TreeSet<>();
    for (String standIn : Simulator.LIBRARIES) {
      there.addAll(symbols("--defined-only", Simulator.folder().resolve(standIn)));
    }
    assertThat(there).containsAll(wanted);
  }

  private static Set<String> symbols(String which, Path library)
      throws IOException, InterruptedException {
    Process nm = new ProcessBuilder("nm", "-D", which, library.toString()).start();
    String output = new String(nm.getInputStream().readAllBytes(), UTF_8);
    assertThat(nm.waitFor()).isZero();
    return output
        .lines()
        .map(line -> line.substring(line.lastIndexOf(' ') + 1).replaceAll("@.*", ""))
        .filter(CUDA.asMatchPredicate())
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
