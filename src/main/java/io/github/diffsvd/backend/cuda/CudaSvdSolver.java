package io.github.diffsvd.backend.cuda;

import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.backend.SvdBuffers;
import io.github.diffsvd.backend.SvdSolver;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.jcusolver.cusolverStatus;

/** A routine of cuSOLVER with a handle of its own. */
final class CudaSvdSolver implements SvdSolver {
  /** Up to so many rows cuSOLVER has a batched Jacobi iteration. */
  private static final int BATCHED_ROWS = 32;

  /** Up to so many columns the Jacobi iteration is preferred to QR's. */
  private static final int JACOBI_COLUMNS = 512;

  private final CudaContext context;
  private final SvdRoutine routine;
  private final StreamHandle stream;
  private final cusolverDnHandle handle = new cusolverDnHandle();
  private final int workElements;
  private final SvdBuffers buffers;
  private final SvdOperands operands;

  CudaSvdSolver(
      CudaContext context, DataType type, SvdAlgorithm algorithm, int batch, int m, int n) {
    this.context = context;
    routine = routine(type, algorithm, batch, m, n);
    stream = context.streamHandle();
    int[] elements = {0};
    try {
      context.push();
      try {
        int status = JCusolverDn.cusolverDnCreate(handle);
        if (status != cusolverStatus.CUSOLVER_STATUS_SUCCESS) {
          // The binding sets it to whatever the failed call left behind.
          RawPointer.set(handle, 0);
        }
        context.checkCusolver("cusolverDnCreate", status);
        routine.open(context);
        context.checkCusolver(routine.name() + "_bufferSize", routine.bufferSize(handle, elements));
      } finally {
        context.pop();
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
    workElements = elements[0];
    int columnsOfU = routine.columnsOfU();
    buffers =
        new SvdBuffers(
            type,
            batch,
            m,
            n,
            columnsOfU,
            routine.returnsAdjoint(),
            (long) workElements * type.bytes());
    operands = new SvdOperands(type, m, n, columnsOfU);
  }

  private static SvdRoutine routine(
      DataType type, SvdAlgorithm algorithm, int batch, int m, int n) {
    return switch (algorithm) {
      case AUTO -> routine(type, automatic(m, n), batch, m, n);
      case GESVD -> new Gesvd(type, batch, m, n);
      case GESVDJ -> new Gesvdj(type, batch, m, n);
      case GESVDJ_BATCHED -> {
        if (m > BATCHED_ROWS) {
          throw new IllegalArgumentException(
              "algorithm: GESVDJ_BATCHED expected at most "
                  + BATCHED_ROWS
                  + " rows and columns, got "
                  + m
                  + " and "
                  + n);
        }
        yield new GesvdjBatched(type, batch, m, n);
      }
      case GESVDA_BATCHED -> new GesvdaBatched(type, batch, m, n);
      case JACOBI, GESDD ->
          throw new IllegalArgumentException(
              "algorithm: CUDA has AUTO, JACOBI, GESVD, GESVDJ, GESVDJ_BATCHED and GESVDA_BATCHED,"
                  + " got "
                  + algorithm);
    };
  }

  private static SvdAlgorithm automatic(int m, int n) {
    if (m <= BATCHED_ROWS) {
      return SvdAlgorithm.GESVDJ_BATCHED;
    }
    return n <= JACOBI_COLUMNS ? SvdAlgorithm.GESVDJ : SvdAlgorithm.GESVD;
  }

  @Override
  public void solve(long stream) {
    context.push();
    try {
      moveTo(stream);
      for (int i = 0; i < routine.calls(); i++) {
        context.checkCusolver(routine.name(), routine.call(handle, operands.at(i), workElements));
      }
    } finally {
      context.pop();
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
    operands.bind(buffers);
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
}
