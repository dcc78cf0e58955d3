package io.github.diffsvd.internal.backend;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.DeviceUnavailableException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevicesTest {
  @ParameterizedTest
  @ValueSource(strings = {"", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:x", "cuda:12345", "cuda:0 "})
  void refusesOtherNames(String name) {
    assertThatThrownBy(() -> Devices.open(name, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("device: expected auto, cpu or cuda:N, got " + name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuda:999", "cuda:0999"})
  void namesTheDeviceThatIsNotThere(String name) {
    assertThatThrownBy(() -> Devices.open(name, 0))
        .isInstanceOf(DeviceUnavailableException.class)
        .hasMessageStartingWith("cuda:999: ");
  }
}
