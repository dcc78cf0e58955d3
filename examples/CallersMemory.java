///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DEPS io.github.diffsvd:diffsvd:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import static io.github.diffsvd.DataType.FLOAT32;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;

/** Matrices stay where another library has put them, and the work goes on that library's stream. */
public class CallersMemory {
  /**
   * The gradient of ½ Σ s², which is A itself.
   *
   * @param a address of two 3×2 matrices, column-major as LAPACK and cuBLAS have them
   * @param gradient address of memory for two more
   * @param stream on a GPU the CUstream's handle; on the CPU nothing reads it
   */
  static void pullBack(Device device, long a, long gradient, long stream) {
    BatchShape shape = new BatchShape(FLOAT32, 2, 3, 2);
    try (SvdPlan plan = SvdPlan.create(device, shape)) {
      SvdFactors factors = plan.allocateFactors();
      SvdInfo info = plan.allocateInfo();
      plan.forward(MatrixBatch.wrapColumnMajor(a, shape), factors, info, stream);
      SvdCotangents cotangents = SvdCotangents.ofValues(factors.s());
      plan.backward(factors, cotangents, MatrixBatch.wrapColumnMajor(gradient, shape), stream);
      // Waits for the stream, so that the plan can be closed.
      info.check(stream);
    }
  }

  public static void main(String[] arguments) {
    // On a GPU these are Device.open("cuda:0"), what cuMemAlloc gave, and the handle of the stream:
    // stream.address() in JavaCPP's CUDA, the pointer as a long in any other binding.
    try (Device device = Device.open("cpu");
        FloatPointer a = new FloatPointer(1, 2, 2, 0, 3, 4, 5, 0, 0, 0, 5, 0);
        FloatPointer gradient = new FloatPointer(12)) {
      pullBack(device, a.address(), gradient.address(), 0);

      float[] expected = new float[12];
      float[] result = new float[12];
      a.get(expected);
      gradient.get(result);
      System.out.println("gradient: " + Arrays.toString(result));
      for (int i = 0; i < 12; i++) {
        if (!(Math.abs(result[i] - expected[i]) < 1e-5)) {
          throw new AssertionError("element " + i + ": expected " + expected[i]);
        }
      }
    }
  }
}
