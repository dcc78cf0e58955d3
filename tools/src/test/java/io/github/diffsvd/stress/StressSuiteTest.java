package io.github.diffsvd.stress;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.compare.GradientMethod;
import io.github.diffsvd.stress.Spectra.Sweep;
import io.github.diffsvd.stress.StressSuite.Finiteness;
import io.github.diffsvd.stress.StressSuite.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the library promises about its gradients, over the whole suite at a fixed seed. */
class StressSuiteTest {
  private static Result result;

  @BeforeAll
  static void run() {
    try (Device device = Device.open("cpu")) {
      result = StressSuite.run(device, 20261124, true, (done, steps, what) -> {});
    }
  }

  private static boolean isSingle(StressRow row) {
    return row.type().real() == DataType.FLOAT32;
  }

  private static List<StressRow> rows(GradientMethod method) {
    return result.rows().stream().filter(row -> row.method().equals(method.name())).toList();
  }

  private static boolean isJudged(StressRow row) {
    return !Double.isNaN(row.worst());
  }

  @Test
  void everyGradientButExactIsFiniteOverAMillionMatrices() {
    assertThat(result.matrices()).isGreaterThan(1_000_000);
    assertThat(new StressReport(result).nonFinite()).isZero();
    assertThat(result.rows())
        .filteredOn(row -> row.method().equals("exact") && row.point().equals("tie"))
        .as("the suite notices what is not finite")
        .anyMatch(row -> row.nonFinite() > 0);
  }

  @Test
  void nanStaysWithItsMatrix() {
    assertThat(result.finiteness()).isNotEmpty();
    assertThat(result.finiteness()).extracting(Finiteness::silent).containsOnly(0);
    assertThat(result.finiteness()).extracting(Finiteness::disturbed).containsOnly(0);
  }

  @Test
  void spectralFunctionsAreExactEverywhere() {
    SoftAssertions softly = new SoftAssertions();
    rows(GradientMethod.SPECTRAL).stream()
        .filter(StressSuiteTest::isJudged)
        .forEach(
            row ->
                softly
                    .assertThat(row.worst())
                    .as(row.toString())
                    .isLessThan(isSingle(row) ? 2e-5 : 1e-12));
    softly.assertAll();
  }

  @Test
  void dividedDifferencesAreRightAtEveryRatio() {
    assertThat(DividedDifferences.names())
        .containsExactlyInAnyOrder(SpectralFunction.names().split(", "));
    assertThat(result.differences())
        .allSatisfy(row -> assertThat(row.pairs()).isGreaterThan(200))
        .allSatisfy(row -> assertThat(row.worst()).as(row.toString()).isLessThan(16));
  }

  @Test
  void resolvedTiesAreRightAtEveryTie() {
    List<String> ties = List.of("pair", "triple", "all equal", "rank 1", "rank k/2");
    SoftAssertions softly = new SoftAssertions();
    rows(GradientMethod.RESOLVE_TIES).stream()
        .filter(StressSuiteTest::isJudged)
        .filter(row -> row.sweep() != Sweep.SPECTRUM || ties.contains(row.point()))
        .forEach(
            row ->
                softly
                    .assertThat(row.worst())
                    .as(row.toString())
                    .isLessThan(isSingle(row) ? 2e-3 : 1e-7));
    softly.assertAll();
  }

  @Test
  void errorsDoNotDependOnTheScale() {
    for (String name : List.of("moore-penrose", "resolve-ties", "spectral")) {
      for (DataType type : DataType.values()) {
        List<Double> errors =
            result.rows().stream()
                .filter(row -> row.sweep() == Sweep.SCALE && row.method().equals(name))
                .filter(row -> row.type() == type && row.loss() == Loss.SOFT_THRESHOLD)
                .map(StressRow::worst)
                .toList();
        assertThat(errors).hasSizeGreaterThan(6);
        double least = errors.stream().mapToDouble(x -> x).min().orElseThrow();
        double most = errors.stream().mapToDouble(x -> x).max().orElseThrow();
        assertThat(most).as(name + " " + type).isLessThan(3 * least);
      }
    }
  }

  @Test
  void mooreProjectorsAreRightAtTiesAndBoundedNearThem() {
    rows(GradientMethod.of(GradientRule.moorePenrose())).stream()
        .filter(row -> row.sweep() == Sweep.GAP && row.loss() == Loss.PROJECTOR)
        .forEach(
            row -> {
              double bound = row.x() == 0 ? (isSingle(row) ? 2e-5 : 1e-13) : 0.1;
              assertThat(row.worst()).as(row.toString()).isLessThan(bound);
            });
  }

  @Test
  void signsAndPhasesOfColumnsDoNotMatter() {
    SoftAssertions softly = new SoftAssertions();
    for (StressRow row : result.rows()) {
      // Signs are exact; a phase changes what the compiler contracts.
      boolean separated = row.point().equals("distinct") && row.loss() == Loss.VECTORS;
      if (!row.type().isComplex() || separated) {
        double bound = !row.type().isComplex() ? 0 : isSingle(row) ? 1e-5 : 1e-14;
        softly.assertThat(row.asymmetry()).as(row.toString()).isLessThanOrEqualTo(bound);
      }
    }
    softly.assertAll();
  }

  @Test
  void theReportHasEveryPlot(@TempDir Path folder) throws IOException {
    new StressReport(result).write(folder);
    String html = Files.readString(folder.resolve("report.html"));
    for (String plot : List.of("gap", "gap-single", "spectra", "scale", "tolerance")) {
      assertThat(folder.resolve(plot + ".png")).isNotEmptyFile();
      assertThat(html).contains("alt=\"" + plot + "\" src=\"data:image/png;base64,");
    }
    assertThat(Files.readString(folder.resolve("results.json")))
        .contains("\"method\": \"moore-penrose\"")
        .doesNotContain("NaN", "Infinity");
  }
}
