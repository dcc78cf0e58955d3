package io.github.diffsvd.backend;

import io.github.diffsvd.DataType;
import io.github.diffsvd.SvdAlgorithm;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The one checking layer above every backend: nothing reaches a device after close, no address that
 * is not there, and what was never freed is reported. The public API talks to this class alone.
 * Safe for use by several threads, as far as the backend's calls are independent.
 */
public final class CheckedBackend implements AutoCloseable {
  /** Set to true, the report of a leak names the place of allocation. */
  private static final String LEAKS_PROPERTY = "diffsvd.leaks";

  private static final System.Logger LOG = System.getLogger("io.github.diffsvd");

  private final Backend backend;
  private final boolean tracing = Boolean.getBoolean(LEAKS_PROPERTY);
  private final Map<Long, Allocation> allocations = new ConcurrentHashMap<>();
  private volatile boolean closed;

  private record Allocation(long bytes, Throwable place) {}

  public CheckedBackend(Backend backend) {
    this.backend = backend;
  }

  public String name() {
    return backend.name();
  }

  public String description() {
    return backend.description();
  }

  public Backend.Limits limits() {
    return open().limits();
  }

  public long allocate(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes: expected at least 0, got " + bytes);
    }
    long address = open().allocate(Math.max(1, bytes));
    allocations.put(
        address, new Allocation(bytes, tracing ? new Throwable("allocated here") : null));
    return address;
  }

  /**
   * Frees what {@link #allocate} returned; an address that is free already is left alone, also
   * after close.
   */
  public void free(long address) {
    if (allocations.remove(address) != null) {
      backend.free(address);
    }
  }

  public void copyToDevice(long target, ByteBuffer source, long stream) {
    if (checkCopy("target", target, source)) {
      open().copyToDevice(target, source, stream);
    }
  }

  public void copyToHost(ByteBuffer target, long source, long stream) {
    if (checkCopy("source", source, target)) {
      open().copyToHost(target, source, stream);
    }
  }

  public void fill(long address, byte value, long bytes, long stream) {
    if (bytes > 0) {
      checkAddress("address", address);
      open().fill(address, value, bytes, stream);
    }
  }

  public void synchronize(long stream) {
    open().synchronize(stream);
  }

  public int residentBlocks(Kernel kernel, DataType type, int threads, int scratchBytes) {
    return open().residentBlocks(kernel, type, threads, scratchBytes);
  }

  public KernelLaunch prepare(Kernel kernel, DataType type, LaunchShape shape) {
    if (!kernel.types().contains(type)) {
      throw new IllegalArgumentException(
          "type: " + kernel + " exists for " + kernel.types() + ", got " + type);
    }
    if (shape.scratchBytes() > limits().scratchBytes()) {
      throw new IllegalArgumentException(
          "scratchBytes: expected at most "
              + limits().scratchBytes()
              + ", got "
              + shape.scratchBytes());
    }
    return open().prepare(kernel, type, shape);
  }

  public BatchedProduct product(DataType type) {
    return open().product(type);
  }

  public SvdSolver svdSolver(DataType type, SvdAlgorithm algorithm, int batch, int m, int n) {
    if (batch < 1 || n < 1 || m < n) {
      throw new IllegalArgumentException(
          "shape: expected batch ≥ 1 and m ≥ n ≥ 1, got " + batch + "×" + m + "×" + n);
    }
    return open().svdSolver(type, algorithm, batch, m, n);
  }

  /** Frees what is left, with a warning, and closes the device. A second call does nothing. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    allocations.forEach(
        (address, allocation) ->
            LOG.log(
                Level.WARNING,
                name()
                    + ": "
                    + allocation.bytes
                    + " bytes were never freed"
                    + (tracing ? "" : "; -D" + LEAKS_PROPERTY + "=true tells where they come from"),
                allocation.place));
    allocations.keySet().forEach(this::free);
    closed = true;
    backend.close();
  }

  private Backend open() {
    if (closed) {
      throw new IllegalStateException(backend.name() + ": the device is closed");
    }
    return backend;
  }

  private static boolean checkCopy(String name, long address, ByteBuffer buffer) {
    if (!buffer.isDirect()) {
      throw new IllegalArgumentException("buffer: expected a direct buffer");
    }
    if (!buffer.hasRemaining()) {
      return false;
    }
    checkAddress(name, address);
    return true;
  }

  private static void checkAddress(String name, long address) {
    if (address == 0) {
      throw new IllegalArgumentException(name + ": expected an address, got 0");
    }
  }
}
