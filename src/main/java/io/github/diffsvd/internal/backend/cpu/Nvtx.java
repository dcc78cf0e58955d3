package io.github.diffsvd.internal.backend.cpu;

import java.lang.System.Logger.Level;

/**
 * Ranges that NVIDIA's profilers show on the calling thread's time line, where the property {@link
 * #PROPERTY} asks for them.
 */
public final class Nvtx {
  /** Is {@link #PROPERTY} true, and was NVTX there when the natives were built. */
  public static final boolean ON;

  private static final String PROPERTY = "diffsvd.nvtx";

  static {
    boolean asked = Boolean.getBoolean(PROPERTY);
    if (asked) {
      CpuKernels.open();
    }
    ON = asked && isBuiltIn();
    if (asked && !ON) {
      System.getLogger("io.github.diffsvd")
          .log(Level.WARNING, PROPERTY + ": there was no NVTX where the natives were built");
    }
  }

  private Nvtx() {}

  private static native boolean isBuiltIn();

  /** Begins a range within the last one. */
  public static native void push(String name);

  /** Ends the last range. */
  public static native void pop();
}
