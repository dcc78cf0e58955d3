package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Lease;

/** One way to compute singular values alone; which one suits a shape is decided at the start. */
interface ValuesPass {
  long workspaceBytes();

  void bind(long workspace);

  /** Queues the work; info is the address of batch 32-bit integers. */
  void runValues(MatrixBatch a, MatrixBatch s, long info, long stream);

  /** What the device does soonest. */
  static ValuesPass choose(Lease lease, DataType type, int batch, int rows, int columns) {
    return LanesValues.suits(lease.limits(), rows, columns)
        ? new LanesValues(lease, type, batch, rows, columns)
        : ForwardPass.choose(lease, type, batch, rows, columns, SvdAlgorithm.AUTO);
  }
}
