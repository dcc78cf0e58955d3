package io.github.diffsvd.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two executors, processes of their own. Spark believes in a GPU with the address 5 on each worker,
 * CUDA_VISIBLE_DEVICES shows that one alone, and the only device there is to open, cuda:0, is the
 * simulator.
 */
@Tag("cluster")
class ClusterTest {
  private static final int EXECUTORS = 2;

  private static SparkSession session;

  @BeforeAll
  static void start(@TempDir Path folder) throws IOException {
    // What Spark takes for its distribution; the jars come by the class path.
    Path home = Path.of(System.getenv("SPARK_HOME"));
    Files.createDirectories(home.resolve("jars"));
    if (!Files.exists(home.resolve("RELEASE"))) {
      Files.createFile(home.resolve("RELEASE"));
    }
    Path script = folder.resolve("gpus");
    Files.writeString(script, "#!/bin/sh\necho '{\"name\": \"gpu\", \"addresses\": [\"5\"]}'\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
    Path simulator = Path.of(System.getProperty("diffsvd.simulator")).toAbsolutePath();
    session =
        SparkSession.builder()
            .master("local-cluster[" + EXECUTORS + ",2,1024]")
            .appName("diffsvd")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.executor.extraJavaOptions", System.getProperty("diffsvd.quickJvm"))
            .config("spark.driver.host", "localhost")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.worker.resource.gpu.amount", "1")
            .config("spark.worker.resource.gpu.discoveryScript", script.toString())
            .config("spark.executor.resource.gpu.amount", "1")
            .config("spark.task.resource.gpu.amount", "0.5")
            .config(
                "spark.executor.extraClassPath",
                simulator.resolve("class-path") + ":" + System.getProperty("java.class.path"))
            .config("spark.executorEnv.LD_LIBRARY_PATH", simulator.toString())
            .config("spark.executorEnv.CUDA_VISIBLE_DEVICES", "5")
            .config(
                "spark.executorEnv.DIFFSVD_SIMULATOR",
                "kernels " + simulator.resolve("libdiffsvd_serial.so"))
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    session.stop();
  }

  /** What each of some partitions answers. */
  private static List<String> ask(int partitions, MapPartitionsFunction<Long, String> question) {
    return session
        .range(0, partitions, 1, partitions)
        .mapPartitions(question, Encoders.STRING())
        .collectAsList();
  }

  private static Dataset<Row> frame(double[] a, int n) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < a.length / n; i++) {
      rows.add(RowFactory.create(i, java.util.Arrays.copyOfRange(a, i * n, (i + 1) * n)));
    }
    return session.createDataFrame(
        JavaSparkContext.fromSparkContext(session.sparkContext()).parallelize(rows, 4),
        new StructType()
            .add("id", DataTypes.IntegerType)
            .add("a", DataTypes.createArrayType(DataTypes.DoubleType)));
  }

  @Test
  void tasksComputeOnTheGpuThatSparkGaveThem() {
    assertThat(
            ask(
                4,
                part ->
                    List.of(
                            TaskContext.get().resourcesJMap().get("gpu").addresses()[0]
                                + " is "
                                + ExecutorDevice.ofTask().use(Device::name))
                        .iterator()))
        .containsOnly("5 is cuda:0");
    // The address itself would be a device that is not there.
    assertThatThrownBy(
            () ->
                ask(
                    1,
                    part -> List.of(ExecutorDevice.named("cuda:5").use(Device::name)).iterator()))
        .hasStackTraceContaining("DeviceUnavailableException: cuda:5");

    double[] a = Matrices.random(new Random(Matrices.SEED), 40 * 12);
    for (Row row : SvdFrames.svd(frame(a, 12), SvdSpec.of("a", 4, 3)).collectAsList()) {
      int i = row.getInt(0);
      double[] back =
          Matrices.composed(
              Matrices.doubles(row, "u"),
              Matrices.doubles(row, "s"),
              Matrices.doubles(row, "v"),
              4,
              3);
      assertThat(Matrices.distance(back, java.util.Arrays.copyOfRange(a, i * 12, i * 12 + 12)))
          .as(Matrices.SEEDED)
          .isLessThan(1e-14);
    }
    try (DistributedSvd svd = DistributedSvd.of(frame(a, 12), "a", 12)) {
      assertThat(Matrices.distance(svd.s(), Matrices.svd(a, 40, 12).s()))
          .as(Matrices.SEEDED)
          .isLessThan(1e-13);
      assertThat(svd.u().count()).isEqualTo(40);
    }
  }

  @Test
  void anExecutorThatEndsIsNoLoss() {
    double[] a = Matrices.random(new Random(Matrices.SEED), 40 * 12);
    Dataset<Row> frame = frame(a, 12);
    MapPartitionsFunction<Row, Row> fault =
        rows -> {
          TaskContext task = TaskContext.get();
          if (task.partitionId() == 1 && task.attemptNumber() == 0) {
            Runtime.getRuntime().halt(7);
          }
          return rows;
        };
    Dataset<Row> again = frame.mapPartitions(fault, Encoders.row(frame.schema()));
    assertThat(SvdFrames.svd(again, SvdSpec.of("a", 4, 3)).where("status = 'ok'").count())
        .isEqualTo(40);
  }

  @Test
  void anExecutorThatLostItsDeviceEndsItselfAndIsReplaced() {
    // Which executor lost it; then one that came later.
    List<String> executors =
        ask(
            4,
            part -> {
              TaskContext task = TaskContext.get();
              String executor =
                  ExecutorDevice.ofTask()
                      .withExitWhenLost()
                      .use(
                          device -> {
                            if (task.partitionId() == 0 && task.attemptNumber() == 0) {
                              throw new CudaFatalException("cuLaunchKernel", 700, "lost");
                            }
                            return SparkEnv.get().executorId();
                          });
              return List.of(executor).iterator();
            });
    assertThat(executors).hasSize(4);
    // Without it the executor stays, and refuses.
    assertThatThrownBy(
            () ->
                ask(
                    1,
                    part -> {
                      ExecutorDevice device = ExecutorDevice.named("cuda:0");
                      try {
                        device.use(
                            open -> {
                              throw new CudaFatalException("cuLaunchKernel", 700, "lost");
                            });
                      } catch (CudaFatalException e) {
                        // The next use is the one in question.
                      }
                      return List.of(device.use(Device::name)).iterator();
                    }))
        .hasStackTraceContaining("cuda:0: lost to this executor by an earlier error");
  }
}
