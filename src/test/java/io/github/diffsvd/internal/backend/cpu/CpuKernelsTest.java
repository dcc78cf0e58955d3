package io.github.diffsvd.internal.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.internal.backend.Platform;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is said where the kernels do not suit a platform; NativeStartTest says it in processes. */
class CpuKernelsTest {
  private static final String HERE = "linux-x86_64";

  @ParameterizedTest
  @ValueSource(strings = {"", "glibc 2.28", "glibc 2.33"})
  void aLibcThatSuitsIsNoProblem(String libc) {
    assertThat(CpuKernels.problem(List.of(HERE), new Platform(HERE, libc))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"musl", "glibc 2.17", "glibc 2.27"})
  void anotherLibcIsNamed(String libc) {
    assertThat(CpuKernels.problem(List.of(HERE), new Platform(HERE, libc)))
        .hasValue(
            "built for linux-x86_64, this is linux-x86_64 with "
                + libc
                + "; glibc 2.28 or newer is needed");
  }

  @ParameterizedTest
  @CsvSource({
    "'', linux-x86_64, built for no platform",
    "'linux-aarch64,linux-x86_64', windows-x86_64, built for linux-aarch64 and linux-x86_64",
  })
  void everyPlatformThatIsThereIsNamed(String built, String here, String expected) {
    List<String> platforms = built.isEmpty() ? List.of() : List.of(built.split(",", -1));
    assertThat(CpuKernels.problem(platforms, new Platform(here, "")).orElseThrow())
        .startsWith(expected + ", this is " + here);
  }

  @Test
  void thisProcessHasNone() {
    assertThat(CpuKernels.problem()).isEmpty();
  }
}
