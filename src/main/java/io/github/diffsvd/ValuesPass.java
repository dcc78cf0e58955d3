package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Lease;

/** One way to compute singular values alone; which one suits a shape is decided at the start. */
interface ValuesPass {
  long workspaceBytes();

  void bind(long workspace);

  /** Queues the work; info is the address of batch 32-bit integers. */
  void runValues(MatrixBatch a, MatrixBatch s, long info, long stream);

  /** AUTO takes what the device does soonest. */
  static ValuesPass choose(Lease lease, BatchShape shape, SvdAlgorithm algorithm) {
    return algorithm == SvdAlgorithm.AUTO
            && !shape.isEmpty()
            && LanesValues.suits(lease.limits(), shape)
        ? new LanesValues(lease, shape)
        : ForwardPass.choose(lease, shape, algorithm);
  }
}
