package io.github.diffsvd.internal.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Platforms by what Java and the system say of them. */
class PlatformTest {
  @ParameterizedTest
  @CsvSource({
    "Linux, amd64, linux-x86_64",
    "Linux, aarch64, linux-aarch64",
    "Linux, ppc64le, linux-ppc64le",
    "Windows Server 2022, x64, windows-x86_64",
    "Windows 11, aarch64, windows-aarch64",
    "Mac OS X, arm64, macos-aarch64",
    "FreeBSD, amd64, freebsd-x86_64",
  })
  void names(String system, String processor, String expected) {
    assertThat(Platform.name(system, processor)).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "/lib/ld-musl-x86_64.so.1, musl",
    "/lib/ld-musl-aarch64.so.1, musl",
    "/usr/lib64/libc-2.17.so, glibc 2.17",
    "/lib/x86_64-linux-gnu/libc-2.31.so, glibc 2.31",
    "/usr/lib/x86_64-linux-gnu/libc.so.6, ''",
    "/opt/libc-2.17.so.old/libjvm.so, ''",
  })
  void findsTheLibcThatIsMapped(String file, String expected) {
    Stream<String> maps =
        Stream.of(
            "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0  [stack]",
            "7f2a3c000000-7f2a3c200000 r-xp 00000000 08:01 131 /usr/lib/jvm/lib/libjvm.so",
            "7f2a3d000000-7f2a3d1c3000 r-xp 00000000 08:01 132 " + file);
    assertThat(Platform.libc(maps)).isEqualTo(expected);
  }
}
