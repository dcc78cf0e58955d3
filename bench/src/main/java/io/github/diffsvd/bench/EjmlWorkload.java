package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.ejml.data.DMatrixRMaj;
import org.ejml.data.FMatrixRMaj;
import org.ejml.data.Matrix;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_FDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition;

/** EJML, one decomposition per thread; it has no complex SVD. */
final class EjmlWorkload implements Workload {
  private final Runnable call;

  EjmlWorkload(Row row) {
    Extents extents = row.extents();
    int m = extents.rows();
    int n = extents.columns();
    boolean vectors = row.operation() == Operation.FORWARD;
    double[] numbers = row.spectrum().matrices(row.type(), extents);
    call =
        row.type() == DataType.FLOAT32
            ? call(
                split(numbers, extents, values -> singles(m, n, values)),
                () -> DecompositionFactory_FDRM.svd(m, n, vectors, vectors, true),
                vectors)
            : call(
                split(numbers, extents, values -> DMatrixRMaj.wrap(m, n, values)),
                () -> DecompositionFactory_DDRM.svd(m, n, vectors, vectors, true),
                vectors);
  }

  private static <T extends Matrix> List<T> split(
      double[] numbers, Extents extents, Function<double[], T> matrix) {
    int size = extents.rows() * extents.columns();
    List<T> matrices = new ArrayList<>();
    for (int b = 0; b < extents.batch(); b++) {
      matrices.add(matrix.apply(Arrays.copyOfRange(numbers, b * size, (b + 1) * size)));
    }
    return matrices;
  }

  private static FMatrixRMaj singles(int m, int n, double[] values) {
    FMatrixRMaj matrix = new FMatrixRMaj(m, n);
    for (int i = 0; i < values.length; i++) {
      matrix.data[i] = (float) values[i];
    }
    return matrix;
  }

  private static <T extends Matrix> Runnable call(
      List<T> matrices, Supplier<SingularValueDecomposition<T>> factory, boolean vectors) {
    ThreadLocal<SingularValueDecomposition<T>> ofThread = ThreadLocal.withInitial(factory);
    return () ->
        Threads.forEach(
            matrices.size(),
            b -> {
              SingularValueDecomposition<T> svd = ofThread.get();
              T destroyed = matrices.get(b).copy();
              if (!svd.decompose(destroyed)) {
                throw new IllegalStateException("EJML did not converge");
              }
              if (vectors) {
                svd.getU(null, false);
                svd.getV(null, false);
              }
            });
  }

  @Override
  public void run() {
    call.run();
  }

  @Override
  public void close() {}
}
