package io.github.diffsvd.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A stream that another library made in the primary context, which is current while it is open. */
final class CallersStream implements AutoCloseable {
  private final CUdevice device = new CUdevice();
  private final CUcontext context = new CUcontext();
  final CUstream stream = new CUstream();

  CallersStream() {
    succeed(JCudaDriver.cuInit(0));
    succeed(JCudaDriver.cuDeviceGet(device, 0));
    succeed(JCudaDriver.cuDevicePrimaryCtxRetain(context, device));
    succeed(JCudaDriver.cuCtxPushCurrent(context));
    succeed(JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING));
  }

  long handle() {
    return RawPointer.get(stream);
  }

  static void succeed(int status) {
    assertThat(CudaStatus.name(status)).isEqualTo("CUDA_SUCCESS");
  }

  @Override
  public void close() {
    succeed(JCudaDriver.cuStreamDestroy(stream));
    succeed(JCudaDriver.cuCtxPopCurrent(new CUcontext()));
    succeed(JCudaDriver.cuDevicePrimaryCtxRelease(device));
  }
}
