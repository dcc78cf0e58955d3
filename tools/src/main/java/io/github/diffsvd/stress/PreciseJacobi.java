package io.github.diffsvd.stress;

import java.util.Arrays;

/**
 * Singular values to about 30 digits: one-sided Jacobi in {@link DoubleDouble}. Every column has an
 * exponent of its own, so columns may differ by more than the range of double.
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
    final DoubleDouble[] x;
    int exponent;

    Column(int length) {
      x = new DoubleDouble[length];
    }

    void normalise() {
      double largest = 0;
      for (DoubleDouble each : x) {
        largest = Math.max(largest, Math.abs(each.high()));
      }
      int shift = largest == 0 ? 0 : Math.getExponent(largest);
      scale(-shift);
      exponent = largest == 0 ? NONE : exponent + shift;
    }

    void scale(int shift) {
      if (shift != 0) {
        Arrays.setAll(
            x,
            i -> new DoubleDouble(Math.scalb(x[i].high(), shift), Math.scalb(x[i].low(), shift)));
      }
    }

    double norm() {
      return Math.scalb(dot(this, this).squareRoot().high(), exponent);
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
          DoubleDouble re = tall ? a.re(i, j) : a.re(j, i);
          DoubleDouble im = tall ? a.im(i, j) : a.im(j, i);
          column.x[i] = copy == 0 ? re : im.negated();
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

  private static DoubleDouble dot(Column x, Column y) {
    DoubleDouble sum = DoubleDouble.ZERO;
    for (int i = 0; i < x.x.length; i++) {
      sum = sum.plus(x.x[i].times(y.x[i]));
    }
    return sum;
  }

  /** Makes two columns orthogonal, x the one with the larger exponent; false if they were. */
  private static boolean rotate(Column x, Column y) {
    DoubleDouble xx = dot(x, x);
    DoubleDouble yy = dot(y, y);
    DoubleDouble xy = dot(x, y);
    if (Math.abs(xy.high()) <= TOLERANCE * Math.sqrt(xx.high()) * Math.sqrt(yy.high())) {
      return false;
    }
    int apart = x.exponent - y.exponent;
    if (apart > APART) {
      DoubleDouble along = xy.over(xx);
      Arrays.setAll(y.x, i -> y.x[i].minus(along.times(x.x[i])));
      y.normalise();
      return true;
    }
    y.scale(-apart);
    y.exponent = x.exponent;
    yy = dot(y, y);
    xy = dot(x, y);
    DoubleDouble zeta = yy.minus(xx).over(xy.plus(xy));
    DoubleDouble root = DoubleDouble.ONE.plus(zeta.times(zeta)).squareRoot();
    DoubleDouble tangent =
        zeta.high() < 0
            ? DoubleDouble.ONE.over(zeta.minus(root))
            : DoubleDouble.ONE.over(zeta.plus(root));
    DoubleDouble cosine =
        DoubleDouble.ONE.over(DoubleDouble.ONE.plus(tangent.times(tangent)).squareRoot());
    DoubleDouble sine = cosine.times(tangent);
    for (int i = 0; i < x.x.length; i++) {
      DoubleDouble old = x.x[i];
      x.x[i] = cosine.times(old).minus(sine.times(y.x[i]));
      y.x[i] = sine.times(old).plus(cosine.times(y.x[i]));
    }
    x.normalise();
    y.normalise();
    return true;
  }
}
