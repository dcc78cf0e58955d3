package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a decomposition costs beside reading the matrices. */
class ParquetSpeedTest {
  private static final int COUNT = 100_000;

  /** Of all threads of this process: other work on the machine is not in it. */
  private static double processCpu() {
    var system =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return system.getProcessCpuTime() * 1e-9;
  }

  private record Time(double seconds, double cpuSeconds) {
    static final Time NONE = new Time(Double.MAX_VALUE, Double.MAX_VALUE);

    static Time of(Dataset<Row> frame) {
      double cpu = processCpu();
      long start = System.nanoTime();
      frame.write().format("noop").mode("overwrite").save();
      return new Time((System.nanoTime() - start) * 1e-9, processCpu() - cpu);
    }

    Time best(Time other) {
      return new Time(Math.min(seconds, other.seconds), Math.min(cpuSeconds, other.cpuSeconds));
    }
  }

  private static void measure(Path folder, String column, String select, double most) {
    String file = folder.resolve(column).toString();
    session()
        .range(0, COUNT, 1, 2)
        .map(
            (MapFunction<Long, byte[]>)
                i -> Matrices.bytes(Matrices.random(new java.util.Random(i), 64)),
            Encoders.BINARY())
        .selectExpr(select)
        .write()
        .parquet(file);
    Dataset<Row> scan = session().read().parquet(file);
    Dataset<Row> svd = SvdFrames.svd(scan, SvdSpec.of(column, 8, 8));
    Time scanned = Time.NONE;
    Time decomposed = Time.NONE;
    // In turn; the best of each.
    for (int i = 0; i < 6; i++) {
      scanned = scanned.best(Time.of(scan));
      decomposed = decomposed.best(Time.of(svd));
    }
    System.out.printf(
        "100,000 8×8 from Parquet, %s: scan %.2f s (CPU %.2f), svd %.2f s (CPU %.2f)%n",
        column, scanned.seconds, scanned.cpuSeconds, decomposed.seconds, decomposed.cpuSeconds);
    assertThat(decomposed.cpuSeconds).isLessThan(most * scanned.cpuSeconds);
  }

  @Test
  void binaryCostsAtMostAnotherScan(@TempDir Path folder) {
    measure(folder, "binary", "value as binary", 4);
  }
}
