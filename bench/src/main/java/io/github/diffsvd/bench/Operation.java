package io.github.diffsvd.bench;

import java.util.Locale;

/** What is measured. */
enum Operation {
  /** The thin U, S and V. */
  FORWARD,
  /** The singular values alone. */
  VALUES,
  /** From cotangents of U, S and V to the gradient. */
  BACKWARD,
  /** Forward and backward. */
  BOTH,
  /** A soft threshold of the singular values, forward and backward. */
  SPECTRAL;

  static final double THRESHOLD = 0.5;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
