package io.github.diffsvd.internal.backend.cpu;

import java.lang.System.Logger.Level;

/**
 * The door to kernels/dlpack.cpp, which knows DLPack's structs. Everything throws a
 * DeviceUnavailableException where the natives are not there.
 */
public final class DlPack {
  private static final System.Logger LOG = System.getLogger("io.github.diffsvd");

  private DlPack() {}

  /**
   * What a DLManagedTensor says: data, byte offset, device type and id, code, bits, lanes and the
   * number of dimensions; then, unless there are more than so many, the extents, then the strides.
   */
  public static long[] read(long managed, int mostDimensions) {
    CpuKernels.open();
    return fields(managed, mostDimensions);
  }

  private static native long[] fields(long managed, int mostDimensions);

  /** Calls its deleter, if it has one. */
  public static void delete(long managed) {
    CpuKernels.open();
    callDeleter(managed);
  }

  private static native void callDeleter(long managed);

  /**
   * Makes one with three dimensions and one lane.
   *
   * @param layout three extents, then three strides
   * @param release called once, by the deleter, on whatever thread
   * @return its address
   */
  public static long export(
      long data,
      int deviceType,
      int deviceId,
      int code,
      int bits,
      long[] layout,
      Runnable release) {
    Runnable quiet =
        () -> {
          try {
            release.run();
          } catch (RuntimeException e) {
            LOG.log(Level.ERROR, "what a tensor's deleter was to do has failed", e);
          }
        };
    CpuKernels.open();
    return make(data, deviceType, deviceId, code, bits, layout, quiet);
  }

  private static native long make(
      long data, int deviceType, int deviceId, int code, int bits, long[] layout, Runnable release);
}
