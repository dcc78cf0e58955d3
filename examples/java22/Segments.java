import static io.github.diffsvd.DataType.FLOAT64;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Matrices in memory of java.lang.foreign, Java 22 or newer: java -cp …
 * examples/java22/Segments.java
 */
public class Segments {
  public static void main(String[] arguments) {
    BatchShape shape = new BatchShape(FLOAT64, 1, 2, 2);
    try (Arena arena = Arena.ofConfined();
        Device device = Device.open("cpu");
        SvdPlan plan = SvdPlan.create(device, shape)) {
      MemorySegment segment = arena.allocateFrom(ValueLayout.JAVA_DOUBLE, 0, 3, 2, 0);
      SvdFactors factors = plan.allocateFactors();
      SvdInfo info = plan.allocateInfo();
      // PAGE java.lang.foreign
      MatrixBatch a = MatrixBatch.wrap(segment.address(), shape);
      plan.forward(a, factors, info);
      // PAGE
      double[] s = device.read(factors.s());
      if (Math.abs(s[0] - 3) > 1e-12 || Math.abs(s[1] - 2) > 1e-12) {
        throw new AssertionError(s[0] + ", " + s[1]);
      }
      System.out.println("singular values: " + s[0] + ", " + s[1]);
    }
  }
}
