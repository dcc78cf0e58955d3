package io.github.diffsvd.internal.backend.cpu;

import static io.github.diffsvd.internal.backend.cpu.Address.doubles;
import static io.github.diffsvd.internal.backend.cpu.Address.floats;
import static io.github.diffsvd.internal.backend.cpu.Address.ints;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.SvdBuffers;
import io.github.diffsvd.internal.backend.SvdSolver;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas;

/**
 * LAPACK's gesdd, with gesvd where it fails, or gesvd alone; one call per matrix, the batch spread
 * over the workers.
 */
final class CpuSvdSolver implements SvdSolver {
  private static final byte THIN = 'S';
  private static final byte NONE = 'N';
  private static final int COLUMN_MAJOR = openblas.LAPACK_COL_MAJOR;

  /** At least the block size of LAPACK's routines for panels of columns. */
  private static final double BLOCK = 128;

  private final DataType type;
  private final int batch;
  private final int m;
  private final int n;
  private final boolean divideAndConquer;
  private final Workers workers;
  private final int workElements;
  private final SvdBuffers buffers;

  // Scratch of one thread: a copy of the matrix for a second try, LAPACK's work, rwork and iwork.
  private final long copyBytes;
  private final long workBytes;
  private final long rworkBytes;
  private final long threadBytes;

  CpuSvdSolver(BatchShape shape, SvdAlgorithm algorithm, Workers workers) {
    type = shape.type();
    batch = shape.batch();
    m = shape.rows();
    n = shape.columns();
    this.workers = workers;
    divideAndConquer = algorithm != SvdAlgorithm.GESVD;
    checkSize(m, n);
    workElements = Math.max(divideAndConquer ? workElements(true) : 0, workElements(false));
    copyBytes = aligned(new BatchShape(type, 1, m, n).bytes());
    workBytes = aligned((long) workElements * type.bytes());
    // From LAPACK's documentation of zgesdd, the larger of the two routines.
    long reals = type.isComplex() ? n * Math.max(5L * n + 7, 2L * m + 2L * n + 1) : 0;
    rworkBytes = aligned(reals * type.real().bytes());
    threadBytes = copyBytes + workBytes + rworkBytes + aligned(8L * n * Integer.BYTES);
    buffers = new SvdBuffers(shape, n, true, Math.multiplyExact(threadBytes, workers.threads()));
  }

  /** LAPACK counts the elements of a matrix and of its workspace in 32 bits, which wrap. */
  private static void checkSize(int m, int n) {
    double most = Math.max((double) m * n, 4.0 * n * n + 7.0 * n + BLOCK * ((double) m + n));
    if (most > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "rows, columns: LAPACK counts elements in 32 bits, too few for the work on "
              + m
              + "×"
              + n
              + " matrices");
    }
  }

  private static long aligned(long bytes) {
    return (bytes + 63) / 64 * 64;
  }

  /** Asks LAPACK for its workspace. */
  private int workElements(boolean gesdd) {
    try (Pointer answer =
            type.real() == DataType.FLOAT32 ? new FloatPointer(2) : new DoublePointer(2);
        IntPointer none = new IntPointer(1)) {
      long work = answer.address();
      int status = call(THIN, gesdd, 0, 0, 0, 0, work, -1, 0, none.address());
      if (status != 0) {
        throw new IllegalStateException("LAPACK's workspace query returned " + status);
      }
      return (int)
          (type.real() == DataType.FLOAT32
              ? ((FloatPointer) answer).get()
              : ((DoublePointer) answer).get());
    }
  }

  @Override
  public void solve(long stream) {
    solve(THIN, 20.0);
  }

  @Override
  public void solveValues(long stream) {
    solve(NONE, 4.0);
  }

  private void solve(byte vectors, double operationsPerElement) {
    double operations = operationsPerElement * m * n * n * (type.isComplex() ? 4 : 1);
    OpenBlas.forBatch(
        workers, batch, operations, (slot, first, last) -> solve(vectors, slot, first, last));
  }

  private void solve(byte vectors, int slot, int first, int last) {
    long copy = buffers.extra() + slot * threadBytes;
    long work = copy + copyBytes;
    long rwork = work + workBytes;
    long iwork = rwork + rworkBytes;
    long matrixBytes = (long) m * n * type.bytes();
    for (int i = first; i < last; i++) {
      long a = buffers.input().address() + i * matrixBytes;
      long s = buffers.s().address() + (long) i * n * type.real().bytes();
      long u = buffers.u().address() + i * matrixBytes;
      long v = buffers.v().address() + (long) i * n * n * type.bytes();
      int info;
      if (divideAndConquer) {
        Pointer.memcpy(Address.of(copy), Address.of(a), matrixBytes);
        info = call(vectors, true, a, s, u, v, work, workElements, rwork, iwork);
        if (info != 0) {
          info = call(vectors, false, copy, s, u, v, work, workElements, rwork, iwork);
        }
      } else {
        info = call(vectors, false, a, s, u, v, work, workElements, rwork, iwork);
      }
      ints(buffers.info()).put(i, info);
    }
  }

  /**
   * Calls ?gesdd or ?gesvd on one matrix and returns its info; work of −1 elements asks for the
   * size.
   */
  private int call(
      byte vectors,
      boolean gesdd,
      long a,
      long s,
      long u,
      long v,
      long work,
      int elements,
      long rwork,
      long iwork) {
    return switch (type) {
      case FLOAT32 ->
          gesdd
              ? openblas.LAPACKE_sgesdd_work(
                  COLUMN_MAJOR,
                  vectors,
                  m,
                  n,
                  floats(a),
                  m,
                  floats(s),
                  floats(u),
                  m,
                  floats(v),
                  n,
                  floats(work),
                  elements,
                  ints(iwork))
              : openblas.LAPACKE_sgesvd_work(
                  COLUMN_MAJOR,
                  vectors,
                  vectors,
                  m,
                  n,
                  floats(a),
                  m,
                  floats(s),
                  floats(u),
                  m,
                  floats(v),
                  n,
                  floats(work),
                  elements);
      case FLOAT64 ->
          gesdd
              ? openblas.LAPACKE_dgesdd_work(
                  COLUMN_MAJOR,
                  vectors,
                  m,
                  n,
                  doubles(a),
                  m,
                  doubles(s),
                  doubles(u),
                  m,
                  doubles(v),
                  n,
                  doubles(work),
                  elements,
                  ints(iwork))
              : openblas.LAPACKE_dgesvd_work(
                  COLUMN_MAJOR,
                  vectors,
                  vectors,
                  m,
                  n,
                  doubles(a),
                  m,
                  doubles(s),
                  doubles(u),
                  m,
                  doubles(v),
                  n,
                  doubles(work),
                  elements);
      case COMPLEX64 ->
          gesdd
              ? openblas.LAPACKE_cgesdd_work(
                  COLUMN_MAJOR,
                  vectors,
                  m,
                  n,
                  floats(a),
                  m,
                  floats(s),
                  floats(u),
                  m,
                  floats(v),
                  n,
                  floats(work),
                  elements,
                  floats(rwork),
                  ints(iwork))
              : openblas.LAPACKE_cgesvd_work(
                  COLUMN_MAJOR,
                  vectors,
                  vectors,
                  m,
                  n,
                  floats(a),
                  m,
                  floats(s),
                  floats(u),
                  m,
                  floats(v),
                  n,
                  floats(work),
                  elements,
                  floats(rwork));
      case COMPLEX128 ->
          gesdd
              ? openblas.LAPACKE_zgesdd_work(
                  COLUMN_MAJOR,
                  vectors,
                  m,
                  n,
                  doubles(a),
                  m,
                  doubles(s),
                  doubles(u),
                  m,
                  doubles(v),
                  n,
                  doubles(work),
                  elements,
                  doubles(rwork),
                  ints(iwork))
              : openblas.LAPACKE_zgesvd_work(
                  COLUMN_MAJOR,
                  vectors,
                  vectors,
                  m,
                  n,
                  doubles(a),
                  m,
                  doubles(s),
                  doubles(u),
                  m,
                  doubles(v),
                  n,
                  doubles(work),
                  elements,
                  doubles(rwork));
    };
  }

  @Override
  public long workspaceBytes() {
    return buffers.bytes();
  }

  @Override
  public void bind(long workspace) {
    buffers.bind(workspace);
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
  public void close() {}

  @Override
  public String toString() {
    return (divideAndConquer ? SvdAlgorithm.GESDD : SvdAlgorithm.GESVD).toString();
  }
}
