package io.github.diffsvd;

import java.util.Objects;

/**
 * The derivatives of a real loss with respect to Y = U f(S) Vᴴ, and with respect to S where the
 * loss sees the singular values besides.
 *
 * @param y ∂L/∂Y, batch × m × n
 * @param s ∂L/∂S, batch × k × 1, real, without what goes through f; or null, which counts as zero
 */
public record SpectralCotangents(MatrixBatch y, MatrixBatch s) {
  public SpectralCotangents {
    Objects.requireNonNull(y, "cotangents.y");
  }

  /** Of a loss that sees Y alone. */
  public static SpectralCotangents of(MatrixBatch y) {
    return new SpectralCotangents(y, null);
  }
}
