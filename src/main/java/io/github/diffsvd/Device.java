package io.github.diffsvd;

import io.github.diffsvd.backend.CheckedBackend;
import io.github.diffsvd.backend.Devices;
import io.github.diffsvd.backend.Kernel;
import io.github.diffsvd.backend.KernelLaunch;
import io.github.diffsvd.backend.LaunchShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

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

  /** "cpu" or "cuda:0". */
  public String name() {
    return backend.name();
  }

  /** What stands behind the name, for people: one line. */
  public String description() {
    return backend.description();
  }

  /** Memory for batch matrices, packed row-major, uninitialised. */
  public OwnedMatrixBatch allocate(DataType type, int batch, int rows, int columns) {
    Objects.requireNonNull(type, "type");
    long elements = Checks.atLeast("batch", 0, batch) * (long) Checks.atLeast("rows", 0, rows);
    long bytes =
        Math.multiplyExact(
            Math.multiplyExact(elements, Checks.atLeast("columns", 0, columns)),
            (long) type.bytes());
    return new OwnedMatrixBatch(this, backend.allocate(bytes), type, batch, rows, columns);
  }

  /** Memory for the status of batch matrices. */
  public SvdInfo allocateInfo(int batch) {
    Checks.atLeast("batch", 0, batch);
    return new SvdInfo(this, backend.allocate((long) batch * Integer.BYTES), batch, true);
  }

  /**
   * Copies values to the device, in the order of their indices (b, i, j), whatever the strides of
   * the target; complex values as (real, imaginary). Returns when they are there.
   */
  public void write(MatrixBatch target, double... values) {
    Checks.writable(
        "target", target, target.type(), target.batch(), target.rows(), target.columns());
    int parts = target.type().isComplex() ? 2 : 1;
    if (values.length != target.size() * parts) {
      throw new IllegalArgumentException(
          "values: expected "
              + target.size() * parts
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
    double[] values = new double[Math.toIntExact(source.size() * parts)];
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
    transfer(target, source, packed -> backend.copyToDevice(packed.address(), source, 0), true);
  }

  /**
   * The opposite of {@link #write(MatrixBatch, ByteBuffer)}: fills a direct buffer's remaining
   * bytes.
   */
  public void read(MatrixBatch source, ByteBuffer target) {
    transfer(source, target, packed -> backend.copyToHost(target, packed.address(), 0), false);
  }

  /** Waits until the work queued on a stream is done. */
  public void synchronize(long stream) {
    backend.synchronize(stream);
  }

  /**
   * Closes the device; memory and plans that are still open become unusable. A second call does
   * nothing.
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

  void free(long address) {
    backend.free(address);
  }

  private interface Chunk {
    void accept(MatrixBatch chunk, ByteBuffer bytes);
  }

  /** Calls the action with a part of the batch and an empty buffer of its size. */
  private static void inChunks(MatrixBatch matrix, Chunk action) {
    if (matrix.isEmpty()) {
      return;
    }
    long bytesPerMatrix =
        Math.multiplyExact((long) matrix.rows() * matrix.columns(), matrix.type().bytes());
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
    void run(MatrixBatch packed);
  }

  /**
   * Runs a copy to or from packed memory: the matrix itself, or a temporary one that a kernel
   * copies from or to.
   */
  private void transfer(MatrixBatch matrix, ByteBuffer buffer, Transfer copy, boolean toDevice) {
    long bytes = matrix.size() * matrix.type().bytes();
    if (buffer.remaining() != bytes) {
      throw new IllegalArgumentException(
          "buffer: expected " + bytes + " bytes for " + matrix + ", got " + buffer.remaining());
    }
    if (matrix.isEmpty()) {
      return;
    }
    if (matrix.isRowMajor()) {
      copy.run(matrix);
      buffer.position(buffer.limit());
      return;
    }
    try (OwnedMatrixBatch packed =
        allocate(matrix.type(), matrix.batch(), matrix.rows(), matrix.columns())) {
      LaunchShape shape =
          LaunchShape.forUnits(backend.limits(), (long) matrix.batch() * matrix.rows(), 0);
      KernelLaunch launch = backend.prepare(Kernel.COPY, matrix.type(), shape);
      launch.arguments().reset().put(toDevice ? packed : matrix).put(toDevice ? matrix : packed);
      launch
          .arguments()
          .put((long) matrix.batch())
          .put((long) matrix.rows())
          .put((long) matrix.columns());
      if (!toDevice) {
        launch.start(0);
      }
      copy.run(packed);
      buffer.position(buffer.limit());
      if (toDevice) {
        launch.start(0);
        synchronize(0);
      }
    }
  }
}
