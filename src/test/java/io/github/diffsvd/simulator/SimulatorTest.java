package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.CudaStatusException;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceOutOfMemoryException;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
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

  /** A context that came to its end would take along what cuBLAS and cuSOLVER keep in it. */
  @Test
  void opensAndClosesInOneContext() {
    long before = Simulator.calls("cuDevicePrimaryCtxRelease");
    for (int i = 0; i < 10; i++) {
      Device device = Device.open("cuda:0");
      Problem problem = new Problem(device, DataType.FLOAT64, 2, 64, 64, SvdAlgorithm.GESVD);
      problem.run(0);
      problem.info.check(0);
      if (i % 2 == 0) {
        problem.close();
      }
      device.close();
      problem.close();
      assertThat(Simulator.leaks()).isEmpty();
    }
    assertThat(Simulator.calls("cuDevicePrimaryCtxRelease")).isEqualTo(before);
  }

  @ParameterizedTest
  @CsvSource({
    "GESVD, 43, 40",
    "GESVDJ, 43, 40",
    "GESVDJ_BATCHED, 6, 5",
    "GESVDA_BATCHED, 43, 40",
    "JACOBI, 43, 40",
    "JACOBI, 6000, 40"
  })
  void aPlanTakesItsWorkspaceAndNothingElse(SvdAlgorithm algorithm, int rows, int columns) {
    SvdOptions options = SvdOptions.defaults().withAlgorithm(algorithm);
    BatchShape shape = new BatchShape(DataType.COMPLEX64, 2, rows, columns);
    try (Device device = Device.open("cuda:0");
        SvdPlan first = SvdPlan.create(device, shape, options);
        SpectralPlan firstSpectral = SpectralPlan.create(device, shape, options)) {
      long handles = Simulator.calls("cublasCreate") + Simulator.calls("cusolverDnCreate");
      long before = Simulator.usedBytes();
      try (SvdPlan plan = SvdPlan.create(device, shape, options);
          SpectralPlan spectral = SpectralPlan.create(device, shape, options)) {
        assertThat(Simulator.usedBytes() - before)
            .isEqualTo(plan.workspaceBytes() + spectral.workspaceBytes());
        assertThat(first.workspaceBytes()).isEqualTo(plan.workspaceBytes());
        assertThat(firstSpectral.workspaceBytes()).isEqualTo(spectral.workspaceBytes());
      }
      assertThat(Simulator.usedBytes()).isEqualTo(before);
      assertThat(Simulator.calls("cublasCreate") + Simulator.calls("cusolverDnCreate"))
          .isEqualTo(handles);
    }
  }

  /** What AUTO chooses gives no matrix up; the routines that do are for those who name them. */
  @Test
  void autoNeverTakesARoutineThatGivesMatricesUp() {
    try (Device device = Device.open("cuda:0")) {
      for (int columns : new int[] {5, 32, 33, 64, 65}) {
        for (DataType type : DataType.values()) {
          BatchShape shape = new BatchShape(type, 1, columns + 1, columns);
          try (SvdPlan plan = SvdPlan.create(device, shape)) {
            assertThat(plan.toString())
                .contains(columns > 64 ? "forward GESVD," : "forward svd_jacobi_");
          }
        }
      }
    }
  }

  /** Calls of driver and libraries, each of which is one of JNI, once stream and plan are warm. */
  @Test
  void aCallTakesFewCallsOfDriverAndLibraries() {
    BatchShape shape = new BatchShape(DataType.FLOAT32, 2, 8, 8);
    SpectralFunction f = SpectralFunction.softThreshold(0.5);
    try (Device device = Device.open("cuda:0");
        Problem problem = new Problem(device, shape.type(), 2, 8, 8, SvdAlgorithm.AUTO);
        SpectralPlan spectral = SpectralPlan.create(device, shape);
        OwnedMatrixBatch y = device.allocate(shape)) {
      Runnable forward = () -> spectral.forward(problem.a, f, problem.factors, y, problem.info, 0);
      Runnable backward =
          () ->
              spectral.backward(
                  problem.factors, f, SpectralCotangents.of(y), problem.gradient, null, 0);
      forward.run();
      assertThat(Simulator.trace(() -> problem.forward(0))).hasSize(3);
      assertThat(Simulator.trace(() -> problem.backward(0))).hasSize(3);
      assertThat(Simulator.trace(forward)).hasSize(6);
      assertThat(Simulator.trace(backward)).hasSize(3);
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
