package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.CudaStatusException;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** What becomes of the status that a driver call returns. */
final class CudaStatus {
  /**
   * CUDA_ERROR_CONTAINED and CUDA_ERROR_TENSOR_MEMORY_LEAK, newer than JCuda's table of names; both
   * stick.
   */
  private static final int CONTAINED = 226;

  private static final int TENSOR_MEMORY_LEAK = 721;

  private CudaStatus() {}

  /**
   * @throws CudaStatusException unless the status is 0, a {@link CudaFatalException} if it sticks
   */
  static void check(String call, int status) {
    if (status != CUresult.CUDA_SUCCESS) {
      throw failure(call, status);
    }
  }

  static CudaStatusException failure(String call, int status) {
    return sticks(status)
        ? new CudaFatalException(call, status, name(status))
        : new CudaStatusException(call, status, name(status));
  }

  /** "CUDA_ERROR_INVALID_VALUE", for example. */
  static String name(int status) {
    String[] name = {null};
    return JCudaDriver.cuGetErrorName(status, name) == CUresult.CUDA_SUCCESS && name[0] != null
        ? name[0]
        : CUresult.stringFor(status);
  }

  /**
   * The errors after which, as the driver's documentation says of each, the context or the process
   * cannot be used any more.
   */
  static boolean sticks(int status) {
    return switch (status) {
      case CUresult.CUDA_ERROR_DEINITIALIZED,
          CUresult.CUDA_ERROR_ECC_UNCORRECTABLE,
          CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE,
          CONTAINED,
          CUresult.CUDA_ERROR_ILLEGAL_ADDRESS,
          CUresult.CUDA_ERROR_LAUNCH_TIMEOUT,
          CUresult.CUDA_ERROR_CONTEXT_IS_DESTROYED,
          CUresult.CUDA_ERROR_ASSERT,
          CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR,
          CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
          CUresult.CUDA_ERROR_MISALIGNED_ADDRESS,
          CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE,
          CUresult.CUDA_ERROR_INVALID_PC,
          CUresult.CUDA_ERROR_LAUNCH_FAILED,
          TENSOR_MEMORY_LEAK,
          CUresult.CUDA_ERROR_MPS_CLIENT_TERMINATED ->
          true;
      default -> false;
    };
  }
}
