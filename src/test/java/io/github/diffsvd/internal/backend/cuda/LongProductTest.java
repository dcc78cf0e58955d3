package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.Layout;
import io.github.diffsvd.simulator.Simulator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import jcuda.driver.CUgraphExec;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Products that sum over many rows, with small integers, whose sums are exact in every order. */
@RequiresCuda
class LongProductTest {
  private static final int ROWS = 3;
  private static final int COLUMNS = 2;

  /** Rows, columns and matrices stand further apart than they are long. */
  private static final int GAP = 2;

  private CudaContext context;
  private CudaMemory memory;
  private SharedCublas cublas;

  @BeforeEach
  void open() {
    context = CudaContext.primary(0);
    memory = new CudaMemory(context);
    cublas = new SharedCublas(context);
  }

  @AfterEach
  void close() {
    cublas.close();
    context.close();
  }

  /** A product with its workspace. */
  private final class Product implements AutoCloseable {
    private final CudaProduct product;
    private final long workspace;

    Product(BatchShape shape) {
      product = new CudaProduct(context, cublas, shape);
      workspace = memory.allocate(product.workspaceBytes());
      product.bind(workspace);
    }

    @Override
    public void close() {
      memory.free(workspace);
    }
  }

  /**
   * Depth, batch, and the width the product is made for, which says how many sums of pieces there
   * is room for.
   */
  static Stream<Arguments> cases() {
    int[][] cases = {
      {4096, 3, 3}, // not long
      {5000, 3, 3}, // many matrices: in order, terms left over
      {4608, 1, 3}, // all pieces at a time, none left over
      {10_300, 3, 3}, // 60 terms left over
      {10_300, 3, 1}, // 13 pieces at a time
      {4200, 1, 0}, // no room
      {70_000, 1, 3}, // four groups, some pieces and terms left over
      {131_072, 2, 3}, // eight groups
    };
    return Arrays.stream(cases)
        .flatMap(
            c ->
                Stream.of(DataType.values())
                    .flatMap(
                        type ->
                            Stream.of(Layout.values())
                                .map(layout -> Arguments.of(c[0], c[1], c[2], type, layout))));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void isExact(int depth, int batch, int width, DataType type, Layout layout) {
    Random random = new Random(depth);
    try (Product made = new Product(new BatchShape(type, batch, depth, width))) {
      for (int flags = 0; flags < 8; flags++) {
        boolean adjointA = (flags & 1) != 0;
        boolean adjointB = (flags & 2) != 0;
        boolean accumulate = (flags & 4) != 0;
        try (Matrices a = factor(type, layout, batch, adjointA, ROWS, depth);
            Matrices b = factor(type, layout, batch, !adjointB, COLUMNS, depth);
            Matrices c = new Matrices(type, layout, batch, ROWS, COLUMNS)) {
          a.fill(random);
          b.fill(random);
          if (accumulate) {
            c.fill(random);
          }
          double[] expected = c.values.clone();
          addProduct(a, adjointA, b, adjointB, accumulate, c, expected);
          made.product.multiply(layout, a.view, adjointA, b.view, adjointB, c.view, accumulate, 0);
          assertThat(c.read()).as("flags %d", flags).isEqualTo(expected);
        }
      }
    }
  }

  @Test
  void isCaptured() {
    DataType type = DataType.FLOAT32;
    Random random = new Random(1);
    int depth = 70_000;
    try (CallersStream caller = new CallersStream();
        Product made = new Product(new BatchShape(type, 1, depth, ROWS));
        Matrices a = new Matrices(type, Layout.ROW_MAJOR, 1, depth, ROWS);
        Matrices b = new Matrices(type, Layout.ROW_MAJOR, 1, depth, COLUMNS);
        Matrices c = new Matrices(type, Layout.ROW_MAJOR, 1, ROWS, COLUMNS)) {
      Runnable multiply =
          () ->
              made.product.multiply(
                  Layout.ROW_MAJOR, a.view, true, b.view, false, c.view, false, caller.handle());
      multiply.run();
      CUgraphExec graph = caller.capture(multiply);
      a.fill(random);
      b.fill(random);
      double[] expected = c.values.clone();
      addProduct(a, true, b, false, false, c, expected);
      caller.replay(graph);
      assertThat(c.read()).isEqualTo(expected);
      CallersStream.succeed(JCudaDriver.cuGraphExecDestroy(graph));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1",
    "4096, 1, 1",
    "4096, 500, 1",
    "4097, 1, 3",
    "4608, 1, 2",
    "5000, 3, 5",
    "5000, 500, 5",
    "10300, 3, 9",
    "1048576, 1, 3",
    "1000000, 1, 6"
  })
  void takesFewCalls(int depth, int batch, int calls) {
    assumeTrue(Simulator.isLoaded(), "the simulator counts calls");
    DataType type = DataType.FLOAT32;
    try (Product made = new Product(new BatchShape(type, batch, depth, 1));
        Matrices a = new Matrices(type, Layout.COLUMN_MAJOR, batch, depth, 1);
        Matrices c = new Matrices(type, Layout.COLUMN_MAJOR, batch, 1, 1)) {
      long before = Simulator.calls("cublasSgemmStridedBatched");
      made.product.multiply(Layout.COLUMN_MAJOR, a.view, true, a.view, false, c.view, false, 0);
      assertThat(Simulator.calls("cublasSgemmStridedBatched") - before).isEqualTo(calls);
      c.read();
    }
  }

  private Matrices factor(
      DataType type, Layout layout, int batch, boolean upright, int width, int depth) {
    return new Matrices(type, layout, batch, upright ? depth : width, upright ? width : depth);
  }

  /** What the product should make of c's values. */
  private static void addProduct(
      Matrices a,
      boolean adjointA,
      Matrices b,
      boolean adjointB,
      boolean accumulate,
      Matrices c,
      double[] values) {
    int depth = adjointA ? a.view.rows() : a.view.columns();
    for (int matrix = 0; matrix < c.view.batch(); matrix++) {
      for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
          double re = 0;
          double im = 0;
          for (int l = 0; l < depth; l++) {
            int x = adjointA ? a.at(matrix, l, i) : a.at(matrix, i, l);
            int y = adjointB ? b.at(matrix, j, l) : b.at(matrix, l, j);
            double xi = a.imaginary(x) * (adjointA ? -1 : 1);
            double yi = b.imaginary(y) * (adjointB ? -1 : 1);
            re += a.values[x] * b.values[y] - xi * yi;
            im += a.values[x] * yi + xi * b.values[y];
          }
          int at = c.at(matrix, i, j);
          values[at] = accumulate ? values[at] + re : re;
          if (c.parts == 2) {
            values[at + 1] = accumulate ? values[at + 1] + im : im;
          }
        }
      }
    }
  }

  /** On the device and on the host; NaN all over, between the elements as well, until filled. */
  private final class Matrices implements AutoCloseable {
    final MatrixBatch view;
    final int parts;
    final double[] values;

    Matrices(DataType type, Layout layout, int batch, int rows, int columns) {
      boolean rowMajor = layout == Layout.ROW_MAJOR;
      int outer = (rowMajor ? columns : rows) + GAP;
      int stride = outer * (rowMajor ? rows : columns) + GAP;
      parts = type.isComplex() ? 2 : 1;
      values = new double[batch * stride * parts];
      view =
          MatrixBatch.wrap(
              memory.allocate((long) batch * stride * type.bytes()),
              new BatchShape(type, batch, rows, columns),
              rowMajor ? outer : 1,
              rowMajor ? 1 : outer,
              stride);
      Arrays.fill(values, Double.NaN);
      write();
    }

    void fill(Random random) {
      for (int matrix = 0; matrix < view.batch(); matrix++) {
        for (int i = 0; i < view.rows(); i++) {
          for (int j = 0; j < view.columns(); j++) {
            for (int part = 0; part < parts; part++) {
              values[at(matrix, i, j) + part] = random.nextInt(7) - 3;
            }
          }
        }
      }
      write();
    }

    int at(int matrix, int i, int j) {
      return parts
          * (int) (matrix * view.batchStride() + i * view.rowStride() + j * view.columnStride());
    }

    double imaginary(int at) {
      return parts == 2 ? values[at + 1] : 0;
    }

    private void write() {
      ByteBuffer buffer = buffer();
      for (double value : values) {
        if (isSingle()) {
          buffer.putFloat((float) value);
        } else {
          buffer.putDouble(value);
        }
      }
      memory.copyToDevice(view.address(), buffer.flip(), 0);
    }

    double[] read() {
      ByteBuffer buffer = buffer();
      // On the device's own stream, where the products are.
      memory.copyToHost(buffer, view.address(), 0);
      double[] read = new double[values.length];
      for (int i = 0; i < read.length; i++) {
        read[i] = isSingle() ? buffer.getFloat(4 * i) : buffer.getDouble(8 * i);
      }
      return read;
    }

    private boolean isSingle() {
      return view.type().real() == DataType.FLOAT32;
    }

    private ByteBuffer buffer() {
      return ByteBuffer.allocateDirect(values.length * (isSingle() ? 4 : 8))
          .order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
      memory.free(view.address());
    }
  }
}
