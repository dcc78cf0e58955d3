package io.github.diffsvd.backend.cpu;

import static io.github.diffsvd.backend.cpu.Address.doubles;
import static io.github.diffsvd.backend.cpu.Address.floats;
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
import io.github.diffsvd.backend.BatchedProduct;
import io.github.diffsvd.backend.Layout;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/** One gemm of OpenBLAS per matrix. */
final class CpuProduct implements BatchedProduct {
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
  public void multiply(
      Layout layout,
      MatrixBatch a,
      boolean adjointA,
      MatrixBatch b,
      boolean adjointB,
      MatrixBatch c,
      boolean accumulate,
      long stream) {
    int order = layout == Layout.ROW_MAJOR ? CblasRowMajor : CblasColMajor;
    int opA = adjointA ? CblasConjTrans : CblasNoTrans;
    int opB = adjointB ? CblasConjTrans : CblasNoTrans;
    int m = c.rows();
    int n = c.columns();
    int k = adjointA ? a.rows() : a.columns();
    int lda = layout.leadingDimension(a);
    int ldb = layout.leadingDimension(b);
    int ldc = layout.leadingDimension(c);
    double beta = accumulate ? 1 : 0;
    OpenBlas.forBatch(
        workers,
        c.batch(),
        2.0 * m * n * k * (type.isComplex() ? 4 : 1),
        (slot, first, last) -> {
          for (int i = first; i < last; i++) {
            long atA = a.address() + i * a.batchStride() * type.bytes();
            long atB = b.address() + i * b.batchStride() * type.bytes();
            long atC = c.address() + i * c.batchStride() * type.bytes();
            switch (type) {
              case FLOAT32 ->
                  cblas_sgemm(
                      order,
                      opA,
                      opB,
                      m,
                      n,
                      k,
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
                      k,
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
                      k,
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
                      k,
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
        });
  }

  @Override
  public void close() {
    one.close();
    zero.close();
  }
}
