package io.github.diffsvd;

import java.util.Objects;

/**
 * The thin singular value decomposition A = U diag(S) Vᴴ of a batch, with k = min(m, n).
 *
 * @param u batch × m × k, orthonormal columns
 * @param s batch × k × 1, real, descending, ≥ 0
 * @param v batch × n × k, orthonormal columns; V itself, not Vᴴ
 */
public record SvdFactors(MatrixBatch u, MatrixBatch s, MatrixBatch v) implements AutoCloseable {
  public SvdFactors {
    Objects.requireNonNull(u, "u");
    Objects.requireNonNull(s, "s");
    Objects.requireNonNull(v, "v");
  }

  /** The first r singular values and vectors, in the same memory: the truncated SVD. */
  public SvdFactors leading(int r) {
    return new SvdFactors(
        u.leadingColumns(r), s.transposed().leadingColumns(r).transposed(), v.leadingColumns(r));
  }

  /** Frees those of the three that own their memory. */
  @Override
  public void close() {
    OwnedMatrixBatch.closeAll(u, s, v);
  }
}
