///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 17+
//DEPS io.github.diffsvd:diffsvd:0.1.0-SNAPSHOT
//RUNTIME_OPTIONS --enable-native-access=ALL-UNNAMED

import static io.github.diffsvd.DataType.FLOAT64;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.util.Arrays;

/** A gradient in five lines: that of the nuclear norm, s₁ + s₂, which is U Vᵀ. */
public class Gradient {
  public static void main(String[] arguments) {
    double[] gradient;
    try (Device device = Device.open();
        OwnedMatrixBatch a = device.upload(new BatchShape(FLOAT64, 1, 2, 2), 3, 0, 4, 5);
        OwnedMatrixBatch ones = device.upload(new BatchShape(FLOAT64, 1, 2, 1), 1, 1);
        SvdPlan plan = SvdPlan.like(device, a)) {
      SvdFactors factors = plan.allocateFactors();
      SvdInfo info = plan.allocateInfo();
      plan.forward(a, factors, info);
      info.check();
      // Each singular value has the derivative 1 in the loss. The gradient takes the place of A.
      plan.backward(factors, SvdCotangents.ofValues(ones), a);

      gradient = device.read(a);
    }
    System.out.println("gradient of the nuclear norm: " + Arrays.toString(gradient));

    double[] expected = {2, -1, 1, 2}; // times 1/√5
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(gradient[i] - expected[i] / Math.sqrt(5)) < 1e-12)) {
        throw new AssertionError("element " + i + ": expected " + expected[i] + "/√5");
      }
    }
  }
}
