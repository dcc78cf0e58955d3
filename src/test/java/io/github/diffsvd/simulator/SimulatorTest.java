package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.CudaStatusException;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceOutOfMemoryException;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.cuda.Problem;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What only the simulator can see or bring about. */
@Tag("simulator")
class SimulatorTest {
  static final List<String> WAITING_OR_ALLOCATING =
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
  @EnumSource(
      value = SvdAlgorithm.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"GESDD", "GOLUB_KAHAN"})
  void forwardAndBackwardNeitherWaitNorAllocate(SvdAlgorithm algorithm) {
    for (int columns : new int[] {5, 40}) {
      int rows = algorithm == SvdAlgorithm.GESVDJ_BATCHED ? 6 : columns + 3;
      int width = Math.min(rows, columns);
      try (Device device = Device.open("cuda:0");
          Problem problem = new Problem(device, DataType.FLOAT64, 3, rows, width, algorithm)) {
        long before = waitsAndAllocations();
        problem.run(0);
        problem.run(0);
        assertThat(waitsAndAllocations()).isEqualTo(before);
        problem.info.check(0);
      }
    }
  }

  /** Blocks of as many threads as on a GPU, with real barriers, on both tiers. */
  @ParameterizedTest
  @EnumSource(DataType.class)
  void trueBlocksGiveTheSame(DataType type) {
    for (int[] shape : new int[][] {{3, 3}, {20, 17}, {5, 9}, {43, 40}}) {
      double[] expected = gradient(type, shape);
      Simulator.tell("threaded on");
      double[] actual = gradient(type, shape);
      Simulator.tell("threaded off");
      double norm = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
      assertThat(actual).containsExactly(expected, within(1000 * type.epsilon() * norm));
    }
  }

  private static double[] gradient(DataType type, int[] shape) {
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, type, 3, shape[0], shape[1], SvdAlgorithm.AUTO)) {
      problem.run(0);
      return device.read(problem.gradient);
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
    "cusolverDnDgesvdj, 6, CUSOLVER_STATUS_EXECUTION_FAILED",
    "cuOccupancyMaxActiveBlocksPerMultiprocessor, 1, CUDA_ERROR_INVALID_VALUE"
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
        Problem solver = new Problem(device, DataType.FLOAT64, 2, 43, 40, SvdAlgorithm.GESVDJ);
        Problem kernel = new Problem(device, DataType.FLOAT64, 2, 6, 5, SvdAlgorithm.JACOBI)) {
      for (Problem problem : List.of(solver, kernel)) {
        problem.run(0);
        problem.info.check(0);
        assertThat(device.read(problem.gradient)).doesNotContain(Double.NaN);
      }
    }
  }
}
