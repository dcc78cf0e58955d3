import ai.rapids.cudf.ColumnVector;
import ai.rapids.cudf.ColumnView;
import ai.rapids.cudf.Cuda;
import ai.rapids.cudf.DType;
import ai.rapids.cudf.DeviceMemoryBuffer;
import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.interop.Streams;
import java.util.Optional;

/** Singular values of a column of cuDF, in cuDF's own device memory. */
public final class CudfColumns {
  private CudfColumns() {}

  /**
   * The singular values of every matrix, one matrix's after the other.
   *
   * @param plan for float64, on the device of the column, as many matrices as it has rows
   * @param matrices lists of m·n float64, the rows of a matrix one after the other; no row is null,
   *     none is shorter, and the column is no slice of another
   * @param u and v memory that is overwritten
   */
  static ColumnVector singularValues(
      SvdPlan plan,
      ColumnView matrices,
      MatrixBatch u,
      MatrixBatch v,
      SvdInfo info,
      Cuda.Stream stream) {
    BatchShape shape = plan.shape();
    BatchShape values =
        new BatchShape(DataType.FLOAT64, shape.batch(), Math.min(shape.rows(), shape.columns()), 1);
    if (matrices.getNullCount() != 0 || matrices.getRowCount() != shape.batch()) {
      throw new IllegalArgumentException(
          "matrices: expected " + shape.batch() + " rows, none null");
    }
    // PAGE cuDF
    // Where cuDF is built for it, a handle of 0 is the calling thread's default stream.
    boolean perThread = stream.getStream() == 0 && Cuda.isPtdsEnabled();
    long handle = perThread ? Streams.PER_THREAD : Streams.handle(stream.getStream());
    DeviceMemoryBuffer memory = DeviceMemoryBuffer.allocate(values.bytes(), stream);
    MatrixBatch s = MatrixBatch.wrap(memory.getAddress(), values);
    try (ColumnView elements = matrices.getChildColumnView(0)) {
      MatrixBatch a = MatrixBatch.wrap(elements.getData().getAddress(), shape);
      plan.forward(a, new SvdFactors(u, s, v), info, handle);
    }
    return new ColumnVector(DType.FLOAT64, values.size(), Optional.of(0L), memory, null, null);
    // PAGE
  }
}
