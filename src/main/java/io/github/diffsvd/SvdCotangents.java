package io.github.diffsvd;

/**
 * The derivatives of a real loss with respect to the factors, ∂L/∂Re + i·∂L/∂Im. Each may be null:
 * it counts as zero and costs nothing.
 *
 * <p>A loss of the first r singular values and vectors alone, a truncated SVD, has cotangents of r
 * columns: 0 ≤ r ≤ k, the same for all three. The others count as zero, and the gradient is exact
 * because the factors still have all k columns.
 *
 * @param u batch × m × r, or null
 * @param s batch × r × 1, real, or null
 * @param v batch × n × r, or null
 */
public record SvdCotangents(MatrixBatch u, MatrixBatch s, MatrixBatch v) implements AutoCloseable {
  /** Of a loss that sees nothing. */
  static final SvdCotangents NONE = new SvdCotangents(null, null, null);

  /**
   * @throws IllegalArgumentException if s is not a column for each matrix
   */
  public SvdCotangents {
    if (s != null && s.columns() != 1) {
      throw new IllegalArgumentException("cotangents.s: expected batch × r × 1, got " + s);
    }
  }

  /** For a loss that sees the singular values alone. */
  public static SvdCotangents ofValues(MatrixBatch s) {
    return new SvdCotangents(null, s, null);
  }

  /** r, or k where all are absent or r is none that a plan takes. */
  int rank(int k) {
    int rank = u != null ? u.columns() : v != null ? v.columns() : s != null ? s.rows() : k;
    return rank <= k ? rank : k;
  }

  /** Frees those of the three that own their memory. */
  @Override
  public void close() {
    OwnedMatrixBatch.closeAll(u, s, v);
  }
}
