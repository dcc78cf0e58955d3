package io.github.diffsvd.internal.backend.cuda;

import static io.github.diffsvd.internal.backend.cuda.CudaStatus.check;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.SvdBuffers;
import io.github.diffsvd.internal.backend.SvdSolver;
import jcuda.driver.JCudaDriver;

/**
 * A routine of cuSOLVER. One that takes a call for each matrix has its calls one after the other:
 * on an H100 each of them waited for the device, so that calls on several streams did not overlap.
 * Between two of them a plan of another thread has its turn.
 */
final class CudaSvdSolver implements SvdSolver {
  /** Up to so many rows cuSOLVER has a batched Jacobi iteration. */
  private static final int BATCHED_ROWS = 32;

  private final CudaContext context;
  private final SharedCusolver cusolver;
  private final StreamHandle stream;
  private final SvdAlgorithm algorithm;
  private final SvdRoutine routine;
  private final SvdOperands operands;
  private final int[] capturing = {0};
  private final SvdBuffers buffers;
  private int workElements;

  CudaSvdSolver(
      CudaContext context, SharedCusolver cusolver, BatchShape shape, SvdAlgorithm algorithm) {
    this.context = context;
    this.cusolver = cusolver;
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
    routine.open(context);
    int[] elements = {0};
    synchronized (cusolver) {
      context.checkCusolver(
          routine.name() + "_bufferSize", routine.bufferSize(cusolver.handle(), elements));
    }
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
      refuseCapture(stream);
      for (int i = 0; i < routine.calls(); i++) {
        synchronized (cusolver) {
          context.checkCusolver(
              routine.name(), routine.call(cusolver.on(stream), operands.at(i), workElements));
        }
      }
    } finally {
      context.pop();
    }
  }

  /** Before the library's own refusal, which breaks the capture and has no reason. */
  private void refuseCapture(long stream) {
    if (!routine.waits()) {
      return;
    }
    check(
        "cuStreamIsCapturing",
        JCudaDriver.cuStreamIsCapturing(this.stream.driver(stream), capturing));
    if (capturing[0] != 0) {
      throw new IllegalStateException(
          "stream: "
              + algorithm
              + " waits for the device inside cuSOLVER and cannot be captured into a graph; JACOBI,"
              + " GESVDJ_BATCHED and GESVDA_BATCHED can");
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
  }

  @Override
  public String toString() {
    return algorithm.toString();
  }
}
