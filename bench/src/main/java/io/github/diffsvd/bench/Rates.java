package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas;

/**
 * What this processor does at best, measured: the copy of a large array and a large product, both
 * on the contenders' threads. They give the floor of an operation.
 */
record Rates(double bytesPerMicro, double singleFlopsPerMicro, double doubleFlopsPerMicro) {
  private static final int TIMES = 7;
  private static final long COPIED = 128L << 20;
  private static final int PRODUCT = 1024;

  static Rates measure(int threads, Clock clock) {
    openblas.blas_set_num_threads(threads);
    double flops = 2.0 * PRODUCT * PRODUCT * PRODUCT;
    try (FloatPointer f = new FloatPointer(3L * PRODUCT * PRODUCT).fill(1);
        DoublePointer d = new DoublePointer(3L * PRODUCT * PRODUCT).fill(1)) {
      return new Rates(
          // A copy reads and writes.
          2 * COPIED / copyMicros(threads, clock),
          flops / median(clock, () -> sgemm(f)),
          flops / median(clock, () -> dgemm(d)));
    }
  }

  /** µs for one matrix, below which no implementation can be; 0 for an unknown number of flops. */
  double floor(double elements, double flops, DataType type) {
    double rate = type.real() == DataType.FLOAT32 ? singleFlopsPerMicro : doubleFlopsPerMicro;
    return Math.max(
        elements * type.bytes() / bytesPerMicro, flops * (type.isComplex() ? 4 : 1) / rate);
  }

  private static double copyMicros(int threads, Clock clock) {
    long share = COPIED / threads;
    try (Pointer from = Pointer.malloc(COPIED);
        Pointer to = Pointer.malloc(COPIED)) {
      Pointer.memset(from, 1, COPIED);
      return median(
          clock,
          () ->
              IntStream.range(0, threads)
                  .parallel()
                  .forEach(
                      t ->
                          Pointer.memcpy(
                              to.getPointer(t * share), from.getPointer(t * share), share)));
    }
  }

  private static void sgemm(FloatPointer p) {
    long n2 = (long) PRODUCT * PRODUCT;
    openblas.cblas_sgemm(
        openblas.CblasRowMajor,
        openblas.CblasNoTrans,
        openblas.CblasNoTrans,
        PRODUCT,
        PRODUCT,
        PRODUCT,
        1,
        p.getPointer(0),
        PRODUCT,
        p.getPointer(n2),
        PRODUCT,
        0,
        p.getPointer(2 * n2),
        PRODUCT);
  }

  private static void dgemm(DoublePointer p) {
    long n2 = (long) PRODUCT * PRODUCT;
    openblas.cblas_dgemm(
        openblas.CblasRowMajor,
        openblas.CblasNoTrans,
        openblas.CblasNoTrans,
        PRODUCT,
        PRODUCT,
        PRODUCT,
        1,
        p.getPointer(0),
        PRODUCT,
        p.getPointer(n2),
        PRODUCT,
        0,
        p.getPointer(2 * n2),
        PRODUCT);
  }

  private static double median(Clock clock, Runnable work) {
    work.run();
    double[] micros = new double[TIMES];
    for (int i = 0; i < TIMES; i++) {
      long start = clock.nanos();
      work.run();
      micros[i] = (clock.nanos() - start) / 1e3;
    }
    Arrays.sort(micros);
    return micros[TIMES / 2];
  }
}
