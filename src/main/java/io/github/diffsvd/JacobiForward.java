package io.github.diffsvd;

import io.github.diffsvd.backend.Backend;
import io.github.diffsvd.backend.CheckedBackend;
import io.github.diffsvd.backend.Kernel;
import io.github.diffsvd.backend.KernelLaunch;
import io.github.diffsvd.backend.LaunchShape;

/**
 * The SVD by one-sided Jacobi in one kernel, svd_jacobi.cu. A wide matrix is solved as its adjoint.
 */
final class JacobiForward implements ForwardPass {
  /** Above it the number of sweeps makes other ways faster. */
  static final int MOST_COLUMNS = 64;

  private final int batch;
  private final int m;
  private final int n;
  private final boolean wide;
  private final boolean conjugates;
  private final int team;
  private final boolean qr;
  private final KernelLaunch kernel;

  JacobiForward(CheckedBackend backend, DataType type, int batch, int rows, int columns) {
    this.batch = batch;
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    conjugates = wide && type.isComplex();
    Backend.Limits limits = backend.limits();
    long teamBytes = teamBytes(limits, type, rows, columns);
    if (n > MOST_COLUMNS || teamBytes > limits.scratchBytes()) {
      throw new IllegalArgumentException(
          "algorithm: JACOBI takes min(rows, columns) up to "
              + MOST_COLUMNS
              + " and "
              + limits.scratchBytes()
              + " bytes of scratch, got "
              + rows
              + "×"
              + columns
              + ", which needs "
              + teamBytes);
    }
    team = team(limits, n);
    qr = qrFirst(m, n);
    int teams =
        (int) Math.max(1, Math.min(limits.threads() / team, limits.scratchBytes() / teamBytes));
    int atOnce = teams * limits.lanes(type);
    long units = (batch + atOnce - 1L) / atOnce;
    LaunchShape shape = LaunchShape.forUnits(limits, units, teams * teamBytes);
    kernel =
        backend.prepare(
            Kernel.SVD_JACOBI,
            type,
            new LaunchShape(shape.blocks(), teams * team, shape.scratchBytes()));
  }

  /** A thread for every pair of columns, as far as the device likes blocks of so many. */
  private static int team(Backend.Limits limits, int n) {
    return Math.min(limits.threads(), Integer.highestOneBit(Math.max(1, n - 1)));
  }

  /** Measured: what it saves in every sweep pays for the decomposition from there. */
  private static boolean qrFirst(long m, long n) {
    return m > 2 * n;
  }

  /** What every sweep goes through, in the matrices that one thread has at a time. */
  static long rotatedBytes(Backend.Limits limits, DataType type, int rows, int columns) {
    long m = Math.max(rows, columns);
    long n = Math.min(rows, columns);
    return n * ((qrFirst(m, n) ? n : m) + n + 2) * type.bytes() * limits.lanes(type);
  }

  /**
   * The scratch that one team of threads works in: A, V, two rows of reals, and for tall matrices R
   * and a row for each thread.
   */
  static long teamBytes(Backend.Limits limits, DataType type, int rows, int columns) {
    long m = Math.max(rows, columns);
    long n = Math.min(rows, columns);
    int odd = limits.lanes(type) > 1 ? 0 : 1;
    long elements = n * ((m | odd) + n + 2);
    if (qrFirst(m, n)) {
      elements += n * ((n | odd) + team(limits, (int) n));
    }
    return elements * type.bytes() * limits.lanes(type);
  }

  @Override
  public long workspaceBytes() {
    return 0;
  }

  @Override
  public void bind(long workspace) {}

  @Override
  public void run(MatrixBatch a, SvdFactors factors, long info, long stream) {
    kernel.arguments().reset().put(wide ? a.transposed() : a);
    kernel
        .arguments()
        .put(wide ? factors.v() : factors.u())
        .put(factors.s())
        .put(wide ? factors.u() : factors.v())
        .put(info);
    kernel
        .arguments()
        .put((long) batch)
        .put((long) m)
        .put((long) n)
        .put(conjugates)
        .put((long) team)
        .put(qr);
    kernel.start(stream);
  }

  @Override
  public void close() {}
}
