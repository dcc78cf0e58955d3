package io.github.diffsvd.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** The known answers of Random123, philox4x32 10. */
  @Test
  void knownAnswers() {
    assertThat(Philox.block(new int[4], 0, 0))
        .containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    assertThat(Philox.block(new int[] {-1, -1, -1, -1}, -1, -1))
        .containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    assertThat(
            Philox.block(
                new int[] {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0))
        .containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  @Test
  void normalsHaveMeanZeroAndVarianceOne() {
    double[] values = Philox.normals(7, 1_000_001);
    assertThat(Arrays.stream(values).average().orElseThrow()).isBetween(-0.005, 0.005);
    assertThat(Arrays.stream(values).map(x -> x * x).average().orElseThrow()).isBetween(0.99, 1.01);
    assertThat(Arrays.stream(values).map(x -> Math.pow(x, 4)).average().orElseThrow())
        .isBetween(2.95, 3.05);
    // A number depends on its index and the seed, not on how many there are.
    assertThat(Arrays.copyOf(values, 101)).isEqualTo(Philox.normals(7, 101));
    assertThat(Philox.normals(7L + (1L << 32), 3)).isNotEqualTo(Philox.normals(7, 3));
  }
}
