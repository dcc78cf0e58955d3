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
  /** Rows of one matrix that are a unit of work of kernels that share out rows: kUnitRows. */
  static final int UNIT_ROWS = 8;

  /** The units of work of a kernel that shares out rows. */
  public static long unitsOfRows(int batch, int rows) {
    return batch * ((rows + UNIT_ROWS - 1L) / UNIT_ROWS);
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
