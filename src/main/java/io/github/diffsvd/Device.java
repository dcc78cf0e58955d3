package io.github.diffsvd;

import io.github.diffsvd.internal.backend.CheckedBackend;
import io.github.diffsvd.internal.backend.Devices;
import io.github.diffsvd.internal.backend.Lease;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.DoubleConsumer;
import java.util.function.DoubleSupplier;
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
    return new Device(new CheckedBackend(Devices.open(Objects.requireNonNull(name, "name"), 0)));
  }

  /**
   * As {@link #open(String)}; a CPU gets so many threads, whatever properties and variables say.
   *
   * @param threads of the host that calls are spread over, the calling one among them: from 1 to
   *     4096
   */
  public static Device open(String name, int threads) {
    Checks.atLeast("threads", 1, threads);
    return new Device(
        new CheckedBackend(Devices.open(Objects.requireNonNull(name, "name"), threads)));
  }

  /**
   * Opens the GPU that a CUDA context belongs to, and works in that context and not in the device's
   * primary one: for a library that has made its own, whose memory and streams are of no use
   * elsewhere. The context has to outlive the device; closing the device leaves it alone.
   *
   * @param cuContext the raw handle of a CUcontext
   * @throws DeviceUnavailableException with every reason found, if it cannot be used here
   */
  public static Device inContext(long cuContext) {
    if (cuContext == 0) {
      throw new IllegalArgumentException("cuContext: expected the handle of a CUcontext, got 0");
    }
    return new Device(new CheckedBackend(Devices.inContext(cuContext)));
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
   * Memory for matrices, packed row-major, uninitialised.
   *
   * @throws IllegalArgumentException if a long cannot hold the number of bytes
   * @throws DeviceOutOfMemoryException if they do not fit
   */
  public OwnedMatrixBatch allocate(BatchShape shape) {
    Objects.requireNonNull(shape, "shape");
    return new OwnedMatrixBatch(
        backend.allocate(shape.bytes(), "OwnedMatrixBatch " + shape), shape);
  }

  /** {@link #allocate(BatchShape)}, and {@link #write(MatrixBatch, double...)} into it. */
  public OwnedMatrixBatch upload(BatchShape shape, double... values) {
    OwnedMatrixBatch matrices = allocate(shape);
    try {
      write(matrices, values);
      return matrices;
    } catch (RuntimeException | Error e) {
      matrices.close();
      throw e;
    }
  }

  /** Memory for the status of batch matrices. */
  public SvdInfo allocateInfo(int batch) {
    Checks.atLeast("batch", 0, batch);
    return new SvdInfo(
        this, backend.allocate((long) batch * Integer.BYTES, "SvdInfo of " + batch), batch);
  }

  /**
   * Copies values to the device, in the order of their indices (b, i, j), whatever the strides of
   * the target; complex values as (real, imaginary), rounded where the target has single precision.
   * Returns when they are there.
   */
  public void write(MatrixBatch target, double... values) {
    int[] next = {0};
    write(target, values.length, () -> values[next[0]++]);
  }

  /** As {@link #write(MatrixBatch, double...)}. */
  public void write(MatrixBatch target, float[] values) {
    int[] next = {0};
    write(target, values.length, () -> values[next[0]++]);
  }

  /**
   * As {@link #write(MatrixBatch, double...)}, row by row.
   *
   * @param rows batch·m arrays of n values, those of the first matrix first
   */
  public void write(MatrixBatch target, double[][] rows) {
    write(target, Arrays.stream(rows).flatMapToDouble(Arrays::stream).toArray());
  }

  /** As {@link #write(MatrixBatch, double[][])}. */
  public void write(MatrixBatch target, float[][] rows) {
    double[][] wide = new double[rows.length][];
    Arrays.setAll(
        wide,
        i -> {
          double[] row = new double[rows[i].length];
          Arrays.setAll(row, j -> rows[i][j]);
          return row;
        });
    write(target, wide);
  }

  private void write(MatrixBatch target, int count, DoubleSupplier values) {
    Checks.writable("target", target, target.shape());
    int parts = parts(target);
    if (count / parts != target.size() || count % parts != 0) {
      throw new IllegalArgumentException(
          "values: expected "
              + Math.multiplyExact(target.size(), parts)
              + " numbers for "
              + target
              + ", got "
              + count);
    }
    boolean single = isSingle(target);
    inChunks(
        target,
        (chunk, bytes) -> {
          while (bytes.hasRemaining()) {
            if (single) {
              bytes.putFloat((float) values.getAsDouble());
            } else {
              bytes.putDouble(values.getAsDouble());
            }
          }
          write(chunk, bytes.flip());
        });
  }

  private static int parts(MatrixBatch matrices) {
    return matrices.type().isComplex() ? 2 : 1;
  }

  private static boolean isSingle(MatrixBatch matrices) {
    return matrices.type().real() == DataType.FLOAT32;
  }

  /**
   * Copies all values to the host, as {@link #write(MatrixBatch, double...)} takes them. Waits for
   * the device's own stream.
   */
  public double[] read(MatrixBatch source) {
    double[] values = new double[numbers(source)];
    int[] next = {0};
    read(source, value -> values[next[0]++] = value);
    return values;
  }

  /** {@link #read(MatrixBatch)}, rounded to single precision. */
  public float[] readFloats(MatrixBatch source) {
    float[] values = new float[numbers(source)];
    int[] next = {0};
    read(source, value -> values[next[0]++] = (float) value);
    return values;
  }

  /** {@link #read(MatrixBatch)}, row by row: batch·m arrays of n values. */
  public double[][] readRows(MatrixBatch source) {
    double[] values = read(source);
    int length = source.columns() * parts(source);
    double[][] rows = new double[source.batch() * source.rows()][];
    Arrays.setAll(rows, i -> Arrays.copyOfRange(values, i * length, (i + 1) * length));
    return rows;
  }

  /** {@link #readRows(MatrixBatch)}, rounded to single precision. */
  public float[][] readFloatRows(MatrixBatch source) {
    float[] values = readFloats(source);
    int length = source.columns() * parts(source);
    float[][] rows = new float[source.batch() * source.rows()][];
    Arrays.setAll(rows, i -> Arrays.copyOfRange(values, i * length, (i + 1) * length));
    return rows;
  }

  private static int numbers(MatrixBatch source) {
    int parts = parts(source);
    if (source.size() > Integer.MAX_VALUE / parts) {
      throw new IllegalArgumentException(
          "source: expected at most " + Integer.MAX_VALUE / parts + " elements, got " + source);
    }
    return (int) source.size() * parts;
  }

  private void read(MatrixBatch source, DoubleConsumer values) {
    boolean single = isSingle(source);
    inChunks(
        source,
        (chunk, bytes) -> {
          read(chunk, bytes);
          bytes.flip();
          while (bytes.hasRemaining()) {
            values.accept(single ? bytes.getFloat() : bytes.getDouble());
          }
        });
  }

  /**
   * Copies a buffer's remaining bytes to the device: packed row-major elements in native byte
   * order, whatever the buffer's own. The buffer's position moves to its limit. Returns when they
   * are there. A direct buffer is copied from as it is, another one by way of a direct one.
   */
  public void write(MatrixBatch target, ByteBuffer source) {
    checkBytes(target, source);
    if (!source.isDirect()) {
      inChunks(
          target,
          (chunk, bytes) -> {
            bytes.put(source.slice(source.position(), bytes.remaining()));
            write(chunk, bytes.flip());
            source.position(source.position() + bytes.limit());
          });
      return;
    }
    transfer(
        "target",
        target,
        source,
        (lease, packed) -> lease.copyToDevice(packed.address(), source, 0),
        true);
  }

  /** The opposite of {@link #write(MatrixBatch, ByteBuffer)}: fills a buffer's remaining bytes. */
  public void read(MatrixBatch source, ByteBuffer target) {
    checkBytes(source, target);
    if (!target.isDirect()) {
      inChunks(
          source,
          (chunk, bytes) -> {
            read(chunk, bytes);
            target.put(bytes.flip());
          });
      return;
    }
    transfer(
        "source",
        source,
        target,
        (lease, packed) -> lease.copyToHost(target, packed.address(), 0),
        false);
  }

  private static void checkBytes(MatrixBatch matrix, ByteBuffer buffer) {
    long bytes = matrix.shape().bytes();
    if (buffer.remaining() != bytes) {
      throw new IllegalArgumentException(
          "buffer: expected " + bytes + " bytes for " + matrix + ", got " + buffer.remaining());
    }
  }

  /**
   * Opens a stream that waits for no other one, so that work of several threads can be on the
   * device at the same time. It is closed by its owner, or else with the device.
   */
  public DeviceStream openStream() {
    return plan("DeviceStream", lease -> new DeviceStream(this, lease));
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
   * @param what it is, for messages
   */
  <T> T plan(String what, Function<Lease, T> make) {
    Lease lease = backend.lease(what);
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
    long bytesPerMatrix = MatrixBatch.matrixSize(matrix.shape()) * matrix.type().bytes();
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
    try (Lease lease = backend.lease()) {
      Call call = new Call(lease);
      call.reads(name, matrix, matrix.shape());
      call.check();
      if (matrix.isEmpty()) {
        return;
      }
      if (matrix.isRowMajor()) {
        copy.run(lease, matrix);
      } else {
        MatrixBatch packed = lease.allocate(matrix.shape());
        Packing packing = new Packing(lease, matrix.shape());
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
