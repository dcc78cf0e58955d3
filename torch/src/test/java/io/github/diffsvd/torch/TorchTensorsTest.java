package io.github.diffsvd.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class TorchTensorsTest {
  private static Tensor counted(long... sizes) {
    long size = 1;
    for (long each : sizes) {
      size *= each;
    }
    return torch.arange(new org.bytedeco.pytorch.Scalar((double) size)).view(sizes);
  }

  private static double[] values(Tensor x) {
    try (Device device = Device.open("cpu", 1)) {
      return device.read(TorchTensors.wrap(x));
    }
  }

  @Test
  void aTensorIsReadInItsOwnMemory() {
    Tensor x = counted(2, 3, 4).to(torch.ScalarType.Double);
    MatrixBatch batch = TorchTensors.wrap(x);
    assertThat(batch.shape()).isEqualTo(new BatchShape(DataType.FLOAT64, 2, 3, 4));
    assertThat(batch.address()).isEqualTo(x.data_ptr().address());
    assertThat(values(x)).startsWith(0, 1, 2, 3, 4).endsWith(22, 23);
    assertThat(TorchTensors.stream(x)).isZero();
  }

  @Test
  void stridesAreKept() {
    Tensor x = counted(2, 1, 3, 4).to(torch.ScalarType.Float);
    assertThat(values(x.transpose(-1, -2))).startsWith(0, 4, 8, 1);
    assertThat(values(x.narrow(-1, 1, 2)))
        .containsExactly(1, 2, 5, 6, 9, 10, 13, 14, 17, 18, 21, 22);
    assertThat(values(counted(4, 2, 2, 1, 1).to(torch.ScalarType.Float)))
        .startsWith(0, 1, 2, 3)
        .hasSize(16);
    assertThat(values(counted(2, 3).to(torch.ScalarType.Double))).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(TorchTensors.wrap(counted(0, 3, 2).to(torch.ScalarType.Double)).isEmpty()).isTrue();
  }

  @Test
  void whatMemoryAndStridesDoNotSayIsRefused() {
    Tensor x = counted(2, 3, 2, 2).to(torch.ScalarType.Float);
    assertThatThrownBy(() -> TorchTensors.wrap(x.transpose(0, 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("x: no single stride steps through its leading dimensions");
    assertThatThrownBy(() -> TorchTensors.wrap(counted(3)))
        .hasMessageStartingWith("x: expected … × rows × columns, got [3]");
    assertThatThrownBy(() -> TorchTensors.wrap(x.to(torch.ScalarType.Long)))
        .hasMessageContaining("got Long");
    Tensor complex = torch.view_as_complex(x);
    assertThatThrownBy(() -> TorchTensors.wrap(complex.conj()))
        .hasMessageContaining("resolve_conj()");
    assertThat(values(complex.conj().resolve_conj())).startsWith(0, -1, 2, -3);
  }
}
