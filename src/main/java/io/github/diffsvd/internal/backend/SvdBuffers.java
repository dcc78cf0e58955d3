package io.github.diffsvd.internal.backend;

import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;

/** The column-major buffers that every LAPACK-like routine works on, laid out in one workspace. */
public final class SvdBuffers {
  private final DataType type;
  private final int batch;
  private final int m;
  private final int n;
  private final int columnsOfU;
  private final boolean returnsAdjoint;
  private final Workspace layout = new Workspace();
  private final long inputOffset;
  private final long sOffset;
  private final long uOffset;
  private final long vOffset;
  private final long infoOffset;
  private final long extraOffset;
  private long base;

  /**
   * @param columnsOfU n, or m for a routine that returns the full U
   * @param returnsAdjoint whether the routine writes Vᴴ
   * @param extraBytes the routine's own workspace
   */
  public SvdBuffers(
      DataType type,
      int batch,
      int m,
      int n,
      int columnsOfU,
      boolean returnsAdjoint,
      long extraBytes) {
    this.type = type;
    this.batch = batch;
    this.m = m;
    this.n = n;
    this.columnsOfU = columnsOfU;
    this.returnsAdjoint = returnsAdjoint;
    inputOffset = layout.reserve(type, batch, m, n);
    sOffset = layout.reserve(type.real(), batch, n, 1);
    uOffset = layout.reserve(type, batch, m, columnsOfU);
    vOffset = layout.reserve(type, batch, n, n);
    infoOffset = layout.reserve((long) batch * Integer.BYTES);
    extraOffset = layout.reserve(extraBytes);
  }

  public long bytes() {
    return layout.bytes();
  }

  public void bind(long workspace) {
    base = workspace;
  }

  public MatrixBatch input() {
    return MatrixBatch.wrapColumnMajor(base + inputOffset, type, batch, m, n);
  }

  public MatrixBatch u() {
    return MatrixBatch.wrapColumnMajor(base + uOffset, type, batch, m, columnsOfU)
        .leadingColumns(n);
  }

  public MatrixBatch s() {
    return MatrixBatch.wrap(base + sOffset, type.real(), batch, n, 1);
  }

  public MatrixBatch v() {
    MatrixBatch v = MatrixBatch.wrapColumnMajor(base + vOffset, type, batch, n, n);
    return returnsAdjoint ? v.transposed() : v;
  }

  public boolean conjugatesV() {
    return returnsAdjoint && type.isComplex();
  }

  public long info() {
    return base + infoOffset;
  }

  /** The routine's own workspace. */
  public long extra() {
    return base + extraOffset;
  }
}
