package io.github.diffsvd.bench;

import io.github.diffsvd.SvdAlgorithm;
import java.io.IOException;
import java.text.ParseException;
import java.util.Arrays;
import java.util.Locale;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;

/**
 * What a Flight Recorder recording costs forward passes of 8×8 batches: rounds without and with one
 * in turn in one process, the CPU time of the calling thread, medians of the times and of the
 * ratios of neighbours.
 */
final class RecordingCost {
  private static final int ROUNDS = 60;
  private static final int MATRICES_A_ROUND = 20_000;

  private RecordingCost() {}

  public static void main(String[] arguments) throws IOException, ParseException {
    System.out.println(
        "| 8×8 float32, batch | µs | µs with a recording | ratio |\n|---|---|---|---|");
    for (int batch : new int[] {1, 16, 64, 1024}) {
      measure(batch);
    }
  }

  private static void measure(int batch) throws IOException, ParseException {
    Row row = Row.parse("forward FLOAT32 " + batch + "x8x8 gauss");
    int calls = Math.max(20, MATRICES_A_ROUND / batch);
    double[] without = new double[ROUNDS];
    double[] with = new double[ROUNDS];
    double[] ratios = new double[ROUNDS];
    try (Workload workload = new DiffsvdWorkload(row, "cpu", SvdAlgorithm.AUTO)) {
      time(workload, 20 * calls);
      for (int i = 0; i < ROUNDS; i++) {
        // The first of two has what the one before left behind, so they change places.
        if (i % 2 == 0) {
          without[i] = time(workload, calls);
        }
        try (Recording recording = new Recording(Configuration.getConfiguration("default"))) {
          recording.start();
          time(workload, calls / 4);
          with[i] = time(workload, calls);
        }
        if (i % 2 == 1) {
          time(workload, calls / 4);
          without[i] = time(workload, calls);
        }
        ratios[i] = with[i] / without[i];
      }
    }
    System.out.println(
        String.format(
            Locale.ROOT,
            "| %d | %.2f | %.2f | %.3f |",
            batch,
            median(without),
            median(with),
            median(ratios)));
  }

  /** µs a call. */
  private static double time(Workload workload, int calls) {
    long start = Clock.CPU.nanos();
    for (int i = 0; i < calls; i++) {
      workload.run();
    }
    return (Clock.CPU.nanos() - start) * 1e-3 / calls;
  }

  private static double median(double[] values) {
    return Arrays.stream(values).sorted().skip(values.length / 2).findFirst().orElseThrow();
  }
}
