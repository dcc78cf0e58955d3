package io.github.diffsvd.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("gpu")
class DlTensorsTest {
  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void matricesSurviveTheWayOutAndBackUncopied(Device device, DataType type) {
    AtomicInteger released = new AtomicInteger();
    try (OwnedMatrixBatch memory = device.allocate(new BatchShape(type, 1, 6, 20))) {
      BatchShape shape = new BatchShape(type, 2, 5, 3);
      for (MatrixBatch matrices :
          new MatrixBatch[] {
            MatrixBatch.wrap(memory.address(), shape),
            MatrixBatch.wrapColumnMajor(memory.address() + type.bytes(), shape),
            MatrixBatch.wrap(memory.address() + 100L * type.bytes(), shape, -1, -6, -40)
          }) {
        released.set(0);
        long managed = DlTensors.export(device, matrices, released::incrementAndGet);
        DlTensor tensor = DlTensors.wrap(device, managed);
        assertThat(tensor.matrices()).hasToString(matrices.toString());
        assertThat(released).hasValue(0);
        tensor.close();
        tensor.close();
        assertThat(released).as("deleters called").hasValue(1);
      }
    }
  }

  @Test
  void aTensorThatNobodyConsumesIsDeletedByItsMaker() {
    AtomicInteger released = new AtomicInteger();
    try (Device device = Device.open("cpu");
        OwnedMatrixBatch matrices = device.allocate(new BatchShape(DataType.FLOAT32, 1, 2, 2))) {
      DlTensors.delete(DlTensors.export(device, matrices, released::incrementAndGet));
      assertThat(released).hasValue(1);
    }
  }

  @Test
  void aReleaseThatFailsIsLoggedAndNotThrownIntoTheConsumer() {
    try (Device device = Device.open("cpu");
        OwnedMatrixBatch matrices = device.allocate(new BatchShape(DataType.FLOAT32, 1, 2, 2))) {
      DlTensors.delete(
          DlTensors.export(
              device,
              matrices,
              () -> {
                throw new IllegalStateException("for the test");
              }));
    }
  }

  /** What another library would write: dlpack.h's DLManagedTensor, 64 bytes, no deleter. */
  private static final class Foreign {
    final ByteBuffer bytes = ByteBuffer.allocateDirect(64).order(ByteOrder.nativeOrder());
    final ByteBuffer extents;
    final ByteBuffer data = ByteBuffer.allocateDirect(18 * 8).order(ByteOrder.nativeOrder());

    Foreign(int device, int id, int code, int bits, int lanes, long... extents) {
      this.extents = ByteBuffer.allocateDirect(8 * extents.length).order(ByteOrder.nativeOrder());
      Arrays.stream(extents).forEach(this.extents::putLong);
      for (int i = 0; i < 18; i++) {
        data.putDouble(i);
      }
      bytes.putLong(address(data)).putInt(device).putInt(id).putInt(extents.length);
      bytes.put((byte) code).put((byte) bits).putShort((short) lanes);
      bytes.putLong(address(this.extents)).putLong(0).putLong(0);
    }

    Foreign byteOffset(long offset) {
      bytes.putLong(40, offset);
      return this;
    }

    private static long address(ByteBuffer buffer) {
      return new Pointer(buffer.duplicate().rewind()).address();
    }

    long managed() {
      return address(bytes);
    }
  }

  @Test
  void aPackedTensorWithAByteOffsetIsReadInPlace() {
    Foreign foreign = new Foreign(1, 0, 2, 64, 1, 2, 2, 3).byteOffset(8);
    try (Device device = Device.open("cpu");
        DlTensor tensor = DlTensors.wrap(device, foreign.managed())) {
      assertThat(device.read(tensor.matrices()))
          .containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    }
    Foreign flat = new Foreign(1, 0, 2, 64, 1, 3, 2);
    try (Device device = Device.open("cpu");
        DlTensor tensor = DlTensors.wrap(device, flat.managed())) {
      assertThat(tensor.matrices().shape()).isEqualTo(new BatchShape(DataType.FLOAT64, 1, 3, 2));
      assertThat(device.read(tensor.matrices())).containsExactly(0, 1, 2, 3, 4, 5);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2 | 0 | 2 | 64 | 1 | expected one on cpu, got one on cuda:0",
        "10 | 0 | 2 | 64 | 1 | expected one on cpu, got one on a device of DLPack's type 10",
        "1 | 0 | 2 | 16 | 1 | got DLPack's type code 2 with 16 bits and 1 lane",
        "1 | 0 | 0 | 32 | 1 | got DLPack's type code 0 with 32 bits and 1 lane",
        "1 | 0 | 2 | 32 | 4 | got DLPack's type code 2 with 32 bits and 4 lanes",
        "1 | 0 | 5 | 32 | 1 | got DLPack's type code 5 with 32 bits and 1 lane"
      })
  void whatIsNotMatricesOfTheDeviceIsRefusedInWords(
      int type, int id, int code, int bits, int lanes, String reason) {
    Foreign foreign = new Foreign(type, id, code, bits, lanes, 1, 2, 3);
    try (Device device = Device.open("cpu")) {
      assertThatThrownBy(() -> DlTensors.wrap(device, foreign.managed()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("tensor: expected ")
          .hasMessageEndingWith(reason);
    }
  }

  @Test
  void wrongDimensionsAreRefusedInWords() {
    try (Device device = Device.open("cpu")) {
      for (long[] extents : new long[][] {{}, {4}, {1, 1, 2, 2}, new long[100]}) {
        Foreign foreign = new Foreign(1, 0, 2, 64, 1, extents);
        assertThatThrownBy(() -> DlTensors.wrap(device, foreign.managed()))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("got " + extents.length + " dimensions; reshape it");
      }
      Foreign large = new Foreign(1, 0, 2, 64, 1, 1L << 31, 2);
      assertThatThrownBy(() -> DlTensors.wrap(device, large.managed()))
          .hasMessageContaining("expected extents that an int can hold");
      Foreign between = new Foreign(1, 0, 2, 64, 1, 2, 2).byteOffset(3);
      assertThatThrownBy(() -> DlTensors.wrap(device, between.managed()))
          .hasMessageStartingWith("address: expected a multiple of 8");
      assertThatThrownBy(() -> DlTensors.wrap(device, 0)).hasMessageContaining("got 0");
    }
  }
}
