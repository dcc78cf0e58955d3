package io.github.diffsvd.interop;

import jcuda.driver.CUstream;
import jcuda.runtime.cudaStream_t;
import org.bytedeco.javacpp.Pointer;

/**
 * The handles of other libraries' streams, as all calls of diffsvd take them.
 *
 * <p>For CUDA a stream of 0 is the legacy default stream; for diffsvd it is the device's own. So a
 * 0 of CUDA becomes {@link #LEGACY} here, and work that is queued with it is ordered with that of
 * the default stream.
 */
public final class Streams {
  /** CUDA's legacy default stream, CU_STREAM_LEGACY: what the libraries that name none work on. */
  public static final long LEGACY = 1;

  /** The default stream of the calling thread, CU_STREAM_PER_THREAD. */
  public static final long PER_THREAD = 2;

  private Streams() {}

  /** The handle of a stream of JCuda's driver API; null is the default stream. */
  public static long handle(CUstream stream) {
    return stream == null ? LEGACY : handle(RawHandle.of(stream));
  }

  /** The handle of a stream of JCuda's runtime API; null is the default stream. */
  public static long handle(cudaStream_t stream) {
    return stream == null ? LEGACY : handle(RawHandle.of(stream));
  }

  /** The handle of a CUstream_st of JavaCPP; null, and a null pointer, is the default stream. */
  public static long handle(Pointer stream) {
    return handle(Pointer.isNull(stream) ? 0 : stream.address());
  }

  /** A CUstream or cudaStream_t that a library tells as a long. */
  public static long handle(long stream) {
    return stream == 0 ? LEGACY : stream;
  }
}
