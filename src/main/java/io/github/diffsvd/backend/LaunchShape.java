package io.github.diffsvd.backend;

/**
 * How a kernel is spread over the device.
 *
 * @param blocks at least 1
 * @param threads threads in a block
 * @param scratchBytes scratch (shared memory) of a block
 */
public record LaunchShape(int blocks, int threads, int scratchBytes) {
  /** One block per unit of work, but no more than keep the device busy. */
  public static LaunchShape forUnits(Backend.Limits limits, long units, long scratchBytes) {
    return new LaunchShape(
        (int) Math.max(1, Math.min(units, limits.residentBlocks())),
        limits.threads(),
        Math.toIntExact(scratchBytes));
  }
}
