package io.github.diffsvd.internal.backend.cpu;

import io.github.diffsvd.internal.backend.KernelArguments;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Workspace;
import java.nio.ByteBuffer;

/** A kernel whose blocks are shared out among threads, each with scratch of its own. */
final class CpuLaunch implements KernelLaunch {
  private final long kernel;
  private final int blocks;
  private final Workers workers;
  private final long scratchBytes;
  private final KernelArguments arguments = new KernelArguments();
  private long workspace;

  CpuLaunch(long kernel, LaunchShape shape, Workers workers) {
    this.kernel = kernel;
    this.workers = workers;
    blocks = shape.blocks();
    scratchBytes = Workspace.aligned(shape.scratchBytes());
  }

  @Override
  public KernelArguments arguments() {
    return arguments;
  }

  @Override
  public long workspaceBytes() {
    return Math.min(blocks, workers.threads()) * scratchBytes;
  }

  @Override
  public void bind(long workspace) {
    this.workspace = workspace;
  }

  @Override
  public void start(long stream) {
    if (scratchBytes > 0 && workspace == 0) {
      throw new IllegalStateException("a kernel with scratch is started without its workspace");
    }
    ByteBuffer bytes = arguments.bytes();
    workers.run(
        blocks,
        (slot, block) ->
            CpuKernels.launch(kernel, bytes, block, blocks, workspace + slot * scratchBytes));
  }
}
