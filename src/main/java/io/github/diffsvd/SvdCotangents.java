package io.github.diffsvd;

/**
 * The derivatives of a real loss with respect to the factors, ∂L/∂Re + i·∂L/∂Im. Each may be null:
 * it counts as zero and costs nothing.
 *
 * @param u batch × m × k, or null
 * @param s batch × k × 1, real, or null
 * @param v batch × n × k, or null
 */
public record SvdCotangents(MatrixBatch u, MatrixBatch s, MatrixBatch v) {
  /** For a loss that sees the singular values alone. */
  public static SvdCotangents ofValues(MatrixBatch s) {
    return new SvdCotangents(null, s, null);
  }
}
