package io.github.diffsvd;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class SmokeTest {
  @Test
  void smoke() {
    try (Device device = Device.open("cpu");
        OwnedMatrixBatch x = device.allocate(DataType.FLOAT64, 2, 2, 2);
        OwnedMatrixBatch gx = device.allocate(DataType.FLOAT64, 2, 2, 2);
        OwnedMatrixBatch u = device.allocate(DataType.FLOAT64, 2, 2, 2);
        OwnedMatrixBatch s = device.allocate(DataType.FLOAT64, 2, 2, 1);
        OwnedMatrixBatch v = device.allocate(DataType.FLOAT64, 2, 2, 2);
        SvdInfo info = device.allocateInfo(2);
        SvdPlan plan = SvdPlan.create(device, DataType.FLOAT64, 2, 2, 2)) {
      device.write(x, 2, 4, -4, 2, 1, 2, 3, 4);
      SvdFactors f = new SvdFactors(u, s, v);
      plan.forward(x, f, info, 0);
      info.check(0);
      System.out.println(
          device
              + " "
              + device.description()
              + Arrays.toString(device.read(u))
              + Arrays.toString(device.read(s))
              + Arrays.toString(device.read(v)));
      plan.backward(f, new SvdCotangents(u, s, v), gx, 0);
      System.out.println(Arrays.toString(device.read(gx)));
    }
  }
}
