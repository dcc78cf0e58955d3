package io.github.diffsvd.internal.backend;

import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.internal.backend.cpu.CpuBackend;
import io.github.diffsvd.internal.backend.cuda.CudaBackend;
import io.github.diffsvd.internal.backend.cuda.CudaDiagnosis;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the backend behind a device's name. */
public final class Devices {
  private static final System.Logger LOG = System.getLogger("io.github.diffsvd");
  private static final Pattern CUDA = Pattern.compile("cuda(?::(\\d{1,4}))?");

  private Devices() {}

  /**
   * Opens "cpu", "cuda:N" or "auto"; "cuda" is "cuda:0".
   *
   * @param threads of a CPU; 0 for as many as properties and variables say
   */
  public static Backend open(String name, int threads) {
    lodgeJavaCpp(name);
    Matcher cuda = CUDA.matcher(name);
    if (cuda.matches()) {
      return new CudaBackend(cuda.group(1) == null ? 0 : Integer.parseInt(cuda.group(1)));
    }
    return switch (name) {
      case "cpu" -> new CpuBackend(threads);
      case "auto" -> openAny(threads);
      default ->
          throw new IllegalArgumentException("device: expected auto, cpu or cuda:N, got " + name);
    };
  }

  /** {@link CudaDiagnosis#lines()}, for the API, which knows no backend. */
  public static List<String> cudaDiagnosis() {
    return CudaDiagnosis.lines();
  }

  /** Opens the GPU of a CUcontext that is not ours. */
  public static Backend inContext(long context) {
    lodgeJavaCpp("cuda");
    return CudaBackend.inContext(context);
  }

  private static void lodgeJavaCpp(String name) {
    try {
      NativeLibraries.lodgeJavaCpp();
    } catch (IOException e) {
      throw new DeviceUnavailableException(name + ": " + e.getMessage(), e);
    }
  }

  private static Backend openAny(int threads) {
    try {
      Backend backend = new CudaBackend(0);
      LOG.log(Level.INFO, "diffsvd runs on " + backend.name() + ", " + backend.description());
      return backend;
    } catch (DeviceUnavailableException reason) {
      Backend backend = new CpuBackend(threads);
      LOG.log(
          Level.INFO,
          "diffsvd runs on "
              + backend.name()
              + ", "
              + backend.description()
              + ", because "
              + reason.getMessage());
      return backend;
    }
  }
}
