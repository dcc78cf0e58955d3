package io.github.diffsvd.bench;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.data.FMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_FDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F32;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;
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
import org.openjdk.jmh.annotations.Warmup;

/** The thin SVD by EJML, the batch over the common pool's threads, one decomposition per thread. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class EjmlBenchmark {
  @Param({"FLOAT32", "FLOAT64"})
  public String type;

  @Param("4096x16x16")
  public String shape;

  private DMatrixRMaj[] doubles;
  private FMatrixRMaj[] floats;
  private ThreadLocal<SingularValueDecomposition_F64<DMatrixRMaj>> f64;
  private ThreadLocal<SingularValueDecomposition_F32<FMatrixRMaj>> f32;

  @Setup(Level.Trial)
  public void setUp() {
    Extents extents = Extents.parse(shape);
    int rows = extents.rows();
    int columns = extents.columns();
    Random random = new Random(1);
    doubles = new DMatrixRMaj[extents.batch()];
    floats = new FMatrixRMaj[extents.batch()];
    for (int b = 0; b < extents.batch(); b++) {
      double[] values = random.doubles((long) rows * columns, -1, 1).toArray();
      doubles[b] = DMatrixRMaj.wrap(rows, columns, values);
      floats[b] = new FMatrixRMaj(rows, columns);
      for (int i = 0; i < values.length; i++) {
        floats[b].data[i] = (float) values[i];
      }
    }
    f64 =
        ThreadLocal.withInitial(
            () -> DecompositionFactory_DDRM.svd(rows, columns, true, true, true));
    f32 =
        ThreadLocal.withInitial(
            () -> DecompositionFactory_FDRM.svd(rows, columns, true, true, true));
  }

  @Benchmark
  public long forward() {
    return type.equals("FLOAT32")
        ? IntStream.range(0, floats.length)
            .parallel()
            .filter(
                b -> f32.get().decompose(floats[b].copy()) && f32.get().getU(null, false) != null)
            .count()
        : IntStream.range(0, doubles.length)
            .parallel()
            .filter(
                b -> f64.get().decompose(doubles[b].copy()) && f64.get().getU(null, false) != null)
            .count();
  }
}
