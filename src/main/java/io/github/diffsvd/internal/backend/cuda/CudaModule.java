package io.github.diffsvd.internal.backend.cuda;

import static io.github.diffsvd.internal.backend.cuda.CudaStatus.check;

import io.github.diffsvd.DeviceUnavailableException;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The kernels, loaded into a context. */
final class CudaModule implements AutoCloseable {
  /** What every kernel may have without asking. */
  private static final int DEFAULT_SHARED_BYTES = 48 << 10;

  private final CudaContext context;
  private final CUmodule module = new CUmodule();

  CudaModule(CudaContext context) {
    this.context = context;
    context.push();
    try {
      int status = JCudaDriver.cuModuleLoadData(module, CudaProbe.fatbin());
      if (status != CUresult.CUDA_SUCCESS) {
        throw new DeviceUnavailableException(
            context.name()
                + ": the kernels do not load on "
                + context.product()
                + "; build with -DcudaArchitectures="
                + context.computeCapability().replace(".", "")
                + " for it, and with an nvcc that is not newer than its driver: cuModuleLoadData"
                + " returned "
                + status
                + " ("
                + CudaStatus.name(status)
                + ")");
      }
    } finally {
      context.pop();
    }
  }

  /**
   * A kernel.
   *
   * @param scratchBytes dynamic shared memory that a launch wants
   * @param mostScratchBytes what a block can have on this device
   */
  CUfunction function(String symbol, int scratchBytes, int mostScratchBytes) {
    CUfunction function = new CUfunction();
    context.push();
    try {
      check("cuModuleGetFunction", JCudaDriver.cuModuleGetFunction(function, module, symbol));
      if (scratchBytes > DEFAULT_SHARED_BYTES) {
        // All there is, not what this launch wants: the setting is shared between plans.
        check(
            "cuFuncSetAttribute",
            JCudaDriver.cuFuncSetAttribute(
                function,
                CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                mostScratchBytes));
      }
    } finally {
      context.pop();
    }
    return function;
  }

  @Override
  public void close() {
    context.release(() -> check("cuModuleUnload", JCudaDriver.cuModuleUnload(module)));
  }
}
