package io.github.diffsvd;

import io.github.diffsvd.internal.backend.CheckedBackend;
import io.github.diffsvd.internal.backend.Devices;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Workspace;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * A place where matrices live and are decomposed: an NVIDIA GPU or the CPU. May be shared between
 * threads; closing it frees what was never freed.
 *
 * <p>A stream is the raw handle of a CUstream (or cudaStream_t) as a long, and all work is ordered
 * on it; 0 means the device's own stream. On the CPU every call returns when its work is done, and
 * the stream is ignored.
 */
public final class Device implements AutoCloseable {
  /** Elements that pass through the host at a time when values are copied by hand. */
  private static final int CHUNK_BYTES = 1 << 26;

  private final CheckedBackend backend;

  private Device(CheckedBackend backend) {
    this.backend = backend;
  }

  /**
   * Opens the device that the property diffsvd.device or the variable DIFFSVD_DEVICE names, "auto"
   * where neither is set.
   */
  public static Device open() {
    String variable = Objects.requireNonNullElse(System.getenv("DIFFSVD_DEVICE"), "auto");
    return open(System.getProperty("diffsvd.device", variable));
  }

  /**
   * Opens a device.
   *
   * @param name "cpu", "cuda:N", or "auto": CUDA where it works, otherwise the CPU; which one and
   *     why is logged
   * @throws DeviceUnavailableException with every reason found, if it cannot be used here
   * @throws IllegalArgumentException if there is no such kind of device
   */
  public static Device open(String name) {
    return new Device(new CheckedBackend(Devices.open(Objects.requireNonNull(name, "name"))));
  }

  /**
   * What there is of CUDA on this machine, or why not, for people: a line for the driver, each GPU,
   * each CUDA library and the kernels. Never throws; loads the libraries, which takes a moment
   * where they are there.
   */
  public static List<String> diagnosis() {
    return Devices.cudaDiagnosis();
  }

  /** "cpu" or "cuda:0". */
  public String name() {
    return backend.name();
  }

  /** What stands behind the name, for people: one line. */
  public String description() {
    return backend.description();
  }

  /**
   * Memory for batch matrices, packed row-major, uninitialised.
   *
   * @throws IllegalArgumentException if a long cannot hold the number of bytes
   * @throws DeviceOutOfMemoryException if they do not fit
   */
  public OwnedMatrixBatch allocate(DataType type, int batch, int rows, int columns) {
    Objects.requireNonNull(type, "type");
    Checks.atLeast("batch", 0, batch);
    Checks.atLeast("rows", 0, rows);
    Checks.atLeast("columns", 0, columns);
    long bytes = Workspace.bytes(type, batch, rows, columns);
    return new OwnedMatrixBatch(
        backend.allocate(bytes, "OwnedMatrixBatch " + shape(type, batch, rows, columns)),
        type,
        batch,
        rows,
        columns);
  }

  /** Memory for the status of batch matrices. */
  public SvdInfo allocateInfo(int batch) {
    Checks.atLeast("batch", 0, batch);
    return new SvdInfo(
        this, backend.allocate((long) batch * Integer.BYTES, "SvdInfo of " + batch), batch);
  }

  private static String shape(DataType type, int batch, int rows, int columns) {
    return type + " " + batch + "×" + rows + "×" + columns;
  }

  /**
   * Copies values to the device, in the order of their indices (b, i, j), whatever the strides of
   * the target; complex values as (real, imaginary). Returns when they are there.
   */
  public void write(MatrixBatch target, double... values) {
    Checks.writable(
        "target", target, target.type(), target.batch(), target.rows(), target.columns());
    int parts = target.type().isComplex() ? 2 : 1;
    if (values.length / parts != target.size() || values.length % parts != 0) {
      throw new IllegalArgumentException(
          "values: expected "
              + Math.multiplyExact(target.size(), parts)
              + " numbers for "
              + target
              + ", got "
              + values.length);
    }
    boolean single = target.type().real() == DataType.FLOAT32;
    int[] next = {0};
    inChunks(
        target,
        (chunk, bytes) -> {
          while (bytes.hasRemaining()) {
            if (single) {
              bytes.putFloat((float) values[next[0]++]);
            } else {
              bytes.putDouble(values[next[0]++]);
            }
          }
          write(chunk, bytes.flip());
        });
  }

  /**
   * Copies all values to the host, as {@link #write(MatrixBatch, double...)} takes them. Waits for
   * the device's own stream.
   */
  public double[] read(MatrixBatch source) {
    int parts = source.type().isComplex() ? 2 : 1;
    if (source.size() > Integer.MAX_VALUE / parts) {
      throw new IllegalArgumentException(
          "source: expected at most " + Integer.MAX_VALUE / parts + " elements, got " + source);
    }
    double[] values = new double[(int) source.size() * parts];
    boolean single = source.type().real() == DataType.FLOAT32;
    int[] next = {0};
    inChunks(
        source,
        (chunk, bytes) -> {
          read(chunk, bytes);
          bytes.flip();
          while (bytes.hasRemaining()) {
            values[next[0]++] = single ? bytes.getFloat() : bytes.getDouble();
          }
        });
    return values;
  }

  /**
   * Copies a direct buffer's remaining bytes to the device: packed row-major elements in native
   * byte order. The buffer's position moves to its limit. Returns when they are there.
   */
  public void write(MatrixBatch target, ByteBuffer source) {
    transfer(
        "target",
        target,
        source,
        (lease, packed) -> lease.copyToDevice(packed.address(), source, 0),
        true);
  }

  /**
   * The opposite of {@link #write(MatrixBatch, ByteBuffer)}: fills a direct buffer's remaining
   * bytes.
   */
  public void read(MatrixBatch source, ByteBuffer target) {
    transfer(
        "source",
        source,
        target,
        (lease, packed) -> lease.copyToHost(target, packed.address(), 0),
        false);
  }

  /** Waits until the work queued on a stream is done. */
  public void synchronize(long stream) {
    try (Lease lease = backend.lease()) {
      lease.synchronize(stream);
    }
  }

  /**
   * Waits for the calls that are under way on other threads, closes all plans and frees all memory
   * of the device that are still open, and closes it. What uses any of them later is an
   * IllegalStateException; a second call, and closing them, does nothing.
   */
  @Override
  public void close() {
    backend.close();
  }

  @Override
  public String toString() {
    return name();
  }

  CheckedBackend backend() {
    return backend;
  }

  /**
   * Makes a plan in a lease of its own, which is closed again if that fails.
   *
   * @param kind of the plan, for messages
   */
  <T> T plan(
      String kind, DataType type, int batch, int rows, int columns, Function<Lease, T> make) {
    Lease lease = backend.lease(kind + " " + shape(type, batch, rows, columns));
    try {
      T plan = make.apply(lease);
      lease.leave();
      return plan;
    } catch (RuntimeException | Error e) {
      lease.close();
      throw e;
    }
  }

  private interface Chunk {
    void accept(MatrixBatch chunk, ByteBuffer bytes);
  }

  /** Calls the action with a part of the batch and an empty buffer of its size. */
  private static void inChunks(MatrixBatch matrix, Chunk action) {
    if (matrix.isEmpty()) {
      return;
    }
    long bytesPerMatrix = Workspace.bytes(matrix.type(), 1, matrix.rows(), matrix.columns());
    if (bytesPerMatrix > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "rows, columns: expected matrices of at most "
              + Integer.MAX_VALUE
              + " bytes, got "
              + matrix);
    }
    int perChunk = (int) Math.max(1, Math.min(matrix.batch(), CHUNK_BYTES / bytesPerMatrix));
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Math.toIntExact(perChunk * bytesPerMatrix))
            .order(ByteOrder.nativeOrder());
    for (int first = 0; first < matrix.batch(); first += perChunk) {
      int count = Math.min(perChunk, matrix.batch() - first);
      bytes.clear().limit(Math.toIntExact(count * bytesPerMatrix));
      action.accept(matrix.slice(first, count), bytes);
    }
  }

  private interface Transfer {
    void run(Lease lease, MatrixBatch packed);
  }

  /**
   * Runs a copy to or from packed memory: the matrix itself, or a temporary one that a kernel
   * copies from or to.
   */
  private void transfer(
      String name, MatrixBatch matrix, ByteBuffer buffer, Transfer copy, boolean toDevice) {
    DataType type = matrix.type();
    long bytes = Workspace.bytes(type, matrix.batch(), matrix.rows(), matrix.columns());
    if (buffer.remaining() != bytes) {
      throw new IllegalArgumentException(
          "buffer: expected " + bytes + " bytes for " + matrix + ", got " + buffer.remaining());
    }
    try (Lease lease = backend.lease()) {
      Call call = new Call(lease);
      call.reads(name, matrix, type, matrix.batch(), matrix.rows(), matrix.columns());
      call.check();
      if (matrix.isEmpty()) {
        return;
      }
      if (matrix.isRowMajor()) {
        copy.run(lease, matrix);
      } else {
        MatrixBatch packed = lease.allocate(type, matrix.batch(), matrix.rows(), matrix.columns());
        Packing packing = new Packing(lease, type, matrix.batch(), matrix.rows());
        if (toDevice) {
          copy.run(lease, packed);
          packing.copy(packed, matrix, 0);
          lease.synchronize(0);
        } else {
          packing.copy(matrix, packed, 0);
          copy.run(lease, packed);
        }
      }
      buffer.position(buffer.limit());
    }
  }
}
