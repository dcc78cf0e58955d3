package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.simulator.Simulator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What the simulator's routines cannot do, as cuSOLVER's cannot: called without the scaling that
 * stands before them.
 */
@Tag("simulator")
class SolverLimitsTest {
  private static final int ROWS = 9;
  private static final int COLUMNS = 6;

  private CudaContext context;
  private CudaMemory memory;
  private SharedCusolver cusolver;

  @BeforeEach
  void open() {
    assertThat(CudaProbe.problems()).isEmpty();
    context = CudaContext.primary(0);
    memory = new CudaMemory(context);
    cusolver = new SharedCusolver(context);
  }

  @AfterEach
  void close() {
    cusolver.close();
    context.close();
  }

  private record Result(int info, float[] s, float[] u) {}

  private Result solve(SvdAlgorithm algorithm, float[] matrix) {
    CudaSvdSolver solver =
        new CudaSvdSolver(
            context, cusolver, new BatchShape(DataType.FLOAT32, 1, ROWS, COLUMNS), algorithm);
    long workspace = memory.allocate(solver.workspaceBytes());
    solver.bind(workspace);
    ByteBuffer a = buffer(matrix.length);
    a.asFloatBuffer().put(matrix);
    memory.copyToDevice(solver.input().address(), a, 0);
    solver.solve(0);
    Result result =
        new Result(
            read(solver.info(), 1).getInt(),
            floats(read(solver.s().address(), COLUMNS)),
            floats(read(solver.u().address(), ROWS * COLUMNS)));
    memory.free(workspace);
    solver.close();
    return result;
  }

  private static ByteBuffer buffer(int numbers) {
    return ByteBuffer.allocateDirect(Float.BYTES * numbers).order(ByteOrder.nativeOrder());
  }

  private ByteBuffer read(long address, int numbers) {
    ByteBuffer values = buffer(numbers);
    memory.copyToHost(values, address, 0);
    return values;
  }

  private static float[] floats(ByteBuffer values) {
    float[] result = new float[values.remaining() / Float.BYTES];
    values.asFloatBuffer().get(result);
    return result;
  }

  /** Column-major. */
  private static float[] random(double scale) {
    Random random = new Random(1);
    float[] matrix = new float[ROWS * COLUMNS];
    for (int i = 0; i < matrix.length; i++) {
      matrix[i] = (float) (scale * random.nextGaussian());
    }
    return matrix;
  }

  @ParameterizedTest
  @CsvSource({
    "GESVD, 1e-30, 0",
    "GESVD, 1e30, 0",
    "GESVDJ, 1, 0",
    "GESVDJ, 1e-30, 7",
    "GESVDJ, 1e30, 7",
    "GESVDJ, 0, 0",
    "GESVDJ_BATCHED, 1, 0",
    "GESVDJ_BATCHED, 1e-30, 7",
    "GESVDJ_BATCHED, 1e30, 7"
  })
  void jacobiGivesUpWhereSquaresLeaveTheRange(SvdAlgorithm algorithm, double scale, int info) {
    assertThat(solve(algorithm, random(scale)).info()).isEqualTo(info);
  }

  @ParameterizedTest
  @EnumSource(names = {"GESVD", "GESVDA_BATCHED"})
  void gesvdaLosesTheSquareOfTheCondition(SvdAlgorithm algorithm) {
    float[] matrix = random(1);
    for (int i = 0; i < ROWS; i++) {
      // Nearly the first column.
      matrix[ROWS + i] = matrix[i] * (1 + 1e-3f * (i % 3));
    }
    float[] u = solve(algorithm, matrix).u();
    double error = 0;
    for (int j = 0; j < COLUMNS; j++) {
      for (int l = 0; l <= j; l++) {
        double product = j == l ? -1 : 0;
        for (int i = 0; i < ROWS; i++) {
          product += (double) u[j * ROWS + i] * u[l * ROWS + i];
        }
        error = Math.max(error, Math.abs(product));
      }
    }
    assertThat(error < 1e-5).isEqualTo(algorithm == SvdAlgorithm.GESVD);
  }

  @ParameterizedTest
  @EnumSource(names = {"GESVD", "GESVDA_BATCHED"})
  void gesvdaHasNoVectorsOfAZeroMatrixAndDoesNotSaySo(SvdAlgorithm algorithm) {
    Result result = solve(algorithm, random(0));
    assertThat(result.info()).isZero();
    assertThat(result.s()[0] == 0).isTrue();
    assertThat(Float.isNaN(result.u()[0])).isEqualTo(algorithm == SvdAlgorithm.GESVDA_BATCHED);
    assertThat(Simulator.violations()).isEmpty();
  }
}
