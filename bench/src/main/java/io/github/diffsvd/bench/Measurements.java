package io.github.diffsvd.bench;

import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Measures contenders and keeps their times: by JMH, or by {@link CpuClock}. Never two of them at a
 * time.
 */
final class Measurements {
  private final Map<Contender, Map<Row, Times>> times = new EnumMap<>(Contender.class);
  private final String device;
  private final int threads;
  private final Clock clock;
  private final boolean quick;

  Measurements(String device, int threads, Clock clock, boolean quick) {
    this.device = device;
    this.threads = threads;
    this.clock = clock;
    this.quick = quick;
  }

  /** Measures every row with every contender that takes it. */
  void run(List<Contender> contenders, List<Row> rows) throws RunnerException {
    if (clock == Clock.CPU) {
      runCpuClock(contenders, rows);
      return;
    }
    for (Contender contender : contenders) {
      runJmh(contender, rows.stream().filter(row -> contender.takes(row, device)).toList());
    }
  }

  private void runJmh(Contender contender, List<Row> rows) throws RunnerException {
    if (rows.isEmpty()) {
      return;
    }
    var options =
        new OptionsBuilder()
            .include(SvdBenchmark.class.getName())
            .jvmArgsAppend(Threads.options(threads).toArray(String[]::new))
            .param("device", device)
            .param("contender", contender.name())
            .param("row", rows.stream().map(Row::toString).toArray(String[]::new))
            .warmupTime(TimeValue.milliseconds(300))
            .warmupIterations(quick ? 1 : 2)
            .measurementTime(TimeValue.milliseconds(400))
            .measurementIterations(quick ? 1 : 3)
            .build();
    for (RunResult result : new Runner(options).run()) {
      put(
          contender,
          Row.parse(result.getParams().getParam("row")),
          Times.of(result.getPrimaryResult().getStatistics()));
    }
  }

  /**
   * The contenders take turns at every row, so that other work on the machine, which comes and
   * goes, meets all of them.
   */
  private void runCpuClock(List<Contender> contenders, List<Row> rows) {
    Map<Contender, ContenderProcess> processes = new EnumMap<>(Contender.class);
    try {
      for (Contender contender : contenders) {
        processes.put(contender, new ContenderProcess(contender, threads));
      }
      for (Row row : rows) {
        StringJoiner progress = new StringJoiner(", ", row + ": ", " µs");
        processes.forEach(
            (contender, process) -> {
              Times measured = contender.takes(row, device) ? process.measure(row) : null;
              if (measured != null) {
                put(contender, row, measured);
                double micros = measured.median() / row.extents().batch();
                progress.add(String.format(Locale.ROOT, "%s %.3f", contender.label, micros));
              }
            });
        System.err.println(progress);
      }
    } finally {
      processes.values().forEach(ContenderProcess::close);
    }
  }

  private void put(Contender contender, Row row, Times measured) {
    times
        .computeIfAbsent(contender, c -> new HashMap<>())
        .put(row, measured.dividedBy(row.extents().batch()));
  }

  /** µs per matrix; null where that was not measured. */
  Times of(Contender contender, Row row) {
    return times.getOrDefault(contender, Map.of()).get(row);
  }
}
