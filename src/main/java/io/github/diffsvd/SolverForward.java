package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.SvdSolver;

/**
 * The SVD by a library: pack and screen, solve, unpack. A wide matrix is solved as its adjoint: Aᴴ
 * = U' S V'ᴴ gives A = V' S U'ᴴ.
 */
final class SolverForward implements ForwardPass {
  private final int batch;
  private final int m;
  private final int n;
  private final boolean wide;
  private final boolean conjugates;
  private final SvdSolver solver;
  private final KernelLaunch pack;
  private final KernelLaunch unpack;

  SolverForward(
      Lease lease, DataType type, int batch, int rows, int columns, SvdAlgorithm algorithm) {
    this.batch = batch;
    wide = rows < columns;
    m = Math.max(rows, columns);
    n = Math.min(rows, columns);
    conjugates = wide && type.isComplex();
    LaunchShape shape = LaunchShape.forUnits(lease.limits(), batch, 0);
    pack = lease.prepare(Kernel.SVD_PACK, type, shape);
    unpack = lease.prepare(Kernel.SVD_UNPACK, type, shape);
    solver = lease.svdSolver(type, algorithm, batch, m, n);
  }

  @Override
  public long workspaceBytes() {
    return solver.workspaceBytes();
  }

  @Override
  public void bind(long workspace) {
    solver.bind(workspace);
  }

  @Override
  public void run(MatrixBatch a, SvdFactors factors, long info, long stream) {
    pack(a, info, stream);
    solver.solve(stream);
    unpack(
        wide ? factors.v() : factors.u(),
        factors.s(),
        wide ? factors.u() : factors.v(),
        info,
        stream);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    pack(a, info, stream);
    solver.solveValues(stream);
    unpack(null, s, null, info, stream);
  }

  private void pack(MatrixBatch a, long info, long stream) {
    pack.arguments().reset().put(wide ? a.transposed() : a).put(solver.input()).put(info);
    pack.arguments().put((long) batch).put((long) m).put((long) n).put(conjugates);
    pack.start(stream);
  }

  private void unpack(MatrixBatch u, MatrixBatch s, MatrixBatch v, long info, long stream) {
    unpack.arguments().reset().put(solver.u()).put(solver.s()).put(solver.v()).put(solver.info());
    unpack.arguments().put(u).put(s).put(v).put(info);
    unpack.arguments().put((long) batch).put((long) m).put((long) n).put(solver.conjugatesV());
    unpack.start(stream);
  }
}
