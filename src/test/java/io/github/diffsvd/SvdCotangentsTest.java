package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SvdCotangentsTest {
  @Test
  void valuesAreAColumn() {
    MatrixBatch row = MatrixBatch.wrap(4, new BatchShape(DataType.FLOAT32, 1, 1, 4));
    assertThatThrownBy(() -> SvdCotangents.ofValues(row))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("cotangents.s: expected batch × r × 1, got FLOAT32 1×1×4");
  }
}
