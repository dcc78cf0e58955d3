package io.github.diffsvd.bench;

import io.github.diffsvd.SvdAlgorithm;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.util.Statistics;

/** Runs JMH's benchmarks and keeps their times, µs per batch. */
final class Measurements {
  /** Who is measured. The names of the peers are those of the reports. */
  enum Contender {
    OURS("diffsvd", "SvdBenchmark", SvdAlgorithm.AUTO),
    TORCH("libtorch", "TorchBenchmark", null),
    GESDD("OpenBLAS gesdd", "SvdBenchmark", SvdAlgorithm.GESDD),
    EJML("EJML", "EjmlBenchmark", null);

    final String label;
    private final String benchmark;
    private final SvdAlgorithm algorithm;

    Contender(String label, String benchmark, SvdAlgorithm algorithm) {
      this.label = label;
      this.benchmark = benchmark;
      this.algorithm = algorithm;
    }
  }

  private final Map<String, Statistics> times = new TreeMap<>();
  private final String device;
  private final int warmUps;
  private final int iterations;

  Measurements(String device, boolean quick) {
    this.device = device;
    warmUps = quick ? 1 : 2;
    iterations = quick ? 1 : 3;
  }

  /**
   * @param ops a regular expression of names of benchmark methods
   */
  void run(Contender contender, String ops, String[] types, String... shapes)
      throws RunnerException {
    OptionsBuilder options = new OptionsBuilder();
    options
        .include("\\." + contender.benchmark + "\\.(" + ops + ")$")
        .param("type", types)
        .param("shape", shapes)
        .warmupTime(TimeValue.milliseconds(300))
        .warmupIterations(warmUps)
        .measurementTime(TimeValue.milliseconds(400))
        .measurementIterations(iterations);
    if (contender.algorithm != null) {
      options.param("device", device).param("algorithm", contender.algorithm.name());
    }
    for (RunResult result : new Runner(options.build()).run()) {
      String method = result.getParams().getBenchmark();
      times.put(
          key(
              contender,
              method.substring(method.lastIndexOf('.') + 1),
              result.getParams().getParam("type"),
              result.getParams().getParam("shape")),
          result.getPrimaryResult().getStatistics());
    }
  }

  /** Null where that was not measured. */
  Statistics of(Contender contender, String op, String type, String shape) {
    return times.get(key(contender, op, type, shape));
  }

  private static String key(Contender contender, String op, String type, String shape) {
    return String.join(" ", contender.name(), op, type, shape);
  }
}
