package io.github.diffsvd;

/** The shapes of the first r singular triplets of a batch, of their cotangents and tangents. */
record FactorShapes(BatchShape u, BatchShape s, BatchShape v) {
  static FactorShapes of(BatchShape a, int r) {
    return new FactorShapes(
        a.with(a.rows(), r), a.realColumn(r), a.with(/* rows= */ a.columns(), /* columns= */ r));
  }

  int rank() {
    return s.rows();
  }
}
