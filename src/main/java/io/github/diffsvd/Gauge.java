package io.github.diffsvd;

import io.github.diffsvd.internal.backend.CheckedBackend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
import java.util.Objects;

/**
 * Whether a loss depends on the gauge of the SVD: on the phases of singular vectors, and on the
 * choice of vectors within a group of equal singular values. Such a loss has no gradient there,
 * whatever a {@link GradientRule} returns. A diagnosis; it changes no number.
 */
public final class Gauge {
  private Gauge() {}

  /**
   * {@link #dependence(Device, SvdFactors, SvdCotangents, double, long)}, eps^(3/4) of the type.
   */
  public static double[] dependence(
      Device device, SvdFactors factors, SvdCotangents cotangents, long stream) {
    return dependence(
        device, factors, cotangents, Math.pow(factors.u().type().epsilon(), 0.75), stream);
  }

  /**
   * max |(Jp + Jq)_ij| over the pairs with |s_i − s_j| ≤ τ, i = j included, relative to the largest
   * column of gU and gV; Jp and Jq are the skew-Hermitian parts of Uᴴ gU and Vᴴ gV. It is the
   * derivative of the loss along the rotations of U and V that do not change A. Rounding alone
   * gives about m·eps.
   *
   * <p>Allocates, and waits for the stream.
   *
   * @param cotangents of all columns or of the first r, any of them absent
   * @param tolerance τ relative to the largest singular value of each matrix
   * @return a number for each matrix, 0 for a loss that does not depend on the gauge; NaN where
   *     there is NaN
   */
  public static double[] dependence(
      Device device, SvdFactors factors, SvdCotangents cotangents, double tolerance, long stream) {
    CheckedBackend backend = Objects.requireNonNull(device, "device").backend();
    BatchShape u = factors.u().shape();
    DataType type = u.type();
    int batch = u.batch();
    int rows = u.rows();
    int columns = factors.v().rows();
    int k = Math.min(rows, columns);
    BatchShape a = u.with(rows, columns);
    if (!(tolerance >= 0)) {
      throw new IllegalArgumentException(
          "tolerance: expected a number of at least 0, got " + tolerance);
    }
    try (Lease lease = backend.lease()) {
      Call call = new Call(lease);
      call.reads(factors, FactorShapes.of(a, k));
      call.reads(cotangents, FactorShapes.of(a, cotangents.rank(k)));
      call.check();
      if (batch == 0 || k == 0) {
        return new double[batch];
      }
      long scratch = LaunchShape.columnScratchBytes(lease.limits(), type);
      KernelLaunch kernel =
          lease.prepare(
              Kernel.SVD_GAUGE, type, LaunchShape.forUnits(lease.limits(), batch, scratch));
      kernel.bind(lease.allocate(kernel.workspaceBytes()));
      MatrixBatch result = lease.allocate(u.realColumn(1));
      kernel.arguments().reset().put(factors.u()).put(factors.s()).put(factors.v());
      kernel.arguments().put(cotangents.u()).put(cotangents.v()).put(result).put((long) batch);
      kernel.arguments().put((long) rows).put((long) columns).put((long) k);
      kernel.arguments().put((long) cotangents.rank(k)).put(tolerance);
      kernel.start(stream);
      lease.synchronize(stream);
      return device.read(result);
    }
  }
}
