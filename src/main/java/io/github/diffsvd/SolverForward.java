package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.SvdSolver;
import io.github.diffsvd.internal.backend.Workspace;

/**
 * The SVD by a library: pack and screen, solve, unpack. A wide matrix is solved as its adjoint: Aᴴ
 * = U' S V'ᴴ gives A = V' S U'ᴴ.
 */
final class SolverForward implements ForwardPass {
  private final Tall tall;
  private final SvdSolver solver;
  private final KernelLaunch pack;
  private final KernelLaunch unpack;
  private final Workspace workspace = new Workspace();

  SolverForward(Lease lease, BatchShape shape, SvdAlgorithm algorithm) {
    tall = Tall.of(shape);
    DataType type = shape.type();
    long scratch = LaunchShape.columnScratchBytes(lease.limits(), type.real());
    pack =
        lease.prepare(
            Kernel.SVD_PACK, type, LaunchShape.forUnits(lease.limits(), shape.batch(), 0));
    unpack =
        lease.prepare(
            Kernel.SVD_UNPACK, type, LaunchShape.forUnits(lease.limits(), shape.batch(), scratch));
    solver = lease.svdSolver(tall.shape(), algorithm);
    workspace.reserve(solver.workspaceBytes(), solver::bind);
    workspace.reserve(unpack.workspaceBytes(), unpack::bind);
  }

  @Override
  public long workspaceBytes() {
    return workspace.bytes();
  }

  @Override
  public void bind(long address) {
    workspace.bind(address);
  }

  @Override
  public void run(MatrixBatch a, SvdFactors factors, long info, long stream) {
    pack(a, info, stream);
    solver.solve(stream);
    unpack(tall.left(factors), factors.s(), tall.right(factors), info, stream);
  }

  @Override
  public void runValues(MatrixBatch a, MatrixBatch s, long info, long stream) {
    pack(a, info, stream);
    solver.solveValues(stream);
    unpack(null, s, null, info, stream);
  }

  private void pack(MatrixBatch a, long info, long stream) {
    pack.arguments().reset().put(tall.matrices(a)).put(solver.input()).put(info);
    pack.arguments()
        .put((long) tall.batch())
        .put((long) tall.m())
        .put((long) tall.n())
        .put(tall.conjugates());
    pack.start(stream);
  }

  private void unpack(MatrixBatch u, MatrixBatch s, MatrixBatch v, long info, long stream) {
    unpack.arguments().reset().put(solver.u()).put(solver.s()).put(solver.v()).put(solver.info());
    unpack.arguments().put(u).put(s).put(v).put(info);
    unpack
        .arguments()
        .put((long) tall.batch())
        .put((long) tall.m())
        .put((long) tall.n())
        .put(solver.conjugatesV());
    unpack.start(stream);
  }

  @Override
  public String toString() {
    return solver.toString();
  }
}
