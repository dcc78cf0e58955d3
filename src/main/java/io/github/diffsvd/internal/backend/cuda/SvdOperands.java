package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.internal.backend.SvdBuffers;
import jcuda.Pointer;

/** Where a call finds its matrix: pointers into the buffers, moved from one matrix to the next. */
final class SvdOperands {
  /** NULL, for bufferSize, which reads none of them, and for what is not asked for. */
  static final Pointer NONE = new Pointer();

  final RawPointer a = new RawPointer();
  final RawPointer s = new RawPointer();
  final RawPointer u = new RawPointer();
  final RawPointer v = new RawPointer();
  final RawPointer work = new RawPointer();
  final RawPointer info = new RawPointer();

  private final long bytesOfA;
  private final long bytesOfS;
  private final long bytesOfU;
  private final long bytesOfV;
  private long firstA;
  private long firstS;
  private long firstU;
  private long firstV;
  private long firstInfo;

  SvdOperands(BatchShape shape, int columnsOfU) {
    DataType type = shape.type();
    long m = shape.rows();
    long n = shape.columns();
    bytesOfA = m * n * type.bytes();
    bytesOfS = n * type.real().bytes();
    bytesOfU = m * columnsOfU * type.bytes();
    bytesOfV = n * n * type.bytes();
  }

  void bind(SvdBuffers buffers, long work) {
    firstA = buffers.input().address();
    firstS = buffers.s().address();
    firstU = buffers.u().address();
    firstV = buffers.v().address();
    firstInfo = buffers.info();
    this.work.at(work);
  }

  /** Moves to a matrix of the batch. */
  SvdOperands at(int i) {
    a.at(firstA + i * bytesOfA);
    s.at(firstS + i * bytesOfS);
    u.at(firstU + i * bytesOfU);
    v.at(firstV + i * bytesOfV);
    info.at(firstInfo + (long) i * Integer.BYTES);
    return this;
  }
}
