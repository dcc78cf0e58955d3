package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.DataType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.Map;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasAtomicsMode;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasStatus;

/**
 * The handle of cuBLAS that all plans of a device share, because each takes device memory of its
 * own. It is not for two threads at a time: whoever calls cuBLAS holds the lock of this object, and
 * has told it stream and workspace before.
 */
final class SharedCublas implements AutoCloseable {
  /** In {@link #ones}. */
  static final int ONES = 128;

  private final CudaContext context;
  private final CudaMemory memory;
  private final StreamHandle stream;
  private final cublasHandle handle = new cublasHandle();
  private final RawPointer workspace = new RawPointer();
  private final Map<DataType, Long> ones = new EnumMap<>(DataType.class);

  SharedCublas(CudaContext context) {
    this.context = context;
    memory = new CudaMemory(context);
    stream = context.streamHandle();
  }

  /** Makes the handle, if it is not there. */
  synchronized void open() {
    if (RawPointer.get(handle) != 0) {
      return;
    }
    context.push();
    try {
      int status = JCublas2.cublasCreate(handle);
      if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
        // The binding sets it to whatever the failed call left behind.
        RawPointer.set(handle, 0);
      }
      context.checkCublas("cublasCreate", status);
      context.checkCublas(
          "cublasSetAtomicsMode",
          JCublas2.cublasSetAtomicsMode(handle, cublasAtomicsMode.CUBLAS_ATOMICS_NOT_ALLOWED));
    } catch (RuntimeException | Error e) {
      destroy();
      throw e;
    } finally {
      context.pop();
    }
  }

  /** The address of {@link #ONES} ones, which are there as long as this object. */
  synchronized long ones(DataType type) {
    return ones.computeIfAbsent(type, this::makeOnes);
  }

  private long makeOnes(DataType type) {
    ByteBuffer numbers =
        ByteBuffer.allocateDirect(ONES * type.bytes()).order(ByteOrder.nativeOrder());
    for (int i = 0; i < ONES; i++) {
      if (type.real() == DataType.FLOAT32) {
        numbers.putFloat(i * type.bytes(), 1);
      } else {
        numbers.putDouble(i * type.bytes(), 1);
      }
    }
    long address = memory.allocate(numbers.capacity());
    try {
      memory.copyToDevice(address, numbers, 0);
      return address;
    } catch (RuntimeException | Error e) {
      memory.free(address);
      throw e;
    }
  }

  /**
   * The handle for calls on a stream, with a workspace; the context is current and the lock held.
   */
  cublasHandle on(long stream, long workspace, long workspaceBytes) {
    boolean moved = this.stream.moveTo(stream);
    try {
      if (moved) {
        context.checkCublas(
            "cublasSetStream", JCublas2.cublasSetStream(handle, this.stream.runtime()));
      }
      // Setting the stream has given cuBLAS its own workspace back.
      if (moved || workspace != this.workspace.address()) {
        context.checkCublas(
            "cublasSetWorkspace",
            JCublas2.cublasSetWorkspace(handle, this.workspace.at(workspace), workspaceBytes));
      }
    } catch (RuntimeException e) {
      this.stream.forget();
      throw e;
    }
    return handle;
  }

  private void destroy() {
    if (RawPointer.get(handle) != 0) {
      context.release(() -> context.checkCublas("cublasDestroy", JCublas2.cublasDestroy(handle)));
      RawPointer.set(handle, 0);
    }
  }

  @Override
  public synchronized void close() {
    try {
      destroy();
    } finally {
      ones.values().forEach(memory::free);
      ones.clear();
    }
  }
}
