package io.github.diffsvd.simulator;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas;

/**
 * The stand-ins for the CUDA libraries, native-tests/simulator. Loaded before JCuda is touched for
 * the first time, they are what its natives are linked with from then on, in this JVM; cuda:0 is
 * the simulator. {@link SimulatorSession} loads them where the property diffsvd.simulator names
 * their folder.
 */
public final class Simulator {
  private static final String FOLDER_PROPERTY = "diffsvd.simulator";

  static final List<String> LIBRARIES =
      List.of("libcuda.so.1", "libcublas.so.12", "libcusolver.so.11", "libcusolverMg.so.11");

  private Simulator() {}

  /** Whether cuda:0 is the simulator. */
  public static boolean isLoaded() {
    return System.getProperty(FOLDER_PROPERTY) != null;
  }

  /** Where the stand-ins are. */
  public static Path folder() {
    return Path.of(System.getProperty(FOLDER_PROPERTY)).toAbsolutePath();
  }

  /** The kernels that it runs. */
  public static Path kernels() {
    return folder().resolve("libdiffsvd_serial.so");
  }

  /** Makes cuda:0 the simulator; before the first use of JCuda. */
  public static void load() {
    for (String library : LIBRARIES) {
      System.load(folder().resolve(library).toString());
    }
    Loader.load(openblas.class);
    openblas.blas_set_num_threads(1);
    try {
      tell(
          "openblas "
              + Loader.cacheResource(
                  Simulator.class.getResource(
                      "/org/bytedeco/openblas/" + Loader.getPlatform() + "/libopenblas.so.0")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    tell("kernels " + kernels());
    tell("threaded-kernels " + folder().resolve("libdiffsvd_threaded.so"));
  }

  /** Gives one of the commands that core.cpp lists, and returns the answer. */
  public static String tell(String command) {
    String answer = control(command);
    if (answer.startsWith("error: ")) {
      throw new IllegalArgumentException(command + ": " + answer);
    }
    return answer;
  }

  /** How often a function was called so far. */
  public static long calls(String name) {
    return Long.parseLong(tell("calls " + name));
  }

  /** Bytes of device memory that are taken. */
  public static long usedBytes() {
    return Long.parseLong(tell("used"));
  }

  /** What the action calls of the driver and the libraries. */
  public static List<String> trace(Runnable action) {
    tell("trace on");
    action.run();
    return tell("trace off").lines().toList();
  }

  /** What was done wrong since the last time it was asked for. */
  public static List<String> violations() {
    return tell("violations").lines().toList();
  }

  /** What was not given back. */
  public static List<String> leaks() {
    return tell("leaks").lines().toList();
  }

  private static native String control(String command);
}
