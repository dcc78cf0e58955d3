package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Allocation;
import io.github.diffsvd.internal.backend.CheckedBackend;
import io.github.diffsvd.internal.backend.Lease;
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

  private static final int MOST_BYTES_AT_ONCE = 1 << 26;

  private final Device device;

  /** The integers, as matrices of one element of the same size. */
  private final MatrixBatch numbers;

  private SvdInfo(Device device, MatrixBatch numbers) {
    this.device = device;
    this.numbers = numbers;
  }

  /** Owns the memory. */
  SvdInfo(Device device, Allocation memory, int batch) {
    this(device, new OwnedMatrixBatch(memory, shape(batch)));
  }

  /** Borrows batch 32-bit integers of the device's memory. */
  public static SvdInfo wrap(Device device, long address, int batch) {
    Objects.requireNonNull(device, "device");
    return new SvdInfo(device, MatrixBatch.wrap(address, shape(batch)));
  }

  private static BatchShape shape(int batch) {
    return new BatchShape(DataType.FLOAT32, batch, 1, 1);
  }

  public long address() {
    return numbers.address();
  }

  public int batch() {
    return numbers.batch();
  }

  MatrixBatch numbers() {
    return numbers;
  }

  boolean isOn(CheckedBackend backend) {
    return device.backend() == backend;
  }

  /** {@link #read(long)}, on the device's own stream. */
  public int[] read() {
    return read(0);
  }

  /** Waits for the stream and copies the numbers to the host. */
  public int[] read(long stream) {
    int[] values = new int[batch()];
    int most = Math.min(batch(), MOST_BYTES_AT_ONCE / Integer.BYTES);
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(most * Integer.BYTES).order(ByteOrder.nativeOrder());
    try (Lease lease = device.backend().lease()) {
      Call call = new Call(lease);
      call.reads("info", numbers, numbers.shape());
      call.check();
      for (int first = 0; first < values.length; first += most) {
        int count = Math.min(most, values.length - first);
        bytes.clear().limit(count * Integer.BYTES);
        lease.copyToHost(bytes, address() + (long) first * Integer.BYTES, stream);
        bytes.asIntBuffer().get(values, first, count);
      }
    }
    return values;
  }

  /** {@link #check(long)}, on the device's own stream. */
  public void check() {
    check(0);
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
          batch(), notFinite, notPositive, notHermitian, notRepresentable, notConverged);
    }
  }

  private static int[] indices(int[] values, IntPredicate predicate) {
    return IntStream.range(0, values.length).filter(i -> predicate.test(values[i])).toArray();
  }

  /**
   * Frees the memory where {@link Device#allocateInfo} took it, as {@link OwnedMatrixBatch#close}
   * does; does nothing otherwise.
   */
  @Override
  public void close() {
    if (numbers instanceof OwnedMatrixBatch owned) {
      owned.close();
    }
  }
}
