package io.github.diffsvd.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.CudaFatalException;
import io.github.diffsvd.CudaStatusException;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.cuda.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every single call that forward and backward make fails once, on every way through them: the
 * exception that is documented, nothing left behind, and the same plan good for the next batch.
 */
@Tag("simulator")
class FaultTest {
  private static final int BATCH = 2;

  /** A way through forward and backward. */
  record Path(SvdAlgorithm algorithm, int rows, int columns) {
    Problem open(Device device) {
      return new Problem(device, DataType.FLOAT64, BATCH, rows, columns, algorithm);
    }

    @Override
    public String toString() {
      return algorithm + " " + rows + "×" + columns;
    }
  }

  /** Both tiers of the backward pass and all routines of the forward pass, tall and wide. */
  static final List<Path> PATHS =
      List.of(
          new Path(SvdAlgorithm.GESVDJ_BATCHED, 7, 5),
          new Path(SvdAlgorithm.GESVDA_BATCHED, 5, 8),
          new Path(SvdAlgorithm.GESVD, 6, 6),
          new Path(SvdAlgorithm.GESVDJ, 43, 40),
          new Path(SvdAlgorithm.GESVD, 40, 43));

  /** Path, number of the call from the start of forward, its name. */
  static Stream<Arguments> calls() {
    List<Arguments> sites = new ArrayList<>();
    for (Path path : PATHS) {
      try (Device device = Device.open("cuda:0");
          Problem problem = path.open(device)) {
        List<String> names = Simulator.trace(() -> problem.run(0));
        for (int i = 0; i < names.size(); i++) {
          // Leaving the context fails only after something else has, and is silent then.
          if (!names.get(i).equals("cuCtxPopCurrent")) {
            sites.add(Arguments.of(path, i + 1, names.get(i)));
          }
        }
      }
    }
    return sites.stream();
  }

  @ParameterizedTest(name = "{0}: call {1}, {2}")
  @MethodSource("calls")
  void aFailedCallIsToldAndThePlanGoesOn(Path path, int number, String call) {
    try (Device device = Device.open("cuda:0");
        Problem problem = path.open(device)) {
      // 3 is a plain error in the driver's, in cuBLAS's and in cuSOLVER's numbers.
      Simulator.tell("fail any " + number + " 3");
      assertThatThrownBy(() -> problem.run(0))
          .isExactlyInstanceOf(CudaStatusException.class)
          .hasMessage(call + " returned 3 (" + nameOfStatus3(call) + ")")
          .hasNoSuppressedExceptions();
      problem.run(0);
      problem.info.check(0);
      assertThat(device.read(problem.gradient)).doesNotContain(Double.NaN);
    }
    assertThat(Simulator.leaks()).isEmpty();
  }

  private static String nameOfStatus3(String call) {
    if (call.startsWith("cublas")) {
      return "CUBLAS_STATUS_ALLOC_FAILED";
    }
    return call.startsWith("cusolver")
        ? "CUSOLVER_STATUS_INVALID_VALUE"
        : "CUDA_ERROR_NOT_INITIALIZED";
  }

  @ParameterizedTest(name = "{0}: call {1}, {2}")
  @MethodSource("calls")
  void aLostDeviceIsToldAndStaysLost(Path path, int number, String call) {
    try (Device device = Device.open("cuda:0");
        Problem problem = path.open(device)) {
      Simulator.tell("lose any " + number + " 719");
      assertThatThrownBy(() -> problem.run(0))
          .isInstanceOf(CudaFatalException.class)
          .hasMessageStartingWith(call + " returned 719 (CUDA_ERROR_LAUNCH_FAILED)")
          .hasMessageEndingWith("the device is lost to this process")
          .hasNoSuppressedExceptions();
      assertThatThrownBy(() -> problem.run(0)).isInstanceOf(CudaFatalException.class);
      assertThatThrownBy(() -> Device.open("cuda:0"))
          .isInstanceOf(DeviceUnavailableException.class)
          .hasMessageContaining("719 (CUDA_ERROR_LAUNCH_FAILED)");
    }
    Simulator.tell("reset");
  }

  static Stream<Arguments> matrices() {
    return PATHS.stream()
        .flatMap(path -> Stream.of(0, BATCH - 1).map(matrix -> Arguments.of(path, matrix)));
  }

  @ParameterizedTest(name = "{0}: matrix {1}")
  @MethodSource("matrices")
  void aMatrixThatDoesNotConvergeIsMarkedAndItsNeighbourIsNot(Path path, int matrix) {
    try (Device device = Device.open("cuda:0");
        Problem problem = path.open(device)) {
      problem.run(0);
      double[] good = device.read(problem.gradient);
      Simulator.tell("info " + matrix + " 4");
      problem.run(0);
      int[] expected = new int[BATCH];
      expected[matrix] = 4;
      assertThat(problem.info.read(0)).isEqualTo(expected);
      double[] actual = device.read(problem.gradient);
      int size = path.rows * path.columns;
      for (int i = 0; i < actual.length; i++) {
        if (i / size == matrix) {
          assertThat(actual[i]).isNaN();
        } else {
          assertThat(actual[i]).isEqualTo(good[i]);
        }
      }
    }
  }
}
