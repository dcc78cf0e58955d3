package io.github.diffsvd.backend.cuda;

import static io.github.diffsvd.backend.cuda.CudaStatus.check;

import io.github.diffsvd.CudaStatusException;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.backend.SvdBuffers;
import io.github.diffsvd.backend.SvdSolver;
import io.github.diffsvd.backend.Workspace;
import java.util.List;
import java.util.stream.IntStream;
import jcuda.driver.CUevent;
import jcuda.driver.JCudaDriver;

/**
 * A routine of cuSOLVER. One that takes a call for each matrix has its calls dealt over a few
 * streams, which start after what the caller's stream has been given and which it then waits for; a
 * stream that is being captured keeps all of them to itself.
 */
final class CudaSvdSolver implements SvdSolver {
  /** Up to so many rows cuSOLVER has a batched Jacobi iteration. */
  private static final int BATCHED_ROWS = 32;

  /** Up to so many columns the Jacobi iteration is preferred to QR's. */
  private static final int JACOBI_COLUMNS = 512;

  /** So many matrices of a size that fills no GPU are worked on side by side. */
  private static final int STREAMS = 4;

  private final CudaContext context;
  private final StreamHandle stream;
  private final int calls;
  private final List<SolverLane> lanes;

  /** The lanes with streams of their own; the first one works on the caller's. */
  private final List<SolverLane> others;

  private final CUevent given = new CUevent();
  private final int[] capturing = {0};
  private final SvdBuffers buffers;

  CudaSvdSolver(
      CudaContext context, DataType type, SvdAlgorithm algorithm, int batch, int m, int n) {
    this.context = context;
    stream = context.streamHandle();
    SvdRoutine first = routine(type, algorithm, batch, m, n);
    calls = first.calls();
    lanes =
        IntStream.range(0, Math.min(STREAMS, calls))
            .mapToObj(
                i ->
                    new SolverLane(context, i == 0 ? first : routine(type, algorithm, batch, m, n)))
            .toList();
    others = lanes.subList(1, lanes.size());
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
            type,
            batch,
            m,
            n,
            first.columnsOfU(),
            first.returnsAdjoint(),
            lanes.size() * workBytes());
  }

  private void open() {
    lanes.forEach(SolverLane::open);
    if (!others.isEmpty()) {
      SolverLane.create(given);
      others.forEach(SolverLane::openStream);
    }
  }

  /** A lane's share of the workspace, a multiple of what an allocation is aligned to. */
  private long workBytes() {
    return (lanes.get(0).workBytes() + Workspace.ALIGNMENT - 1)
        / Workspace.ALIGNMENT
        * Workspace.ALIGNMENT;
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
      if (others.isEmpty() || isCapturing()) {
        run(1);
        return;
      }
      fork();
      try {
        run(lanes.size());
      } catch (RuntimeException e) {
        join();
        throw e;
      }
      CudaStatusException failure = join();
      if (failure != null) {
        throw failure;
      }
    } finally {
      context.pop();
    }
  }

  private boolean isCapturing() {
    check("cuStreamIsCapturing", JCudaDriver.cuStreamIsCapturing(stream.driver(), capturing));
    return capturing[0] != 0;
  }

  private void fork() {
    check("cuEventRecord", JCudaDriver.cuEventRecord(given, stream.driver()));
    for (SolverLane lane : others) {
      lane.follow(given);
    }
  }

  private void run(int share) {
    for (int i = 0; i < calls; i++) {
      lanes.get(i % share).call(i);
    }
  }

  /** Lets the caller's stream wait for every lane; the first failure, or null. */
  private CudaStatusException join() {
    CudaStatusException first = null;
    for (SolverLane lane : others) {
      try {
        lane.lead(stream.driver());
      } catch (CudaStatusException e) {
        first = first == null ? e : first;
      }
    }
    return first;
  }

  private void moveTo(long stream) {
    if (!this.stream.moveTo(stream)) {
      return;
    }
    try {
      lanes.get(0).moveTo(this.stream.runtime());
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
    for (int i = 0; i < lanes.size(); i++) {
      lanes.get(i).bind(buffers, buffers.extra() + i * workBytes());
    }
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
    lanes.forEach(SolverLane::close);
    if (RawPointer.get(given) != 0) {
      context.release(() -> check("cuEventDestroy", JCudaDriver.cuEventDestroy(given)));
      RawPointer.set(given, 0);
    }
  }
}
