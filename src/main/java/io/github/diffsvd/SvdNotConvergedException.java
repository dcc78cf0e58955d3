package io.github.diffsvd;

import java.util.Arrays;

/**
 * Some matrices of a batch have no decomposition: they held NaN or infinity, were not Hermitian
 * positive semi-definite where that is needed, or the iteration did not converge. The others are
 * valid.
 */
public final class SvdNotConvergedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int[] notFinite;
  private final int[] notPositive;
  private final int[] notHermitian;
  private final int[] notRepresentable;
  private final int[] notConverged;

  SvdNotConvergedException(
      int batch,
      int[] notFinite,
      int[] notPositive,
      int[] notHermitian,
      int[] notRepresentable,
      int[] notConverged) {
    super(
        notFinite.length
            + notPositive.length
            + notHermitian.length
            + notRepresentable.length
            + notConverged.length
            + " of "
            + batch
            + " matrices have no decomposition"
            + describe("; not finite", notFinite)
            + describe("; not positive semi-definite", notPositive)
            + describe("; not Hermitian", notHermitian)
            + describe("; a singular value beyond the type's range", notRepresentable)
            + describe("; not converged", notConverged));
    this.notFinite = notFinite.clone();
    this.notPositive = notPositive.clone();
    this.notHermitian = notHermitian.clone();
    this.notRepresentable = notRepresentable.clone();
    this.notConverged = notConverged.clone();
  }

  private static String describe(String what, int[] indices) {
    if (indices.length == 0) {
      return "";
    }
    int shown = Math.min(indices.length, 16);
    return what
        + ": "
        + Arrays.toString(Arrays.copyOf(indices, shown))
        + (shown < indices.length ? " and more" : "");
  }

  /** Indices in the batch of the matrices that held NaN or infinity. */
  public int[] notFinite() {
    return notFinite.clone();
  }

  /** Indices in the batch of the Hermitian matrices with a negative eigenvalue. */
  public int[] notPositive() {
    return notPositive.clone();
  }

  /** Indices in the batch of the finite matrices that are not Hermitian, as EighPlan wants them. */
  public int[] notHermitian() {
    return notHermitian.clone();
  }

  /**
   * Indices in the batch of the finite matrices that have a singular value beyond the type's range.
   */
  public int[] notRepresentable() {
    return notRepresentable.clone();
  }

  /** Indices in the batch of the finite matrices whose iteration did not converge. */
  public int[] notConverged() {
    return notConverged.clone();
  }
}
