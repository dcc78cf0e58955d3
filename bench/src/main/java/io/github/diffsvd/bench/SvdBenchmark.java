package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.List;
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

/**
 * One batch, waiting for the device inside the measured method: factors, their pullback, both, and
 * a soft threshold of the singular values forward and backward.
 */
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

  @Param("4096x16x16")
  public String shape;

  @Param("AUTO")
  public SvdAlgorithm algorithm;

  private Device open;
  private OwnedMatrixBatch a;
  private OwnedMatrixBatch gradient;
  private SvdFactors factors;
  private SvdFactors cotangents;
  private SvdInfo info;
  private SvdPlan plan;
  private SpectralPlan spectral;
  private OwnedMatrixBatch y;

  @Setup(Level.Trial)
  public void setUp() {
    Extents extents = Extents.parse(shape);
    int batch = extents.batch();
    int rows = extents.rows();
    int columns = extents.columns();
    open = Device.open(device);
    a = open.allocate(type, batch, rows, columns);
    gradient = open.allocate(type, batch, rows, columns);
    y = open.allocate(type, batch, rows, columns);
    plan =
        SvdPlan.create(
            open, type, batch, rows, columns, SvdOptions.defaults().withAlgorithm(algorithm));
    spectral =
        SpectralPlan.create(open, type, batch, rows, columns, SpectralFunction.softThreshold(0.5));
    factors = plan.allocateFactors();
    cotangents = plan.allocateFactors();
    info = open.allocateInfo(batch);
    Random random = new Random(1);
    for (MatrixBatch matrix : List.of(a, cotangents.u(), cotangents.s(), cotangents.v())) {
      int parts = matrix.type().isComplex() ? 2 : 1;
      open.write(matrix, random.doubles(matrix.size() * parts, -1, 1).toArray());
    }
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
    pullBack();
    open.synchronize(0);
  }

  @Benchmark
  public void both() {
    plan.forward(a, factors, info, 0);
    pullBack();
    open.synchronize(0);
  }

  @Benchmark
  public void spectral() {
    spectral.forward(a, factors, y, info, 0);
    spectral.backward(factors, y, gradient, null, 0);
    open.synchronize(0);
  }

  private void pullBack() {
    plan.backward(
        factors, new SvdCotangents(cotangents.u(), cotangents.s(), cotangents.v()), gradient, 0);
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    plan.close();
    spectral.close();
    y.close();
    factors.close();
    cotangents.close();
    info.close();
    a.close();
    gradient.close();
    open.close();
  }
}
