package io.github.diffsvd.backend.cpu;

import java.nio.ByteBuffer;

/** The door to the kernels that were compiled for the CPU. */
final class CpuKernels {
  private static final String[] LIBRARIES = {
    "libdiffsvd_baseline.so", "libdiffsvd_avx2.so", "libdiffsvd_avx512.so", "libdiffsvd.so"
  };

  static {
    NativeLibraries.load("/io/github/diffsvd/native/", LIBRARIES, "libdiffsvd.so");
  }

  private CpuKernels() {}

  /**
   * Runs the share of one block of a kernel on the calling thread; with blocks = 0 it only looks
   * whether the kernel is there and takes these arguments.
   *
   * @param symbol the kernel; null asks for the name of the instruction set chosen, which is the
   *     only thing that is returned
   * @param arguments the bytes of its struct, a direct buffer
   */
  static native String launch(
      String symbol, ByteBuffer arguments, long block, long blocks, long scratchBytes);

  /** The instruction set that the kernels were compiled for. */
  static String variant() {
    return launch(null, null, 0, 0, 0);
  }
}
