package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas;

/**
 * The singular values by OpenBLAS's gesdd without vectors, one call per matrix. It is given tall
 * matrices, column by column: a wide one is taken for its transpose, which has the same values.
 */
final class GesddValuesWorkload implements Workload {
  private static final byte NO_VECTORS = 'N';

  private final DataType type;
  private final int batch;
  private final int m;
  private final int n;
  private final long matrixBytes;
  private final Pointer matrices;
  private final int workElements;
  private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

  /** What one call overwrites. */
  private final class Scratch {
    final Pointer a = reals((long) m * n * parts());
    final Pointer s = reals(n);
    final Pointer work = reals((long) workElements * parts());
    final Pointer rwork = reals(7L * n);
    final IntPointer iwork = new IntPointer(8L * n);
  }

  GesddValuesWorkload(Row row) {
    type = row.type();
    Extents extents = row.extents();
    batch = extents.batch();
    n = extents.k();
    m = Math.max(extents.rows(), extents.columns());
    matrixBytes = (long) m * n * type.bytes();
    // A single matrix has OpenBLAS's own threads, a batch is spread over ours.
    openblas.blas_set_num_threads(batch == 1 ? Threads.count() : 1);
    double[] numbers = row.spectrum().matrices(type, extents);
    matrices = copy(extents.rows() > extents.columns() ? byColumns(numbers) : numbers);
    try (Pointer size = reals(2);
        IntPointer iwork = new IntPointer(8L * n)) {
      check(call(size, size, size, -1, size, iwork));
      workElements = (int) (single() ? ((FloatPointer) size).get() : ((DoublePointer) size).get());
    }
  }

  @Override
  public void run() {
    Threads.forEach(
        batch,
        b -> {
          Scratch own = scratch.get();
          Pointer.memcpy(own.a, matrices.getPointer(b * (long) m * n * parts()), matrixBytes);
          check(call(own.a, own.s, own.work, workElements, own.rwork, own.iwork));
        });
  }

  private int call(
      Pointer a, Pointer s, Pointer work, int elements, Pointer rwork, IntPointer iwork) {
    int order = openblas.LAPACK_COL_MAJOR;
    FloatPointer noFloats = null;
    DoublePointer noDoubles = null;
    return switch (type) {
      case FLOAT32 ->
          openblas.LAPACKE_sgesdd_work(
              order,
              NO_VECTORS,
              m,
              n,
              (FloatPointer) a,
              m,
              (FloatPointer) s,
              noFloats,
              m,
              noFloats,
              n,
              (FloatPointer) work,
              elements,
              iwork);
      case FLOAT64 ->
          openblas.LAPACKE_dgesdd_work(
              order,
              NO_VECTORS,
              m,
              n,
              (DoublePointer) a,
              m,
              (DoublePointer) s,
              noDoubles,
              m,
              noDoubles,
              n,
              (DoublePointer) work,
              elements,
              iwork);
      case COMPLEX64 ->
          openblas.LAPACKE_cgesdd_work(
              order,
              NO_VECTORS,
              m,
              n,
              (FloatPointer) a,
              m,
              (FloatPointer) s,
              noFloats,
              m,
              noFloats,
              n,
              (FloatPointer) work,
              elements,
              (FloatPointer) rwork,
              iwork);
      case COMPLEX128 ->
          openblas.LAPACKE_zgesdd_work(
              order,
              NO_VECTORS,
              m,
              n,
              (DoublePointer) a,
              m,
              (DoublePointer) s,
              noDoubles,
              m,
              noDoubles,
              n,
              (DoublePointer) work,
              elements,
              (DoublePointer) rwork,
              iwork);
    };
  }

  private static void check(int status) {
    if (status != 0) {
      throw new IllegalStateException("gesdd returned " + status);
    }
  }

  private double[] byColumns(double[] byRows) {
    double[] result = new double[byRows.length];
    int parts = parts();
    for (int to = 0; to < byRows.length / parts; to++) {
      int matrix = to / (m * n);
      int row = to % m;
      int column = to / m % n;
      int from = (matrix * m + row) * n + column;
      System.arraycopy(byRows, from * parts, result, to * parts, parts);
    }
    return result;
  }

  private Pointer copy(double[] numbers) {
    Pointer memory = reals(numbers.length);
    for (int i = 0; i < numbers.length; i++) {
      if (single()) {
        ((FloatPointer) memory).put(i, (float) numbers[i]);
      } else {
        ((DoublePointer) memory).put(i, numbers[i]);
      }
    }
    return memory;
  }

  private Pointer reals(long count) {
    return single() ? new FloatPointer(count) : new DoublePointer(count);
  }

  private boolean single() {
    return type.real() == DataType.FLOAT32;
  }

  private int parts() {
    return type.isComplex() ? 2 : 1;
  }

  @Override
  public void close() {
    matrices.close();
  }
}
