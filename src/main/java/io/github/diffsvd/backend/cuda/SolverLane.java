package io.github.diffsvd.backend.cuda;

import static io.github.diffsvd.backend.cuda.CudaStatus.check;

import io.github.diffsvd.CudaStatusException;
import io.github.diffsvd.backend.SvdBuffers;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.jcusolver.cusolverStatus;
import jcuda.runtime.cudaStream_t;

/**
 * A cuSOLVER handle with the settings and the workspace of one routine, for calls one after the
 * other. The context is current in every method but {@link #close}.
 */
final class SolverLane implements AutoCloseable {
  private final CudaContext context;
  private final SvdRoutine routine;
  private final cusolverDnHandle handle = new cusolverDnHandle();
  private final SvdOperands operands;
  private final CUstream stream = new CUstream();
  private final CUevent done = new CUevent();
  private int workElements;

  SolverLane(CudaContext context, SvdRoutine routine) {
    this.context = context;
    this.routine = routine;
    operands = new SvdOperands(routine.type, routine.m, routine.n, routine.columnsOfU());
  }

  /** Makes the handle; after a failure too the lane has to be closed. */
  void open() {
    int status = JCusolverDn.cusolverDnCreate(handle);
    if (status != cusolverStatus.CUSOLVER_STATUS_SUCCESS) {
      // The binding sets it to whatever the failed call left behind.
      RawPointer.set(handle, 0);
    }
    context.checkCusolver("cusolverDnCreate", status);
    routine.open(context);
    int[] elements = {0};
    context.checkCusolver(routine.name() + "_bufferSize", routine.bufferSize(handle, elements));
    workElements = elements[0];
  }

  /** Gives the lane a stream of its own, which {@link #follow} and {@link #lead} tie to another. */
  void openStream() {
    int status = JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING);
    if (status != 0) {
      RawPointer.set(stream, 0);
    }
    check("cuStreamCreate", status);
    create(done);
    cudaStream_t same = new cudaStream_t();
    RawPointer.set(same, RawPointer.get(stream));
    moveTo(same);
  }

  /** An event that orders streams and takes no time. */
  static void create(CUevent event) {
    int status = JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING);
    if (status != 0) {
      RawPointer.set(event, 0);
    }
    check("cuEventCreate", status);
  }

  void moveTo(cudaStream_t stream) {
    context.checkCusolver("cusolverDnSetStream", JCusolverDn.cusolverDnSetStream(handle, stream));
  }

  long workBytes() {
    return (long) workElements * routine.type.bytes();
  }

  void bind(SvdBuffers buffers, long work) {
    operands.bind(buffers, work);
  }

  /** Queues a call for one matrix, or for the batch. */
  void call(int matrix) {
    context.checkCusolver(routine.name(), routine.call(handle, operands.at(matrix), workElements));
  }

  /** What comes next on this lane's stream waits for the event. */
  void follow(CUevent event) {
    check("cuStreamWaitEvent", JCudaDriver.cuStreamWaitEvent(stream, event, 0));
  }

  /**
   * What comes next on the other stream waits for this lane's. Where that fails this thread waits,
   * so that no work is left behind that could meet the next call's in the workspace.
   */
  void lead(CUstream other) {
    try {
      check("cuEventRecord", JCudaDriver.cuEventRecord(done, stream));
      check("cuStreamWaitEvent", JCudaDriver.cuStreamWaitEvent(other, done, 0));
    } catch (CudaStatusException e) {
      JCudaDriver.cuStreamSynchronize(stream);
      throw e;
    }
  }

  @Override
  public void close() {
    context.release(() -> routine.close(context));
    if (RawPointer.get(handle) != 0) {
      context.release(
          () -> context.checkCusolver("cusolverDnDestroy", JCusolverDn.cusolverDnDestroy(handle)));
      RawPointer.set(handle, 0);
    }
    if (RawPointer.get(done) != 0) {
      context.release(() -> check("cuEventDestroy", JCudaDriver.cuEventDestroy(done)));
      RawPointer.set(done, 0);
    }
    if (RawPointer.get(stream) != 0) {
      context.release(() -> check("cuStreamDestroy", JCudaDriver.cuStreamDestroy(stream)));
      RawPointer.set(stream, 0);
    }
  }
}
