package io.github.diffsvd.spark;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Function;
import org.apache.spark.sql.Row;
import scala.collection.Seq;

/** Matrices row by row, and what plans without Spark make of them. */
final class Matrices {
  /** Fresh in every run; -Ddiffsvd.seed=N repeats one. */
  static final long SEED = Long.getLong("diffsvd.seed", System.nanoTime() & 0xffff_ffffL);

  static final String SEEDED = "seed " + SEED;

  private Matrices() {}

  static double[] random(Random random, int count) {
    return random.doubles(count, -1, 1).toArray();
  }

  static double[] product(double[] a, double[] b, int m, int n, int p) {
    double[] c = new double[m * p];
    for (int i = 0; i < m; i++) {
      for (int k = 0; k < n; k++) {
        for (int j = 0; j < p; j++) {
          c[i * p + j] += a[i * n + k] * b[k * p + j];
        }
      }
    }
    return c;
  }

  static double[] transposed(double[] a, int m, int n) {
    double[] t = new double[a.length];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        t[j * m + i] = a[i * n + j];
      }
    }
    return t;
  }

  static double[] scaledColumns(double[] a, double[] s) {
    double[] b = a.clone();
    for (int i = 0; i < b.length; i++) {
      b[i] *= s[i % s.length];
    }
    return b;
  }

  /** U diag(S) Vᵀ. */
  static double[] composed(double[] u, double[] s, double[] v, int m, int n) {
    return product(scaledColumns(u, s), transposed(v, n, s.length), m, s.length, n);
  }

  static double largest(double[] a) {
    return Arrays.stream(a).map(Math::abs).max().orElse(0);
  }

  static double distance(double[] a, double[] b) {
    if (a.length != b.length) {
      throw new AssertionError("lengths " + a.length + " and " + b.length);
    }
    double most = 0;
    for (int i = 0; i < a.length; i++) {
      double each = Math.abs(a[i] - b[i]);
      most = Double.isNaN(each) ? Double.POSITIVE_INFINITY : Math.max(most, each);
    }
    return most;
  }

  static byte[] bytes(double[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asDoubleBuffer().put(values);
    return bytes.array();
  }

  static byte[] bytes(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  static double[] doubles(Row row, String column) {
    Object cell = row.getAs(column);
    if (cell == null) {
      return null;
    }
    if (cell instanceof byte[] bytes) {
      double[] values = new double[bytes.length / 8];
      ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().get(values);
      return values;
    }
    if (cell instanceof org.apache.spark.ml.linalg.Vector vector) {
      return vector.toArray();
    }
    if (cell instanceof org.apache.spark.ml.linalg.Matrix matrix) {
      return matrix.transpose().toArray();
    }
    Seq<?> seq = (Seq<?>) cell;
    double[] values = new double[seq.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = ((Number) seq.apply(i)).doubleValue();
    }
    return values;
  }

  static Double[] boxed(double[] values) {
    return Arrays.stream(values).boxed().toArray(Double[]::new);
  }

  record Factors(double[] u, double[] s, double[] v) {}

  private static <T> T onCpu(Function<Device, T> action) {
    return ExecutorDevice.named("cpu").use(action);
  }

  static Factors svd(double[] a, int m, int n) {
    return onCpu(
        device -> {
          BatchShape shape = new BatchShape(DataType.FLOAT64, 1, m, n);
          try (OwnedMatrixBatch matrix = device.upload(shape, a);
              SvdPlan plan = SvdPlan.create(device, shape)) {
            SvdFactors factors = plan.allocateFactors();
            SvdInfo info = plan.allocateInfo();
            plan.forward(matrix, factors, info);
            info.check();
            return new Factors(
                device.read(factors.u()), device.read(factors.s()), device.read(factors.v()));
          }
        });
  }

  /** Of the factors, which are given; absent cotangents are null. */
  static double[] gradient(Factors f, double[] gu, double[] gs, double[] gv, int m, int n) {
    return onCpu(
        device -> {
          BatchShape shape = new BatchShape(DataType.FLOAT64, 1, m, n);
          try (SvdPlan plan = SvdPlan.create(device, shape)) {
            SvdFactors factors = plan.allocateFactors();
            SvdCotangents cotangents = plan.allocateCotangents();
            write(device, factors, f);
            OwnedMatrixBatch gradient = plan.allocateGradient();
            if (gu != null) {
              device.write(cotangents.u(), gu);
            }
            if (gs != null) {
              device.write(cotangents.s(), gs);
            }
            if (gv != null) {
              device.write(cotangents.v(), gv);
            }
            plan.backward(
                factors,
                new SvdCotangents(
                    gu == null ? null : cotangents.u(),
                    gs == null ? null : cotangents.s(),
                    gv == null ? null : cotangents.v()),
                gradient);
            return device.read(gradient);
          }
        });
  }

  static double[] spectral(Factors f, SpectralFunction function, int m, int n) {
    return onCpu(
        device -> {
          BatchShape shape = new BatchShape(DataType.FLOAT64, 1, m, n);
          try (SpectralPlan plan = SpectralPlan.create(device, shape)) {
            SvdFactors factors = plan.allocateFactors();
            write(device, factors, f);
            OwnedMatrixBatch y = plan.allocateY();
            plan.compose(factors, function, y);
            return device.read(y);
          }
        });
  }

  record SpectralGradient(double[] a, double parameter) {}

  static SpectralGradient spectralGradient(
      Factors f, SpectralFunction function, double[] gy, int m, int n) {
    return onCpu(
        device -> {
          BatchShape shape = new BatchShape(DataType.FLOAT64, 1, m, n);
          try (SpectralPlan plan = SpectralPlan.create(device, shape);
              OwnedMatrixBatch parameter =
                  device.allocate(new BatchShape(DataType.FLOAT64, 1, 1, 1))) {
            SvdFactors factors = plan.allocateFactors();
            write(device, factors, f);
            OwnedMatrixBatch cotangent = plan.allocateY();
            device.write(cotangent, gy);
            OwnedMatrixBatch gradient = plan.allocateGradient();
            plan.backward(
                factors, function, SpectralCotangents.of(cotangent), gradient, parameter, 0);
            return new SpectralGradient(device.read(gradient), device.read(parameter)[0]);
          }
        });
  }

  private static void write(Device device, SvdFactors to, Factors from) {
    device.write(to.u(), from.u);
    device.write(to.s(), from.s);
    device.write(to.v(), from.v);
  }
}
