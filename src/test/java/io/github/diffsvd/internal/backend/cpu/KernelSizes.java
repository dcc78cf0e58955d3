package io.github.diffsvd.internal.backend.cpu;

import io.github.diffsvd.DataType;
import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Kernel;

/** What the kernels themselves say that they need. */
public final class KernelSizes implements AutoCloseable {
  private final CpuBackend backend = new CpuBackend(1);

  public Backend.Limits limits() {
    return backend.limits();
  }

  /** As {@link CpuKernels#scratchBytes}. */
  public long scratchBytes(Kernel kernel, DataType type, int m, int n, int threads) {
    return CpuKernels.scratchBytes(kernel.symbol(type), m, n, threads);
  }

  @Override
  public void close() {
    backend.close();
  }
}
