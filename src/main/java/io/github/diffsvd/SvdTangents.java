package io.github.diffsvd;

import java.util.Objects;

/**
 * The derivatives of U, S and V along a direction; shapes as in {@link SvdFactors}.
 *
 * @param u batch × m × k
 * @param s batch × k × 1, real
 * @param v batch × n × k
 */
public record SvdTangents(MatrixBatch u, MatrixBatch s, MatrixBatch v) implements AutoCloseable {
  public SvdTangents {
    Objects.requireNonNull(u, "u");
    Objects.requireNonNull(s, "s");
    Objects.requireNonNull(v, "v");
  }

  /** Frees those of the three that own their memory. */
  @Override
  public void close() {
    OwnedMatrixBatch.closeAll(u, s, v);
  }
}
