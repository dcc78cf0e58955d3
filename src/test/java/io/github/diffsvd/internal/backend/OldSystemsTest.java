package io.github.diffsvd.internal.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the libraries for the CPU need of a system, by the symbols that they import. */
class OldSystemsTest {
  /** RHEL 8, Debian 10. */
  private static final int GLIBC = 28;

  /** Of GCC 8's libstdc++, which RHEL 8 has. */
  private static final int LIBSTDCXX = 25;

  private static final Pattern GLIBC_2 = Pattern.compile("GLIBC_2\\.(\\d+)");
  private static final Pattern GLIBCXX_3_4 = Pattern.compile("GLIBCXX_3\\.4\\.(\\d+)");

  /** The imported symbols of a library, a line each. */
  private static List<String> symbols(Path library) throws IOException {
    Process objdump = new ProcessBuilder("objdump", "-T", library.toString()).start();
    try (Stream<String> lines = objdump.inputReader().lines()) {
      return lines.filter(line -> line.contains("*UND*")).toList();
    }
  }

  private static boolean isAbove(String symbol, Pattern version, int most) {
    return version.matcher(symbol).results().map(OldSystemsTest::number).anyMatch(n -> n > most);
  }

  private static int number(MatchResult version) {
    return Integer.parseInt(version.group(1));
  }

  @Test
  void theLibrariesLoadWhereGlibcIs228() throws IOException, URISyntaxException {
    assumeThat(System.getProperty("os.name")).isEqualTo("Linux");
    Path folder = Path.of(NativeLibraries.class.getResource("/io/github/diffsvd/native").toURI());
    List<Path> libraries;
    try (Stream<Path> files = Files.walk(folder)) {
      libraries = files.filter(file -> file.toString().endsWith(".so")).toList();
    }
    assertThat(libraries).hasSizeGreaterThan(1);
    for (Path library : libraries) {
      List<String> symbols = symbols(library);
      assertThat(symbols).as("%s", library).anyMatch(symbol -> symbol.contains("GLIBC_2."));
      assertThat(symbols)
          .as("%s: name these in kernels/old_glibc.h", library)
          .noneMatch(symbol -> isAbove(symbol, GLIBC_2, GLIBC))
          .noneMatch(symbol -> isAbove(symbol, GLIBCXX_3_4, LIBSTDCXX));
    }
  }
}
