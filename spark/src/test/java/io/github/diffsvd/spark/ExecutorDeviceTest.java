package io.github.diffsvd.spark;

import static io.github.diffsvd.spark.Sessions.session;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import java.util.List;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Encoders;
import org.junit.jupiter.api.Test;

class ExecutorDeviceTest {
  /** A GPU that no machine has. */
  private static final String ABSENT = "cuda:77";

  private static List<String> names(ExecutorDevice device) {
    return session()
        .range(0, 2, 1, 2)
        .map((MapFunction<Long, String>) i -> device.use(Device::name), Encoders.STRING())
        .collectAsList();
  }

  @Test
  void withoutGpusOfSparkItIsTheCpu() {
    assertThat(names(ExecutorDevice.ofTask())).containsExactly("cpu", "cpu");
    assertThat(ExecutorDevice.ofTask().use(Device::name)).isEqualTo("cpu");
    Device first = ExecutorDevice.named("cpu").use(device -> device);
    assertThat(ExecutorDevice.ofTask().<Device>use(device -> device)).isSameAs(first);
  }

  @Test
  void aGpuThatIsAbsentFailsTheJobWithTheReason() {
    assertThatThrownBy(() -> names(ExecutorDevice.named(ABSENT)))
        .hasStackTraceContaining(DeviceUnavailableException.class.getName() + ": " + ABSENT);
  }

  @Test
  void theCpuTakesItsPlaceOnlyWhereThatIsAskedFor() {
    ExecutorDevice strict = ExecutorDevice.named("cuda:78");
    assertThat(names(strict.withCpuFallback())).containsExactly("cpu", "cpu");
    // A later job that does not ask for it is not served by the former's choice.
    assertThatThrownBy(() -> strict.use(Device::name))
        .isInstanceOf(DeviceUnavailableException.class);
    assertThat(strict.withCpuFallback().use(Device::name)).isEqualTo("cpu");
  }

  @Test
  void autoIsRefused() {
    assertThatThrownBy(() -> ExecutorDevice.named("auto"))
        .hasMessage("device: expected cpu or cuda:N, got auto");
  }

  /** In the driver's own process nothing exits. */
  @Test
  void aLostDeviceIsRefusedFromThenOn() {
    ExecutorDevice device = ExecutorDevice.named("cuda:79").withExitWhenLost();
    device.lose("cuda:79", new CudaFatalException("cuLaunchKernel", 700, "CUDA_ERROR_X"));
    assertThatThrownBy(() -> device.use(Device::name))
        .isInstanceOf(DeviceUnavailableException.class)
        .hasMessage(
            "cuda:79: lost to this executor by an earlier error, until its process is replaced:"
                + " cuLaunchKernel returned 700 (CUDA_ERROR_X); the device is lost to this process");
    assertThatThrownBy(() -> device.withCpuFallback().use(Device::name))
        .isInstanceOf(DeviceUnavailableException.class);
    assertThatThrownBy(() -> names(ExecutorDevice.named("cuda:79")))
        .hasStackTraceContaining("lost to this executor");
  }
}
