package io.github.diffsvd.internal.backend.cuda;

import static io.github.diffsvd.internal.backend.cuda.CudaStatus.check;

import io.github.diffsvd.DeviceOutOfMemoryException;
import java.nio.ByteBuffer;
import jcuda.Pointer;
import jcuda.driver.CUpointer_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** Memory of a device, and what moves through it. */
final class CudaMemory {
  private final CudaContext context;

  CudaMemory(CudaContext context) {
    this.context = context;
  }

  /** Device memory, aligned to 256 bytes. */
  long allocate(long bytes) {
    RawPointer address = new RawPointer();
    context.push();
    try {
      int status = JCudaDriver.cuMemAlloc(address, bytes);
      if (status == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
        throw new DeviceOutOfMemoryException(context.name(), bytes, freeBytes());
      }
      check("cuMemAlloc", status);
    } finally {
      context.pop();
    }
    return address.address();
  }

  private static long freeBytes() {
    long[] free = {0};
    long[] total = {0};
    return JCudaDriver.cuMemGetInfo(free, total) == CUresult.CUDA_SUCCESS ? free[0] : -1;
  }

  void free(long address) {
    context.release(() -> check("cuMemFree", JCudaDriver.cuMemFree(new RawPointer(address))));
  }

  void copyToDevice(long target, ByteBuffer source, long stream) {
    Pointer host = Pointer.to(source.slice());
    CUstream queue = context.streamHandle().driver(stream);
    context.push();
    try {
      check(
          "cuMemcpyHtoDAsync",
          JCudaDriver.cuMemcpyHtoDAsync(new RawPointer(target), host, source.remaining(), queue));
      check("cuStreamSynchronize", JCudaDriver.cuStreamSynchronize(queue));
    } finally {
      context.pop();
    }
  }

  void copyToHost(ByteBuffer target, long source, long stream) {
    Pointer host = Pointer.to(target.slice());
    CUstream queue = context.streamHandle().driver(stream);
    context.push();
    try {
      check(
          "cuMemcpyDtoHAsync",
          JCudaDriver.cuMemcpyDtoHAsync(host, new RawPointer(source), target.remaining(), queue));
      check("cuStreamSynchronize", JCudaDriver.cuStreamSynchronize(queue));
    } finally {
      context.pop();
    }
  }

  /** As {@link CudaBackend#misplacement}, of memory of whatever context. */
  String misplacement(long address) {
    RawPointer pointer = new RawPointer(address);
    int[] value = {0};
    context.push();
    try {
      int status =
          JCudaDriver.cuPointerGetAttribute(
              Pointer.to(value), CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, pointer);
      if (status == CUresult.CUDA_ERROR_INVALID_VALUE) {
        return "is host memory, or freed";
      }
      check("cuPointerGetAttribute", status);
    } finally {
      context.pop();
    }
    return value[0] == context.index() ? null : "belongs to cuda:" + value[0];
  }

  void fill(long address, byte value, long bytes, long stream) {
    context.push();
    try {
      check(
          "cuMemsetD8Async",
          JCudaDriver.cuMemsetD8Async(
              new RawPointer(address), value, bytes, context.streamHandle().driver(stream)));
    } finally {
      context.pop();
    }
  }
}
