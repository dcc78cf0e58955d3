package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceStream;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
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
  void aCpuHasTheThreadsThatItIsOpenedWith() {
    try (Device device = Device.open("cpu", 3)) {
      assertThat(device.description()).endsWith("kernels on 3 threads (threads)");
    }
    for (int threads : new int[] {0, -1}) {
      assertThatThrownBy(() -> Device.open("cpu", threads))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("threads: expected at least 1, got " + threads);
    }
    assertThatThrownBy(() -> Device.open("cpu", 5000))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("threads: expected a number of threads from 1 to 4096, got 5000");
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void workOnAStreamOfTheDeviceIsDoneWhenItIsWaitedFor(Device device) {
    BatchShape shape = new BatchShape(DataType.FLOAT64, 1, 2, 2);
    try (DeviceStream stream = device.openStream();
        OwnedMatrixBatch a = device.upload(shape, 3, 0, 0, 4);
        SvdPlan plan = SvdPlan.create(device, shape);
        SvdFactors factors = plan.allocateFactors();
        SvdInfo info = plan.allocateInfo()) {
      plan.forward(a, factors, info, stream.handle());
      stream.synchronize();
      assertThat(device.read(factors.s())).containsExactly(4, 3);
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
