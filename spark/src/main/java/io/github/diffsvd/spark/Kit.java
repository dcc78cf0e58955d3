package io.github.diffsvd.spark;

import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SvdInfo;
import java.util.List;

/**
 * A plan for one shape with the memory that its operation reads and writes. What fails is null in
 * the frame, so an output may lie where an input was.
 *
 * @param scope that all of it is closed with
 * @param compute from inputs to outputs and info
 */
record Kit(
    Device device,
    Scope scope,
    List<MatrixBatch> inputs,
    List<MatrixBatch> outputs,
    SvdInfo info,
    Runnable compute)
    implements AutoCloseable {
  @Override
  public void close() {
    scope.close();
  }
}
