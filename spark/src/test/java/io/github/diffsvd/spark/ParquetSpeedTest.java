package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Random;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a decomposition costs beside reading the matrices: printed, for docs/spark.md. A bound on a
 * time would depend on what else the machine does.
 */
class ParquetSpeedTest {
  private static final int COUNT = 100_000;
  private static final int ROUNDS = 6;

  /** The best of all rounds so far, of the wall and of the CPU time of all threads. */
  private static final class Time {
    double seconds = Double.MAX_VALUE;
    double cpuSeconds = Double.MAX_VALUE;

    void of(Runnable job) {
      double cpu = processCpu();
      long start = System.nanoTime();
      job.run();
      seconds = Math.min(seconds, (System.nanoTime() - start) * 1e-9);
      cpuSeconds = Math.min(cpuSeconds, processCpu() - cpu);
    }

    private static double processCpu() {
      var system =
          (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      return system.getProcessCpuTime() * 1e-9;
    }

    @Override
    public String toString() {
      return String.format("%.2f s (CPU %.2f)", seconds, cpuSeconds);
    }
  }

  /** Every row goes through Java, as in whatever comes after a scan. */
  private static void read(Dataset<Row> frame) {
    frame.foreachPartition(
        (ForeachPartitionFunction<Row>) rows -> rows.forEachRemaining(row -> row.get(0)));
  }

  @Test
  void matricesOfAFile(@TempDir Path folder) {
    String file = folder.resolve("matrices").toString();
    session()
        .range(0, COUNT, 1, 2)
        .map(
            (MapFunction<Long, byte[]>) i -> Matrices.bytes(Matrices.random(new Random(i), 64)),
            Encoders.BINARY())
        .selectExpr("value as a")
        .write()
        .parquet(file);
    Dataset<Row> scan = session().read().parquet(file);
    Dataset<Row> svd = SvdFrames.svd(scan, SvdSpec.of("a", 8, 8));
    assertThat(svd.filter("status = 'ok'").count()).isEqualTo(COUNT);
    Time scanned = new Time();
    Time decomposed = new Time();
    // In turn, so that both meet the same machine.
    for (int i = 0; i < ROUNDS; i++) {
      scanned.of(() -> read(scan));
      decomposed.of(() -> read(svd));
    }
    System.out.println("100,000 8×8 from Parquet: read " + scanned + ", U, S, V " + decomposed);
  }
}
