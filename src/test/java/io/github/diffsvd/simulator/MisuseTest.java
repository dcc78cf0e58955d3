package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.cuda.Problem;
import java.nio.ByteBuffer;
import java.util.List;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUgraph;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.jcusolver.JCusolverDn;
import jcuda.jcusolver.cusolverDnHandle;
import jcuda.runtime.cudaStream_t;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The simulator's own test: mistakes that a CUDA backend can make, made on purpose and noticed. */
@Tag("simulator")
class MisuseTest {
  private static final int ROWS = 6;
  private static final int COLUMNS = 4;

  private static final CUstream LEGACY = JCudaDriver.CU_STREAM_LEGACY;
  private static final CUstream PER_THREAD = JCudaDriver.CU_STREAM_PER_THREAD;

  private static final int OUT_OF_MEMORY_OF_CUSOLVER = 2;
  private static final int MISALIGNED = 716;
  private static final int CAPTURE_IMPLICIT = 906;

  private final CUdevice device = new CUdevice();
  private final CUcontext context = new CUcontext();
  private final CUstream stream = new CUstream();

  @BeforeEach
  void open() {
    JCudaDriver.cuInit(0);
    JCudaDriver.cuDeviceGet(device, 0);
    JCudaDriver.cuCtxCreate(context, 0, device);
    JCudaDriver.cuStreamCreate(stream, 1);
  }

  @AfterEach
  void close() {
    JCudaDriver.cuStreamDestroy(stream);
    JCudaDriver.cuCtxDestroy(context);
    Simulator.tell("reset");
  }

  private static CUdeviceptr allocate(long bytes) {
    CUdeviceptr address = new CUdeviceptr();
    assertThat(JCudaDriver.cuMemAlloc(address, bytes)).isZero();
    return address;
  }

  private static void assertNoticed(String... what) {
    List<String> violations = Simulator.violations();
    assertThat(violations).hasSize(what.length);
    for (int i = 0; i < what.length; i++) {
      assertThat(violations.get(i)).contains(what[i]);
    }
  }

  /** A product of 6×4 by 4×4 matrices with a workspace, on the stream, but for the mistake. */
  private void multiply(int ldc, int batch, long workspaceBytes, boolean onStream) {
    cublasHandle handle = new cublasHandle();
    JCublas2.cublasCreate(handle);
    CUdeviceptr workspace = allocate(4096);
    if (onStream) {
      JCublas2.cublasSetStream(handle, new cudaStream_t(stream));
    }
    if (workspaceBytes > 0) {
      JCublas2.cublasSetWorkspace(handle, workspace, workspaceBytes);
    }
    CUdeviceptr a = allocate(2L * ROWS * COLUMNS * 8);
    CUdeviceptr b = allocate(2L * COLUMNS * COLUMNS * 8);
    CUdeviceptr c = allocate(2L * ROWS * COLUMNS * 8);
    Pointer one = Pointer.to(new double[] {1});
    JCublas2.cublasDgemmStridedBatched(
        handle,
        cublasOperation.CUBLAS_OP_N,
        cublasOperation.CUBLAS_OP_N,
        ROWS,
        COLUMNS,
        COLUMNS,
        one,
        a,
        ROWS,
        (long) ROWS * COLUMNS,
        b,
        COLUMNS,
        (long) COLUMNS * COLUMNS,
        one,
        c,
        ldc,
        (long) ldc * COLUMNS,
        batch);
    JCublas2.cublasDestroy(handle);
  }

  @Test
  void aCorrectProductIsNotAMistake() {
    multiply(ROWS, 2, 4096, true);
    assertNoticed();
  }

  @Test
  void aLeadingDimensionBelowTheRowsIsNoticed() {
    multiply(ROWS - 1, 1, 4096, true);
    assertNoticed("cublasDgemmStridedBatched: a leading dimension");
  }

  @Test
  void aLeadingDimensionThatRunsOutOfTheMemoryIsNoticed() {
    multiply(ROWS + 1, 2, 4096, true);
    assertNoticed("cublasDgemmStridedBatched: " + 8 * (7 * 4 + 7 * 3 + 6) + " bytes at");
  }

  @Test
  void aMissingStreamIsNoticed() {
    multiply(ROWS, 2, 4096, false);
    assertNoticed("cublasDgemmStridedBatched: work on a default stream");
  }

  @Test
  void aMissingWorkspaceIsNoticed() {
    multiply(ROWS, 2, 0, true);
    assertNoticed("no workspace was given");
  }

  @Test
  void aWorkspaceLargerThanItsMemoryIsNoticed() {
    multiply(ROWS, 2, 8192, true);
    assertNoticed("cublasSetWorkspace: 8192 bytes at", "no workspace was given");
  }

  @Test
  void workOnAnotherStreamThanTheCallersIsNoticed() {
    try (Device opened = Device.open("cuda:0");
        Problem problem = new Problem(opened, DataType.FLOAT32, 2, 5, 3, SvdAlgorithm.GESVD)) {
      Simulator.tell("stream " + 12345);
      assertThatThrownBy(() -> problem.run(0)).hasMessageContaining("CUDA_ERROR_INVALID_HANDLE");
      assertNoticed("cuLaunchKernel: work on another stream than the caller's");
      Simulator.tell("stream 0");
    }
  }

  /** As on a GPU: the call succeeds, and the context is lost when the stream gets there. */
  @Test
  void aComplexOperandBetweenTwoNumbersIsNoticed() {
    cublasHandle handle = new cublasHandle();
    JCublas2.cublasCreate(handle);
    JCublas2.cublasSetStream(handle, new cudaStream_t(stream));
    JCublas2.cublasSetWorkspace(handle, allocate(4096), 4096);
    Pointer one = Pointer.to(ByteBuffer.allocateDirect(16));
    CUdeviceptr a = allocate(5 * 16);
    CUdeviceptr between = a.withByteOffset(8);
    int status =
        JCublas2.cublasZgemmStridedBatched(
            handle,
            0,
            0,
            2,
            2,
            2,
            one,
            between,
            2,
            4,
            allocate(64),
            2,
            4,
            one,
            allocate(64),
            2,
            4,
            1);
    assertThat(status).isZero();
    JCublas2.cublasDestroy(handle);
    assertNoticed("cublasZgemmStridedBatched: A at 0x");
    assertThat(JCudaDriver.cuStreamSynchronize(stream)).isEqualTo(MISALIGNED);
  }

  private void solve(int ldu, int missingElements) {
    cusolverDnHandle handle = new cusolverDnHandle();
    JCusolverDn.cusolverDnCreate(handle);
    JCusolverDn.cusolverDnSetStream(handle, new cudaStream_t(stream));
    int[] elements = {0};
    JCusolverDn.cusolverDnDgesvd_bufferSize(handle, ROWS, COLUMNS, elements);
    CUdeviceptr a = allocate(ROWS * COLUMNS * 8L);
    CUdeviceptr s = allocate(COLUMNS * 8L);
    CUdeviceptr u = allocate(ROWS * COLUMNS * 8L);
    CUdeviceptr v = allocate(COLUMNS * COLUMNS * 8L);
    CUdeviceptr work = allocate(elements[0] * 8L);
    JCusolverDn.cusolverDnDgesvd(
        handle,
        'S',
        'S',
        ROWS,
        COLUMNS,
        a,
        ROWS,
        s,
        u,
        ldu,
        v,
        COLUMNS,
        work,
        elements[0] - missingElements,
        allocate(8),
        allocate(4));
    JCusolverDn.cusolverDnDestroy(handle);
  }

  @Test
  void aCorrectDecompositionIsNotAMistake() {
    solve(ROWS, 0);
    assertNoticed();
  }

  @Test
  void aWrongLeadingDimensionOfTheSolverIsNoticed() {
    solve(ROWS + 2, 0);
    assertNoticed("cusolverDnDgesvd: U: " + 8 * (8 * 3 + 6) + " bytes at");
  }

  @Test
  void aWorkspaceSmallerThanAskedForIsNoticed() {
    solve(ROWS, 1);
    assertNoticed("where bufferSize asks for");
  }

  @Test
  void aLeakIsNoticed() {
    assertThat(Simulator.leaks()).containsExactly("stream");
    CUdeviceptr address = allocate(40);
    assertThat(Simulator.leaks())
        .hasSize(2)
        .anyMatch(line -> line.endsWith(": 40 bytes of device memory"));
    JCudaDriver.cuMemFree(address);
    assertThat(Simulator.leaks()).hasSize(1);
  }

  @Test
  void aSecondFreeIsNoticed() {
    CUdeviceptr address = allocate(40);
    JCudaDriver.cuMemFree(address);
    JCudaDriver.cuMemFree(address);
    assertNoticed("cuMemFree: 0 bytes at");
  }

  @Test
  void aFreedStreamIsNoticed() {
    CUstream other = new CUstream();
    JCudaDriver.cuStreamCreate(other, 1);
    JCudaDriver.cuStreamDestroy(other);
    JCudaDriver.cuMemsetD8Async(allocate(8), (byte) 0, 8, other);
    assertNoticed("cuMemsetD8Async: the stream does not exist, or exists no more");
  }

  @Test
  void workWithoutAContextIsNoticed() {
    JCudaDriver.cuCtxPopCurrent(new CUcontext());
    JCudaDriver.cuMemAlloc(new CUdeviceptr(), 8);
    JCudaDriver.cuCtxPushCurrent(context);
    assertNoticed("cuMemAlloc: no context is current");
  }

  /** What is on one stream when the other one copies it, queued after and not waited for. */
  private static byte seen(CUstream first, CUstream second) {
    CUdeviceptr address = allocate(8);
    ByteBuffer host = ByteBuffer.allocateDirect(8);
    JCudaDriver.cuMemsetD8Async(address, (byte) 1, 8, first);
    JCudaDriver.cuMemcpyDtoHAsync(Pointer.to(host), address, 8, second);
    JCudaDriver.cuStreamSynchronize(second);
    JCudaDriver.cuStreamSynchronize(first);
    JCudaDriver.cuMemFree(address);
    return host.get(0);
  }

  @Test
  void theLegacyStreamIsOrderedWithBlockingStreamsAlone() {
    CUstream blocking = new CUstream();
    JCudaDriver.cuStreamCreate(blocking, 0);
    for (CUstream other : List.of(blocking, PER_THREAD)) {
      assertThat(seen(LEGACY, other)).isEqualTo((byte) 1);
      assertThat(seen(other, LEGACY)).isEqualTo((byte) 1);
    }
    assertThat(seen(LEGACY, stream)).isEqualTo((byte) 0xFF);
    assertThat(seen(stream, LEGACY)).isEqualTo((byte) 0xFF);
    assertThat(seen(blocking, PER_THREAD)).isEqualTo((byte) 0xFF);
    JCudaDriver.cuStreamDestroy(blocking);
    assertNoticed();
  }

  @Test
  void workOnTheLegacyStreamBreaksTheCaptureOfABlockingOne() {
    CUstream blocking = new CUstream();
    CUdeviceptr address = allocate(8);
    JCudaDriver.cuStreamCreate(blocking, 0);
    assertThat(JCudaDriver.cuStreamBeginCapture(LEGACY, 0)).isEqualTo(900);
    assertThat(JCudaDriver.cuStreamBeginCapture(blocking, 0)).isZero();
    assertThat(JCudaDriver.cuMemsetD8Async(address, (byte) 1, 8, LEGACY))
        .isEqualTo(CAPTURE_IMPLICIT);
    assertNoticed("cuMemsetD8Async: work on the legacy stream");
    assertThat(JCudaDriver.cuStreamEndCapture(blocking, new CUgraph())).isEqualTo(901);
    JCudaDriver.cuStreamDestroy(blocking);
  }

  @Test
  void whatOutlivesItsContextIsNoticed() {
    JCusolverDn.cusolverDnCreate(new cusolverDnHandle());
    JCudaDriver.cuCtxDestroy(context);
    assertNoticed(
        "cuCtxDestroy: a stream outlives its context",
        "cuCtxDestroy: a cuSOLVER handle outlives its context");
  }

  @Test
  void aHandleTakesDeviceMemory() {
    long before = Simulator.usedBytes();
    cusolverDnHandle handle = new cusolverDnHandle();
    assertThat(JCusolverDn.cusolverDnCreate(handle)).isZero();
    assertThat(Simulator.usedBytes()).isEqualTo(before + (4 << 20));
    JCusolverDn.cusolverDnDestroy(handle);
    assertThat(Simulator.usedBytes()).isEqualTo(before);
    Simulator.tell("memory " + (before + 1));
    assertThat(JCusolverDn.cusolverDnCreate(handle)).isEqualTo(OUT_OF_MEMORY_OF_CUSOLVER);
    Simulator.tell("memory " + (8L << 30));
  }

  /** What SimulatorTest holds forward and backward to. */
  @Test
  void waitingAndAllocatingAreCounted() {
    assertCounted("cuStreamSynchronize", () -> JCudaDriver.cuStreamSynchronize(stream));
    assertCounted("cuMemAlloc", () -> allocate(8));
    assertCounted("cuCtxSynchronize", () -> JCudaDriver.cuCtxSynchronize());
  }

  private static void assertCounted(String call, Runnable broken) {
    assertThat(SimulatorTest.WAITING_OR_ALLOCATING).contains(call);
    long before = Simulator.calls(call);
    broken.run();
    assertThat(Simulator.calls(call)).isEqualTo(before + 1);
  }

  @Test
  void waitingEndsACapture() {
    assertThat(JCudaDriver.cuStreamBeginCapture(stream, 0)).isZero();
    JCudaDriver.cuStreamSynchronize(stream);
    assertNoticed("cuStreamSynchronize: not allowed while a stream is captured");
    assertThat(JCudaDriver.cuStreamEndCapture(stream, new CUgraph())).isEqualTo(901);
  }

  /** As on a GPU: nothing at the call, the device lost at the next wait. */
  @Test
  void aKernelThatRunsOutOfItsMemoryIsNoticed() {
    try (Device opened = Device.open("cuda:0");
        Problem problem =
            new Problem(opened, DataType.FLOAT64, 9, 5, 3, SvdAlgorithm.GESVDJ_BATCHED);
        OwnedMatrixBatch small = opened.allocate(new BatchShape(DataType.FLOAT64, 1, 5, 3))) {
      MatrixBatch beyond =
          MatrixBatch.wrap(small.address(), new BatchShape(DataType.FLOAT64, 9, 5, 3));
      problem.plan.forward(beyond, problem.factors, problem.info, 0);
      assertThatThrownBy(() -> problem.info.read(0))
          .isInstanceOf(CudaFatalException.class)
          .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS");
    }
  }
}
