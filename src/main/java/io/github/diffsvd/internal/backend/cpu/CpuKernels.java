package io.github.diffsvd.internal.backend.cpu;

import io.github.diffsvd.internal.backend.NativeLibraries;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/** The door to the kernels that were compiled for the CPU; {@link #load} comes first. */
final class CpuKernels {
  /** A folder that holds the libraries already; nothing is unpacked then. */
  private static final String FOLDER_PROPERTY = "diffsvd.native";

  private static final String MAIN = "libdiffsvd.so";
  private static final List<String> LIBRARIES =
      List.of("libdiffsvd_baseline.so", "libdiffsvd_avx2.so", "libdiffsvd_avx512.so", MAIN);

  private static boolean loaded;

  private CpuKernels() {}

  /** Loads them, once. After a failure it tries anew. */
  static synchronized void load() throws IOException {
    if (loaded) {
      return;
    }
    String given = System.getProperty(FOLDER_PROPERTY);
    if (given != null && given.isEmpty()) {
      throw new IllegalArgumentException("-D" + FOLDER_PROPERTY + "= names no folder");
    }
    Path folder =
        given != null
            ? Path.of(given).toAbsolutePath()
            : NativeLibraries.unpack("/io/github/diffsvd/native/", LIBRARIES);
    try {
      System.load(folder.resolve(MAIN).toString());
    } catch (UnsatisfiedLinkError e) {
      if (!String.valueOf(e.getMessage()).contains("already loaded in another classloader")) {
        throw e;
      }
      loadCopy(folder);
    }
    loaded = true;
  }

  /** The JVM lets only one class loader have a file, so the others have copies of it. */
  private static void loadCopy(Path folder) throws IOException {
    Path copy = NativeLibraries.copy(folder, LIBRARIES);
    try {
      System.load(copy.resolve(MAIN).toString());
      variant(); // opens the library of the instruction set, the last that is needed of the folder
    } finally {
      NativeLibraries.delete(copy, LIBRARIES);
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
   * The rows that are a unit of work.
   *
   * @param kernel its name, without a type
   * @throws UnsatisfiedLinkError if its units are no rows
   */
  static native long unitRows(String kernel);

  /**
   * Runs the share of one block of a kernel on the calling thread.
   *
   * @param arguments the bytes of its struct, a direct buffer
   * @param scratch the address of what the block needs of it, a multiple of 64
   */
  static native void launch(
      long kernel, ByteBuffer arguments, long block, long blocks, long scratch);
}
