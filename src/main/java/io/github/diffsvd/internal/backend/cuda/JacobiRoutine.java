package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.BatchShape;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverStatus;
import jcuda.jcusolver.gesvdjInfo;
import org.bytedeco.javacpp.LongPointer;

/**
 * The Jacobi iterations and their settings: cuSOLVER's own, which are a tolerance of machine
 * precision, 100 sweeps and descending order.
 */
abstract class JacobiRoutine extends SvdRoutine {
  final gesvdjInfo settings = new gesvdjInfo();

  JacobiRoutine(BatchShape shape, String name) {
    super(shape, name);
  }

  /**
   * JCusolver 12.6.0 hands the handle itself to cusolverDnCreateGesvdjInfo where the address of one
   * is wanted, which for a fresh object is NULL and ends the process. So the object stands for an
   * address first, and for the handle that is found there afterwards. A binding that does right
   * leaves the place empty and the handle in the object.
   */
  @Override
  void open(CudaContext context) {
    try (LongPointer place = new LongPointer(1)) {
      place.put(0);
      RawPointer.set(settings, place.address());
      int status = JCusolverDn.cusolverDnCreateGesvdjInfo(settings);
      if (status != cusolverStatus.CUSOLVER_STATUS_SUCCESS || place.get() != 0) {
        RawPointer.set(settings, place.get());
      }
      context.checkCusolver("cusolverDnCreateGesvdjInfo", status);
    }
  }

  @Override
  void close(CudaContext context) {
    if (RawPointer.get(settings) != 0) {
      int status = JCusolverDn.cusolverDnDestroyGesvdjInfo(settings);
      RawPointer.set(settings, 0);
      context.checkCusolver("cusolverDnDestroyGesvdjInfo", status);
    }
  }
}
