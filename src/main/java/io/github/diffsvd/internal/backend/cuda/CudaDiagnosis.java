package io.github.diffsvd.internal.backend.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcusolver.JCusolver;
import jcuda.libraryPropertyType;

/** What there is of CUDA on this machine, or why not, for people. */
public final class CudaDiagnosis {
  private CudaDiagnosis() {}

  /**
   * One line for the driver, each device, each CUDA library and the kernels. Never throws; loads
   * the libraries, which takes a moment where they are there.
   */
  public static List<String> lines() {
    List<String> lines = new ArrayList<>();
    try {
      List<String> driver = CudaProbe.driverProblems();
      lines.addAll(driver.isEmpty() ? devices() : prefixed("CUDA driver: ", driver));
      List<String> libraries = CudaProbe.libraryProblems();
      lines.addAll(libraries.isEmpty() ? libraries() : prefixed("CUDA libraries: ", libraries));
      lines.add("CUDA kernels: " + CudaProbe.describeFatbin());
    } catch (LinkageError | RuntimeException e) {
      lines.add("CUDA: " + e);
    }
    return lines;
  }

  private static List<String> prefixed(String prefix, List<String> lines) {
    return lines.stream().map(line -> prefix + line).toList();
  }

  private static List<String> devices() {
    List<String> lines = new ArrayList<>();
    int[] version = {0};
    CudaStatus.check("cuDriverGetVersion", JCudaDriver.cuDriverGetVersion(version));
    lines.add("CUDA driver: for CUDA " + CudaProbe.version(version[0]));
    for (int i = 0; i < CudaProbe.devices(); i++) {
      CUdevice device = new CUdevice();
      long[] bytes = {0};
      CudaStatus.check("cuDeviceGet", JCudaDriver.cuDeviceGet(device, i));
      CudaStatus.check("cuDeviceTotalMem", JCudaDriver.cuDeviceTotalMem(bytes, device));
      lines.add(
          "cuda:"
              + i
              + ": "
              + CudaContext.product(device)
              + ", compute capability "
              + CudaContext.computeCapability(device)
              + ", "
              + (bytes[0] >> 20)
              + " MiB");
    }
    return lines;
  }

  private static List<String> libraries() {
    int[] version = {0, 0, 0};
    int[] part = {0};
    for (int i = 0; i < version.length; i++) {
      JCublas2.cublasGetProperty(libraryPropertyType.MAJOR_VERSION + i, part);
      version[i] = part[0];
    }
    int[] solver = {0};
    JCusolver.cusolverGetVersion(solver);
    return List.of(
        library("libcublas.so", version[0] + "." + version[1] + "." + version[2]),
        library(
            "libcusolver.so",
            solver[0] / 1000 + "." + solver[0] % 1000 / 100 + "." + solver[0] % 100));
  }

  private static String library(String name, String version) {
    return name + ": " + version + " from " + loaded(name).orElseGet(CudaLibraries::source);
  }

  /** The file that a loaded library came from, where the system tells. */
  private static Optional<String> loaded(String name) {
    Path maps = Path.of("/proc/self/maps");
    if (!Files.isReadable(maps)) {
      return Optional.empty();
    }
    try (Stream<String> lines = Files.lines(maps)) {
      return lines
          .filter(line -> line.contains("/" + name))
          .map(line -> line.substring(line.indexOf('/')))
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
