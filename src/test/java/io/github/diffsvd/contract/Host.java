package io.github.diffsvd.contract;

import io.github.diffsvd.DataType;
import java.util.Random;

/**
 * Complex matrices in double precision on the host, row-major with interleaved parts: what the
 * references are written in.
 */
record Host(int rows, int columns, double[] values) {
  static Host zeros(int rows, int columns) {
    return new Host(rows, columns, new double[2 * rows * columns]);
  }

  interface Entry {
    double at(int i, int j);
  }

  static Host real(int rows, int columns, Entry entry) {
    Host result = zeros(rows, columns);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        result.set(i, j, entry.at(i, j), 0);
      }
    }
    return result;
  }

  static Host diagonal(double[] values) {
    return real(values.length, values.length, (i, j) -> i == j ? values[i] : 0);
  }

  /** Normally distributed, rounded to the type; the imaginary part is 0 for a real one. */
  static Host random(DataType type, int rows, int columns, Random random) {
    Host result = zeros(rows, columns);
    for (int t = 0; t < rows * columns; t++) {
      result.values[2 * t] = random.nextGaussian();
      result.values[2 * t + 1] = type.isComplex() ? random.nextGaussian() : 0;
    }
    return result.rounded(type);
  }

  /** Orthonormal columns: Gram–Schmidt twice on random ones. */
  static Host orthonormal(DataType type, int rows, int columns, Random random) {
    Host q = random(type, rows, columns, random);
    for (int j = 0; j < columns; j++) {
      for (int pass = 0; pass < 2; pass++) {
        for (int l = 0; l < j; l++) {
          double re = 0;
          double im = 0;
          for (int i = 0; i < rows; i++) {
            re += q.re(i, l) * q.re(i, j) + q.im(i, l) * q.im(i, j);
            im += q.re(i, l) * q.im(i, j) - q.im(i, l) * q.re(i, j);
          }
          for (int i = 0; i < rows; i++) {
            double x = q.re(i, j) - (re * q.re(i, l) - im * q.im(i, l));
            double y = q.im(i, j) - (re * q.im(i, l) + im * q.re(i, l));
            q.set(i, j, x, y);
          }
        }
      }
      double norm = 0;
      for (int i = 0; i < rows; i++) {
        norm = Math.hypot(norm, Math.hypot(q.re(i, j), q.im(i, j)));
      }
      for (int i = 0; i < rows; i++) {
        q.set(i, j, q.re(i, j) / norm, q.im(i, j) / norm);
      }
    }
    return q;
  }

  double re(int i, int j) {
    return values[2 * (i * columns + j)];
  }

  double im(int i, int j) {
    return values[2 * (i * columns + j) + 1];
  }

  void set(int i, int j, double re, double im) {
    values[2 * (i * columns + j)] = re;
    values[2 * (i * columns + j) + 1] = im;
  }

  Host rounded(DataType type) {
    Host result = zeros(rows, columns);
    for (int t = 0; t < values.length; t++) {
      result.values[t] = type.real() == DataType.FLOAT32 ? (float) values[t] : values[t];
    }
    return result;
  }

  Host times(Host right) {
    Host result = zeros(rows, right.columns);
    int width = 2 * right.columns;
    // The imaginary unit times the right matrix makes the inner loop one over doubles side by side.
    double[] turned = new double[right.values.length];
    for (int t = 0; t < turned.length; t += 2) {
      turned[t] = -right.values[t + 1];
      turned[t + 1] = right.values[t];
    }
    for (int i = 0; i < rows; i++) {
      for (int l = 0; l < columns; l++) {
        addScaled(re(i, l), right.values, width * l, result.values, width * i, width);
        addScaled(im(i, l), turned, width * l, result.values, width * i, width);
      }
    }
    return result;
  }

  private static void addScaled(
      double factor, double[] from, int start, double[] to, int place, int count) {
    for (int t = 0; t < count; t++) {
      to[place + t] += factor * from[start + t];
    }
  }

  @SuppressWarnings("ArgumentSelectionDefectChecker") // the extents are exchanged on purpose
  Host adjoint() {
    Host result = zeros(columns, rows);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        result.set(j, i, re(i, j), -im(i, j));
      }
    }
    return result;
  }

  Host plus(Host other) {
    return combined(1, other);
  }

  Host minus(Host other) {
    return combined(-1, other);
  }

  private Host combined(double sign, Host other) {
    Host result = zeros(rows, columns);
    for (int t = 0; t < values.length; t++) {
      result.values[t] = values[t] + sign * other.values[t];
    }
    return result;
  }

  Host scaled(double factor) {
    Host result = zeros(rows, columns);
    for (int t = 0; t < values.length; t++) {
      result.values[t] = factor * values[t];
    }
    return result;
  }

  /** Entry by entry, with real factors. */
  Host scaled(Entry factors) {
    Host result = zeros(rows, columns);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        double factor = factors.at(i, j);
        result.set(i, j, factor * re(i, j), factor * im(i, j));
      }
    }
    return result;
  }

  /** (X − Xᴴ)/2. */
  Host skew() {
    return minus(adjoint()).scaled(0.5);
  }

  /** Re tr(thisᴴ other), the real inner product. */
  double dot(Host other) {
    double sum = 0;
    for (int t = 0; t < values.length; t++) {
      sum += values[t] * other.values[t];
    }
    return sum;
  }

  /** The Frobenius norm, without overflow. */
  double norm() {
    double largest = 0;
    for (double value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    if (largest == 0 || !Double.isFinite(largest)) {
      return largest;
    }
    double sum = 0;
    for (double value : values) {
      sum += (value / largest) * (value / largest);
    }
    return largest * Math.sqrt(sum);
  }

  double[] realParts() {
    double[] parts = new double[rows * columns];
    for (int t = 0; t < parts.length; t++) {
      parts[t] = values[2 * t];
    }
    return parts;
  }
}
