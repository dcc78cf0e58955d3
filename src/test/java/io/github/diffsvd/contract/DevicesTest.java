package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("gpu")
class DevicesTest {
  static Stream<String> names() {
    return TestDevices.NAMES.stream();
  }

  /** Says by name which devices the suites ran on, and why not on the others. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("names")
  void suitesRunOn(String name) {
    String reason = TestDevices.reasonAgainst(name);
    assumeTrue(reason == null, reason);
  }

  @Test
  void unknownDeviceIsRefused() {
    assertThatThrownBy(() -> Device.open("gpu"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("got gpu");
    assertThatThrownBy(() -> Device.open("cuda:9999"))
        .isInstanceOf(DeviceUnavailableException.class)
        .hasMessageContaining("cuda:9999");
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void valuesSurviveTheWayThereAndBackInAnyStrides(Device device, DataType type) {
    Random random = new Random(TestDevices.SEED);
    List<Host> matrices = List.of(Host.random(type, 5, 3, random), Host.random(type, 5, 3, random));
    try (OwnedMatrixBatch memory = device.allocate(new BatchShape(type, 1, 4, 25))) {
      MatrixBatch[] views = {
        MatrixBatch.wrap(memory.address(), new BatchShape(type, 2, 5, 3)),
        MatrixBatch.wrapColumnMajor(memory.address(), new BatchShape(type, 2, 5, 3)),
        MatrixBatch.wrap(memory.address(), new BatchShape(type, 2, 5, 3), 7, 2, 40),
        MatrixBatch.wrap(
            memory.address() + 90L * type.bytes(), new BatchShape(type, 2, 5, 3), -1, -5, -45)
      };
      for (MatrixBatch view : views) {
        Batch.write(device, view, matrices);
        assertThat(Batch.download(device, view)[1].values())
            .as(view.toString())
            .isEqualTo(matrices.get(1).values());
      }
    }
  }

  @Test
  void closedDeviceRefusesWork() {
    Device device = Device.open("cpu");
    OwnedMatrixBatch left = device.allocate(new BatchShape(DataType.FLOAT32, 1, 2, 2));
    device.close();
    device.close();
    left.close();
    assertThatThrownBy(() -> device.allocate(new BatchShape(DataType.FLOAT32, 1, 1, 1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }
}
