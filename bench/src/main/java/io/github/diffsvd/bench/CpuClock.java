package io.github.diffsvd.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.util.ListStatistics;

/**
 * The process of one contender under {@link Clock#CPU}: reads rows, one a line, and answers each
 * with a tab and its {@link Times}.
 */
final class CpuClock {
  private static final double MEASURING_MICROS = 200_000;
  private static final double SAMPLE_MICROS = 300;
  private static final int SAMPLES = 5;

  private CpuClock() {}

  public static void main(String[] args) throws IOException {
    Contender contender = Contender.valueOf(args[0]);
    BufferedReader rows =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    boolean first = true;
    for (String line = rows.readLine(); line != null; line = rows.readLine()) {
      try (Workload workload = contender.prepare(Row.parse(line), "cpu")) {
        if (first) {
          // The first row of a process would pay for what is compiled and loaded.
          measure(workload);
          first = false;
        }
        System.out.println("\t" + measure(workload));
      } catch (RuntimeException | Error e) {
        System.err.println(contender.label + ", " + line + ": " + e);
        System.out.println("\t");
      }
    }
  }

  /** Warms up for half the measuring time. */
  private static Times measure(Workload workload) {
    double spent = 0;
    double fastest = Double.MAX_VALUE;
    while (spent < MEASURING_MICROS / 2) {
      double micros = micros(workload, 1);
      spent += micros;
      fastest = Math.min(fastest, micros);
    }
    int calls = (int) Math.ceil(SAMPLE_MICROS / fastest);
    List<Double> samples = new ArrayList<>();
    spent = 0;
    while (spent < MEASURING_MICROS || samples.size() < SAMPLES) {
      double micros = micros(workload, calls);
      spent += micros;
      samples.add(micros / calls);
    }
    return Times.of(
        new ListStatistics(samples.stream().mapToDouble(Double::doubleValue).toArray()));
  }

  private static double micros(Workload workload, int calls) {
    long start = Clock.CPU.nanos();
    for (int call = 0; call < calls; call++) {
      workload.run();
    }
    return (Clock.CPU.nanos() - start) / 1e3;
  }
}
