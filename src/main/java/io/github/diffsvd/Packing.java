package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;

/** Brings the caller's matrices, in whatever strides, into a layout that BLAS takes, and back. */
final class Packing {
  private final KernelLaunch copy;

  /** Of matrices of the shape, or smaller ones. */
  Packing(Lease lease, BatchShape most) {
    long units = LaunchShape.unitsOfElements(most.batch(), most.rows(), most.columns());
    copy = lease.prepare(Kernel.COPY, most.type(), LaunchShape.forUnits(lease.limits(), units, 0));
  }

  /** The matrix itself where the layout holds it, otherwise a copy in the buffer; null stays. */
  MatrixBatch operand(Layout layout, MatrixBatch matrix, Workspace.Buffer buffer, long stream) {
    if (matrix == null || layout.holds(matrix)) {
      return matrix;
    }
    MatrixBatch packed = layout.pack(buffer.address(), matrix.shape());
    copy(matrix, packed, stream);
    return packed;
  }

  void copy(MatrixBatch from, MatrixBatch to, long stream) {
    copy.arguments()
        .reset()
        .put(from)
        .put(to)
        .put((long) from.batch())
        .put((long) from.rows())
        .put((long) from.columns());
    copy.start(stream);
  }
}
