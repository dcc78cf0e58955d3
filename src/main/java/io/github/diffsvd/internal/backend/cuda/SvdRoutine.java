package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import jcuda.jcusolver.cusolverDnHandle;

/**
 * One of cuSOLVER's SVD routines for batches of m×n matrices, m ≥ n ≥ 1, column-major, tightly
 * packed; A is overwritten.
 */
abstract class SvdRoutine {
  final DataType type;
  final int batch;
  final int m;
  final int n;
  private final String name;

  SvdRoutine(BatchShape shape, String name) {
    type = shape.type();
    batch = shape.batch();
    m = shape.rows();
    n = shape.columns();
    this.name = "cusolverDn" + letter(type) + name;
  }

  /** The letter that stands for a type in the names of BLAS and LAPACK. */
  static char letter(DataType type) {
    return switch (type) {
      case FLOAT32 -> 'S';
      case FLOAT64 -> 'D';
      case COMPLEX64 -> 'C';
      case COMPLEX128 -> 'Z';
    };
  }

  /** "cusolverDnSgesvdj", for example. */
  final String name() {
    return name;
  }

  /** Calls that it takes: one for the batch, or one for each matrix. */
  abstract int calls();

  /**
   * Whether a call waits for the device, as an iteration whose end is decided on the host does. It
   * cannot be captured into a graph.
   */
  abstract boolean waits();

  /** n, or m for a routine that writes the full U. */
  int columnsOfU() {
    return n;
  }

  /** Whether it writes Vᴴ in the place of V. */
  boolean returnsAdjoint() {
    return false;
  }

  /** Makes the routine's settings, none by default; the context is current. */
  void open(CudaContext context) {}

  /** Asks for the workspace, in elements; returns the status. */
  abstract int bufferSize(cusolverDnHandle handle, int[] elements);

  /** Queues one call and returns its status. */
  abstract int call(cusolverDnHandle handle, SvdOperands at, int elements);

  /** Gives back what {@link #open} made, if it did; the context is current. */
  void close(CudaContext context) {}
}
