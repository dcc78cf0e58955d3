package io.github.diffsvd.stress;

import java.util.Arrays;
import org.apache.commons.numbers.core.DD;

/**
 * Singular values to about 30 digits: one-sided Jacobi in {@link DD}. Every column has an exponent
 * of its own, so columns may differ by more than the range of double.
 */
final class PreciseJacobi {
  private static final double TOLERANCE = 0x1p-95;

  /** Columns that depend on one another stay noise, however often they are rotated. */
  private static final int MOST_SWEEPS = 60;

  /** Above this difference of exponents the larger of two columns does not notice the smaller. */
  private static final int APART = 60;

  /** Of a column of zeros. */
  private static final int NONE = -10_000;

  /** 2^exponent times numbers of which the largest is about 1. */
  private static final class Column {
    final DD[] x;
    int exponent;

    Column(int length) {
      x = new DD[length];
    }

    void normalise() {
      double largest = 0;
      for (DD each : x) {
        largest = Math.max(largest, Math.abs(each.hi()));
      }
      int shift = largest == 0 ? 0 : Math.getExponent(largest);
      scale(-shift);
      exponent = largest == 0 ? NONE : exponent + shift;
    }

    void scale(int shift) {
      if (shift != 0) {
        Arrays.setAll(x, i -> x[i].scalb(shift));
      }
    }

    double norm() {
      return Math.scalb(dot(this, this).sqrt().hi(), exponent);
    }
  }

  private PreciseJacobi() {}

  /**
   * The min(m, n) largest first, each rounded to double. Small ones are as exact as large ones
   * where the columns, or the rows of a wide matrix, are well conditioned but for their scale.
   */
  static double[] singularValues(PreciseMatrix a) {
    int k = Math.min(a.rows, a.columns);
    boolean tall = a.rows >= a.columns;
    int length = tall ? a.rows : a.columns;
    // [Re −Im; Im Re] has every singular value twice.
    int copies = isReal(a) ? 1 : 2;
    Column[] columns = new Column[copies * k];
    for (int j = 0; j < k; j++) {
      for (int copy = 0; copy < copies; copy++) {
        Column column = new Column(copies * length);
        for (int i = 0; i < length; i++) {
          DD re = tall ? a.re(i, j) : a.re(j, i);
          DD im = tall ? a.im(i, j) : a.im(j, i);
          column.x[i] = copy == 0 ? re : im.negate();
          if (copies == 2) {
            column.x[length + i] = copy == 0 ? im : re;
          }
        }
        column.normalise();
        columns[copy * k + j] = column;
      }
    }
    boolean rotated = true;
    for (int sweep = 0; rotated && sweep < MOST_SWEEPS; sweep++) {
      rotated = false;
      for (int p = 0; p < columns.length; p++) {
        for (int q = p + 1; q < columns.length; q++) {
          boolean ordered = columns[p].exponent >= columns[q].exponent;
          rotated |= rotate(columns[ordered ? p : q], columns[ordered ? q : p]);
        }
      }
    }
    double[] s = Arrays.stream(columns).mapToDouble(Column::norm).sorted().toArray();
    double[] descending = new double[k];
    Arrays.setAll(descending, i -> s[s.length - 1 - copies * i]);
    return descending;
  }

  private static boolean isReal(PreciseMatrix a) {
    for (int i = 0; i < a.rows; i++) {
      for (int j = 0; j < a.columns; j++) {
        if (!a.im(i, j).isZero()) {
          return false;
        }
      }
    }
    return true;
  }

  private static DD dot(Column x, Column y) {
    DD sum = DD.ZERO;
    for (int i = 0; i < x.x.length; i++) {
      sum = sum.add(x.x[i].multiply(y.x[i]));
    }
    return sum;
  }

  /** Makes two columns orthogonal, x the one with the larger exponent; false if they were. */
  private static boolean rotate(Column x, Column y) {
    DD xx = dot(x, x);
    DD yy = dot(y, y);
    DD xy = dot(x, y);
    if (Math.abs(xy.hi()) <= TOLERANCE * Math.sqrt(xx.hi()) * Math.sqrt(yy.hi())) {
      return false;
    }
    int apart = x.exponent - y.exponent;
    if (apart > APART) {
      DD along = xy.divide(xx);
      Arrays.setAll(y.x, i -> y.x[i].subtract(along.multiply(x.x[i])));
      y.normalise();
      return true;
    }
    y.scale(-apart);
    y.exponent = x.exponent;
    yy = dot(y, y);
    xy = dot(x, y);
    DD zeta = yy.subtract(xx).divide(xy.add(xy));
    DD root = DD.ONE.add(zeta.multiply(zeta)).sqrt();
    DD tangent = zeta.hi() < 0 ? DD.ONE.divide(zeta.subtract(root)) : DD.ONE.divide(zeta.add(root));
    DD cosine = DD.ONE.divide(DD.ONE.add(tangent.multiply(tangent)).sqrt());
    DD sine = cosine.multiply(tangent);
    for (int i = 0; i < x.x.length; i++) {
      DD old = x.x[i];
      x.x[i] = cosine.multiply(old).subtract(sine.multiply(y.x[i]));
      y.x[i] = sine.multiply(old).add(cosine.multiply(y.x[i]));
    }
    x.normalise();
    y.normalise();
    return true;
  }
}
