package io.github.diffsvd.internal.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ThreadCountTest {
  @Test
  void thePropertyComesBeforeOpenBlasAndOpenBlasBeforeOpenMp() {
    Map<String, String> both = Map.of("OPENBLAS_NUM_THREADS", "3", "OMP_NUM_THREADS", "4");
    assertThat(ThreadCount.find("2", both)).isEqualTo(new ThreadCount(2, "diffsvd.threads"));
    assertThat(ThreadCount.find(null, both)).isEqualTo(new ThreadCount(3, "OPENBLAS_NUM_THREADS"));
    assertThat(ThreadCount.find(" ", Map.of("OPENBLAS_NUM_THREADS", "", "OMP_NUM_THREADS", "4,2")))
        .isEqualTo(new ThreadCount(4, "OMP_NUM_THREADS"));
    assertThat(ThreadCount.find(null, Map.of()).threads())
        .isEqualTo(Runtime.getRuntime().availableProcessors());
    assertThat(ThreadCount.find(null, Map.of()).source()).isEqualTo("all processors");
  }

  @ParameterizedTest
  @ValueSource(strings = {"abc", "-5", "0", "1.5", "4097", "300000000", "99999999999", "٣"})
  void anythingElseIsRefusedByName(String value) {
    assertThatThrownBy(() -> ThreadCount.find(value, Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("diffsvd.threads: expected a number of threads from 1 to 4096, got " + value);
    assertThatThrownBy(() -> ThreadCount.find(null, Map.of("OMP_NUM_THREADS", value)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("OMP_NUM_THREADS: expected a number of threads from 1 to 4096, got " + value);
  }
}
