package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.Lease;

/**
 * Kernels on a GPU that are made of register_tiles.cuh: for matrices of up to 32 columns, padded to
 * one of four sizes, of which each has a kernel of its own.
 */
final class RegisterTiles {
  private static final int MOST_COLUMNS = 32;

  private static final int TILE = 4;
  private static final int WARP = 32;
  private static final int VECTOR_BYTES = 16;

  private RegisterTiles() {}

  static boolean takes(Backend.Limits limits, Tall tall) {
    return limits.threads() > 1 && tall.n() <= MOST_COLUMNS;
  }

  /** The kernel for matrices of so many columns. */
  static Kernel kernel(Kernel.Sized kernel, int columns) {
    return kernel.of(size(columns));
  }

  /** The kernel for a shape, ready to be started. */
  static KernelLaunch prepare(Lease lease, Kernel.Sized kernel, Tall tall) {
    return lease.prepare(kernel(kernel, tall.n()), tall.type(), launch(lease, kernel, tall));
  }

  private static int size(int columns) {
    return columns <= TILE ? TILE : Integer.highestOneBit(2 * columns - 1);
  }

  /** Its launch: a block does many units, and is there once for each that is resident. */
  static LaunchShape launch(Lease lease, Kernel.Sized kernel, Tall tall) {
    int size = size(tall.n());
    DataType type = tall.type();
    int scratch = Math.toIntExact(scratchBytes(kernel, type, size));
    int resident = lease.residentBlocks(kernel.of(size), type, threads(size), scratch);
    long units = (tall.batch() + matrices(size) - 1L) / matrices(size);
    return new LaunchShape((int) Math.max(1, Math.min(units, resident)), threads(size), scratch);
  }

  /** A thread for each tile, and at least a warp. */
  private static int threads(int size) {
    return Math.max(WARP, team(size));
  }

  private static int team(int size) {
    return size / TILE * (size / TILE);
  }

  private static int matrices(int size) {
    return threads(size) / team(size);
  }

  /** Of a block, as NAME_scratch_bytes in the kernel's file. */
  static long scratchBytes(Kernel.Sized kernel, DataType type, int size) {
    long vector = VECTOR_BYTES / type.bytes();
    long leadingDimension = team(size) == 1 ? size : size + vector;
    long distance = kernel.arrays() * (size * leadingDimension) + (size / TILE) * vector;
    return (long) matrices(size)
        * (distance * type.bytes()
            + ((long) kernel.rowsOfValues() * size + 1) * type.real().bytes());
  }
}
