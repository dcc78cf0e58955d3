package io.github.diffsvd.internal.backend.cpu;

import io.github.diffsvd.DeviceUnavailableException;
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
    String problem = asked ? problem() : null;
    ON = asked && problem == null;
    if (problem != null) {
      System.getLogger("io.github.diffsvd").log(Level.WARNING, PROPERTY + ": " + problem);
    }
  }

  private Nvtx() {}

  /** Why there are no ranges; null if there are. */
  private static String problem() {
    try {
      CpuKernels.open();
      return isBuiltIn() ? null : "there was no NVTX where the natives were built";
    } catch (DeviceUnavailableException e) {
      return e.getMessage();
    }
  }

  private static native boolean isBuiltIn();

  /** Begins a range within the last one. */
  public static native void push(String name);

  /** Ends the last range. */
  public static native void pop();
}
