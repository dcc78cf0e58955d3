package io.github.diffsvd.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyType;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class MainTest {
  private record Result(int status, String out, String err) {}

  @TempDir Path folder;

  /** In these, DIR stands for the test's folder. */
  private Result run(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    String[] inFolder =
        Arrays.stream(args)
            .map(arg -> arg.replace("DIR", folder.toString()))
            .toArray(String[]::new);
    int status = Main.run(inFolder, new PrintWriter(out, true), new PrintWriter(err, true));
    return new Result(status, out.toString(), err.toString());
  }

  private Path file(String name) {
    return folder.resolve(name);
  }

  @BeforeEach
  void files() throws Exception {
    NpyFiles.write(file("a.npy"), NpyType.FLOAT64, new long[] {2, 3, 4, 3}, NpyFiles.random(72, 1));
    NpyFiles.write(
        file("gu.npy"), NpyType.FLOAT64, new long[] {2, 3, 4, 3}, NpyFiles.random(72, 2));
    NpyFiles.write(file("gs.npy"), NpyType.FLOAT64, new long[] {2, 3, 3}, NpyFiles.random(18, 3));
    NpyFiles.write(
        file("gv.npy"), NpyType.FLOAT64, new long[] {2, 3, 3, 3}, NpyFiles.random(54, 4));
    NpyFiles.write(file("vector.npy"), NpyType.FLOAT64, new long[] {3}, 1, 2, 3);
    NpyFiles.write(file("number.npy"), NpyType.FLOAT64, new long[0], 1);
    NpyFiles.write(file("single.npy"), NpyType.FLOAT32, new long[] {2, 3, 3}, new double[18]);
    NpyFiles.write(file("short.npy"), NpyType.FLOAT64, new long[] {2, 3, 2}, new double[12]);
    NpyFiles.write(file("flat.npy"), NpyType.FLOAT64, new long[] {6, 3}, new double[18]);
    NpyFiles.write(file("many.npy"), NpyType.FLOAT64, new long[] {1L << 20, 1L << 20, 0, 2});
    NpyFiles.write(file("wide.npy"), NpyType.FLOAT64, new long[] {0, 2, 1L << 40});
    Files.writeString(file("text.npy"), "not an array");
    byte[] whole = Files.readAllBytes(file("a.npy"));
    Files.write(file("cut.npy"), Arrays.copyOf(whole, whole.length - 1));
    Files.write(file("long.npy"), Arrays.copyOf(whole, whole.length + 1));
    String text = new String(whole, StandardCharsets.ISO_8859_1);
    Files.writeString(
        file("dates.npy"),
        text.replace("'<f8'", "'<M8[s]'").replace("}   ", "}"),
        StandardCharsets.ISO_8859_1);
    NpyFiles.write(file("gs16.npy"), NpyType.FLOAT16, new long[] {2, 3, 3}, new double[18]);
    Files.createDirectory(file("factors"));
    Files.createDirectory(file("folder.npy"));
    Files.copy(file("a.npy"), file("U.npy"));
    Files.createSymbolicLink(file("link"), folder);
    Files.createSymbolicLink(file("u-link.npy"), file("U.npy"));
    Files.writeString(file("arguments"), file("a.npy").toString());
  }

  // ---- what is refused ----------------------------------------------------------------------

  static Stream<Arguments> refused() {
    return Stream.of(
        // Arguments.
        refused("Missing required subcommand"),
        refused("'nonsense'", "nonsense"),
        refused("Missing required option", "svd"),
        refused("'--out=DIR'", "svd", "DIR/a.npy"),
        refused("Unknown option: '--nonsense'", "svd", "DIR/a.npy", "--out", "DIR/o", "--nonsense"),
        refused("extra", "svd", "DIR/a.npy", "extra", "--out", "DIR/o"),
        refused("--grad-s", "grad", "DIR/a.npy", "--out", "DIR/o"),
        refused("--rule: expected one of moore-penrose", gradient("--rule", "nonsense")),
        refused("--rule: moore-penrose: expected", gradient("--rule", "moore-penrose=-1")),
        refused("--rule: clip: expected", gradient("--rule", "clip=NaN")),
        refused("--rule: zero: expected a finite number above 0", gradient("--rule", "zero=0")),
        refused("--rule: expected a number after clip=", gradient("--rule", "clip=x")),
        refused("--rule: exact has no parameter", gradient("--rule", "exact=1")),
        refused("degree: expected 0 … 1000", gradient("--rule", "taylor=-1")),
        refused("--rank: expected 1 … 3, got 4", gradient("--rank", "4")),
        refused("one of --grad-u", "gauge", "DIR/a.npy"),
        refused("DIR/a.npy: not a folder", "stress", "--out", "DIR/a.npy"),
        refused("Missing required option: '--out=DIR' or", "stress"),
        refused("--search: expected 0 … 100000, got -1.0", "stress", "--search", "-1"),
        refused("--search: expected 0 … 100000, got NaN", "stress", "--search", "NaN"),
        refused("--function: expected one of identity", spectral("exp")),
        refused("soft-threshold needs a parameter", spectral("soft-threshold")),
        refused("--grad-y and --grad-out", spectral("log1p", "--grad-y", "DIR/a.npy")),
        refused("--cut: expected a finite number", spectral("sqrt", "--cut", "-1")),
        refused("--function: the cut of polar is", spectral("polar=0.1", "--cut", "0")),
        // Control characters do not get to the terminal.
        refused("DIR/\\u001b[31m.npy: no such file", svd("DIR/\u001b[31m.npy")),
        refused("Unknown option: '--\\u001b[31m'", svd("DIR/a.npy", "--\u001b[31m")),
        // Devices.
        refused("auto, cpu or cuda:N, got tpu", svd("DIR/a.npy", "--device", "tpu")),
        refused("cuda:9999", svd("DIR/a.npy", "--device", "cuda:9999")),
        refused("auto, cpu or cuda:N, got cuda:-1", gradient("--device", "cuda:-1")),
        // Input.
        refused("DIR/missing.npy: no such file", svd("DIR/missing.npy")),
        refused("DIR/folder.npy: not a regular file", svd("DIR/folder.npy")),
        refused("DIR/text.npy: not a .npy file (wrong magic)", svd("DIR/text.npy")),
        refused("DIR/cut.npy: truncated", svd("DIR/cut.npy")),
        refused("DIR/long.npy: 1 bytes follow", svd("DIR/long.npy")),
        refused(
            "DIR/dates.npy: unsupported dtype '<M8[s]'; expected one of [float16, float32,",
            svd("DIR/dates.npy")),
        refused(
            "DIR/gs16.npy: expected dtype float64, got float16",
            gradient("--grad-s", "DIR/gs16.npy")),
        refused("DIR/vector.npy: expected shape (…, m, n), got shape (3,)", svd("DIR/vector.npy")),
        refused("DIR/number.npy: expected shape (…, m, n), got shape ()", svd("DIR/number.npy")),
        refused("DIR/many.npy: shape (1048576, 1048576, 0, 2) has more", svd("DIR/many.npy")),
        refused("DIR/wide.npy: shape (0, 2, 1099511627776) has more", svd("DIR/wide.npy")),
        refused("DIR/missing.npy: no such file", gradient("--grad-v", "DIR/missing.npy")),
        refused(
            "DIR/single.npy: expected dtype float64, got float32",
            gradient("--grad-s", "DIR/single.npy")),
        refused(
            "DIR/short.npy: expected shape (2, 3, 3), got (2, 3, 2)",
            gradient("--grad-s", "DIR/short.npy")),
        refused(
            "DIR/flat.npy: expected shape (2, 3, 3), got (6, 3)",
            gradient("--grad-s", "DIR/flat.npy")),
        refused(
            "DIR/gv.npy: expected shape (2, 3, 4, 3), got (2, 3, 3, 3)",
            gradient("--grad-u", "DIR/gv.npy")),
        refused("DIR/factors/U.npy: no such file", gradient("--factors", "DIR/factors")),
        // Output.
        refused("DIR/text.npy: not a folder", "svd", "DIR/a.npy", "--out", "DIR/text.npy"),
        refused("DIR/text.npy/o: cannot make", "svd", "DIR/a.npy", "--out", "DIR/text.npy/o"),
        refused(
            "DIR/folder.npy: not a regular file",
            "grad",
            "DIR/a.npy",
            "--grad-s",
            "DIR/gs.npy",
            "--out",
            "DIR/folder.npy"),
        refused(
            "DIR/none/g.npy: no such file",
            "grad",
            "DIR/a.npy",
            "--grad-s",
            "DIR/gs.npy",
            "--out",
            "DIR/none/g.npy"),
        refused(
            "x.npy: File name too long",
            gradientTo("DIR/" + "x".repeat(252) + ".npy", "--grad-s", "DIR/gs.npy")),
        // Outputs that would eat an input or one another.
        refused("DIR/U.npy: would replace the input DIR/U.npy", "svd", "DIR/U.npy", "--out", "DIR"),
        refused("DIR/link/U.npy: would replace", "svd", "DIR/./U.npy", "--out", "DIR/link"),
        refused(
            "DIR/u-link.npy: would replace", gradientTo("DIR/u-link.npy", "--grad-u", "DIR/U.npy")),
        refused(
            "DIR/./a.npy: would replace the input DIR/a.npy",
            gradientTo("DIR/./a.npy", "--grad-s", "DIR/gs.npy")),
        refused(
            "would replace the input DIR/U.npy",
            gradientTo("DIR/U.npy", "--grad-u", "DIR/gu.npy", "--factors", "DIR")),
        refused(
            "DIR/y.npy: would replace the other output",
            spectral("log1p", "--grad-y", "DIR/a.npy", "--grad-out", "DIR/y.npy")),
        refused(
            "DIR/factors/../Y.npy: would replace the other output DIR/y.npy",
            spectral("log1p", "--grad-y", "DIR/a.npy", "--grad-out", "DIR/factors/../Y.npy")),
        // A file of options is not expanded.
        refused("@DIR/arguments: no such file", svd("@DIR/arguments")));
  }

  private static String[] gradientTo(String out, String... args) {
    return concat(new String[] {"grad", "DIR/a.npy", "--out", out}, args);
  }

  private static Arguments refused(String reason, String... args) {
    return Arguments.of(reason, args);
  }

  private static String[] svd(String... args) {
    return concat(new String[] {"svd", "--out", "DIR/o"}, args);
  }

  private static String[] gradient(String... args) {
    boolean ownS = Arrays.asList(args).contains("--grad-s");
    String[] given = {"grad", "DIR/a.npy", "--out", "DIR/o.npy"};
    return concat(ownS ? given : concat(given, new String[] {"--grad-s", "DIR/gs.npy"}), args);
  }

  private static String[] concat(String[] first, String[] second) {
    return Stream.concat(Arrays.stream(first), Arrays.stream(second)).toArray(String[]::new);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("refused")
  void badArgumentsAndInputsAreRefusedInOneLine(String reason, String[] args) throws Exception {
    List<Path> before = listing();
    Result result = run(args);
    assertThat(result.err())
        .startsWith("diffsvd")
        .contains(
            reason.contains("'--out=DIR'") ? reason : reason.replace("DIR", folder.toString()))
        .hasLineCount(1);
    assertThat(result.out()).isEmpty();
    assertThat(result.status()).isEqualTo(2);
    assertThat(listing()).isEqualTo(before);
  }

  private List<Path> listing() throws Exception {
    try (Stream<Path> paths = Files.walk(folder)) {
      return paths.sorted().toList();
    }
  }

  @Test
  void verboseShowsWhereItFailed() {
    Result result = run("svd", "DIR/missing.npy", "--out", "DIR/o", "--verbose");
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains("no such file").contains("\tat ");
  }

  // ---- what works ---------------------------------------------------------------------------

  @Test
  void searchOfOneBatchWritesItsReport() throws Exception {
    Result result =
        run("stress", "--search", "0", "--seed", "9", "--device", "cpu", "--out", "DIR/search");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    assertThat(result.out()).startsWith("seed 9: ").contains(" in 1 cases, ").hasLineCount(1);
    assertThat(Files.readString(file("search").resolve("search.md")))
        .contains("`bin/diffsvd stress --search 0 --seed 9` on cpu: ", "| small integers | ")
        .doesNotContain("## Failures");
  }

  @Test
  void helpIsForEveryCommand() {
    String summaries = run("--help").out();
    for (String command :
        List.of("info", "svd", "grad", "gauge", "spectral", "stress", "recover")) {
      Result result = run(command, "--help");
      assertThat(result.status()).isZero();
      assertThat(result.out()).startsWith("Usage: diffsvd " + command);
      assertThat(result.err()).isEmpty();
      assertThat(summaries).containsPattern("(?m)^  " + command + " ");
    }
    // Summaries are whole sentences.
    int begin = summaries.indexOf("Commands:");
    String list = summaries.substring(begin, summaries.indexOf("Exit status:", begin));
    for (String entry : list.strip().split("\n  (?=\\w)", -1)) {
      assertThat(entry.strip()).matches("Commands:|(?s).*\\.");
    }
  }

  @Test
  void helpNamesEverythingThatAnOptionTakes() {
    assertThat(unwrapped("grad")).contains(GradientRule.names() + ". Default: moore-penrose");
    assertThat(unwrapped("spectral")).contains(SpectralFunction.names() + ".").contains(", log");
    assertThat(unwrapped("recover"))
        .contains("spectral, resolve-ties, " + GradientRule.names() + "; ");
  }

  private String unwrapped(String command) {
    return run(command, "--help").out().replaceAll("\\s+", " ");
  }

  @Test
  void theVersionIsThatOfTheBuild() {
    Result result = run("--version");
    assertThat(result.status()).isZero();
    assertThat(result.out()).matches("diffsvd \\d+\\.\\d+\\.\\d+(-SNAPSHOT)?\n");
  }

  @Test
  void infoNamesEveryDeviceAndWhyNot() {
    Result result = run("info");
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("java", "cpu", "thread", "cuda:0", "kernels");
  }

  @Test
  void infoTellsProgramsTheSame() {
    JsonObject all = JsonParser.parseString(run("info", "--json").out()).getAsJsonObject();
    assertThat(all.getAsJsonObject("java").get("version").getAsString())
        .isEqualTo(System.getProperty("java.version"));
    assertThat(all.getAsJsonObject("system").get("processors").getAsInt()).isPositive();
    JsonObject cpu = all.getAsJsonArray("devices").get(0).getAsJsonObject();
    assertThat(cpu.get("name").getAsString()).isEqualTo("cpu");
    assertThat(cpu.get("usable").getAsBoolean()).isTrue();
    assertThat(cpu.get("description").getAsString()).contains(" kernels on ");
    JsonObject cuda = all.getAsJsonArray("devices").get(1).getAsJsonObject();
    assertThat(cuda.has(cuda.get("usable").getAsBoolean() ? "description" : "reason")).isTrue();
    assertThat(all.getAsJsonArray("cuda")).isNotEmpty();
  }

  @Test
  void aNumberOfThreadsThatIsNoneIsNamed() {
    System.setProperty("diffsvd.threads", "abc");
    try {
      assertThat(run("info").out())
          .contains("cpu      unusable: diffsvd.threads: expected a number of threads from 1 to");
    } finally {
      System.clearProperty("diffsvd.threads");
    }
  }

  @Test
  void theNumberOfThreadsIsShownWithItsSource() {
    System.setProperty("diffsvd.threads", "3");
    try {
      assertThat(run("info").out()).contains(" kernels on 3 threads (diffsvd.threads)");
    } finally {
      System.clearProperty("diffsvd.threads");
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = NpyType.class,
      names = {"FLOAT32", "FLOAT64", "COMPLEX64", "COMPLEX128"})
  void svdGivesBackTheMatrices(NpyType type) throws Exception {
    boolean complex = type.name().startsWith("COMPLEX");
    boolean single = type == NpyType.FLOAT32 || type == NpyType.COMPLEX64;
    int parts = complex ? 2 : 1;
    double[] a = NpyFiles.random(2 * 3 * 4 * 3 * parts, 5);
    // Fortran order and the other byte order on the way.
    NpyHeader header = new NpyHeader(type, ByteOrder.BIG_ENDIAN, true, List.of(2L, 3L, 4L, 3L));
    NpyFiles.write(file("x.npy"), header, a);
    Result result = run(svd("DIR/x.npy", "--device", "cpu"));
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    assertThat(result.out()).contains("6 " + type + " matrices of 4×3").contains("cpu");

    Path out = file("o");
    assertThat(NpyFiles.header(out.resolve("U.npy")))
        .isEqualTo(NpyHeader.of(type, List.of(2L, 3L, 4L, 3L)));
    assertThat(NpyFiles.header(out.resolve("S.npy")))
        .isEqualTo(NpyHeader.of(single ? NpyType.FLOAT32 : NpyType.FLOAT64, List.of(2L, 3L, 3L)));
    assertThat(NpyFiles.header(out.resolve("V.npy")))
        .isEqualTo(NpyHeader.of(type, List.of(2L, 3L, 3L, 3L)));
    assertThat(NpyFiles.header(out.resolve("info.npy")))
        .isEqualTo(NpyHeader.of(NpyType.INT32, List.of(2L, 3L)));
    assertThat(NpyFiles.read(out.resolve("info.npy"))).containsOnly(0);
    double[] u = NpyFiles.read(out.resolve("U.npy"));
    double[] s = NpyFiles.read(out.resolve("S.npy"));
    double[] v = NpyFiles.read(out.resolve("V.npy"));
    for (int b = 0; b < 6; b++) {
      for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 3; j++) {
          double re = 0;
          double im = 0;
          for (int l = 0; l < 3; l++) {
            int ui = (b * 12 + i * 3 + l) * parts;
            int vi = (b * 9 + j * 3 + l) * parts;
            double ure = u[ui];
            double uim = complex ? u[ui + 1] : 0;
            double vre = v[vi];
            double vim = complex ? -v[vi + 1] : 0;
            re += s[b * 3 + l] * (ure * vre - uim * vim);
            im += s[b * 3 + l] * (ure * vim + uim * vre);
          }
          int at = (b * 12 + i * 3 + j) * parts;
          double tolerance = single ? 1e-5 : 1e-13;
          assertThat(re).isCloseTo(a[at], within(tolerance));
          if (complex) {
            assertThat(im).isCloseTo(a[at + 1], within(tolerance));
          }
        }
      }
    }
  }

  private static String[] spectral(String function, String... more) {
    String[] command = {"spectral", "DIR/a.npy", "--function", function, "--out", "DIR/y.npy"};
    return concat(command, more);
  }

  @Test
  void spectralThresholdsAndPullsBack() throws Exception {
    // diag(3, 1) in a matrix that is diagonal: everything can be said by hand.
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {2, 2}, 3, 0, 0, 1);
    NpyFiles.write(file("gy.npy"), NpyType.FLOAT64, new long[] {2, 2}, 1, 2, 2, 4);
    Result result =
        run(
            "spectral",
            "DIR/x.npy",
            "--function",
            "soft-threshold=2",
            "--out",
            "DIR/y.npy",
            "--grad-y",
            "DIR/gy.npy",
            "--grad-out",
            "DIR/ga.npy");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    assertThat(NpyFiles.read(file("y.npy")))
        .containsExactly(new double[] {1, 0, 0, 0}, within(1e-15));
    // The divided difference is (1 − 0)/(3 − 1) off the diagonal, the slopes 1 and 0 on it.
    assertThat(NpyFiles.read(file("ga.npy")))
        .containsExactly(new double[] {1, 1, 1, 0}, within(1e-15));
    assertThat(run("spectral", "DIR/x.npy", "--function", "log1p", "--out", "DIR/z.npy").status())
        .isZero();
    assertThat(NpyFiles.read(file("z.npy"))[0]).isCloseTo(Math.log(4), within(1e-15));
  }

  @Test
  void spectralKeepsSmallValuesUnlessThereIsACut() throws Exception {
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {2, 2}, 1, 0, 0, 1e-20);
    String[] command = {"spectral", "DIR/x.npy", "--function", "power=-0.5", "--out", "DIR/y.npy"};
    assertThat(run(command).status()).isZero();
    assertThat(NpyFiles.read(file("y.npy"))[3]).isCloseTo(1e10, within(1e-4));
    String[] cut = {"--cut", "1e-15"};
    assertThat(run(concat(command, cut)).status()).isZero();
    assertThat(NpyFiles.read(file("y.npy"))[3]).isZero();
  }

  @Test
  void gaugeNamesTheMatricesWhoseLossDependsOnIt() throws Exception {
    // Of the identity every rotation of U and V is another SVD; of diag(3, 1) none is.
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {2, 2, 2}, 1, 0, 0, 1, 3, 0, 0, 1);
    NpyFiles.write(file("gu.npy"), NpyType.FLOAT64, new long[] {2, 2, 2}, 0, 1, 0, 0, 0, 1, 0, 0);
    Result result = run("gauge", "DIR/x.npy", "--grad-u", "DIR/gu.npy");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    assertThat(result.out()).startsWith("matrix 0: 0.5").contains("1 of 2 float64 matrices of 2×2");
  }

  @Test
  void gradientsOfTheFirstValuesAlone() throws Exception {
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {2, 2}, 3, 0, 0, 1);
    NpyFiles.write(file("gs.npy"), NpyType.FLOAT64, new long[] {1}, 5);
    Result result =
        run("grad", "DIR/x.npy", "--rank", "1", "--grad-s", "DIR/gs.npy", "--out", "DIR/ga.npy");
    assertThat(result.err()).isEmpty();
    assertThat(NpyFiles.read(file("ga.npy")))
        .containsExactly(new double[] {5, 0, 0, 0}, within(1e-15));
  }

  static Stream<long[]> emptyShapes() {
    return Stream.of(
        new long[] {0, 3},
        new long[] {3, 0},
        new long[] {0, 0},
        new long[] {0, 2, 3},
        new long[] {2, 0, 3},
        new long[] {2, 3, 0},
        new long[] {2, 0, 4, 3});
  }

  @ParameterizedTest
  @MethodSource("emptyShapes")
  void emptyMatricesAndBatchesAreFine(long[] shape) throws Exception {
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, shape);
    Result result = run(svd("DIR/x.npy"));
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    result =
        run(
            "grad",
            "DIR/x.npy",
            "--grad-s",
            "DIR/o/S.npy",
            "--out",
            "DIR/g.npy",
            "--factors",
            "DIR/o");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    assertThat(NpyFiles.header(file("g.npy"))).isEqualTo(NpyFiles.header(file("x.npy")));
  }

  @Test
  void oneMatrixHasASingleInfo() throws Exception {
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {2, 2}, 3, 0, 0, 2);
    assertThat(run(svd("DIR/x.npy")).status()).isZero();
    assertThat(NpyFiles.header(file("o/info.npy")).shape()).isEmpty();
    assertThat(NpyFiles.read(file("o/S.npy"))).containsExactly(3, 2);
  }

  @Test
  void aMatrixThatIsNotFiniteIsAWarning() throws Exception {
    double[] a = NpyFiles.random(72, 1);
    a[13] = Double.NaN;
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {2, 3, 4, 3}, a);
    Result result = run(svd("DIR/x.npy"));
    assertThat(result.status()).isZero();
    assertThat(result.err())
        .hasLineCount(1)
        .contains(file("x.npy") + ": 1 of 6 matrices")
        .contains("not finite: [1]");
    assertThat(NpyFiles.read(file("o/info.npy"))).containsExactly(0, -1, 0, 0, 0, 0);
    double[] s = NpyFiles.read(file("o/S.npy"));
    for (int i = 0; i < s.length; i++) {
      assertThat(Double.isNaN(s[i])).isEqualTo(i / 3 == 1);
    }
  }

  @Test
  void gradOfTheSumOfTheSingularValuesIsThePolarFactor() throws Exception {
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {2, 2}, 3, 0, 0, -2);
    NpyFiles.write(file("ones.npy"), NpyType.FLOAT64, new long[] {2}, 1, 1);
    Result result = run("grad", "DIR/x.npy", "--grad-s", "DIR/ones.npy", "--out", "DIR/g.npy");
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    assertThat(NpyFiles.read(file("g.npy")))
        .containsExactly(new double[] {1, 0, 0, -1}, within(1e-14));
  }

  @Test
  void gradTakesFactorsAsTheyAre() throws Exception {
    assertThat(run(svd("DIR/a.npy")).status()).isZero();
    String[] all = {
      "grad",
      "DIR/a.npy",
      "--grad-u",
      "DIR/gu.npy",
      "--grad-s",
      "DIR/gs.npy",
      "--grad-v",
      "DIR/gv.npy",
      "--out"
    };
    assertThat(run(concat(all, new String[] {"DIR/g1.npy"})).status()).isZero();
    assertThat(run(concat(all, new String[] {"DIR/g2.npy", "--factors", "DIR/o"})).status())
        .isZero();
    assertThat(file("g2.npy")).hasSameBinaryContentAs(file("g1.npy"));

    // A tie, bit for bit, has no share in the gradient; a tolerance makes ties of neighbours.
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {2, 2}, 1, 2, 3, 4);
    NpyFiles.write(file("g.npy"), NpyType.FLOAT64, new long[] {2, 2}, 5, 1, 2, -3);
    NpyFiles.write(file("factors/U.npy"), NpyType.FLOAT64, new long[] {2, 2}, 1, 0, 0, 1);
    NpyFiles.write(file("factors/V.npy"), NpyType.FLOAT64, new long[] {2, 2}, 1, 0, 0, 1);
    String[] own = {
      "grad", "DIR/x.npy", "--grad-u", "DIR/g.npy", "--factors", "DIR/factors", "--out"
    };
    NpyFiles.write(file("factors/S.npy"), NpyType.FLOAT64, new long[] {2}, 1, 1);
    assertThat(run(concat(own, new String[] {"DIR/tie.npy"})).status()).isZero();
    NpyFiles.write(file("factors/S.npy"), NpyType.FLOAT64, new long[] {2}, 1, 0.9);
    assertThat(run(concat(own, new String[] {"DIR/apart.npy"})).status()).isZero();
    assertThat(
            run(concat(own, new String[] {"DIR/wide-tie.npy", "--rule", "moore-penrose=0.2"}))
                .status())
        .isZero();
    assertThat(NpyFiles.read(file("tie.npy")))
        .matches(v -> Arrays.stream(v).allMatch(Double::isFinite));
    assertThat(Math.abs(NpyFiles.read(file("apart.npy"))[1])).isGreaterThan(1);
    assertThat(Math.abs(NpyFiles.read(file("wide-tie.npy"))[1])).isLessThan(1);
  }

  // ---- existing output ----------------------------------------------------------------------

  @Test
  void existingOutputIsReplacedOrLeftAsItWas() throws Exception {
    assertThat(run(svd("DIR/a.npy")).status()).isZero();
    byte[] old = Files.readAllBytes(file("o/S.npy"));
    assertThat(run(svd("DIR/gu.npy")).status()).isZero();
    assertThat(Files.readAllBytes(file("o/S.npy"))).isNotEqualTo(old);
    assertThat(run(svd("DIR/a.npy")).status()).isZero();
    assertThat(Files.readAllBytes(file("o/S.npy"))).isEqualTo(old);

    // One of the four cannot be written: none is.
    Files.delete(file("o/V.npy"));
    Files.createDirectory(file("o/V.npy"));
    Result result = run(svd("DIR/gu.npy"));
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains(file("o/V.npy").toString()).hasLineCount(1);
    assertThat(Files.readAllBytes(file("o/S.npy"))).isEqualTo(old);
    assertThat(file("o").toFile().list())
        .containsExactlyInAnyOrder("U.npy", "S.npy", "V.npy", "info.npy");
  }

  @Test
  void theLongestNameThereIsIsWritten() {
    String name = "y".repeat(251) + ".npy";
    Result result = run(gradientTo("DIR/" + name, "--grad-s", "DIR/gs.npy"));
    assertThat(result.err()).isEmpty();
    assertThat(file(name)).exists();
  }

  @Test
  void whatAKilledRunLeftIsRemoved() throws Exception {
    Files.createDirectory(file("o"));
    Files.writeString(file("o/.diffsvd-1.tmp"), "half a file");
    Files.writeString(file(".diffsvd-2.tmp"), "half a file");
    assertThat(run(svd("DIR/a.npy")).status()).isZero();
    assertThat(file("o").toFile().list())
        .containsExactlyInAnyOrder("U.npy", "S.npy", "V.npy", "info.npy");
    assertThat(run(gradientTo("DIR/ga.npy", "--grad-s", "DIR/gs.npy")).status()).isZero();
    assertThat(file(".diffsvd-2.tmp")).doesNotExist();
  }

  // ---- unusual input ------------------------------------------------------------------------

  @ParameterizedTest
  @EnumSource(
      value = NpyType.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"FLOAT32", "FLOAT64", "COMPLEX64", "COMPLEX128"})
  void otherTypesAreConvertedAndThatIsSaid(NpyType type) throws Exception {
    NpyFiles.write(file("x.npy"), type, new long[] {2, 2}, 0, 1, 2, 0);
    Result result = run(svd("DIR/x.npy"));
    String target = type == NpyType.FLOAT16 ? "float32" : "float64";
    assertThat(result.err())
        .isEqualTo(
            "diffsvd svd: warning: "
                + file("x.npy")
                + ": "
                + type
                + " is converted to "
                + target
                + "\n");
    assertThat(result.out()).startsWith("1 " + target + " matrix of 2×2");
    assertThat(NpyFiles.read(file("o/S.npy"))).containsExactly(2, 1);
  }

  @Test
  void ofSeveralArraysInAFileTheFirstIsTaken() throws Exception {
    Files.write(file("U.npy"), Files.readAllBytes(file("gs.npy")), StandardOpenOption.APPEND);
    assertThat(run(svd("DIR/a.npy")).status()).isZero();
    byte[] expected = Files.readAllBytes(file("o/S.npy"));
    Result result = run(svd("DIR/U.npy"));
    assertThat(result.status()).isZero();
    assertThat(result.err()).contains("only its first array is read").hasLineCount(1);
    assertThat(file("o/S.npy")).hasBinaryContent(expected);
  }

  @Test
  void aPipeIsRead() throws Exception {
    Path pipe = file("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    byte[] contents = Files.readAllBytes(file("a.npy"));
    CompletableFuture<Void> writer =
        CompletableFuture.runAsync(
            () -> {
              try (OutputStream stream = Files.newOutputStream(pipe)) {
                stream.write(contents);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    Result result = run(svd("DIR/pipe"));
    writer.join();
    assertThat(result.err()).isEmpty();
    assertThat(result.status()).isZero();
    byte[] expected = Files.readAllBytes(file("o/U.npy"));
    assertThat(run(svd("DIR/a.npy")).status()).isZero();
    assertThat(file("o/U.npy")).hasBinaryContent(expected);
  }

  @Test
  void whatIsMoreThanMemoryShouldHoldIsDecomposedInPieces() throws Exception {
    // Five rows of 8 MB, of which four are taken at a time.
    int columns = 1 << 20;
    double[] rows = new double[5 * columns];
    for (int b = 0; b < 5; b++) {
      rows[b * columns + b] = b == 4 ? Double.NaN : b + 1;
    }
    NpyFiles.write(file("x.npy"), NpyType.FLOAT64, new long[] {5, 1, columns}, rows);
    Result result = run(svd("DIR/x.npy", "--device", "cpu"));
    assertThat(result.status()).isZero();
    assertThat(result.err()).contains("1 of 5 matrices", "not finite: [4]").hasLineCount(1);
    assertThat(NpyFiles.read(file("o/S.npy"))).containsExactly(1, 2, 3, 4, Double.NaN);
    assertThat(NpyFiles.read(file("o/info.npy"))).containsExactly(0, 0, 0, 0, -1);
    assertThat(NpyFiles.read(file("o/V.npy"))[3 * columns + 3]).isEqualTo(1);
  }
}
