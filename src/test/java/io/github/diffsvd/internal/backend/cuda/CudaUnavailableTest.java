package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is said where CUDA cannot be used; "auto" takes the CPU then. */
class CudaUnavailableTest {
  @Test
  void namesEveryReason() {
    assumeFalse(CudaProbe.driverProblems().isEmpty(), "this machine has a driver and a device");
    assertThatThrownBy(() -> Device.open("cuda:0").close())
        .isInstanceOf(DeviceUnavailableException.class)
        .hasMessageStartingWith("cuda:0: ")
        .hasMessageContaining(CudaProbe.driverProblems().get(0))
        .hasMessageMatching("(?s).*(libcuda\\.so\\.1|driver|org\\.jcuda).*");
    try (Device device = Device.open("auto")) {
      assertThat(device.name()).isEqualTo("cpu");
    }
  }

  @Test
  void saysTheSameTwice() {
    assertThat(CudaProbe.problems()).isEqualTo(CudaProbe.problems());
  }

  @Test
  void diagnosisNeverThrows() {
    assertThat(CudaDiagnosis.lines())
        .isNotEmpty()
        .allSatisfy(line -> assertThat(line).doesNotContain("\n"))
        .anySatisfy(line -> assertThat(line).startsWith("CUDA kernels: "));
  }

  /** CudaProbe and CudaBackend have to load without any class of JCuda. */
  @Test
  void worksWithoutJcudaOnTheClassPath() throws IOException, ReflectiveOperationException {
    List<URL> urls = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      if (!entry.contains("jcuda")) {
        urls.add(Path.of(entry).toUri().toURL());
      }
    }
    try (URLClassLoader loader =
        new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      Class<?> device = loader.loadClass(Device.class.getName());
      assertThatThrownBy(() -> device.getMethod("open", String.class).invoke(null, "cuda:0"))
          .isInstanceOf(InvocationTargetException.class)
          .cause()
          .hasToString(
              DeviceUnavailableException.class.getName()
                  + ": cuda:0: "
                  + "org.jcuda:jcuda is not on the class path"
                  + fatbinReason());
      List<?> lines =
          (List<?>) loader.loadClass(CudaDiagnosis.class.getName()).getMethod("lines").invoke(null);
      assertThat(lines.toString()).contains("org.jcuda:jcublas is not on the class path");
    }
  }

  private static String fatbinReason() {
    String kernels = CudaProbe.describeFatbin();
    return kernels.equals("built in") ? "" : "; the kernels: " + kernels;
  }
}
