package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
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

  /**
   * What some work queues on this stream, as a graph. The capture ends where the work fails, too:
   * as long as it is open, the driver refuses this thread to allocate and to free.
   */
  CUgraphExec capture(Runnable work) {
    succeed(
        JCudaDriver.cuStreamBeginCapture(
            stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CUgraph graph = new CUgraph();
    CUgraphExec replayed = new CUgraphExec();
    int ended = -1;
    try {
      try {
        work.run();
      } finally {
        ended = JCudaDriver.cuStreamEndCapture(stream, graph);
      }
      succeed(ended);
      succeed(JCudaDriver.cuGraphInstantiate(replayed, graph, 0));
    } finally {
      if (ended == CUresult.CUDA_SUCCESS) {
        JCudaDriver.cuGraphDestroy(graph);
      }
    }
    return replayed;
  }

  void replay(CUgraphExec graph) {
    succeed(JCudaDriver.cuGraphLaunch(graph, stream));
    succeed(JCudaDriver.cuStreamSynchronize(stream));
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
