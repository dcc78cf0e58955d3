package io.github.diffsvd.stress;

import java.util.Arrays;
import org.apache.commons.numbers.core.DD;

/** A complex matrix of {@link DD} numbers: what the reference is computed in. */
final class PreciseMatrix {
  final int rows;
  final int columns;
  private final DD[] re;
  private final DD[] im;

  PreciseMatrix(int rows, int columns) {
    this.rows = rows;
    this.columns = columns;
    re = new DD[rows * columns];
    im = new DD[rows * columns];
    Arrays.fill(re, DD.ZERO);
    Arrays.fill(im, DD.ZERO);
  }

  /** From row-major values, (real, imaginary) where complex, as {@code Device.read} gives them. */
  static PreciseMatrix of(int rows, int columns, boolean complex, double[] values, int offset) {
    PreciseMatrix result = new PreciseMatrix(rows, columns);
    int parts = complex ? 2 : 1;
    for (int t = 0; t < rows * columns; t++) {
      result.re[t] = DD.of(values[offset + parts * t]);
      result.im[t] = DD.of(complex ? values[offset + parts * t + 1] : 0);
    }
    return result;
  }

  /** The opposite of {@link #of}. */
  void store(boolean complex, double[] values, int offset) {
    for (int t = 0; t < re.length; t++) {
      if (complex) {
        values[offset + 2 * t] = re[t].hi();
        values[offset + 2 * t + 1] = im[t].hi();
      } else {
        values[offset + t] = re[t].hi();
      }
    }
  }

  DD re(int i, int j) {
    return re[i * columns + j];
  }

  DD im(int i, int j) {
    return im[i * columns + j];
  }

  PreciseMatrix times(PreciseMatrix right) {
    PreciseMatrix result = new PreciseMatrix(rows, right.columns);
    for (int i = 0; i < rows; i++) {
      for (int l = 0; l < columns; l++) {
        DD x = re[i * columns + l];
        DD y = im[i * columns + l];
        boolean real = y.isZero();
        for (int j = 0; j < right.columns; j++) {
          int at = i * right.columns + j;
          DD a = right.re[l * right.columns + j];
          DD b = right.im[l * right.columns + j];
          result.re[at] = result.re[at].add(x.multiply(a));
          if (!b.isZero()) {
            result.im[at] = result.im[at].add(x.multiply(b));
          }
          if (!real) {
            result.re[at] = result.re[at].subtract(y.multiply(b));
            result.im[at] = result.im[at].add(y.multiply(a));
          }
        }
      }
    }
    return result;
  }

  @SuppressWarnings("ArgumentSelectionDefectChecker") // the extents are exchanged on purpose
  PreciseMatrix adjoint() {
    PreciseMatrix result = new PreciseMatrix(columns, rows);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        result.re[j * rows + i] = re[i * columns + j];
        result.im[j * rows + i] = im[i * columns + j].negate();
      }
    }
    return result;
  }

  PreciseMatrix plus(PreciseMatrix other) {
    PreciseMatrix result = new PreciseMatrix(rows, columns);
    for (int t = 0; t < re.length; t++) {
      result.re[t] = re[t].add(other.re[t]);
      result.im[t] = im[t].add(other.im[t]);
    }
    return result;
  }

  PreciseMatrix minus(PreciseMatrix other) {
    return plus(other.scaled((i, j) -> DD.of(-1)));
  }

  /** A real factor for each entry. */
  interface Factors {
    DD at(int i, int j);
  }

  PreciseMatrix scaled(Factors factors) {
    PreciseMatrix result = new PreciseMatrix(rows, columns);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        DD factor = factors.at(i, j);
        int t = i * columns + j;
        result.re[t] = factor.isZero() ? DD.ZERO : factor.multiply(re[t]);
        result.im[t] = factor.isZero() ? DD.ZERO : factor.multiply(im[t]);
      }
    }
    return result;
  }

  /** (X + Xᴴ)/2. */
  PreciseMatrix hermitian() {
    return plus(adjoint()).scaled((i, j) -> DD.of(0.5));
  }

  /** (X − Xᴴ)/2. */
  PreciseMatrix skew() {
    return minus(adjoint()).scaled((i, j) -> DD.of(0.5));
  }
}
