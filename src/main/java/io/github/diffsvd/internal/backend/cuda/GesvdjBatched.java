package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import jcuda.Pointer;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.jcusolver.cusolverEigMode;
import jcuda.jcusolver.gesvdjInfo;

/** Batched Jacobi iteration for m, n ≤ 32; the full m×m U, and V. */
final class GesvdjBatched extends JacobiRoutine {
  private final Query query;
  private final Routine routine;

  private interface Query {
    int call(
        cusolverDnHandle handle,
        int job,
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
        gesvdjInfo settings,
        int batch);
  }

  private interface Routine {
    int call(
        cusolverDnHandle handle,
        int job,
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
        gesvdjInfo settings,
        int batch);
  }

  GesvdjBatched(BatchShape shape) {
    super(shape, "gesvdjBatched");
    query =
        switch (type) {
          case FLOAT32 -> JCusolverDn::cusolverDnSgesvdjBatched_bufferSize;
          case FLOAT64 -> JCusolverDn::cusolverDnDgesvdjBatched_bufferSize;
          case COMPLEX64 -> JCusolverDn::cusolverDnCgesvdjBatched_bufferSize;
          case COMPLEX128 -> JCusolverDn::cusolverDnZgesvdjBatched_bufferSize;
        };
    routine =
        switch (type) {
          case FLOAT32 -> JCusolverDn::cusolverDnSgesvdjBatched;
          case FLOAT64 -> JCusolverDn::cusolverDnDgesvdjBatched;
          case COMPLEX64 -> JCusolverDn::cusolverDnCgesvdjBatched;
          case COMPLEX128 -> JCusolverDn::cusolverDnZgesvdjBatched;
        };
  }

  @Override
  boolean waits() {
    return false;
  }

  @Override
  int calls() {
    return 1;
  }

  @Override
  int columnsOfU() {
    return m;
  }

  @Override
  int bufferSize(cusolverDnHandle handle, int[] elements) {
    return query.call(
        handle,
        cusolverEigMode.CUSOLVER_EIG_MODE_VECTOR,
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
        settings,
        batch);
  }

  @Override
  int call(cusolverDnHandle handle, SvdOperands at, int elements) {
    return routine.call(
        handle,
        cusolverEigMode.CUSOLVER_EIG_MODE_VECTOR,
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
        settings,
        batch);
  }
}
