package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;

/** Standard normal cotangents of U, S and V, the same for every contender. */
record Cotangents(double[] u, double[] s, double[] v) {
  static Cotangents of(DataType type, Extents extents) {
    int batch = extents.batch();
    int k = extents.k();
    return new Cotangents(
        Spectrum.normal(2, type, batch, extents.rows(), k),
        Spectrum.normal(3, type.real(), batch, k, 1),
        Spectrum.normal(4, type, batch, extents.columns(), k));
  }
}
