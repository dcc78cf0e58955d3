package io.github.diffsvd.internal.backend.cuda;

import static io.github.diffsvd.internal.backend.cuda.CudaStatus.check;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.CudaStatusException;
import java.nio.charset.StandardCharsets;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.cublasStatus;
import jcuda.jcusolver.cusolverStatus;

/**
 * A context and a stream of our own in it: a device's primary context, which the CUDA runtime and
 * so every other library in the process shares, or one that somebody else has made and will
 * destroy.
 *
 * <p>The primary context is retained with every object and released with none. The last release
 * would destroy it, and what cuBLAS and cuSOLVER keep in it for the process beside their handles;
 * and to make it anew takes longer than anything else that a device does.
 *
 * <p>Every call goes between {@link #push()} and {@link #pop()}, on whatever thread, so the
 * caller's current context is left as it was.
 */
final class CudaContext implements AutoCloseable {
  private final CUdevice device;
  private final CUcontext context;
  private final CUcontext popped = new CUcontext();
  private final CUstream stream = new CUstream();

  private CudaContext(CUdevice device, CUcontext context) {
    this.device = device;
    this.context = context;
    RawPointer.set(stream, openStream());
  }

  static CudaContext primary(int index) {
    CUdevice device = new CUdevice();
    check("cuDeviceGet", JCudaDriver.cuDeviceGet(device, index));
    CUcontext context = new CUcontext();
    check("cuDevicePrimaryCtxRetain", JCudaDriver.cuDevicePrimaryCtxRetain(context, device));
    return new CudaContext(device, context);
  }

  /** One that is there already. */
  static CudaContext of(long handle) {
    CUcontext context = new CUcontext();
    RawPointer.set(context, handle);
    check("cuCtxPushCurrent", JCudaDriver.cuCtxPushCurrent(context));
    try {
      CUdevice device = new CUdevice();
      check("cuCtxGetDevice", JCudaDriver.cuCtxGetDevice(device));
      return new CudaContext(device, context);
    } finally {
      JCudaDriver.cuCtxPopCurrent(new CUcontext());
    }
  }

  /** A stream that is not ordered with the legacy one. */
  long openStream() {
    CUstream opened = new CUstream();
    push();
    try {
      check(
          "cuStreamCreate",
          JCudaDriver.cuStreamCreate(opened, CUstream_flags.CU_STREAM_NON_BLOCKING));
    } finally {
      pop();
    }
    return RawPointer.get(opened);
  }

  void closeStream(long handle) {
    CUstream opened = new CUstream();
    RawPointer.set(opened, handle);
    release(() -> check("cuStreamDestroy", JCudaDriver.cuStreamDestroy(opened)));
  }

  /** From 0, as the driver counts: what a CUdevice is. */
  int index() {
    return (int) RawPointer.get(device);
  }

  /** "cuda:0". */
  String name() {
    return "cuda:" + index();
  }

  /** What the maker calls it. */
  String product() {
    return product(device);
  }

  static String product(CUdevice device) {
    byte[] name = new byte[256];
    check("cuDeviceGetName", JCudaDriver.cuDeviceGetName(name, name.length, device));
    int length = 0;
    while (length < name.length && name[length] != 0) {
      length++;
    }
    return new String(name, 0, length, StandardCharsets.US_ASCII);
  }

  /** One of {@link CUdevice_attribute}. */
  int attribute(int attribute) {
    return attribute(device, attribute);
  }

  static int attribute(CUdevice device, int attribute) {
    int[] value = {0};
    check("cuDeviceGetAttribute", JCudaDriver.cuDeviceGetAttribute(value, attribute, device));
    return value[0];
  }

  int computeCapabilityMajor() {
    return attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  }

  /** "9.0". */
  String computeCapability() {
    return computeCapability(device);
  }

  static String computeCapability(CUdevice device) {
    return attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
        + "."
        + attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  }

  /** Makes the context current on this thread. */
  void push() {
    check("cuCtxPushCurrent", JCudaDriver.cuCtxPushCurrent(context));
  }

  /**
   * Makes the context current that was so before. Never throws: it follows another call, whose
   * failure is the one to tell of, and fails only where that did.
   */
  void pop() {
    JCudaDriver.cuCtxPopCurrent(popped);
  }

  /**
   * Gives something back, with the context current. Silent on a context that is lost: there is
   * nothing left to give back then, and whoever lost it has been told.
   */
  void release(Runnable body) {
    try {
      push();
      try {
        body.run();
      } finally {
        pop();
      }
    } catch (CudaFatalException lost) {
      // As said above.
    }
  }

  /** A plan object's view of the caller's streams. */
  StreamHandle streamHandle() {
    return new StreamHandle(RawPointer.get(stream));
  }

  /** Checks what a cuBLAS call returned; the context is current. */
  void checkCublas(String call, int status) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw libraryFailure(call, status, cublasStatus.stringFor(status));
    }
  }

  /** Checks what a cuSOLVER call returned; the context is current. */
  void checkCusolver(String call, int status) {
    if (status != cusolverStatus.CUSOLVER_STATUS_SUCCESS) {
      throw libraryFailure(call, status, cusolverStatus.stringFor(status));
    }
  }

  /** A library does not tell an error that sticks from one that does not; the driver does. */
  private CudaStatusException libraryFailure(String call, int status, String name) {
    int sticky = JCudaDriver.cuStreamQuery(stream);
    return CudaStatus.sticks(sticky)
        ? new CudaFatalException(call, sticky, CudaStatus.name(sticky))
        : new CudaStatusException(call, status, name);
  }

  @Override
  public void close() {
    closeStream(RawPointer.get(stream));
  }
}
