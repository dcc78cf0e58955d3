package io.github.diffsvd.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;

class PointersTest {
  private static final BatchShape SHAPE = new BatchShape(DataType.FLOAT64, 2, 2, 1);

  @Test
  void aPointersPositionCounts() {
    try (Device device = Device.open("cpu");
        DoublePointer pointer = new DoublePointer(1, 2, 3, 4, 5, 6)) {
      assertThat(device.read(Pointers.wrap(pointer, SHAPE))).containsExactly(1, 2, 3, 4);
      pointer.position(2);
      assertThat(device.read(Pointers.wrap(pointer, SHAPE))).containsExactly(3, 4, 5, 6);
      assertThat(device.read(Pointers.wrap(pointer, SHAPE, 1, 7, 1))).containsExactly(3, 4, 4, 5);
      Pointer bytes = new Pointer(pointer.position(0)).position(8).limit(0);
      assertThat(device.read(Pointers.wrap(bytes, SHAPE))).containsExactly(2, 3, 4, 5);
    }
  }

  @Test
  void aLimitIsKept() {
    try (DoublePointer pointer = new DoublePointer(6).position(3)) {
      assertThatThrownBy(() -> Pointers.wrap(pointer, SHAPE))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("pointer: expected 32 bytes for FLOAT64 2×2×1 at 0x")
          .hasMessageEndingWith(", got 24");
      assertThatThrownBy(() -> Pointers.wrap(pointer, SHAPE, 3, 1, 0))
          .hasMessageContaining("expected 32 bytes");
      assertThat(Pointers.wrap(pointer, SHAPE, -3, 1, 2).batch()).isEqualTo(2);
    }
  }

  @Test
  void aNullPointerIsRefused() {
    assertThatThrownBy(() -> Pointers.wrap((Pointer) null, SHAPE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("address: expected the address of FLOAT64 2×2×1, got 0");
  }
}
