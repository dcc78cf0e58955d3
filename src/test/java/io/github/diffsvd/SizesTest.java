package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Sizes beyond 32 and 64 bits are refused by name; none wraps. */
class SizesTest {
  private static final int MOST = Integer.MAX_VALUE;
  private static final int LARGE = 1 << 30;
  private static final Device CPU = Device.open("cpu");

  @AfterAll
  static void close() {
    CPU.close();
  }

  private static void assertRefused(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(message);
  }

  @Test
  void aMatrixBatchCountsItsElements() {
    assertRefused(
        () -> MatrixBatch.wrap(0, new BatchShape(DataType.FLOAT32, LARGE, LARGE, 16)),
        "batch, rows, columns: 1073741824×1073741824×16 elements of FLOAT32 have more than 2^63");
    MatrixBatch repeated =
        MatrixBatch.wrap(64, new BatchShape(DataType.FLOAT64, LARGE, LARGE / 16, 2), 0, 0, 0);
    assertThat(repeated.size()).isEqualTo(1L << 57);
    assertThat(repeated.isEmpty()).isFalse();
    assertRefused(
        () -> MatrixBatch.wrap(64, new BatchShape(DataType.FLOAT64, 3, 2, 2), 2, 1, 1L << 60),
        "strides: expected elements within the address space, got FLOAT64 3×2×2 at 0x40");
    assertRefused(
        () -> MatrixBatch.wrap(64, new BatchShape(DataType.FLOAT64, 3, 2, 2), Long.MIN_VALUE, 1, 1),
        "strides: expected elements within the address space");
  }

  @Test
  void memoryThatNoLongCountsIsRefused() {
    assertRefused(
        () -> CPU.allocate(new BatchShape(DataType.COMPLEX128, MOST, MOST, 2)),
        "batch, rows, columns: 2147483647×2147483647×2 elements of COMPLEX128 have more than");
    assertThatThrownBy(() -> CPU.allocate(new BatchShape(DataType.FLOAT32, LARGE, LARGE, 1)))
        .isInstanceOf(DeviceOutOfMemoryException.class);
  }

  @Test
  void aPlanWhoseWorkspaceNoLongCountsIsRefused() {
    for (DataType type : DataType.values()) {
      for (SvdAlgorithm algorithm :
          new SvdAlgorithm[] {SvdAlgorithm.AUTO, SvdAlgorithm.GESDD, SvdAlgorithm.GESVD}) {
        SvdOptions options = SvdOptions.defaults().withAlgorithm(algorithm);
        assertRefused(
            () -> SvdPlan.workspaceBytes(CPU, new BatchShape(type, MOST, MOST, MOST), options),
            "rows, columns: LAPACK counts elements in 32 bits, too few for the work on 2147483647×");
      }
      assertRefused(
          () -> SpectralPlan.create(CPU, new BatchShape(type, MOST, MOST, MOST)),
          "rows, columns: LAPACK counts elements in 32 bits, too few");
      assertRefused(
          () ->
              PushforwardPlan.create(
                  CPU,
                  new BatchShape(type, MOST, MOST, MOST),
                  SvdOptions.defaults().withRule(GradientRule.exact())),
          "batch, rows, columns: ");
    }
    assertRefused(
        () ->
            SvdPlan.create(
                CPU,
                new BatchShape(DataType.FLOAT32, 1, MOST, MOST),
                SvdOptions.defaults().withAlgorithm(SvdAlgorithm.JACOBI)),
        "algorithm: JACOBI takes min(rows, columns) up to 64, got 2147483647×2147483647");
    assertRefused(
        () ->
            SvdPlan.create(
                CPU,
                new BatchShape(DataType.FLOAT32, 1, MOST, 64),
                SvdOptions.defaults().withAlgorithm(SvdAlgorithm.JACOBI)),
        "algorithm: JACOBI of 2147483647×64 needs ");
  }

  @Test
  void whatNoArrayHoldsIsNotRead() {
    MatrixBatch repeated =
        MatrixBatch.wrap(64, new BatchShape(DataType.COMPLEX64, LARGE, 1, 1), 0, 0, 0);
    assertRefused(() -> CPU.read(repeated), "source: expected at most 1073741823 elements, got");
    assertRefused(
        () -> CPU.write(MatrixBatch.wrap(64, new BatchShape(DataType.COMPLEX64, LARGE, 1, 1)), 1),
        "values: expected 2147483648 numbers for COMPLEX64 1073741824×1×1");
    assertRefused(
        () -> CPU.read(repeated, ByteBuffer.allocateDirect(8)),
        "buffer: expected 8589934592 bytes for COMPLEX64 1073741824×1×1");
  }
}
