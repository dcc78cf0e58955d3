package io.github.diffsvd.internal.backend.cuda;

import static io.github.diffsvd.internal.backend.cuda.CudaStatus.check;

import io.github.diffsvd.internal.backend.KernelArguments;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;

/** A kernel whose one parameter is the struct in {@link KernelArguments}. */
final class CudaLaunch implements KernelLaunch {
  private final CudaContext context;
  private final CUfunction function;
  private final LaunchShape shape;
  private final StreamHandle stream;
  private final KernelArguments arguments = new KernelArguments();
  private final Pointer parameters = Pointer.to(Pointer.to(arguments.memory()));

  CudaLaunch(CudaContext context, CUfunction function, LaunchShape shape) {
    this.context = context;
    this.function = function;
    this.shape = shape;
    stream = context.streamHandle();
  }

  @Override
  public KernelArguments arguments() {
    return arguments;
  }

  @Override
  public long workspaceBytes() {
    return 0;
  }

  @Override
  public void bind(long workspace) {}

  @Override
  public void start(long stream) {
    context.push();
    try {
      check(
          "cuLaunchKernel",
          JCudaDriver.cuLaunchKernel(
              function,
              shape.blocks(),
              1,
              1,
              shape.threads(),
              1,
              1,
              shape.scratchBytes(),
              this.stream.driver(stream),
              parameters,
              null));
    } finally {
      context.pop();
    }
  }
}
