package io.github.diffsvd.bench;

import io.github.diffsvd.DataType;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * Which singular values the matrices have, in the order of the table. The numbers depend on the row
 * alone, so every contender decomposes the same matrices.
 */
enum Spectrum {
  /** The product of Gaussian factors whose rank is a quarter of min(m, n), rounded up. */
  RANK,
  /** Singular values from 1 to 1e-6 in geometric progression, random singular vectors. */
  GRADED,
  /** Independent standard normal entries. */
  GAUSS;

  private static final double SMALLEST = 1e-6;

  /** A batch of matrices, row by row; complex numbers as (real, imaginary). */
  double[] matrices(DataType type, Extents extents) {
    if (this == GAUSS) {
      return normal(1, type, extents.batch(), extents.rows(), extents.columns());
    }
    RandomGenerator random = new SplittableRandom(1);
    int parts = type.isComplex() ? 2 : 1;
    int width = extents.columns() * parts;
    double[] numbers = new double[extents.batch() * extents.rows() * width];
    for (int b = 0; b < extents.batch(); b++) {
      addProduct(random, extents, parts, numbers, b * extents.rows() * width);
    }
    return numbers;
  }

  /** Independent standard normal numbers for a batch of matrices. */
  static double[] normal(int seed, DataType type, int batch, int rows, int columns) {
    int count = batch * rows * columns * (type.isComplex() ? 2 : 1);
    return normal(new SplittableRandom(seed), count);
  }

  private static double[] normal(RandomGenerator random, int count) {
    double[] numbers = new double[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = random.nextGaussian();
    }
    return numbers;
  }

  /** Adds Σ sⱼ xⱼ yⱼᵀ to the matrix at an offset. */
  private void addProduct(
      RandomGenerator random, Extents extents, int parts, double[] numbers, int offset) {
    int k = Math.min(extents.rows(), extents.columns());
    int rank = this == RANK ? (k + 3) / 4 : k;
    int width = extents.columns() * parts;
    double[][] x = factor(random, rank, extents.rows() * parts, parts);
    double[][] y = factor(random, rank, width, parts);
    for (int j = 0; j < rank; j++) {
      double s = this == RANK ? 1 : Math.pow(SMALLEST, j / Math.max(1.0, rank - 1));
      for (int i = 0; i < extents.rows(); i++) {
        double re = s * x[j][i * parts];
        double im = parts == 2 ? s * x[j][2 * i + 1] : 0;
        addScaled(re, im, y[j], numbers, offset + i * width, parts);
      }
    }
  }

  /** Random vectors, orthonormal where the singular values are prescribed. */
  private double[][] factor(RandomGenerator random, int count, int numbers, int parts) {
    double[][] vectors = new double[count][];
    for (int j = 0; j < count; j++) {
      vectors[j] = normal(random, numbers);
    }
    if (this == GRADED) {
      orthonormalize(vectors, parts);
    }
    return vectors;
  }

  /** Modified Gram–Schmidt. */
  private static void orthonormalize(double[][] vectors, int parts) {
    for (int j = 0; j < vectors.length; j++) {
      double[] q = vectors[j];
      double norm = Math.sqrt(dot(q, q));
      for (int i = 0; i < q.length; i++) {
        q[i] /= norm;
      }
      double[] iq = parts == 2 ? timesI(q) : null;
      for (int l = j + 1; l < vectors.length; l++) {
        double im = iq == null ? 0 : dot(iq, vectors[l]);
        addScaled(-dot(q, vectors[l]), -im, q, vectors[l], 0, parts);
      }
    }
  }

  /** The real part of the inner product. */
  private static double dot(double[] x, double[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * y[i];
    }
    return sum;
  }

  private static double[] timesI(double[] x) {
    double[] result = new double[x.length];
    for (int i = 0; i < x.length; i += 2) {
      result[i] = -x[i + 1];
      result[i + 1] = x[i];
    }
    return result;
  }

  private static void addScaled(
      double re, double im, double[] x, double[] target, int offset, int parts) {
    for (int i = 0; i < x.length; i++) {
      target[offset + i] += re * x[i];
    }
    if (parts == 2) {
      for (int i = 0; i < x.length; i += 2) {
        target[offset + i] -= im * x[i + 1];
        target[offset + i + 1] += im * x[i];
      }
    }
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
