package io.github.diffsvd.internal.backend;

import io.github.diffsvd.MatrixBatch;

/**
 * The thin SVD of a batch of finite m×n matrices with m ≥ n ≥ 1, in buffers of its own layout;
 * belongs to one plan and one thread at a time.
 *
 * <p>The buffers lie in a workspace of {@link #workspaceBytes()} that the plan gives once through
 * {@link #bind}.
 */
public interface SvdSolver extends AutoCloseable {
  /** Device memory for input, output and whatever the routine needs. */
  long workspaceBytes();

  void bind(long workspace);

  /** Where the caller puts the matrices: batch × m × n. {@link #solve} overwrites them. */
  MatrixBatch input();

  /** Left singular vectors: batch × m × n. */
  MatrixBatch u();

  /** Singular values, descending: batch × n × 1. */
  MatrixBatch s();

  /** Right singular vectors: batch × n × n, V or its conjugate as {@link #conjugatesV()} says. */
  MatrixBatch v();

  /** Whether the elements of {@link #v()} are conjugated, because the routine returns Vᴴ. */
  boolean conjugatesV();

  /** Address of batch 32-bit integers: 0, or positive for a matrix that did not converge. */
  long info();

  void solve(long stream);

  /** The singular values alone, where that is cheaper; U and V are undefined then. */
  default void solveValues(long stream) {
    solve(stream);
  }

  @Override
  void close();
}
