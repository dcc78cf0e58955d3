package io.github.diffsvd.internal.backend;

/** A kernel that is ready to be started: belongs to one plan and one thread at a time. */
public interface KernelLaunch {
  /** The argument struct, to be packed anew before each start. */
  KernelArguments arguments();

  /**
   * The bytes of the workspace that {@link #bind} gives: on a CPU blocks have their scratch there.
   */
  long workspaceBytes();

  /**
   * To be called once before the first start, if there is a workspace. One that runs at another
   * time may use the same.
   *
   * @param workspace device address, a multiple of 256
   */
  void bind(long workspace);

  /** Queues the kernel with the arguments as they are now. */
  void start(long stream);
}
