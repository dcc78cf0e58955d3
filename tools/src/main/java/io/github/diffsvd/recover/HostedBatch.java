package io.github.diffsvd.recover;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Matrices on a device with a buffer on the host through which they come and go, made once. */
final class HostedBatch implements AutoCloseable {
  private final Device device;
  private final OwnedMatrixBatch matrices;
  private final ByteBuffer bytes;
  private final int size;

  HostedBatch(Device device, DataType type, int batch, int rows, int columns) {
    this.device = device;
    matrices = device.allocate(new BatchShape(type, batch, rows, columns));
    size = Math.toIntExact(matrices.size());
    bytes =
        ByteBuffer.allocateDirect(Math.multiplyExact(size, type.bytes()))
            .order(ByteOrder.nativeOrder());
  }

  OwnedMatrixBatch matrices() {
    return matrices;
  }

  /** Copies values[0 … size) to the device. */
  void write(double[] values) {
    bytes.clear();
    if (matrices.type() == DataType.FLOAT32) {
      for (int i = 0; i < size; i++) {
        bytes.putFloat(i * Float.BYTES, (float) values[i]);
      }
    } else {
      bytes.asDoubleBuffer().put(values, 0, size);
    }
    device.write(matrices, bytes);
  }

  /** Copies all values from the device to values[0 … size). */
  void read(double[] values) {
    bytes.clear();
    device.read(matrices, bytes);
    bytes.clear();
    if (matrices.type() == DataType.FLOAT32) {
      for (int i = 0; i < size; i++) {
        values[i] = bytes.getFloat(i * Float.BYTES);
      }
    } else {
      bytes.asDoubleBuffer().get(values, 0, size);
    }
  }

  @Override
  public void close() {
    matrices.close();
  }
}
