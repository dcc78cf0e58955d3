package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.cpu.KernelSizes;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/**
 * Java counts scratch and units as the kernels do. On a GPU the kernels' layout is that of the CPU
 * but for svd_jacobi, whose stage there this test does not see.
 */
class KernelSizesTest {
  private static final int[] COLUMNS = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17, 21, 22, 31, 32, 33, 47, 48, 63, 64
  };
  private static final int[] MORE_ROWS = {0, 1, 3, 30, 200, 600, 4090, 5000, 100_000};

  private static final KernelSizes KERNELS = new KernelSizes();

  @AfterAll
  static void close() {
    KERNELS.close();
  }

  private interface Sizes {
    void check(DataType type, int m, int n, String name);
  }

  private static void forAll(Sizes sizes) {
    for (DataType type : DataType.values()) {
      for (int n : COLUMNS) {
        for (int more : MORE_ROWS) {
          sizes.check(type, n + more, n, type + " " + (n + more) + "×" + n);
        }
      }
    }
  }

  private static Tall tall(DataType type, int rows, int columns) {
    return Tall.of(new BatchShape(type, 1, rows, columns));
  }

  @Test
  void scratchOfLanes() {
    Backend.Limits limits = KERNELS.limits();
    forAll(
        (type, m, n, name) -> {
          long lane = (long) limits.lanes(type) * type.bytes();
          assertThat(FusedBackward.laneElements(tall(type, m, n)) * lane)
              .as("pullback " + name)
              .isEqualTo(KERNELS.scratchBytes(Kernel.SVD_BACKWARD_LANES, type, m, n, 1));
          assertThat(LanesForward.elements(tall(type, m, n)) * lane)
              .as("vectors " + name)
              .isEqualTo(KERNELS.scratchBytes(Kernel.SVD_LANES, type, m, n, 1));
          assertThat(LanesValues.elements(tall(type, m, n)) * lane)
              .as("values " + name)
              .isEqualTo(KERNELS.scratchBytes(Kernel.SVD_VALUES_LANES, type, m, n, 1));
        });
  }

  /** Of one or two columns Java gives the room of four. */
  @Test
  void scratchOfJacobi() {
    forAll(
        (type, m, n, name) -> {
          long given = JacobiForward.scratchBytes(KERNELS.limits(), tall(type, m, n));
          long needed = KERNELS.scratchBytes(Kernel.SVD_JACOBI, type, m, n, 1);
          assertThat(given).as(name).isEqualTo(n <= 2 ? Math.max(given, needed) : needed);
        });
  }

  @Test
  void scratchOfColumns() {
    for (DataType type : DataType.values()) {
      for (int threads : new int[] {1, 32, 128}) {
        Backend.Limits limits = new Backend.Limits(1, threads, 0, 0, x -> 0, 0);
        assertThat(LaunchShape.columnScratchBytes(limits, type))
            .isEqualTo(KERNELS.scratchBytes(Kernel.SVD_GAUGE, type, 9, 5, threads));
        for (Kernel kernel : List.of(Kernel.TRUNCATED_STEP, Kernel.SVD_UNPACK)) {
          assertThat(LaunchShape.columnScratchBytes(limits, type.real()))
              .isEqualTo(KERNELS.scratchBytes(kernel, type, 9, 5, threads));
        }
      }
    }
  }
}
