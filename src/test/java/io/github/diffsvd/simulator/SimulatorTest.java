package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.CudaStatusException;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceOutOfMemoryException;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What only the simulator can see or bring about. */
@Tag("simulator")
class SimulatorTest {
  private static final List<String> WAITING_OR_ALLOCATING =
      List.of(
          "cuMemAlloc",
          "cuMemFree",
          "cuMemHostAlloc",
          "cuMemFreeHost",
          "cuStreamSynchronize",
          "cuStreamQuery",
          "cuCtxSynchronize",
          "cuEventSynchronize",
          "cublasCreate",
          "cusolverDnCreate");

  @Test
  void isWhatIsOpened() {
    try (Device device = Device.open("cuda:0")) {
      assertThat(device.name()).isEqualTo("cuda:0");
      assertThat(device.description())
          .isEqualTo("diffsvd simulator, compute capability 8.0, driver for CUDA 12.6");
    }
    try (Device device = Device.open("auto")) {
      assertThat(device.name()).isEqualTo("cuda:0");
    }
  }

  @ParameterizedTest
  @EnumSource(SvdAlgorithm.class)
  void forwardAndBackwardNeitherWaitNorAllocate(SvdAlgorithm algorithm) {
    if (algorithm == SvdAlgorithm.GESDD) {
      return;
    }
    for (int columns : new int[] {5, 40}) {
      int rows = algorithm == SvdAlgorithm.GESVDJ_BATCHED ? 6 : columns + 3;
      int width = Math.min(rows, columns);
      try (Device device = Device.open("cuda:0");
          Problem problem = new Problem(device, 3, rows, width, algorithm)) {
        long before = waitsAndAllocations();
        problem.run();
        problem.run();
        assertThat(waitsAndAllocations()).isEqualTo(before);
        problem.info.check(0);
      }
    }
  }

  private static long waitsAndAllocations() {
    return WAITING_OR_ALLOCATING.stream().mapToLong(Simulator::calls).sum();
  }

  /** Every allocation between opening a device and closing it fails once. */
  @Test
  void survivesEveryFailedAllocation() {
    long before = Simulator.calls("cuMemAlloc");
    useDevice();
    long allocations = Simulator.calls("cuMemAlloc") - before;
    assertThat(allocations).isGreaterThan(5);
    for (long i = 1; i <= allocations; i++) {
      Simulator.tell("fail cuMemAlloc " + i + " 2");
      assertThatThrownBy(SimulatorTest::useDevice)
          .isInstanceOf(DeviceOutOfMemoryException.class)
          .hasMessageMatching("cuda:0: \\d+ bytes requested, \\d+ free");
      assertThat(Simulator.leaks()).as("after allocation " + i).isEmpty();
      useDevice();
    }
  }

  /** Whatever call fails, of all that a device makes in its life, nothing is left behind. */
  @ParameterizedTest
  @CsvSource({
    "cuLaunchKernel, 1, CUDA_ERROR_INVALID_VALUE",
    "cuLaunchKernel, 701, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
    "cuMemcpyHtoDAsync, 1, CUDA_ERROR_INVALID_VALUE",
    "cuMemcpyDtoHAsync, 1, CUDA_ERROR_INVALID_VALUE",
    "cuModuleGetFunction, 500, CUDA_ERROR_NOT_FOUND",
    "cublasCreate, 3, CUBLAS_STATUS_ALLOC_FAILED",
    "cublasSetStream, 1, CUBLAS_STATUS_NOT_INITIALIZED",
    "cublasSetWorkspace, 7, CUBLAS_STATUS_INVALID_VALUE",
    "cublasDgemmStridedBatched, 13, CUBLAS_STATUS_EXECUTION_FAILED",
    "cusolverDnCreate, 2, CUSOLVER_STATUS_ALLOC_FAILED",
    "cusolverDnCreateGesvdjInfo, 2, CUSOLVER_STATUS_ALLOC_FAILED",
    "cusolverDnSetStream, 1, CUSOLVER_STATUS_NOT_INITIALIZED",
    "cusolverDnDgesvdj_bufferSize, 3, CUSOLVER_STATUS_INVALID_VALUE",
    "cusolverDnDgesvdj, 6, CUSOLVER_STATUS_EXECUTION_FAILED"
  })
  void survivesEveryFailedCall(String call, int status, String name) {
    long before = Simulator.calls(call);
    useDevice();
    long calls = Simulator.calls(call) - before;
    assertThat(calls).isPositive();
    for (long i = 1; i <= calls; i++) {
      Simulator.tell("fail " + call + " " + i + " " + status);
      assertThatThrownBy(SimulatorTest::useDevice)
          .isExactlyInstanceOf(CudaStatusException.class)
          .hasMessage(call + " returned " + status + " (" + name + ")");
      assertThat(Simulator.leaks()).as("after call " + i).isEmpty();
      useDevice();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "cuLaunchKernel, cuLaunchKernel",
    "cuStreamSynchronize, cuStreamSynchronize",
    "cublasDgemmStridedBatched, cublasDgemmStridedBatched",
    "cusolverDnDgesvdj, cusolverDnDgesvdj"
  })
  void saysThatADeviceIsLost(String call, String reported) {
    Simulator.tell("lose " + call + " 1 700");
    assertThatThrownBy(SimulatorTest::useDevice)
        .isInstanceOf(CudaFatalException.class)
        .hasMessage(
            reported
                + " returned 700 (CUDA_ERROR_ILLEGAL_ADDRESS); the device is lost to this process")
        .hasNoSuppressedExceptions();
    assertThatThrownBy(SimulatorTest::useDevice).isInstanceOf(DeviceUnavailableException.class);
    Simulator.tell("reset");
  }

  @ParameterizedTest
  @CsvSource({"6", "40"})
  void marksAMatrixThatDidNotConverge(int columns) {
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, 3, columns, columns, SvdAlgorithm.AUTO)) {
      // The loop over a batch makes one call for each matrix.
      Simulator.tell("info " + (columns > 32 ? 0 : 1) + " 7");
      problem.run();
      int[] info = problem.info.read(0);
      int failed = columns > 32 ? 0 : 1;
      for (int i = 0; i < 3; i++) {
        assertThat(info[i]).isEqualTo(i == failed ? 7 : SvdInfo.OK);
        double first = device.read(problem.factors.s())[i * columns];
        assertThat(Double.isNaN(first)).isEqualTo(i == failed);
      }
    }
  }

  @Test
  void refusesADeviceThatTheKernelsWereNotBuiltFor() {
    Simulator.tell("capability 50");
    try {
      assertThatThrownBy(() -> Device.open("cuda:0"))
          .isInstanceOf(DeviceUnavailableException.class)
          .hasMessageStartingWith("cuda:0: the kernels do not load on diffsvd simulator")
          .hasMessageContaining("-DcudaArchitectures=50")
          .hasMessageContaining("209 (CUDA_ERROR_NO_BINARY_FOR_GPU)");
    } finally {
      Simulator.tell("capability 80");
    }
  }

  @Test
  void refusesADeviceThatIsNotThere() {
    assertThatThrownBy(() -> Device.open("cuda:1"))
        .isInstanceOf(DeviceUnavailableException.class)
        .hasMessage("cuda:1: this machine has 1 CUDA device(s)");
  }

  private static void useDevice() {
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, 2, 43, 40, SvdAlgorithm.AUTO)) {
      problem.run();
      problem.info.check(0);
      assertThat(device.read(problem.gradient)).doesNotContain(Double.NaN);
    }
  }

  private static final class Problem implements AutoCloseable {
    private final java.util.ArrayDeque<Runnable> closers = new java.util.ArrayDeque<>();
    final SvdPlan plan;
    final OwnedMatrixBatch a;
    final SvdFactors factors;
    final SvdInfo info;
    final OwnedMatrixBatch gradient;

    Problem(Device device, int batch, int rows, int columns, SvdAlgorithm algorithm) {
      try {
        plan =
            SvdPlan.create(
                device,
                DataType.FLOAT64,
                batch,
                rows,
                columns,
                SvdOptions.defaults().withAlgorithm(algorithm));
        closers.push(plan::close);
        int k = Math.min(rows, columns);
        a = allocate(device, batch, rows, columns);
        factors =
            new SvdFactors(
                allocate(device, batch, rows, k),
                allocate(device, batch, k, 1),
                allocate(device, batch, columns, k));
        gradient = allocate(device, batch, rows, columns);
        info = device.allocateInfo(batch);
        closers.push(info::close);
        device.write(a, new java.util.Random(1).doubles(a.size(), -1, 1).toArray());
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }

    private OwnedMatrixBatch allocate(Device device, int batch, int rows, int columns) {
      OwnedMatrixBatch matrix = device.allocate(DataType.FLOAT64, batch, rows, columns);
      closers.push(matrix::close);
      return matrix;
    }

    void run() {
      plan.forward(a, factors, info, 0);
      plan.backward(factors, new SvdCotangents(factors.u(), factors.s(), factors.v()), gradient, 0);
    }

    @Override
    public void close() {
      closers.forEach(Runnable::run);
    }
  }
}
