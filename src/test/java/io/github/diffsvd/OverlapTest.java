package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** {@link MatrixBatch#overlaps} beside the addresses of all bytes. */
class OverlapTest {
  private static final long BASE = 1 << 20;
  private static final DataType F32 = DataType.FLOAT32;

  private static MatrixBatch at(
      long element, int batch, int rows, int columns, long along, long down, long right) {
    return MatrixBatch.wrap(
        BASE + element * F32.bytes(),
        new BatchShape(F32, batch, rows, columns),
        down,
        right,
        along);
  }

  private static void assertOverlap(MatrixBatch a, MatrixBatch b, boolean expected) {
    assertThat(bytes(a).stream().anyMatch(bytes(b)::contains)).isEqualTo(expected);
    assertThat(a.overlaps(b)).as(a + " and " + b).isEqualTo(expected);
    assertThat(b.overlaps(a)).as(b + " and " + a).isEqualTo(expected);
  }

  private static Set<Long> bytes(MatrixBatch matrix) {
    Set<Long> bytes = new HashSet<>();
    for (int b = 0; b < matrix.batch(); b++) {
      for (int i = 0; i < matrix.rows(); i++) {
        for (int j = 0; j < matrix.columns(); j++) {
          long element =
              b * matrix.batchStride() + i * matrix.rowStride() + j * matrix.columnStride();
          for (int k = 0; k < matrix.type().bytes(); k++) {
            bytes.add(matrix.address() + element * matrix.type().bytes() + k);
          }
        }
      }
    }
    return bytes;
  }

  @Test
  void packedMatrices() {
    MatrixBatch a = MatrixBatch.wrap(BASE, new BatchShape(F32, 2, 3, 4));
    assertOverlap(a, a, true);
    assertOverlap(a, a.transposed(), true);
    assertOverlap(a, MatrixBatch.wrapColumnMajor(BASE, new BatchShape(F32, 2, 3, 4)), true);
    assertOverlap(a, MatrixBatch.wrap(BASE + 24 * 4, new BatchShape(F32, 2, 3, 4)), false);
    assertOverlap(a, MatrixBatch.wrap(BASE + 23 * 4, new BatchShape(F32, 2, 3, 4)), true);
    assertOverlap(a, MatrixBatch.wrap(BASE, new BatchShape(F32, 2, 0, 4)), false);
  }

  @Test
  void partsOfOneArrayAreApart() {
    MatrixBatch whole = MatrixBatch.wrap(BASE, new BatchShape(F32, 4, 6, 8));
    MatrixBatch left = whole.leadingColumns(5);
    assertOverlap(left, at(5, 4, 6, 3, 48, 8, 1), false);
    assertOverlap(left, at(4, 4, 6, 3, 48, 8, 1), true);
    assertOverlap(whole.slice(0, 2), whole.slice(2, 2), false);
    assertOverlap(whole.slice(0, 3), whole.slice(2, 2), true);
    // Even and odd matrices, rows, columns.
    assertOverlap(at(0, 2, 6, 8, 96, 8, 1), at(48, 2, 6, 8, 96, 8, 1), false);
    assertOverlap(at(0, 4, 3, 8, 48, 16, 1), at(8, 4, 3, 8, 48, 16, 1), false);
    assertOverlap(at(0, 4, 6, 4, 48, 8, 2), at(1, 4, 6, 4, 48, 8, 2), false);
    // Upside down, and the other order of elements.
    assertOverlap(left, at(45, 4, 6, 3, 48, -8, 1), false);
    assertOverlap(left, at(5, 4, 3, 6, 48, 1, 8), false);
  }

  @Test
  void recordsOfDifferentMatricesAreApart() {
    // U 4×2, S 2×1 and V 3×2 of each matrix in 16 elements; U column-major.
    MatrixBatch u = at(0, 5, 4, 2, 16, 1, 4);
    MatrixBatch s = at(8, 5, 2, 1, 16, 1, 1);
    MatrixBatch v = at(10, 5, 3, 2, 16, 2, 1);
    assertOverlap(u, s, false);
    assertOverlap(u, v, false);
    assertOverlap(s, v, false);
    assertOverlap(u, at(7, 5, 2, 1, 16, 1, 1), true);
    // One matrix between those of a batch.
    assertOverlap(v, at(16, 1, 4, 2, 0, 1, 4), false);
    assertOverlap(v, at(24, 1, 4, 2, 0, 1, 4), true);
  }

  @Test
  void realPartsOfComplexNumbersBelongToThem() {
    MatrixBatch complex = MatrixBatch.wrap(BASE, new BatchShape(DataType.COMPLEX64, 1, 3, 3));
    assertOverlap(complex, at(1, 1, 3, 3, 0, 6, 2), true);
    assertOverlap(complex, at(18, 1, 3, 3, 0, 6, 2), false);
  }

  /** Whatever the strides, two that share a byte are never said to be apart. */
  @Test
  void nothingIsMissed() {
    Random random = new Random(3);
    int together = 0;
    for (int i = 0; i < 20_000; i++) {
      MatrixBatch a = any(random);
      MatrixBatch b = any(random);
      boolean expected = bytes(a).stream().anyMatch(bytes(b)::contains);
      if (expected) {
        together++;
        assertThat(a.overlaps(b)).as(a + " and " + b).isTrue();
      }
    }
    assertThat(together).isPositive();
  }

  private static MatrixBatch any(Random random) {
    return at(
        random.nextInt(40),
        1 + random.nextInt(3),
        1 + random.nextInt(3),
        1 + random.nextInt(3),
        random.nextInt(25) - 12,
        random.nextInt(13) - 6,
        random.nextInt(7) - 3);
  }
}
