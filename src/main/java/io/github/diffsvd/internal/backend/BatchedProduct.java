package io.github.diffsvd.internal.backend;

import io.github.diffsvd.MatrixBatch;

/**
 * Matrix products over a batch; belongs to one plan and one thread at a time.
 *
 * <p>It works in {@link #workspaceBytes()} of device memory that the plan gives once through {@link
 * #bind}; between two calls nothing has to stay there.
 */
public interface BatchedProduct extends AutoCloseable {
  long workspaceBytes();

  void bind(long workspace);

  /**
   * c = op(a)·op(b), or c += op(a)·op(b), for every matrix of the batch; op is the conjugate
   * transpose where the flag says so. All three are held by the layout, and c overlaps neither a
   * nor b.
   */
  void multiply(
      Layout layout,
      MatrixBatch a,
      boolean adjointA,
      MatrixBatch b,
      boolean adjointB,
      MatrixBatch c,
      boolean accumulate,
      long stream);

  @Override
  void close();
}
