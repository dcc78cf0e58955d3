package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What decompositions cost beside reading the matrices, with -Ddiffsvd.speed=true: printed, for
 * docs/spark.md. A bound on a time would depend on what else the machine does.
 */
class ParquetSpeedTest {
  private static final boolean ASKED_FOR = Boolean.getBoolean("diffsvd.speed");
  private static final int COUNT = ASKED_FOR ? 100_000 : 4_000;
  private static final int ROUNDS = ASKED_FOR ? 25 : 1;

  /** As many as Spark's tasks. */
  private static final int THREADS = 2;

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

    String beside(Time scan) {
      return String.format(
          "%s, %.1f and %.1f scans", this, seconds / scan.seconds, cpuSeconds / scan.cpuSeconds);
    }

    @Override
    public String toString() {
      return String.format("%.3f s (CPU %.2f)", seconds, cpuSeconds);
    }
  }

  /** Every row is made, with all of its columns, as for what writes it to a file. */
  private static void toEnd(Dataset<Row> frame) {
    frame.write().format("noop").mode("overwrite").save();
  }

  private static double[] matrices(int count) {
    return Matrices.random(new Random(1), 64 * count);
  }

  /** The same decompositions without Spark, on as many threads. */
  private static void decompose() {
    IntStream.range(0, THREADS)
        .mapToObj(i -> new Thread(() -> ExecutorDevice.named("cpu").use(device -> half(device))))
        .peek(Thread::start)
        .toList()
        .forEach(
            thread -> {
              try {
                thread.join();
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
  }

  private static Void half(Device device) {
    BatchShape shape = new BatchShape(DataType.FLOAT64, Math.min(1024, COUNT), 8, 8);
    try (Scope scope = new Scope()) {
      SvdPlan plan = scope.keep(SvdPlan.create(device, shape));
      MatrixBatch a = scope.keep(device.upload(shape, matrices(shape.batch())));
      SvdFactors factors = plan.allocateFactors();
      SvdInfo info = plan.allocateInfo();
      for (int done = 0; done < COUNT / THREADS; done += shape.batch()) {
        plan.forward(a, factors, info);
      }
    }
    return null;
  }

  @Test
  void matricesOfAFile(@TempDir Path folder) {
    Time alone = new Time();
    for (int i = 0; i < ROUNDS; i++) {
      alone.of(ParquetSpeedTest::decompose);
    }
    System.out.printf("%,d 8×8: decomposed without Spark %s%n", COUNT, alone);
    for (String kind : List.of("binary", "array<double>")) {
      String file = folder.resolve(kind).toString();
      write(kind, file);
      Dataset<Row> scan = session().read().parquet(file);
      Dataset<Row> svd = SvdFrames.svd(scan, SvdSpec.of("a", 8, 8));
      assertThat(svd.filter("status = 'ok'").count()).isEqualTo(COUNT);
      Time scanned = new Time();
      Time decomposed = new Time();
      // In turn, so that both meet the same machine.
      for (int i = 0; i < ROUNDS; i++) {
        scanned.of(() -> toEnd(scan));
        decomposed.of(() -> toEnd(svd));
      }
      System.out.printf(
          "%s from Parquet: read %s, U, S, V %s%n", kind, scanned, decomposed.beside(scanned));
    }
  }

  private static void write(String kind, String file) {
    boolean binary = kind.equals("binary");
    session()
        .range(0, COUNT, 1, THREADS)
        .map(
            (MapFunction<Long, Row>)
                i -> {
                  double[] a = Matrices.random(new Random(i), 64);
                  return RowFactory.create((Object) (binary ? Matrices.bytes(a) : a));
                },
            Encoders.row(StructType.fromDDL("a " + kind)))
        .write()
        .parquet(file);
  }
}
