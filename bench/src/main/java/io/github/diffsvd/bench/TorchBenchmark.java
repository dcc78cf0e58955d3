package io.github.diffsvd.bench;

import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
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

/** The same work by libtorch on the CPU, with its own threads: linalg_svd and its autograd. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class TorchBenchmark {
  @Param({"FLOAT32", "FLOAT64"})
  public String type;

  @Param("4096x16x16")
  public String shape;

  private Tensor a;
  private Tensor leaf;
  private TensorVector factors;
  private TensorVector cotangents;
  private TensorVector inputs;

  @Setup(Level.Trial)
  public void setUp() {
    Loader.load(torch.class);
    torch.set_num_threads(Runtime.getRuntime().availableProcessors());
    torch.manual_seed(1);
    Extents extents = Extents.parse(shape);
    long[] sizes = {extents.batch(), extents.rows(), extents.columns()};
    torch.ScalarType scalar =
        type.equals("FLOAT32") ? torch.ScalarType.Float : torch.ScalarType.Double;
    TensorOptions options = new TensorOptions().dtype(new ScalarTypeOptional(scalar));
    a = torch.randn(sizes, options);
    leaf = a.clone().set_requires_grad(true);
    T_TensorTensorTensor_T svd = torch.linalg_svd(leaf, false, null);
    factors = new TensorVector(svd.get0(), svd.get1(), svd.get2());
    cotangents =
        new TensorVector(
            torch.randn_like(svd.get0()),
            torch.randn_like(svd.get1()),
            torch.randn_like(svd.get2()));
    inputs = new TensorVector(leaf);
  }

  @Benchmark
  public void forward() {
    try (T_TensorTensorTensor_T svd = torch.linalg_svd(a, false, null)) {
      svd.get1();
    }
  }

  @Benchmark
  public void backward() {
    torch.grad(factors, inputs, cotangents, new BoolOptional(true), false, false).close();
  }

  @Benchmark
  public void both() {
    try (PointerScope scope = new PointerScope()) {
      T_TensorTensorTensor_T svd = torch.linalg_svd(leaf, false, null);
      torch.grad(
          new TensorVector(svd.get0(), svd.get1(), svd.get2()),
          inputs,
          cotangents,
          new BoolOptional(false),
          false,
          false);
    }
  }

  @Benchmark
  public void spectral() {
    try (PointerScope scope = new PointerScope()) {
      T_TensorTensorTensor_T svd = torch.linalg_svd(leaf, false, null);
      Tensor thresholded = svd.get1().sub(new Scalar(0.5)).relu().unsqueeze(-2);
      Tensor y = svd.get0().mul(thresholded).matmul(svd.get2());
      torch.grad(
          new TensorVector(y),
          inputs,
          new TensorVector(y.detach()),
          new BoolOptional(false),
          false,
          false);
    }
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    factors.close();
    cotangents.close();
    inputs.close();
    a.close();
  }
}
