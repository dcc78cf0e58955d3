package io.github.diffsvd.internal.backend.cuda;

import static io.github.diffsvd.internal.backend.cuda.CudaStatus.check;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.SvdBuffers;
import io.github.diffsvd.internal.backend.SvdSolver;
import jcuda.driver.JCudaDriver;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.jcusolver.cusolverStatus;

/**
 * A routine of cuSOLVER, with a handle of its own. One that takes a call for each matrix has its
 * calls one after the other: on an H100 each of them waited for the device, so that calls on
 * several streams did not overlap, and every handle took 100 MiB of device memory.
 */
final class CudaSvdSolver implements SvdSolver {
  /** Up to so many rows cuSOLVER has a batched Jacobi iteration. */
  private static final int BATCHED_ROWS = 32;

  private final CudaContext context;
  private final StreamHandle stream;
  private final SvdAlgorithm algorithm;
  private final SvdRoutine routine;
  private final cusolverDnHandle handle = new cusolverDnHandle();
  private final SvdOperands operands;
  private final int[] capturing = {0};
  private final SvdBuffers buffers;
  private int workElements;

  CudaSvdSolver(CudaContext context, BatchShape shape, SvdAlgorithm algorithm) {
    this.context = context;
    // Beyond the Jacobi kernel. GESVDJ is faster, but loses orthogonality and denormal numbers.
    this.algorithm = algorithm == SvdAlgorithm.AUTO ? SvdAlgorithm.GESVD : algorithm;
    stream = context.streamHandle();
    routine = routine(shape, this.algorithm);
    operands = new SvdOperands(shape, routine.columnsOfU());
    try {
      context.push();
      try {
        open();
      } finally {
        context.pop();
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
    buffers =
        new SvdBuffers(
            shape,
            routine.columnsOfU(),
            routine.returnsAdjoint(),
            (long) workElements * shape.type().bytes());
  }

  private void open() {
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

  private static SvdRoutine routine(BatchShape shape, SvdAlgorithm algorithm) {
    return switch (algorithm) {
      case GESVD -> new Gesvd(shape);
      case GESVDJ -> new Gesvdj(shape);
      case GESVDJ_BATCHED -> {
        if (shape.rows() > BATCHED_ROWS) {
          throw new IllegalArgumentException(
              "algorithm: GESVDJ_BATCHED expected at most "
                  + BATCHED_ROWS
                  + " rows and columns, got "
                  + shape.rows()
                  + " and "
                  + shape.columns());
        }
        yield new GesvdjBatched(shape);
      }
      case GESVDA_BATCHED -> new GesvdaBatched(shape);
      case AUTO, JACOBI, GOLUB_KAHAN, GESDD ->
          throw new IllegalArgumentException(
              "algorithm: CUDA has AUTO, JACOBI, GESVD, GESVDJ, GESVDJ_BATCHED and GESVDA_BATCHED,"
                  + " got "
                  + algorithm);
    };
  }

  @Override
  public void solve(long stream) {
    context.push();
    try {
      moveTo(stream);
      refuseCapture();
      for (int i = 0; i < routine.calls(); i++) {
        context.checkCusolver(routine.name(), routine.call(handle, operands.at(i), workElements));
      }
    } finally {
      context.pop();
    }
  }

  /** Before the library's own refusal, which breaks the capture and has no reason. */
  private void refuseCapture() {
    if (!routine.waits()) {
      return;
    }
    check("cuStreamIsCapturing", JCudaDriver.cuStreamIsCapturing(stream.driver(), capturing));
    if (capturing[0] != 0) {
      throw new IllegalStateException(
          "stream: "
              + algorithm
              + " waits for the device inside cuSOLVER and cannot be captured into a graph; JACOBI,"
              + " GESVDJ_BATCHED and GESVDA_BATCHED can");
    }
  }

  private void moveTo(long stream) {
    if (!this.stream.moveTo(stream)) {
      return;
    }
    try {
      context.checkCusolver(
          "cusolverDnSetStream", JCusolverDn.cusolverDnSetStream(handle, this.stream.runtime()));
    } catch (RuntimeException e) {
      this.stream.forget();
      throw e;
    }
  }

  @Override
  public long workspaceBytes() {
    return buffers.bytes();
  }

  @Override
  public void bind(long workspace) {
    buffers.bind(workspace);
    operands.bind(buffers, buffers.extra());
  }

  @Override
  public MatrixBatch input() {
    return buffers.input();
  }

  @Override
  public MatrixBatch u() {
    return buffers.u();
  }

  @Override
  public MatrixBatch s() {
    return buffers.s();
  }

  @Override
  public MatrixBatch v() {
    return buffers.v();
  }

  @Override
  public boolean conjugatesV() {
    return buffers.conjugatesV();
  }

  @Override
  public long info() {
    return buffers.info();
  }

  @Override
  public void close() {
    context.release(() -> routine.close(context));
    if (RawPointer.get(handle) != 0) {
      context.release(
          () -> context.checkCusolver("cusolverDnDestroy", JCusolverDn.cusolverDnDestroy(handle)));
      RawPointer.set(handle, 0);
    }
  }

  @Override
  public String toString() {
    return algorithm.toString();
  }
}
