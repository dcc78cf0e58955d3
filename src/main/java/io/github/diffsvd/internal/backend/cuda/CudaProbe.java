package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.DataType;
import io.github.diffsvd.internal.backend.NativeLibraries;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * Finds out what keeps CUDA from being used in this process. Nothing here throws, and nothing here
 * is done twice: what cannot be loaded once is lost to the process.
 *
 * <p>It asks the driver, which comes with the machine and tells everything. cuBLAS and cuSOLVER are
 * loaded only after it has found a device, for they are large and of no use without one.
 */
final class CudaProbe {

  /**
   * JCuda's natives are linked with CUDA 12; a call that an older driver lacks ends the process.
   */
  private static final int OLDEST_DRIVER = 12000;

  private static final Pattern MISSING_LIBRARY =
      Pattern.compile("(lib\\w+\\.so[.\\d]*): cannot open shared object file");

  private static final Pattern REASON =
      Pattern.compile("^(Caused by: )?[\\w.]+(Error|Exception): ");

  /** What brings a library, for those who miss it. */
  private static final Map<String, String> REMEDIES =
      Map.of(
          "libcuda.so.1",
          "it comes with NVIDIA's driver",
          "libcublas.so.12",
          librariesRemedy(),
          "libcusolver.so.11",
          librariesRemedy(),
          "libcusolverMg.so.11",
          librariesRemedy());

  private static List<String> driverProblems;
  private static List<String> libraryProblems;

  private CudaProbe() {}

  private static String librariesRemedy() {
    return "it comes with CUDA 12, or with org.bytedeco:cuda:12.6-9.5-1.5.11:linux-x86_64-redist on"
        + " the class path; -D"
        + CudaLibraries.FOLDER_PROPERTY
        + "=FOLDER names a folder that holds it";
  }

  /** Every reason found why no device of this machine can be used; empty where there is one. */
  static synchronized List<String> problems() {
    List<String> all = new ArrayList<>(driverProblems());
    if (all.isEmpty()) {
      all.addAll(libraryProblems());
    }
    if (!hasFatbin()) {
      all.add("the kernels: " + describeFatbin());
    }
    return all;
  }

  /** A build has all of them or none. */
  private static boolean hasFatbin() {
    return CudaProbe.class.getResource(fatbinName(DataType.FLOAT32)) != null;
  }

  private static String fatbinName(DataType type) {
    return "/io/github/diffsvd/native/diffsvd_" + type.suffix() + ".fatbin";
  }

  /** Whether this build has kernels for CUDA, in words. */
  static String describeFatbin() {
    return hasFatbin()
        ? "built in"
        : "left out, because there was no nvcc when this was built; no "
            + fatbinName(DataType.FLOAT32)
            + " on the class path";
  }

  /** JCuda, the driver, and whether it has a device. */
  static synchronized List<String> driverProblems() {
    if (driverProblems == null) {
      driverProblems = load("jcuda", "jcuda.driver.JCudaDriver", "JCudaDriver");
      if (driverProblems.isEmpty()) {
        driverProblems = askDriver();
      }
    }
    return driverProblems;
  }

  /** cuBLAS and cuSOLVER. */
  static synchronized List<String> libraryProblems() {
    if (libraryProblems == null) {
      libraryProblems = new ArrayList<>(CudaLibraries.load());
      libraryProblems.addAll(load("jcublas", "jcuda.jcublas.JCublas2", "JCublas2"));
      libraryProblems.addAll(load("jcusolver", "jcuda.jcusolver.JCusolverDn", "JCusolver"));
    }
    return libraryProblems;
  }

  /** The kernels of a type; ask for {@link #problems} first. */
  static byte[] fatbin(DataType type) {
    try (InputStream stream = CudaProbe.class.getResourceAsStream(fatbinName(type))) {
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + fatbinName(type), e);
    }
  }

  private static List<String> askDriver() {
    int[] value = {0};
    int status = JCudaDriver.cuDriverGetVersion(value);
    if (status == CUresult.CUDA_SUCCESS && value[0] < OLDEST_DRIVER) {
      return List.of(
          "the driver is for CUDA "
              + version(value[0])
              + ", and "
              + version(OLDEST_DRIVER)
              + " or newer is needed");
    }
    status = JCudaDriver.cuInit(0);
    if (status != CUresult.CUDA_SUCCESS) {
      return List.of("the driver does not start: cuInit returned " + status(status));
    }
    status = JCudaDriver.cuDeviceGetCount(value);
    if (status != CUresult.CUDA_SUCCESS) {
      return List.of("cuDeviceGetCount returned " + status(status));
    }
    return value[0] > 0 ? List.of() : List.of("the driver finds no device");
  }

  /** How many devices there are; ask for {@link #driverProblems} first. */
  static int devices() {
    int[] count = {0};
    CudaStatus.check("cuDeviceGetCount", JCudaDriver.cuDeviceGetCount(count));
    return count[0];
  }

  private static String status(int status) {
    return status + " (" + CUresult.stringFor(status) + ")";
  }

  /** 12060 is "12.6". */
  static String version(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /** Initialises a class of JCuda, which loads its native library. */
  private static List<String> load(String artifact, String type, String library) {
    try {
      CudaLibraries.initialize(type, library);
      return List.of();
    } catch (ClassNotFoundException e) {
      return List.of("org.jcuda:" + artifact + " is not on the class path");
    } catch (IOException e) {
      return List.of("org.jcuda:" + artifact + "-natives: " + e.getMessage());
    } catch (LinkageError e) {
      return List.of(explain(artifact, library, e));
    }
  }

  private static String explain(String artifact, String library, LinkageError error) {
    String message = String.valueOf(error.getMessage());
    Matcher missing = MISSING_LIBRARY.matcher(message);
    if (missing.find()) {
      String name = missing.group(1);
      return name + " was not found; " + REMEDIES.getOrDefault(name, artifact + " needs it");
    }
    String file = CudaLibraries.fileName(library);
    if (CudaLibraries.resource("lib/" + file) == null) {
      return "org.jcuda:"
          + artifact
          + "-natives for this platform is not on the class path: no /lib/"
          + file;
    }
    if (message.contains(IllegalCallerException.class.getName())) {
      return NativeLibraries.REFUSED;
    }
    // JCuda's message has a stack trace for each attempt; the last one says what is wrong.
    String reason =
        message
            .lines()
            .filter(line -> REASON.matcher(line).find())
            .reduce(message.lines().findFirst().orElse(""), (former, latter) -> latter);
    return "org.jcuda:"
        + artifact
        + "-natives cannot be loaded: "
        + REASON.matcher(reason).replaceFirst("");
  }
}
