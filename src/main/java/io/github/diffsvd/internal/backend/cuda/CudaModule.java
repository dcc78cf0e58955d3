package io.github.diffsvd.internal.backend.cuda;

import static io.github.diffsvd.internal.backend.cuda.CudaStatus.check;

import io.github.diffsvd.DataType;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.internal.backend.Kernel;
import java.util.EnumMap;
import java.util.Map;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The kernels, loaded into a context: those of a type when the first of them is asked for. */
final class CudaModule implements AutoCloseable {
  /** What every kernel may have without asking. */
  private static final int DEFAULT_SHARED_BYTES = 48 << 10;

  private final CudaContext context;
  private final Map<DataType, CUmodule> modules = new EnumMap<>(DataType.class);

  /** Loads one type's, so that a device that no kernel fits is refused when it is opened. */
  CudaModule(CudaContext context) {
    this.context = context;
    context.push();
    try {
      module(DataType.FLOAT32);
    } finally {
      context.pop();
    }
  }

  private synchronized CUmodule module(DataType type) {
    return modules.computeIfAbsent(type, this::load);
  }

  private CUmodule load(DataType type) {
    CUmodule module = new CUmodule();
    int status = JCudaDriver.cuModuleLoadData(module, CudaProbe.fatbin(type));
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
    return module;
  }

  /**
   * A kernel.
   *
   * @param scratchBytes dynamic shared memory that a launch wants
   * @param mostScratchBytes what a block can have on this device
   */
  CUfunction function(Kernel kernel, DataType type, int scratchBytes, int mostScratchBytes) {
    CUfunction function = new CUfunction();
    context.push();
    try {
      check(
          "cuModuleGetFunction",
          JCudaDriver.cuModuleGetFunction(function, module(type), kernel.symbol(type)));
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
  public synchronized void close() {
    context.release(
        () -> {
          for (CUmodule module : modules.values()) {
            check("cuModuleUnload", JCudaDriver.cuModuleUnload(module));
          }
        });
  }
}
