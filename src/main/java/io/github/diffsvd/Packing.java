package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Lease;

/** Brings the caller's matrices, in whatever strides, into a layout that BLAS takes, and back. */
final class Packing {
  private final DataType type;
  private final int batch;
  private final KernelLaunch copy;

  Packing(Lease lease, DataType type, int batch, int mostRows) {
    this.type = type;
    this.batch = batch;
    copy =
        lease.prepare(
            Kernel.COPY, type, LaunchShape.forUnits(lease.limits(), (long) batch * mostRows, 0));
  }

  /** The matrix itself where the layout holds it, otherwise a copy at the address; null stays. */
  MatrixBatch operand(Layout layout, MatrixBatch matrix, long address, long stream) {
    if (matrix == null || layout.holds(matrix)) {
      return matrix;
    }
    MatrixBatch packed = layout.pack(address, type, batch, matrix.rows(), matrix.columns());
    copy(matrix, packed, stream);
    return packed;
  }

  void copy(MatrixBatch from, MatrixBatch to, long stream) {
    copy.arguments()
        .reset()
        .put(from)
        .put(to)
        .put((long) batch)
        .put((long) from.rows())
        .put((long) from.columns());
    copy.start(stream);
  }
}
