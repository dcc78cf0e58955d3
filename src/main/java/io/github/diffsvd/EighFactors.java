package io.github.diffsvd;

import java.util.Objects;

/**
 * The eigendecomposition A = U diag(λ) Uᴴ of a batch of Hermitian positive semi-definite matrices.
 *
 * @param values λ, batch × n × 1, real, descending, ≥ 0
 * @param vectors U, batch × n × n, orthonormal columns
 */
public record EighFactors(MatrixBatch values, MatrixBatch vectors) implements AutoCloseable {
  public EighFactors {
    Objects.requireNonNull(values, "values");
    Objects.requireNonNull(vectors, "vectors");
  }

  /** The singular value decomposition that it is, with U for V. */
  SvdFactors asSvd() {
    return new SvdFactors(vectors, values, vectors);
  }

  /** Frees those of the two that own their memory. */
  @Override
  public void close() {
    OwnedMatrixBatch.closeAll(values, vectors);
  }
}
