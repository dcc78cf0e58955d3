package io.github.diffsvd.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GpuAddressTest {
  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      delimiter = '|',
      value = {
        "0 | - | cuda:0",
        "3 | - | cuda:3",
        "03 | - | cuda:3",
        "3 | 3 | cuda:0",
        "3 | 2,3 | cuda:1",
        "3 | 3, 2 | cuda:0",
        "0 | 2,0,1 | cuda:1",
        // A container that has one GPU calls it 0, whatever the machine does.
        "3 | 0 | cuda:0",
        "GPU-1f | GPU-0a,GPU-1f | cuda:1",
        "GPU-1f | GPU-1f | cuda:0"
      })
  void theIndexAmongTheVisible(String address, String visible, String device) {
    assertThat(GpuAddress.device(address, visible)).isEqualTo(device);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      delimiter = '|',
      value = {
        "3 | 0,1 | gpu: the address 3 is not in CUDA_VISIBLE_DEVICES=0,1",
        "0 | '' | gpu: the address 0 is not in CUDA_VISIBLE_DEVICES=",
        "0 | -1 | gpu: the address 0 is not in CUDA_VISIBLE_DEVICES=-1",
        "GPU-1f | - | gpu: expected an index as the address, got GPU-1f; an identifier has to be in CUDA_VISIBLE_DEVICES, which is not set",
      })
  void noneIsMeant(String address, String visible, String message) {
    assertThatThrownBy(() -> GpuAddress.device(address, visible)).hasMessage(message);
  }
}
