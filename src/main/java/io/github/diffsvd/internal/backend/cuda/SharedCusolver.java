package io.github.diffsvd.internal.backend.cuda;

import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.jcusolver.cusolverStatus;

/**
 * The handle of cuSOLVER that all plans of a device share, because each took 100 MiB of an H100. It
 * is not for two threads at a time: whoever uses it holds the lock of this object.
 */
final class SharedCusolver implements AutoCloseable {
  private final CudaContext context;
  private final StreamHandle stream;
  private final cusolverDnHandle handle = new cusolverDnHandle();

  SharedCusolver(CudaContext context) {
    this.context = context;
    stream = context.streamHandle();
  }

  /** The handle, made where it is not there; the context is current and the lock held. */
  cusolverDnHandle handle() {
    if (RawPointer.get(handle) == 0) {
      int status = JCusolverDn.cusolverDnCreate(handle);
      if (status != cusolverStatus.CUSOLVER_STATUS_SUCCESS) {
        // The binding sets it to whatever the failed call left behind.
        RawPointer.set(handle, 0);
      }
      context.checkCusolver("cusolverDnCreate", status);
    }
    return handle;
  }

  /** The handle for calls on a stream; the context is current and the lock held. */
  cusolverDnHandle on(long stream) {
    if (this.stream.moveTo(stream)) {
      try {
        context.checkCusolver(
            "cusolverDnSetStream", JCusolverDn.cusolverDnSetStream(handle, this.stream.runtime()));
      } catch (RuntimeException e) {
        this.stream.forget();
        throw e;
      }
    }
    return handle;
  }

  @Override
  public synchronized void close() {
    if (RawPointer.get(handle) != 0) {
      context.release(
          () -> context.checkCusolver("cusolverDnDestroy", JCusolverDn.cusolverDnDestroy(handle)));
      RawPointer.set(handle, 0);
    }
  }
}
