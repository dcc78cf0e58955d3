package io.github.diffsvd.internal.backend.cpu;

import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.internal.backend.NativeLibraries;
import io.github.diffsvd.internal.backend.Platform;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The door to the kernels that were compiled for the CPU; {@link #open} comes first. */
final class CpuKernels {
  /** A folder that holds the libraries already; nothing is unpacked then. */
  private static final String FOLDER_PROPERTY = "diffsvd.native";

  private static final String ROOT = "/io/github/diffsvd/native/";
  private static final String MAIN = "libdiffsvd.so";

  /** The instruction sets that kernels/CMakeLists.txt compiles for, of each platform. */
  private static final Map<String, List<String>> VARIANTS =
      Map.of(
          "linux-x86_64", List.of("baseline", "avx2", "avx512"),
          "linux-aarch64", List.of("baseline"));

  /** kernels/old_glibc.h sees to it. */
  private static final int OLDEST_GLIBC = 28;

  private static final Pattern GLIBC = Pattern.compile("glibc 2\\.(\\d+)");

  private static boolean loaded;

  private CpuKernels() {}

  /** Why there are none for this process, in words. */
  static Optional<String> problem() {
    if (System.getProperty(FOLDER_PROPERTY) != null) {
      return Optional.empty();
    }
    List<String> built =
        VARIANTS.keySet().stream()
            .filter(name -> CpuKernels.class.getResource(ROOT + name + "/" + MAIN) != null)
            .sorted()
            .toList();
    return problem(built, Platform.current());
  }

  static Optional<String> problem(List<String> built, Platform here) {
    String both =
        "built for "
            + (built.isEmpty() ? "no platform" : String.join(" and ", built))
            + ", this is "
            + here.name();
    if (!built.contains(here.name())) {
      String remedy = "; its natives are in diffsvd's jar with the classifier " + here.name();
      return Optional.of(VARIANTS.containsKey(here.name()) ? both + remedy : both);
    }
    Matcher glibc = GLIBC.matcher(here.libc());
    boolean suits =
        here.libc().isEmpty()
            || (glibc.matches() && Integer.parseInt(glibc.group(1)) >= OLDEST_GLIBC);
    return suits
        ? Optional.empty()
        : Optional.of(
            both + " with " + here.libc() + "; glibc 2." + OLDEST_GLIBC + " or newer is needed");
  }

  /**
   * Loads them, once. After a failure it tries anew.
   *
   * @return their {@link #variant}
   * @throws DeviceUnavailableException if they are not there for this platform or cannot be loaded
   */
  static String open() {
    problem()
        .ifPresent(
            problem -> {
              throw new DeviceUnavailableException("cpu: " + problem);
            });
    try {
      load();
      return variant();
    } catch (IOException | LinkageError | RuntimeException e) {
      throw new DeviceUnavailableException("cpu: the kernels cannot be loaded: " + reason(e), e);
    }
  }

  /** What the first cause says, or its kind where it says nothing. */
  private static String reason(Throwable problem) {
    Throwable first = problem;
    while (first.getCause() != null) {
      first = first.getCause();
    }
    if (first instanceof IllegalCallerException) {
      return NativeLibraries.REFUSED;
    }
    return first.getMessage() == null ? first.toString() : first.getMessage();
  }

  private static synchronized void load() throws IOException {
    if (loaded) {
      return;
    }
    String given = System.getProperty(FOLDER_PROPERTY);
    if (given != null && given.isEmpty()) {
      throw new IllegalArgumentException("-D" + FOLDER_PROPERTY + "= names no folder");
    }
    Path folder = given != null ? Path.of(given).toAbsolutePath() : unpack();
    try {
      System.load(folder.resolve(MAIN).toString());
    } catch (UnsatisfiedLinkError e) {
      if (!String.valueOf(e.getMessage()).contains("already loaded in another classloader")) {
        throw e;
      }
      loadCopy(folder, libraries(Platform.current().name()));
    }
    loaded = true;
  }

  private static Path unpack() throws IOException {
    String platform = Platform.current().name();
    return NativeLibraries.unpack(ROOT + platform + "/", libraries(platform));
  }

  private static List<String> libraries(String platform) {
    return Stream.concat(
            VARIANTS.getOrDefault(platform, List.of()).stream()
                .map(variant -> "libdiffsvd_" + variant + ".so"),
            Stream.of(MAIN))
        .toList();
  }

  /** The JVM lets only one class loader have a file, so the others have copies of it. */
  private static void loadCopy(Path folder, List<String> libraries) throws IOException {
    Path copy = NativeLibraries.copy(folder, libraries);
    try {
      System.load(copy.resolve(MAIN).toString());
      variant(); // opens the library of the instruction set, the last that is needed of the folder
    } finally {
      NativeLibraries.delete(copy, libraries);
    }
  }

  /** The instruction set that the kernels were compiled for. */
  static native String variant();

  /**
   * A kernel by its name, for {@link #launch}.
   *
   * @throws UnsatisfiedLinkError if there is none
   */
  static native long find(String symbol);

  /**
   * The scratch of a block of a kernel, in bytes, as the kernel itself counts it: of svd_backward,
   * for each team.
   *
   * @param symbol of a kernel that has scratch
   * @param m rows of a matrix, at least n
   * @param n its columns
   * @param threads of the block
   * @throws UnsatisfiedLinkError if the kernel has none
   */
  static native long scratchBytes(String symbol, long m, long n, long threads);

  /**
   * Runs the share of one block of a kernel on the calling thread.
   *
   * @param arguments the bytes of its struct, a direct buffer
   * @param scratch the address of what the block needs of it, a multiple of 64
   */
  static native void launch(
      long kernel, ByteBuffer arguments, long block, long blocks, long scratch);
}
