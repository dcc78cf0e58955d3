package io.github.diffsvd.internal.backend;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;

/** The column-major buffers that every LAPACK-like routine works on, laid out in one workspace. */
public final class SvdBuffers {
  private final int n;
  private final boolean returnsAdjoint;
  private final boolean complex;
  private final Workspace layout = new Workspace();
  private final Workspace.Buffer input;
  private final Workspace.Buffer s;
  private final Workspace.Buffer u;
  private final Workspace.Buffer v;
  private long info;
  private long extra;

  /**
   * @param shape of the matrices, m ≥ n
   * @param columnsOfU n, or m for a routine that returns the full U
   * @param returnsAdjoint whether the routine writes Vᴴ
   * @param extraBytes the routine's own workspace
   */
  public SvdBuffers(BatchShape shape, int columnsOfU, boolean returnsAdjoint, long extraBytes) {
    DataType type = shape.type();
    int batch = shape.batch();
    n = shape.columns();
    this.returnsAdjoint = returnsAdjoint;
    complex = type.isComplex();
    input = layout.reserve(shape);
    s = layout.reserve(new BatchShape(type.real(), batch, n, 1));
    u = layout.reserve(new BatchShape(type, batch, shape.rows(), columnsOfU));
    v = layout.reserve(new BatchShape(type, batch, n, n));
    layout.reserve((long) batch * Integer.BYTES, address -> info = address);
    layout.reserve(extraBytes, address -> extra = address);
  }

  public long bytes() {
    return layout.bytes();
  }

  public void bind(long workspace) {
    layout.bind(workspace);
  }

  public MatrixBatch input() {
    return input.in(Layout.COLUMN_MAJOR);
  }

  public MatrixBatch u() {
    return u.in(Layout.COLUMN_MAJOR).leadingColumns(n);
  }

  public MatrixBatch s() {
    return s.matrices();
  }

  public MatrixBatch v() {
    MatrixBatch columns = v.in(Layout.COLUMN_MAJOR);
    return returnsAdjoint ? columns.transposed() : columns;
  }

  public boolean conjugatesV() {
    return returnsAdjoint && complex;
  }

  public long info() {
    return info;
  }

  /** The routine's own workspace. */
  public long extra() {
    return extra;
  }
}
