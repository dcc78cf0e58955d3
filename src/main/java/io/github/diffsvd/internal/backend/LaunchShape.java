package io.github.diffsvd.internal.backend;

import io.github.diffsvd.DataType;

/**
 * How a kernel is spread over the device.
 *
 * @param blocks at least 1
 * @param threads threads in a block
 * @param scratchBytes scratch (shared memory) of a block
 */
public record LaunchShape(int blocks, int threads, int scratchBytes) {
  /**
   * As many as a block on a GPU has threads; fewer are not worth a thread of their own on a CPU.
   */
  private static final int UNIT_ELEMENTS = 128;

  /** The units of work of a kernel that shares out the elements of a batch: patches.cuh. */
  public static long unitsOfElements(int batch, int rows, int columns) {
    return ((long) batch * rows * columns + UNIT_ELEMENTS - 1) / UNIT_ELEMENTS;
  }

  /** The scratch of a block of a kernel that sums such numbers over columns: patches.cuh. */
  public static long columnScratchBytes(Backend.Limits limits, DataType type) {
    return (long) limits.threads() * type.bytes();
  }

  /** One block per unit of work, but no more than keep the device busy. */
  public static LaunchShape forUnits(Backend.Limits limits, long units, long scratchBytes) {
    return new LaunchShape(
        (int) Math.max(1, Math.min(units, limits.residentBlocks())),
        limits.threads(),
        Math.toIntExact(scratchBytes));
  }

  /** For kernels with a matrix in each vector lane, and so many elements of scratch for each. */
  public static LaunchShape forLanes(
      Backend.Limits limits, DataType type, int batch, long elements) {
    int lanes = limits.lanes(type);
    return forUnits(limits, (batch + lanes - 1L) / lanes, elements * type.bytes() * lanes);
  }
}
