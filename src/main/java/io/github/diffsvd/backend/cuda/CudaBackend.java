package io.github.diffsvd.backend.cuda;

import io.github.diffsvd.DataType;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.backend.Backend;
import io.github.diffsvd.backend.BatchedProduct;
import io.github.diffsvd.backend.Kernel;
import io.github.diffsvd.backend.KernelLaunch;
import io.github.diffsvd.backend.LaunchShape;
import io.github.diffsvd.backend.SvdSolver;
import java.nio.ByteBuffer;

/** Being written. */
public final class CudaBackend implements Backend {
  public CudaBackend(int index) {
    throw new DeviceUnavailableException("cuda:" + index + ": not yet");
  }

  @Override
  public String name() {
    return "";
  }

  @Override
  public String description() {
    return "";
  }

  @Override
  public Limits limits() {
    return null;
  }

  @Override
  public long allocate(long bytes) {
    return 0;
  }

  @Override
  public void free(long address) {}

  @Override
  public void copyToDevice(long target, ByteBuffer source, long stream) {}

  @Override
  public void copyToHost(ByteBuffer target, long source, long stream) {}

  @Override
  public void fill(long address, byte value, long bytes, long stream) {}

  @Override
  public void synchronize(long stream) {}

  @Override
  public KernelLaunch prepare(Kernel kernel, DataType type, LaunchShape shape) {
    return null;
  }

  @Override
  public BatchedProduct product(DataType type) {
    return null;
  }

  @Override
  public SvdSolver svdSolver(DataType type, SvdAlgorithm algorithm, int batch, int m, int n) {
    return null;
  }

  @Override
  public void close() {}
}
