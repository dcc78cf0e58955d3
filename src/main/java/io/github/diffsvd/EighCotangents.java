package io.github.diffsvd;

/**
 * The derivatives of a real loss with respect to the factors of {@link EighPlan}, ∂L/∂Re +
 * i·∂L/∂Im. Each may be null: it counts as zero and costs nothing.
 *
 * @param values ∂L/∂λ, batch × n × 1, real, or null
 * @param vectors ∂L/∂U, batch × n × n, or null
 */
public record EighCotangents(MatrixBatch values, MatrixBatch vectors) implements AutoCloseable {
  /** Frees those of the two that own their memory. */
  @Override
  public void close() {
    OwnedMatrixBatch.closeAll(values, vectors);
  }
}
