package io.github.diffsvd;

/** A CUDA, cuBLAS or cuSOLVER call returned an error. The device can be used again. */
public class CudaStatusException extends DeviceException {
  private static final long serialVersionUID = 1;

  private final String call;
  private final int code;
  private final String name;

  public CudaStatusException(String call, int code, String name) {
    super(call + " returned " + code + " (" + name + ")");
    this.call = call;
    this.code = code;
    this.name = name;
  }

  /** The function that failed, "cuLaunchKernel" for example. */
  public String call() {
    return call;
  }

  /** The status it returned. */
  public int code() {
    return code;
  }

  /** The name of that status, "CUDA_ERROR_INVALID_VALUE" for example. */
  public String statusName() {
    return name;
  }
}
