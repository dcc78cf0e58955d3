package io.github.diffsvd.stress;

import io.github.diffsvd.DataType;
import java.util.Arrays;

/**
 * How far factors are from a decomposition, for one matrix: row-major values, (real, imaginary)
 * where complex. Sums are exact to double whatever their length; powers of two keep squares in
 * range.
 */
public final class Measures {
  private Measures() {}

  /** The largest entry of |QᴴQ − I|; infinite where an entry is not a number. */
  public static double orthogonality(double[] q, int rows, int columns, int parts) {
    double[] x = columnMajor(q, rows, columns, parts);
    double[] turned = parts == 2 ? turned(x) : null;
    int length = rows * parts;
    double worst = 0;
    for (int i = 0; i < columns; i++) {
      for (int j = 0; j <= i; j++) {
        double re = dot(i == j ? -1 : 0, x, i * length, x, j * length, length);
        double im = parts == 1 || i == j ? 0 : dot(0, x, i * length, turned, j * length, length);
        double size = parts == 1 ? Math.abs(re) : Math.hypot(re, im);
        if (!(size <= worst)) {
          worst = Double.isNaN(size) ? Double.POSITIVE_INFINITY : size;
        }
      }
    }
    return worst;
  }

  /**
   * ‖A − U S Vᴴ‖ / ‖A‖ in units of the type's epsilon, or of its smallest number where that is
   * coarser.
   */
  public static double residual(
      DataType type, double[] a, double[] u, double[] s, double[] v, int rows, int columns) {
    return residual(type, a, u, s, v, rows, columns, 1);
  }

  /**
   * The same of a matrix that is itself a computed product: next to the smallest number every one
   * of its elements is rounded to one, so that is its unit times the root of how many there are.
   */
  static double residualOfProduct(
      DataType type, double[] y, double[] u, double[] f, double[] v, int rows, int columns) {
    return residual(type, y, u, f, v, rows, columns, Math.sqrt((double) rows * columns));
  }

  private static double residual(
      DataType type,
      double[] a,
      double[] u,
      double[] s,
      double[] v,
      int rows,
      int columns,
      double smallest) {
    int k = s.length;
    int parts = type.isComplex() ? 2 : 1;
    PowerOfTwo scale = PowerOfTwo.ofInverse(largest(a));
    double[] us = new double[u.length];
    for (int t = 0; t < us.length; t++) {
      us[t] = withoutTiny(u[t] * scale.times(s[t / parts % k]));
    }
    double[] right = Arrays.stream(v).map(Measures::withoutTiny).toArray();
    double[] turned = parts == 2 ? turned(right) : null;
    double norm = 0;
    double difference = 0;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        int at = (i * columns + j) * parts;
        for (int part = 0; part < parts; part++) {
          double element = scale.times(a[at + part]);
          // Im x·conj(y) is minus the product with the turned one.
          double rest =
              part == 0
                  ? dot(-element, us, i * k * parts, right, j * k * parts, k * parts)
                  : dot(element, us, i * k * parts, turned, j * k * parts, k * parts);
          norm += element * element;
          difference += rest * rest;
        }
      }
    }
    double unit =
        Math.max(type.epsilon() * Math.sqrt(norm), smallest * scale.times(smallest(type)));
    double result = Math.sqrt(difference) / unit;
    return Double.isNaN(result) ? Double.POSITIVE_INFINITY : result;
  }

  /** The smallest positive number. */
  static double smallest(DataType type) {
    return type.real() == DataType.FLOAT32 ? Float.MIN_VALUE : Double.MIN_VALUE;
  }

  static double smallestNormal(DataType type) {
    return type.real() == DataType.FLOAT32 ? Float.MIN_NORMAL : Double.MIN_NORMAL;
  }

  /** The largest finite number. */
  static double largest(DataType type) {
    return type.real() == DataType.FLOAT32 ? Float.MAX_VALUE : Double.MAX_VALUE;
  }

  /** The largest absolute value. */
  static double largest(double[] values) {
    double largest = 0;
    for (double value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  /** The Frobenius norm, without overflow inside. */
  static double norm(double[] values) {
    PowerOfTwo scale = PowerOfTwo.ofInverse(largest(values));
    double[] scaled = Arrays.stream(values).map(x -> withoutTiny(scale.times(x))).toArray();
    double square = dot(0, scaled, 0, scaled, 0, scaled.length);
    return Math.sqrt(square) / scale.first / scale.second;
  }

  static boolean isFinite(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value * 0;
    }
    return sum == 0;
  }

  static boolean isNaN(double[] values) {
    for (double value : values) {
      if (!Double.isNaN(value)) {
        return false;
      }
    }
    return true;
  }

  /** In two factors, each of which double holds. */
  record PowerOfTwo(double first, double second) {
    /** What brings the largest value to about 1. */
    static PowerOfTwo ofInverse(double largest) {
      int exponent = largest > 0 ? -Math.getExponent(largest) : 0;
      return new PowerOfTwo(
          Math.scalb(1.0, exponent / 2), Math.scalb(1.0, exponent - exponent / 2));
    }

    double times(double x) {
      return x * first * second;
    }
  }

  /** Nothing is lost beside 1, and products of denormal numbers take a hundred times as long. */
  private static double withoutTiny(double x) {
    return Math.abs(x) < 0x1p-400 ? 0 : x;
  }

  private static double[] columnMajor(double[] q, int rows, int columns, int parts) {
    double[] result = new double[q.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        for (int part = 0; part < parts; part++) {
          result[(j * rows + i) * parts + part] = withoutTiny(q[(i * columns + j) * parts + part]);
        }
      }
    }
    return result;
  }

  /** (y, −x) for every (x, y): its real product with q is the imaginary part of the complex one. */
  private static double[] turned(double[] q) {
    double[] result = new double[q.length];
    for (int t = 0; t < result.length; t += 2) {
      result[t] = q[t + 1];
      result[t + 1] = -q[t];
    }
    return result;
  }

  /** start + x·y as if in twice the precision (Ogita, Rump and Oishi 2005). */
  private static double dot(double start, double[] x, int i, double[] y, int j, int length) {
    double sum = start;
    double errors = 0;
    for (int t = 0; t < length; t++) {
      double product = x[i + t] * y[j + t];
      double error = Math.fma(x[i + t], y[j + t], -product);
      double next = sum + product;
      double part = next - sum;
      errors += (sum - (next - part)) + (product - part) + error;
      sum = next;
    }
    return sum + errors;
  }
}
