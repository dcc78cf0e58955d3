package io.github.diffsvd.backend;

/** A kernel that is ready to be started: belongs to one plan and one thread at a time. */
public interface KernelLaunch {
  /** The argument struct, to be packed anew before each start. */
  KernelArguments arguments();

  /** Queues the kernel with the arguments as they are now. */
  void start(long stream);
}
