package io.github.diffsvd;

/**
 * A CUDA error that sticks: the context is lost, and every later call on this device in this
 * process fails too.
 */
public final class CudaFatalException extends CudaStatusException {
  private static final long serialVersionUID = 1;

  public CudaFatalException(String call, int code, String name) {
    super(call, code, name);
  }

  @Override
  public String getMessage() {
    return super.getMessage() + "; the device is lost to this process";
  }
}
