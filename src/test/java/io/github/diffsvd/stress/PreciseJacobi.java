package io.github.diffsvd.stress;

import java.util.Arrays;

/** Singular values to about 30 digits: one-sided Jacobi in {@link DoubleDouble}. */
final class PreciseJacobi {
  private static final double TOLERANCE = 0x1p-100;

  private PreciseJacobi() {}

  /** The min(m, n) largest first, each rounded to double. */
  static double[] singularValues(PreciseMatrix a) {
    int rows = a.rows;
    int columns = a.columns;
    int k = Math.min(rows, columns);
    int exponent = exponentOfLargest(a);
    // [Re −Im; Im Re] has every singular value twice.
    boolean tall = rows >= columns;
    int length = tall ? rows : columns;
    DoubleDouble[][] column = new DoubleDouble[2 * k][2 * length];
    for (int j = 0; j < k; j++) {
      for (int i = 0; i < length; i++) {
        DoubleDouble re = scaled(tall ? a.re(i, j) : a.re(j, i), exponent);
        DoubleDouble im = scaled(tall ? a.im(i, j) : a.im(j, i), exponent);
        column[j][i] = re;
        column[j][length + i] = im;
        column[k + j][i] = im.negated();
        column[k + j][length + i] = re;
      }
    }
    for (boolean rotated = true; rotated; ) {
      rotated = false;
      for (int p = 0; p < 2 * k; p++) {
        for (int q = p + 1; q < 2 * k; q++) {
          rotated |= rotate(column[p], column[q]);
        }
      }
    }
    double[] s =
        Arrays.stream(column)
            .mapToDouble(x -> Math.scalb(dot(x, x).squareRoot().high(), exponent))
            .sorted()
            .toArray();
    double[] descending = new double[k];
    Arrays.setAll(descending, i -> s[2 * k - 1 - 2 * i]);
    return descending;
  }

  private static int exponentOfLargest(PreciseMatrix a) {
    double largest = 0;
    for (int i = 0; i < a.rows; i++) {
      for (int j = 0; j < a.columns; j++) {
        largest = Math.max(largest, Math.abs(a.re(i, j).high()));
        largest = Math.max(largest, Math.abs(a.im(i, j).high()));
      }
    }
    return largest == 0 ? 0 : Math.getExponent(largest);
  }

  private static DoubleDouble scaled(DoubleDouble x, int exponent) {
    return DoubleDouble.of(Math.scalb(x.high(), -exponent));
  }

  private static DoubleDouble dot(DoubleDouble[] x, DoubleDouble[] y) {
    DoubleDouble sum = DoubleDouble.ZERO;
    for (int i = 0; i < x.length; i++) {
      sum = sum.plus(x[i].times(y[i]));
    }
    return sum;
  }

  /** Makes two columns orthogonal; false if they were. */
  private static boolean rotate(DoubleDouble[] x, DoubleDouble[] y) {
    DoubleDouble xx = dot(x, x);
    DoubleDouble yy = dot(y, y);
    DoubleDouble xy = dot(x, y);
    if (Math.abs(xy.high()) <= TOLERANCE * Math.sqrt(xx.high()) * Math.sqrt(yy.high())) {
      return false;
    }
    DoubleDouble zeta = yy.minus(xx).over(xy.plus(xy));
    DoubleDouble root = DoubleDouble.ONE.plus(zeta.times(zeta)).squareRoot();
    DoubleDouble tangent =
        zeta.high() < 0
            ? DoubleDouble.ONE.over(zeta.minus(root))
            : DoubleDouble.ONE.over(zeta.plus(root));
    DoubleDouble cosine =
        DoubleDouble.ONE.over(DoubleDouble.ONE.plus(tangent.times(tangent)).squareRoot());
    DoubleDouble sine = cosine.times(tangent);
    for (int i = 0; i < x.length; i++) {
      DoubleDouble old = x[i];
      x[i] = cosine.times(old).minus(sine.times(y[i]));
      y[i] = sine.times(old).plus(cosine.times(y[i]));
    }
    return true;
  }
}
