package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.internal.backend.Backend;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The scratch of svd_jacobi.cu by hand, for builds that this machine may not choose. */
class JacobiScratchTest {
  /** In vectors: 8×n and its workspace have 16 + 2n rows of two for each pair compiled for. */
  @ParameterizedTest
  @CsvSource({
    "16, 2, 2",
    "16, 4, 2",
    "16, 5, 4",
    "16, 6, 4",
    "16, 8, 4",
    "32, 4, 2",
    "32, 5, 3",
    "32, 6, 3",
    "32, 7, 4",
    "64, 6, 3",
    "64, 8, 4",
  })
  void aLaneWithAWholeMatrixHasAsManyPairsAsItsKernel(int wideBytes, int columns, int pairs) {
    Backend.Limits limits = new Backend.Limits(1, 1, Integer.MAX_VALUE, 0, type -> 64, wideBytes);
    Tall tall = Tall.of(new BatchShape(DataType.FLOAT64, 1, 8, columns));
    assertThat(JacobiForward.scratchBytes(limits, tall))
        .isEqualTo((16 + 2L * columns) * 2 * pairs * wideBytes);
  }
}
