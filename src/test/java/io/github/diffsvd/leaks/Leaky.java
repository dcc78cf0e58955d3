package io.github.diffsvd.leaks;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.EighPlan;

/** A user of the library, in a package of its own, who forgets to close things. */
public final class Leaky {
  private Leaky() {}

  /** The lines that make something are named in the test. */
  public static void leaveOpen() {
    Device device = Device.open("cpu");
    device.allocate(new BatchShape(DataType.FLOAT32, 2, 3, 4));
    device.allocateInfo(2);
    EighPlan.create(device, new BatchShape(DataType.FLOAT64, 2, 3, 3));
    device.allocate(new BatchShape(DataType.FLOAT32, 9, 9, 9)).close();
    device.close();
  }
}
