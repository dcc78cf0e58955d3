package io.github.diffsvd.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** JMH's view of a contender's {@link Workload}. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class SvdBenchmark {
  @Param("cpu")
  public String device;

  @Param("DIFFSVD")
  public String contender;

  @Param("forward FLOAT32 4096x16x16 gauss")
  public String row;

  private Workload workload;

  @Setup(Level.Trial)
  public void setUp() {
    workload = Contender.valueOf(contender).prepare(Row.parse(row), device);
  }

  @Benchmark
  public void run() {
    workload.run();
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    workload.close();
  }
}
