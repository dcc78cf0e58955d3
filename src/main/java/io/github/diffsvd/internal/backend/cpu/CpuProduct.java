package io.github.diffsvd.internal.backend.cpu;

import static io.github.diffsvd.internal.backend.cpu.Address.doubles;
import static io.github.diffsvd.internal.backend.cpu.Address.floats;
import static org.bytedeco.openblas.global.openblas.CblasColMajor;
import static org.bytedeco.openblas.global.openblas.CblasConjTrans;
import static org.bytedeco.openblas.global.openblas.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas.cblas_cgemm;
import static org.bytedeco.openblas.global.openblas.cblas_dgemm;
import static org.bytedeco.openblas.global.openblas.cblas_sgemm;
import static org.bytedeco.openblas.global.openblas.cblas_zgemm;

import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Layout;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/** One gemm of OpenBLAS per matrix. */
final class CpuProduct implements BatchedProduct {
  /**
   * Deeper products in single precision are summed in pieces: OpenBLAS adds the terms of a small
   * product, and the sums of a few hundred terms of a larger one, one after the other, and what a
   * million rows of one sign round in that way is 1e-3 and 3e-5.
   */
  private static final int DEEP = 4096;

  /** Terms of a piece where one of {@link #DEEP} terms would still be a small product. */
  private static final int SHORT = 256;

  /** Elements of a result from which on it is not. */
  private static final int LARGE_RESULT = 4096;

  /** Elements of a result up to which pieces are summed; their sums are on Java's heap. */
  private static final int LARGEST_RESULT = 1 << 20;

  private final DataType type;
  private final Workers workers;
  private final Pointer one;
  private final Pointer zero;

  CpuProduct(DataType type, Workers workers) {
    this.type = type;
    this.workers = workers;
    boolean single = type.real() == DataType.FLOAT32;
    one = single ? new FloatPointer(1f, 0f) : new DoublePointer(1d, 0d);
    zero = single ? new FloatPointer(0f, 0f) : new DoublePointer(0d, 0d);
    // A PointerScope of the caller's must not free them.
    one.retainReference();
    zero.retainReference();
  }

  @Override
  public long workspaceBytes() {
    return 0;
  }

  @Override
  public void bind(long workspace) {}

  @Override
  public void multiply(
      Layout layout,
      MatrixBatch a,
      boolean adjointA,
      MatrixBatch b,
      boolean adjointB,
      MatrixBatch c,
      boolean accumulate,
      long stream) {
    Gemm gemm = new Gemm(layout, a, adjointA, b, adjointB, c);
    OpenBlas.forBatch(
        workers,
        c.batch(),
        2.0 * c.rows() * c.columns() * gemm.depth * (type.isComplex() ? 4 : 1),
        (slot, first, last) -> {
          for (int i = first; i < last; i++) {
            long atC = c.address() + i * c.batchStride() * type.bytes();
            if (gemm.isDeep()) {
              gemm.runInPieces(i, accumulate, atC);
            } else {
              gemm.run(i, 0, gemm.depth, accumulate, atC, gemm.ldc);
            }
          }
        });
  }

  /** The products of a batch, one call a matrix. */
  private final class Gemm {
    private final int order;
    private final MatrixBatch a;
    private final MatrixBatch b;
    private final int opA;
    private final int opB;
    private final int m;
    private final int n;
    private final int depth;
    private final int lda;
    private final int ldb;
    private final int ldc;
    private final long stepA;
    private final long stepB;

    Gemm(
        Layout layout,
        MatrixBatch a,
        boolean adjointA,
        MatrixBatch b,
        boolean adjointB,
        MatrixBatch c) {
      this.a = a;
      this.b = b;
      order = layout == Layout.ROW_MAJOR ? CblasRowMajor : CblasColMajor;
      opA = adjointA ? CblasConjTrans : CblasNoTrans;
      opB = adjointB ? CblasConjTrans : CblasNoTrans;
      m = c.rows();
      n = c.columns();
      depth = adjointA ? a.rows() : a.columns();
      lda = layout.leadingDimension(a);
      ldb = layout.leadingDimension(b);
      ldc = layout.leadingDimension(c);
      stepA = adjointA ? a.rowStride() : a.columnStride();
      stepB = adjointB ? b.columnStride() : b.rowStride();
    }

    boolean isDeep() {
      return depth > DEEP && type.real() == DataType.FLOAT32 && (long) m * n <= LARGEST_RESULT;
    }

    /** Sums in double precision what pieces of the depth give. */
    void runInPieces(int matrix, boolean accumulate, long atC) {
      boolean byRows = order == CblasRowMajor;
      int lines = byRows ? m : n;
      int width = (byRows ? n : m) * (type.isComplex() ? 2 : 1);
      long lineBytes = (long) ldc * type.bytes();
      int length = m * n >= LARGE_RESULT ? DEEP : SHORT;
      double[] sums = new double[lines * width];
      float[] line = new float[width];
      for (int i = 0; accumulate && i < lines; i++) {
        add(atC + i * lineBytes, line, sums, i * width);
      }
      try (FloatPointer piece = new FloatPointer((long) lines * width)) {
        for (int first = 0; first < depth; first += length) {
          run(
              matrix,
              first,
              Math.min(length, depth - first),
              false,
              piece.address(),
              byRows ? n : m);
          for (int i = 0; i < lines; i++) {
            add(piece.address() + (long) i * width * Float.BYTES, line, sums, i * width);
          }
        }
      }
      for (int i = 0; i < lines; i++) {
        for (int j = 0; j < width; j++) {
          line[j] = (float) sums[i * width + j];
        }
        floats(atC + i * lineBytes).put(line);
      }
    }

    private static void add(long from, float[] line, double[] sums, int offset) {
      floats(from).get(line);
      for (int j = 0; j < line.length; j++) {
        sums[offset + j] += line[j];
      }
    }

    /** C (+)= the product of so many columns of op(A) and rows of op(B), from the first on. */
    void run(int matrix, int first, int count, boolean accumulate, long atC, int ldc) {
      long atA = a.address() + (matrix * a.batchStride() + first * stepA) * type.bytes();
      long atB = b.address() + (matrix * b.batchStride() + first * stepB) * type.bytes();
      double beta = accumulate ? 1 : 0;
      switch (type) {
        case FLOAT32 ->
            cblas_sgemm(
                order,
                opA,
                opB,
                m,
                n,
                count,
                1,
                floats(atA),
                lda,
                floats(atB),
                ldb,
                (float) beta,
                floats(atC),
                ldc);
        case FLOAT64 ->
            cblas_dgemm(
                order,
                opA,
                opB,
                m,
                n,
                count,
                1,
                doubles(atA),
                lda,
                doubles(atB),
                ldb,
                beta,
                doubles(atC),
                ldc);
        case COMPLEX64 ->
            cblas_cgemm(
                order,
                opA,
                opB,
                m,
                n,
                count,
                one,
                Address.of(atA),
                lda,
                Address.of(atB),
                ldb,
                accumulate ? one : zero,
                Address.of(atC),
                ldc);
        case COMPLEX128 ->
            cblas_zgemm(
                order,
                opA,
                opB,
                m,
                n,
                count,
                one,
                Address.of(atA),
                lda,
                Address.of(atB),
                ldb,
                accumulate ? one : zero,
                Address.of(atC),
                ldc);
      }
    }
  }

  @Override
  public void close() {
    one.close();
    zero.close();
  }
}
