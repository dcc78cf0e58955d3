package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import jcuda.Pointer;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;

/** QR iteration, one call for each matrix; the thin U, and Vᴴ. */
final class Gesvd extends SvdRoutine {
  private static final char THIN = 'S';

  private final Query query;
  private final Routine routine;

  private interface Query {
    int call(cusolverDnHandle handle, int m, int n, int[] elements);
  }

  private interface Routine {
    int call(
        cusolverDnHandle handle,
        char jobU,
        char jobV,
        int m,
        int n,
        Pointer a,
        int lda,
        Pointer s,
        Pointer u,
        int ldu,
        Pointer v,
        int ldv,
        Pointer work,
        int elements,
        Pointer rwork,
        Pointer info);
  }

  Gesvd(BatchShape shape) {
    super(shape, "gesvd");
    query =
        switch (type) {
          case FLOAT32 -> JCusolverDn::cusolverDnSgesvd_bufferSize;
          case FLOAT64 -> JCusolverDn::cusolverDnDgesvd_bufferSize;
          case COMPLEX64 -> JCusolverDn::cusolverDnCgesvd_bufferSize;
          case COMPLEX128 -> JCusolverDn::cusolverDnZgesvd_bufferSize;
        };
    routine =
        switch (type) {
          case FLOAT32 -> JCusolverDn::cusolverDnSgesvd;
          case FLOAT64 -> JCusolverDn::cusolverDnDgesvd;
          case COMPLEX64 -> JCusolverDn::cusolverDnCgesvd;
          case COMPLEX128 -> JCusolverDn::cusolverDnZgesvd;
        };
  }

  @Override
  boolean waits() {
    return true;
  }

  @Override
  int calls() {
    return batch;
  }

  @Override
  boolean returnsAdjoint() {
    return true;
  }

  @Override
  int bufferSize(cusolverDnHandle handle, int[] elements) {
    return query.call(handle, m, n, elements);
  }

  @Override
  int call(cusolverDnHandle handle, SvdOperands at, int elements) {
    return routine.call(
        handle,
        THIN,
        THIN,
        m,
        n,
        at.a,
        m,
        at.s,
        at.u,
        m,
        at.v,
        n,
        at.work,
        elements,
        SvdOperands.NONE,
        at.info);
  }
}
