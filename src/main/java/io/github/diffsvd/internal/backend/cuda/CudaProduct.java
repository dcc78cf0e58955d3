package io.github.diffsvd.internal.backend.cuda;

import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Layout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasAtomicsMode;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasStatus;

/**
 * cuBLAS's strided-batched gemm, with a handle and a workspace of its own, so that nothing is
 * allocated when it is called.
 */
final class CudaProduct implements BatchedProduct {
  /** What cuBLAS takes by itself: 4 MiB, from Hopper on 32 MiB. */
  private static final long WORKSPACE_BYTES = 4L << 20;

  private static final long HOPPER_WORKSPACE_BYTES = 32L << 20;

  /** Of cuDoubleComplex. */
  private static final int SCALAR_ALIGNMENT = 16;

  private final CudaContext context;
  private final CudaMemory memory;
  private final String name;
  private final Routine routine;
  private final Pointer one;
  private final Pointer zero;
  private final StreamHandle stream;
  private final cublasHandle handle = new cublasHandle();
  private final long workspaceBytes;
  private final RawPointer workspace = new RawPointer();
  private final RawPointer a = new RawPointer();
  private final RawPointer b = new RawPointer();
  private final RawPointer c = new RawPointer();

  /** cublas?gemmStridedBatched. */
  private interface Routine {
    int call(
        cublasHandle handle,
        int opA,
        int opB,
        int m,
        int n,
        int k,
        Pointer alpha,
        Pointer a,
        int lda,
        long strideA,
        Pointer b,
        int ldb,
        long strideB,
        Pointer beta,
        Pointer c,
        int ldc,
        long strideC,
        int batch);
  }

  CudaProduct(CudaContext context, DataType type) {
    this.context = context;
    memory = new CudaMemory(context);
    name = "cublas" + SvdRoutine.letter(type) + "gemmStridedBatched";
    routine =
        switch (type) {
          case FLOAT32 -> JCublas2::cublasSgemmStridedBatched;
          case FLOAT64 -> JCublas2::cublasDgemmStridedBatched;
          case COMPLEX64 -> JCublas2::cublasCgemmStridedBatched;
          case COMPLEX128 -> JCublas2::cublasZgemmStridedBatched;
        };
    one = scalar(type, 1);
    zero = scalar(type, 0);
    stream = context.streamHandle();
    workspaceBytes =
        context.computeCapabilityMajor() >= 9 ? HOPPER_WORKSPACE_BYTES : WORKSPACE_BYTES;
    workspace.at(memory.allocate(workspaceBytes));
    try {
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
      } finally {
        context.pop();
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /**
   * A real number as cuBLAS reads it on the host. It loads both parts of a complex number at once,
   * which an array's alignment, 8 bytes, is too little for.
   */
  private static Pointer scalar(DataType type, double value) {
    ByteBuffer number =
        ByteBuffer.allocateDirect(2 * SCALAR_ALIGNMENT)
            .alignedSlice(SCALAR_ALIGNMENT)
            .order(ByteOrder.nativeOrder());
    if (type.real() == DataType.FLOAT32) {
      number.putFloat(0, (float) value);
    } else {
      number.putDouble(0, value);
    }
    return Pointer.to(number);
  }

  @Override
  public void multiply(
      Layout layout,
      MatrixBatch a,
      boolean adjointA,
      MatrixBatch b,
      boolean adjointB,
      MatrixBatch c,
      boolean accumulate,
      long stream) {
    Gemm gemm = Gemm.of(layout, a, adjointA, b, adjointB, c);
    context.push();
    try {
      moveTo(stream);
      context.checkCublas(
          name,
          routine.call(
              handle,
              gemm.opA(),
              gemm.opB(),
              gemm.m(),
              gemm.n(),
              gemm.k(),
              one,
              this.a.at(gemm.a().address()),
              gemm.lda(),
              gemm.a().batchStride(),
              this.b.at(gemm.b().address()),
              gemm.ldb(),
              gemm.b().batchStride(),
              accumulate ? one : zero,
              this.c.at(gemm.c().address()),
              gemm.ldc(),
              gemm.c().batchStride(),
              gemm.c().batch()));
    } finally {
      context.pop();
    }
  }

  /** Setting the stream gives cuBLAS's own workspace back to it, so ours follows. */
  private void moveTo(long stream) {
    if (!this.stream.moveTo(stream)) {
      return;
    }
    try {
      context.checkCublas(
          "cublasSetStream", JCublas2.cublasSetStream(handle, this.stream.runtime()));
      context.checkCublas(
          "cublasSetWorkspace", JCublas2.cublasSetWorkspace(handle, workspace, workspaceBytes));
    } catch (RuntimeException e) {
      this.stream.forget();
      throw e;
    }
  }

  @Override
  public void close() {
    if (RawPointer.get(handle) != 0) {
      context.release(() -> context.checkCublas("cublasDestroy", JCublas2.cublasDestroy(handle)));
      RawPointer.set(handle, 0);
    }
    if (workspace.address() != 0) {
      memory.free(workspace.address());
      workspace.at(0);
    }
  }
}
