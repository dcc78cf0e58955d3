package io.github.diffsvd.stress;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.report.ReportFiles;
import io.github.diffsvd.stress.RandomSearch.CheckTally;
import io.github.diffsvd.stress.RandomSearch.Failure;
import io.github.diffsvd.stress.RandomSearch.KindTally;
import io.github.diffsvd.stress.RandomSearch.Result;
import io.github.diffsvd.stress.SearchCase.Member;
import java.io.IOException;
import java.nio.file.Path;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/** What a random search found, as lines and as search.md. */
public final class SearchReport {
  /** A matrix of more numbers is not printed. */
  private static final int MOST_NUMBERS = 200;

  private final Result result;

  public SearchReport(Result result) {
    this.result = result;
  }

  /** How much was tried, and every kind of failure with an example. */
  public List<String> summary() {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "seed %d: %,d matrices in %,d cases, %.0f a second; %,d verdicts, %,d against the"
                + " library, in %d kinds of failure",
            result.seed(),
            result.tally().matrices(),
            result.cases(),
            result.tally().matrices() / result.seconds(),
            result.tally().checks.values().stream().mapToLong(check -> check.judged).sum(),
            result.tally().failed(),
            result.tally().failures().count()));
    for (Failure failure : result.tally().failures().toList()) {
      lines.add("");
      lines.add(title(failure));
      lines.add(failure.example.indent(2).stripTrailing());
    }
    return lines;
  }

  private static String title(Failure failure) {
    return String.format(
        Locale.ROOT,
        "FAILED %,d times, %s: %s; %s; %s; worst %.3g",
        failure.count,
        failure.kind.title(),
        failure.check.title,
        names(failure.types),
        names(failure.algorithms),
        failure.worst);
  }

  private static String names(Set<?> all) {
    return all.stream().map(Object::toString).collect(Collectors.joining(", "));
  }

  /** Writes search.md. */
  public void write(Path folder) throws IOException {
    ReportFiles.write(folder.resolve("search.md"), markdown());
  }

  String markdown() {
    StringJoiner text = new StringJoiner("\n", "", "\n");
    text.add("# Random search");
    text.add("");
    text.add(
        String.format(
            Locale.ROOT,
            "`bin/diffsvd stress --search %s --seed %d` on %s: %,d matrices in %,d batches,"
                + " %.0f matrices a second.",
            new DecimalFormat("0.###", DecimalFormatSymbols.getInstance(Locale.ROOT))
                .format(result.minutes()),
            result.seed(),
            result.device(),
            result.tally().matrices(),
            result.cases(),
            result.tally().matrices() / result.seconds()));
    text.add(
        "Types, shapes, algorithms, gradient rules, strides and kinds of matrices are drawn at"
            + " random; most matrices are small, the largest have 2,000,000 rows or 1000 × 1000"
            + " elements.");
    text.add("");
    text.add("## What was asked");
    text.add("");
    text.add("| question | asked | failed | worst, in units of its bar |");
    text.add("|---|---|---|---|");
    result
        .tally()
        .checks
        .forEach(
            (check, tally) ->
                text.add(
                    String.format(
                        Locale.ROOT,
                        "| %s | %,d | %,d | %s |",
                        check.title,
                        tally.judged,
                        tally.failed,
                        worst(tally))));
    text.add("");
    text.add(
        String.format(
            Locale.ROOT,
            "Bars: residual and orthogonality %.0f·eps·√k, of LAPACK and cuSOLVER asked for by name, and of AUTO on a GPU,"
                + " %.0f·eps·√k; graded columns %.0f·eps·n, from AUTO, where they differ no more than %.0f-fold, so many times that;"
                + " gradient %.0f·eps·k·((‖gU‖ + ‖gV‖)/gap + ‖gS‖);"
                + " transposition %.0f·eps·√(mn).",
            SearchJudge.BAR,
            SearchJudge.LIBRARY_BAR,
            SearchJudge.SMALL_VALUES_BAR,
            SearchJudge.EVEN_FACTOR,
            SearchJudge.GRADIENT_BAR,
            SearchJudge.TRANSPOSED_BAR));
    text.add("");
    text.add("## Kinds of matrices");
    text.add("");
    text.add(
        "How many were tried, and the worst residual and orthogonality in units of eps·√k: of this"
            + " library's own algorithms, AUTO, JACOBI and GOLUB_KAHAN, and of LAPACK's or cuSOLVER's.");
    text.add("");
    text.add(
        "| kind | "
            + Arrays.stream(DataType.values()).map(Enum::name).collect(Collectors.joining(" | "))
            + " | residual | orthogonality | library's residual | orthogonality |");
    text.add("|---".repeat(9) + "|");
    result.tally().kinds.forEach((kind, tally) -> text.add(line(kind, tally)));
    if (result.failed()) {
      text.add("");
      text.add("## Failures");
    }
    for (Failure failure : result.tally().failures().toList()) {
      text.add("");
      text.add(title(failure));
      text.add("");
      text.add(failure.example.indent(4).stripTrailing());
    }
    return text.toString();
  }

  private static String worst(CheckTally tally) {
    return tally.worst == 0 ? "" : String.format(Locale.ROOT, "%.2g", tally.worst);
  }

  private static String line(MatrixKind kind, KindTally tally) {
    return String.format(
        Locale.ROOT,
        "| %s | %,d | %,d | %,d | %,d | %.2g | %.2g | %.2g | %.2g |",
        kind.title(),
        tally.tried.getOrDefault(DataType.FLOAT32, 0L),
        tally.tried.getOrDefault(DataType.FLOAT64, 0L),
        tally.tried.getOrDefault(DataType.COMPLEX64, 0L),
        tally.tried.getOrDefault(DataType.COMPLEX128, 0L),
        tally.residual,
        tally.orthogonality,
        tally.libraryResidual,
        tally.libraryOrthogonality);
  }

  /** The recipe of a case that fails, and the smallest input found that fails as well. */
  static String example(Device device, SearchCase test, Failure failure, Throwable refusal) {
    StringJoiner text = new StringJoiner("\n");
    text.add(
        String.format(
            Locale.ROOT,
            "%s; stress --search 0 --seed %d --device %s repeats it",
            test,
            test.seed(),
            device));
    if (failure.check == Check.ACCEPTED) {
      text.add(refusal.toString());
    }
    SearchCase small = Shrinking.shrink(device, test, failure.check);
    text.add(
        "made smaller: " + small + ", matrix " + Shrinking.failing(device, small, failure.check));
    if (small.again().length > 0 && failure.check == Check.SAME_FACTORS) {
      text.add("against a batch of (−1: not finite) " + Arrays.toString(small.again()));
    }
    text.add(numpy(small));
    return text.toString();
  }

  /** The members as an expression of NumPy. */
  private static String numpy(SearchCase test) {
    int numbers = test.members().size() * test.members().get(0).values().length;
    if (numbers > MOST_NUMBERS) {
      return "too large to print: " + numbers + " numbers";
    }
    return test.members().stream()
            .map(member -> numpy(test, member))
            .collect(Collectors.joining(",\n  ", "np.array([", "]"))
        + ", np."
        + test.type().name().toLowerCase(Locale.ROOT)
        + ")";
  }

  private static String numpy(SearchCase test, Member member) {
    StringJoiner rows = new StringJoiner(", ", "[", "]");
    int parts = test.type().isComplex() ? 2 : 1;
    boolean single = test.type().real() == DataType.FLOAT32;
    for (int i = 0; i < test.rows(); i++) {
      StringJoiner row = new StringJoiner(", ", "[", "]");
      for (int j = 0; j < test.columns(); j++) {
        int at = (i * test.columns() + j) * parts;
        String re = number(member.values()[at], single);
        row.add(
            parts == 1
                ? re
                : "complex(" + re + ", " + number(member.values()[at + 1], single) + ")");
      }
      rows.add(row.toString());
    }
    return rows.toString();
  }

  private static String number(double value, boolean single) {
    String text = single ? Float.toString((float) value) : Double.toString(value);
    return text.replace("NaN", "np.nan").replace("Infinity", "np.inf");
  }
}
