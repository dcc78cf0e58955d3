package io.github.diffsvd.contract;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdFactors;
import java.util.Arrays;
import java.util.List;

/** Host matrices to a device's memory and back. */
final class Batch {
  private Batch() {}

  /** A batch on the device with these values. */
  static OwnedMatrixBatch upload(Device device, DataType type, List<Host> matrices) {
    Host first = matrices.get(0);
    OwnedMatrixBatch batch =
        device.allocate(new BatchShape(type, matrices.size(), first.rows(), first.columns()));
    write(device, batch, matrices);
    return batch;
  }

  static void write(Device device, MatrixBatch target, List<Host> matrices) {
    device.write(
        target,
        matrices.stream()
            .flatMapToDouble(
                matrix ->
                    Arrays.stream(target.type().isComplex() ? matrix.values() : matrix.realParts()))
            .toArray());
  }

  /** Memory that holds NaN everywhere, so that what is never written shows. */
  static OwnedMatrixBatch poisoned(Device device, DataType type, int batch, int rows, int columns) {
    OwnedMatrixBatch memory = device.allocate(new BatchShape(type, batch, rows, columns));
    poison(device, memory);
    return memory;
  }

  static void poison(Device device, MatrixBatch matrix) {
    double[] values = new double[(int) matrix.size() * (matrix.type().isComplex() ? 2 : 1)];
    Arrays.fill(values, Double.NaN);
    device.write(matrix, values);
  }

  static SvdFactors poisonedFactors(Device device, DataType type, int batch, Shape shape) {
    return new SvdFactors(
        poisoned(device, type, batch, shape.rows(), shape.k()),
        poisoned(device, type.real(), batch, shape.k(), 1),
        poisoned(device, type, batch, shape.columns(), shape.k()));
  }

  static Host[] download(Device device, MatrixBatch source) {
    double[] values = device.read(source);
    int size = source.rows() * source.columns();
    int parts = source.type().isComplex() ? 2 : 1;
    Host[] matrices = new Host[source.batch()];
    for (int b = 0; b < matrices.length; b++) {
      Host matrix = Host.zeros(source.rows(), source.columns());
      for (int t = 0; t < size; t++) {
        matrix.values()[2 * t] = values[(b * size + t) * parts];
        matrix.values()[2 * t + 1] = parts == 2 ? values[(b * size + t) * parts + 1] : 0;
      }
      matrices[b] = matrix;
    }
    return matrices;
  }
}
