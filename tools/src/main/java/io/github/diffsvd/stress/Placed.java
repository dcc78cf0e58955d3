package io.github.diffsvd.stress;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import java.util.Arrays;
import java.util.SplittableRandom;

/** A batch in a device's memory in strides drawn at random, and the host's copy of that memory. */
final class Placed implements AutoCloseable {
  /** Above so many numbers there are no gaps. */
  private static final long ROOMY = 1 << 16;

  private final Device device;
  private final OwnedMatrixBatch memory;
  private final int parts;
  private final int rowStride;
  private final int columnStride;
  private final int batchStride;
  private final double[] sent;
  private boolean touched;
  final MatrixBatch view;

  /**
   * On the host; {@link #send} takes it to the device.
   *
   * @param poison what stands where nobody writes
   * @param random of the strides; without it the matrices are row-major, without gaps
   */
  Placed(
      Device device,
      DataType type,
      int batch,
      int rows,
      int columns,
      double poison,
      SplittableRandom random) {
    this.device = device;
    parts = type.isComplex() ? 2 : 1;
    boolean byRows = random == null || random.nextInt(3) > 0;
    boolean gaps =
        random != null && random.nextInt(4) == 0 && (long) batch * rows * columns < ROOMY;
    int inner = gaps ? random.nextInt(1, 3) : 1;
    int outer = inner * (byRows ? columns : rows) + (gaps ? random.nextInt(3) : 0);
    rowStride = byRows ? outer : inner;
    columnStride = byRows ? inner : outer;
    batchStride = outer * (byRows ? rows : columns) + (gaps ? random.nextInt(3) : 0);
    memory = device.allocate(new BatchShape(type, 1, 1, batch * batchStride));
    view =
        MatrixBatch.wrap(
            memory.address(),
            new BatchShape(type, batch, rows, columns),
            rowStride,
            columnStride,
            batchStride);
    sent = new double[batch * batchStride * parts];
    Arrays.fill(sent, poison);
  }

  private int at(int b, int i, int j) {
    return (b * batchStride + i * rowStride + j * columnStride) * parts;
  }

  /** Row-major values of one matrix. */
  Placed put(int b, double[] values) {
    for (int i = 0, t = 0; i < view.rows(); i++) {
      for (int j = 0; j < view.columns(); j++) {
        for (int part = 0; part < parts; part++) {
          sent[at(b, i, j) + part] = values[t++];
        }
      }
    }
    return this;
  }

  Placed send() {
    device.write(memory, sent);
    return this;
  }

  /** The matrices that stand there now. */
  double[][] read() {
    double[] now = device.read(memory);
    double[][] values = new double[view.batch()][view.rows() * view.columns() * parts];
    for (int b = 0; b < values.length; b++) {
      for (int i = 0, t = 0; i < view.rows(); i++) {
        for (int j = 0; j < view.columns(); j++) {
          for (int part = 0; part < parts; part++) {
            int at = at(b, i, j) + part;
            values[b][t++] = now[at];
            now[at] = sent[at];
          }
        }
      }
    }
    touched = !Arrays.equals(now, sent);
    return values;
  }

  /** Whether the memory is, bit for bit, what was sent. */
  boolean isUnchanged() {
    return Arrays.equals(device.read(memory), sent);
  }

  /** Whether the last {@link #read} found another number between the elements. */
  boolean isTouched() {
    return touched;
  }

  @Override
  public void close() {
    memory.close();
  }
}
