package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import jcuda.Pointer;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.jcusolver.cusolverEigMode;

/**
 * Batched approximation through AᴴA, all n values asked for; the thin U, and V. The residuals that
 * it offers are not asked for: they would make it wait for the device.
 */
final class GesvdaBatched extends SvdRoutine {
  private final Query query;
  private final Routine routine;

  private interface Query {
    int call(
        cusolverDnHandle handle,
        int job,
        int rank,
        int m,
        int n,
        Pointer a,
        int lda,
        long strideA,
        Pointer s,
        long strideS,
        Pointer u,
        int ldu,
        long strideU,
        Pointer v,
        int ldv,
        long strideV,
        int[] elements,
        int batch);
  }

  private interface Routine {
    int call(
        cusolverDnHandle handle,
        int job,
        int rank,
        int m,
        int n,
        Pointer a,
        int lda,
        long strideA,
        Pointer s,
        long strideS,
        Pointer u,
        int ldu,
        long strideU,
        Pointer v,
        int ldv,
        long strideV,
        Pointer work,
        int elements,
        Pointer info,
        Pointer residuals,
        int batch);
  }

  GesvdaBatched(BatchShape shape) {
    super(shape, "gesvdaStridedBatched");
    query =
        switch (type) {
          case FLOAT32 -> JCusolverDn::cusolverDnSgesvdaStridedBatched_bufferSize;
          case FLOAT64 -> JCusolverDn::cusolverDnDgesvdaStridedBatched_bufferSize;
          case COMPLEX64 -> JCusolverDn::cusolverDnCgesvdaStridedBatched_bufferSize;
          case COMPLEX128 -> JCusolverDn::cusolverDnZgesvdaStridedBatched_bufferSize;
        };
    routine =
        switch (type) {
          case FLOAT32 -> JCusolverDn::cusolverDnSgesvdaStridedBatched;
          case FLOAT64 -> JCusolverDn::cusolverDnDgesvdaStridedBatched;
          case COMPLEX64 -> JCusolverDn::cusolverDnCgesvdaStridedBatched;
          case COMPLEX128 -> JCusolverDn::cusolverDnZgesvdaStridedBatched;
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
  int bufferSize(cusolverDnHandle handle, int[] elements) {
    return query.call(
        handle,
        cusolverEigMode.CUSOLVER_EIG_MODE_VECTOR,
        n,
        m,
        n,
        SvdOperands.NONE,
        m,
        (long) m * n,
        SvdOperands.NONE,
        n,
        SvdOperands.NONE,
        m,
        (long) m * n,
        SvdOperands.NONE,
        n,
        (long) n * n,
        elements,
        batch);
  }

  @Override
  int call(cusolverDnHandle handle, SvdOperands at, int elements) {
    return routine.call(
        handle,
        cusolverEigMode.CUSOLVER_EIG_MODE_VECTOR,
        n,
        m,
        n,
        at.a,
        m,
        (long) m * n,
        at.s,
        n,
        at.u,
        m,
        (long) m * n,
        at.v,
        n,
        (long) n * n,
        at.work,
        elements,
        at.info,
        SvdOperands.NONE,
        batch);
  }
}
