package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.util.Random;
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

/** Forward and backward of one batch, waiting for the device inside the measured method. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class SvdBenchmark {
  @Param("cpu")
  public String device;

  @Param({"FLOAT32", "FLOAT64"})
  public DataType type;

  /** batch×rows×columns. */
  @Param({"65536x3x3", "16384x8x8", "4096x16x16", "1024x32x32", "1024x64x16", "64x128x128"})
  public String shape;

  private Device open;
  private OwnedMatrixBatch a;
  private OwnedMatrixBatch gradient;
  private SvdFactors factors;
  private SvdFactors cotangents;
  private SvdInfo info;
  private SvdPlan plan;

  @Setup(Level.Trial)
  public void setUp() {
    String[] extents = shape.split("x");
    int batch = Integer.parseInt(extents[0]);
    int rows = Integer.parseInt(extents[1]);
    int columns = Integer.parseInt(extents[2]);
    open = Device.open(device);
    a = open.allocate(type, batch, rows, columns);
    gradient = open.allocate(type, batch, rows, columns);
    plan = SvdPlan.create(open, type, batch, rows, columns);
    factors = plan.allocateFactors();
    cotangents = plan.allocateFactors();
    info = open.allocateInfo(batch);
    Random random = new Random(1);
    int parts = type.isComplex() ? 2 : 1;
    open.write(a, random.doubles(a.size() * parts, -1, 1).toArray());
    open.write(cotangents.u(), random.doubles(cotangents.u().size() * parts, -1, 1).toArray());
    open.write(cotangents.s(), random.doubles(cotangents.s().size(), -1, 1).toArray());
    open.write(cotangents.v(), random.doubles(cotangents.v().size() * parts, -1, 1).toArray());
    plan.forward(a, factors, info, 0);
    info.check(0);
  }

  @Benchmark
  public void forward() {
    plan.forward(a, factors, info, 0);
    open.synchronize(0);
  }

  @Benchmark
  public void backward() {
    plan.backward(factors, new SvdCotangents(cotangents.u(), cotangents.s(), cotangents.v()), gradient, 0);
    open.synchronize(0);
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    plan.close();
    factors.close();
    cotangents.close();
    info.close();
    a.close();
    gradient.close();
    open.close();
  }
}
