package io.github.diffsvd.backend.cuda;

import io.github.diffsvd.DataType;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.gesvdjInfo;

/**
 * The Jacobi iterations and their settings: cuSOLVER's own, which are a tolerance of machine
 * precision, 100 sweeps and descending order.
 */
abstract class JacobiRoutine extends SvdRoutine {
  final gesvdjInfo settings = new gesvdjInfo();

  JacobiRoutine(DataType type, int batch, int m, int n, String name) {
    super(type, batch, m, n, name);
  }

  @Override
  void open(CudaContext context) {
    context.checkCusolver(
        "cusolverDnCreateGesvdjInfo", JCusolverDn.cusolverDnCreateGesvdjInfo(settings));
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
