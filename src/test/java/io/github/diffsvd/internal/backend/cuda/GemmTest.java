package io.github.diffsvd.internal.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.internal.backend.Layout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The arguments for cuBLAS, given to a gemm written down from its documentation, against C =
 * op(A)·op(B) element by element; complex, so that a lost conjugate shows.
 */
class GemmTest {
  private static final int ROWS = 3;
  private static final int COLUMNS = 4;
  private static final int DEPTH = 5;

  /** Rows or columns stand further apart than they are long. */
  private static final int GAP = 2;

  @ParameterizedTest
  @CsvSource({
    "ROW_MAJOR, false, false",
    "ROW_MAJOR, true, false",
    "ROW_MAJOR, false, true",
    "ROW_MAJOR, true, true",
    "COLUMN_MAJOR, false, false",
    "COLUMN_MAJOR, true, false",
    "COLUMN_MAJOR, false, true",
    "COLUMN_MAJOR, true, true"
  })
  void computesTheProduct(Layout layout, boolean adjointA, boolean adjointB) {
    Random random = new Random(7);
    Matrix a = new Matrix(64, layout, adjointA ? DEPTH : ROWS, adjointA ? ROWS : DEPTH, random);
    Matrix b =
        new Matrix(128, layout, adjointB ? COLUMNS : DEPTH, adjointB ? DEPTH : COLUMNS, random);
    Matrix c = new Matrix(192, layout, ROWS, COLUMNS, random);

    Gemm gemm = Gemm.of(layout, a.view, adjointA, b.view, adjointB, c.view);
    Matrix first = gemm.a() == a.view.address() ? a : b;
    Matrix second = gemm.a() == a.view.address() ? b : a;
    columnMajorGemm(gemm, first.values, second.values, c.values);

    for (int i = 0; i < ROWS; i++) {
      for (int j = 0; j < COLUMNS; j++) {
        double re = 0;
        double im = 0;
        for (int l = 0; l < DEPTH; l++) {
          int x = adjointA ? a.at(l, i) : a.at(i, l);
          int y = adjointB ? b.at(j, l) : b.at(l, j);
          double xi = adjointA ? -a.values[x + 1] : a.values[x + 1];
          double yi = adjointB ? -b.values[y + 1] : b.values[y + 1];
          re += a.values[x] * b.values[y] - xi * yi;
          im += a.values[x] * yi + xi * b.values[y];
        }
        assertThat(c.values[c.at(i, j)]).isCloseTo(re, within());
        assertThat(c.values[c.at(i, j) + 1]).isCloseTo(im, within());
      }
    }
  }

  private static org.assertj.core.data.Offset<Double> within() {
    return org.assertj.core.data.Offset.offset(1e-13);
  }

  /** zgemm with alpha = 1 and beta = 0: op 0 is none, 2 the conjugate transpose. */
  private static void columnMajorGemm(Gemm g, double[] a, double[] b, double[] c) {
    for (int i = 0; i < g.m(); i++) {
      for (int j = 0; j < g.n(); j++) {
        double re = 0;
        double im = 0;
        for (int l = 0; l < g.k(); l++) {
          int x = 2 * (g.opA() == 0 ? i + l * g.lda() : l + i * g.lda());
          int y = 2 * (g.opB() == 0 ? l + j * g.ldb() : j + l * g.ldb());
          double xi = g.opA() == 0 ? a[x + 1] : -a[x + 1];
          double yi = g.opB() == 0 ? b[y + 1] : -b[y + 1];
          re += a[x] * b[y] - xi * yi;
          im += a[x] * yi + xi * b[y];
        }
        c[2 * (i + j * g.ldc())] = re;
        c[2 * (i + j * g.ldc()) + 1] = im;
      }
    }
  }

  private static final class Matrix {
    final MatrixBatch view;
    final double[] values;

    Matrix(long address, Layout layout, int rows, int columns, Random random) {
      boolean rowMajor = layout == Layout.ROW_MAJOR;
      int outer = (rowMajor ? columns : rows) + GAP;
      view =
          MatrixBatch.wrap(
              address,
              new BatchShape(DataType.COMPLEX128, 1, rows, columns),
              rowMajor ? outer : 1,
              rowMajor ? 1 : outer,
              0);
      values = random.doubles(2L * outer * (rowMajor ? rows : columns), -1, 1).toArray();
    }

    int at(int i, int j) {
      return (int) (2 * (i * view.rowStride() + j * view.columnStride()));
    }
  }
}
