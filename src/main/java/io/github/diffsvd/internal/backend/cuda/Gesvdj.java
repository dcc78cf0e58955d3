package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import jcuda.Pointer;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.jcusolver.cusolverEigMode;
import jcuda.jcusolver.gesvdjInfo;

/** Jacobi iteration, one call for each matrix; the thin U, and V. */
final class Gesvdj extends JacobiRoutine {
  private final Query query;
  private final Routine routine;

  private interface Query {
    int call(
        cusolverDnHandle handle,
        int job,
        int thin,
        int m,
        int n,
        Pointer a,
        int lda,
        Pointer s,
        Pointer u,
        int ldu,
        Pointer v,
        int ldv,
        int[] elements,
        gesvdjInfo settings);
  }

  private interface Routine {
    int call(
        cusolverDnHandle handle,
        int job,
        int thin,
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
        Pointer info,
        gesvdjInfo settings);
  }

  Gesvdj(BatchShape shape) {
    super(shape, "gesvdj");
    query =
        switch (type) {
          case FLOAT32 -> JCusolverDn::cusolverDnSgesvdj_bufferSize;
          case FLOAT64 -> JCusolverDn::cusolverDnDgesvdj_bufferSize;
          case COMPLEX64 -> JCusolverDn::cusolverDnCgesvdj_bufferSize;
          case COMPLEX128 -> JCusolverDn::cusolverDnZgesvdj_bufferSize;
        };
    routine =
        switch (type) {
          case FLOAT32 -> JCusolverDn::cusolverDnSgesvdj;
          case FLOAT64 -> JCusolverDn::cusolverDnDgesvdj;
          case COMPLEX64 -> JCusolverDn::cusolverDnCgesvdj;
          case COMPLEX128 -> JCusolverDn::cusolverDnZgesvdj;
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
  int bufferSize(cusolverDnHandle handle, int[] elements) {
    return query.call(
        handle,
        cusolverEigMode.CUSOLVER_EIG_MODE_VECTOR,
        1,
        m,
        n,
        SvdOperands.NONE,
        m,
        SvdOperands.NONE,
        SvdOperands.NONE,
        m,
        SvdOperands.NONE,
        n,
        elements,
        settings);
  }

  @Override
  int call(cusolverDnHandle handle, SvdOperands at, int elements) {
    return routine.call(
        handle,
        cusolverEigMode.CUSOLVER_EIG_MODE_VECTOR,
        1,
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
        at.info,
        settings);
  }
}
