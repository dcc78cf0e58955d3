package io.github.diffsvd;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * What became of each matrix of a batch: 32-bit integers in the device's memory, written by {@link
 * SvdPlan#forward}, read only on request.
 *
 * <p>{@link #OK}, {@link #NOT_FINITE}, {@link #NOT_POSITIVE}, {@link #NOT_REPRESENTABLE}, {@link
 * #NOT_HERMITIAN}, or a positive number from the solver: not converged. In all cases but the first
 * U, S and V of that matrix are NaN; its neighbours are untouched.
 */
public final class SvdInfo implements AutoCloseable {
  /** The decomposition is valid. */
  public static final int OK = 0;

  /** The matrix held NaN or infinity. */
  public static final int NOT_FINITE = -1;

  /** The matrix is Hermitian, but not positive semi-definite, as {@link EighPlan} wants it. */
  public static final int NOT_POSITIVE = -2;

  /** A singular value is larger than the type's largest number. */
  public static final int NOT_REPRESENTABLE = -3;

  /** The matrix is not Hermitian, as {@link EighPlan} wants it. */
  public static final int NOT_HERMITIAN = -4;

  private final Device device;
  private final long address;
  private final int batch;
  private final boolean owned;

  SvdInfo(Device device, long address, int batch, boolean owned) {
    this.device = Objects.requireNonNull(device, "device");
    this.batch = Checks.atLeast("batch", 0, batch);
    this.address = address;
    this.owned = owned;
    if (address % Integer.BYTES != 0 || (address == 0 && batch > 0)) {
      throw new IllegalArgumentException(
          "address: expected that of "
              + batch
              + " 32-bit integers, got 0x"
              + Long.toHexString(address));
    }
  }

  /** Borrows batch 32-bit integers of the device's memory. */
  public static SvdInfo wrap(Device device, long address, int batch) {
    return new SvdInfo(device, address, batch, false);
  }

  public long address() {
    return address;
  }

  public int batch() {
    return batch;
  }

  /** Waits for the stream and copies the numbers to the host. */
  public int[] read(long stream) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Math.multiplyExact(batch, Integer.BYTES))
            .order(ByteOrder.nativeOrder());
    device.backend().copyToHost(bytes, address, stream);
    int[] values = new int[batch];
    bytes.asIntBuffer().get(values);
    return values;
  }

  /**
   * Waits for the stream and makes sure that every matrix was decomposed.
   *
   * @throws SvdNotConvergedException with the indices of those that were not
   */
  public void check(long stream) {
    int[] values = read(stream);
    int[] notFinite = indices(values, value -> value == NOT_FINITE);
    int[] notPositive = indices(values, value -> value == NOT_POSITIVE);
    int[] notHermitian = indices(values, value -> value == NOT_HERMITIAN);
    int[] notConverged = indices(values, value -> value > OK);
    int[] notRepresentable = indices(values, value -> value == NOT_REPRESENTABLE);
    if (Arrays.stream(values).anyMatch(value -> value != OK)) {
      throw new SvdNotConvergedException(
          batch, notFinite, notPositive, notHermitian, notRepresentable, notConverged);
    }
  }

  private static int[] indices(int[] values, IntPredicate predicate) {
    return IntStream.range(0, values.length).filter(i -> predicate.test(values[i])).toArray();
  }

  /** Frees the memory where {@link Device#allocateInfo} took it; does nothing otherwise. */
  @Override
  public void close() {
    if (owned) {
      device.free(address);
    }
  }
}
