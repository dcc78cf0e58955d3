package io.github.diffsvd.internal.backend.cpu;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.DeviceOutOfMemoryException;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.SvdSolver;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;

/**
 * The kernels compiled for the CPU, with OpenBLAS for large products and LAPACK. Every call returns
 * when its work is done.
 */
public final class CpuBackend implements Backend {
  private static final int ALIGNMENT = 256;

  /** Measured: 48×48, where single precision is already as fast by products. */
  private static final long LANE_ELEMENTS = 48 * (3 * 48 + 3 * 48 + 2);

  private final ThreadCount threads;
  private final Workers workers;
  private final String variant;
  private final Limits limits;
  private final Map<Long, Pointer> memory = new ConcurrentHashMap<>();

  /**
   * Opens it.
   *
   * @param threads that it has; 0 for as many as {@link ThreadCount} finds
   * @throws IllegalArgumentException if there cannot be so many
   * @throws DeviceUnavailableException if the kernels, or the natives that they are used with, are
   *     not there for this platform or cannot be loaded
   */
  public CpuBackend(int threads) {
    ThreadCount asked = threads == 0 ? null : ThreadCount.of(threads);
    variant = CpuKernels.open();
    findNatives();
    try {
      this.threads = asked == null ? ThreadCount.find() : asked;
    } catch (IllegalArgumentException e) {
      throw new DeviceUnavailableException("cpu: " + e.getMessage(), e);
    }
    workers = new Workers(this.threads.threads());
    limits =
        new Limits(
            workers.tasksFor(Integer.MAX_VALUE),
            1,
            Integer.MAX_VALUE,
            LANE_ELEMENTS,
            type -> jacobiColumns(variant, type),
            wideBytes(variant));
  }

  /**
   * JavaCPP keeps to itself why its natives cannot be loaded, and OpenBLAS's are loaded late, so
   * both would be missed in the middle of the work.
   */
  private static void findNatives() {
    try {
      Pointer.free(Pointer.malloc(1));
    } catch (LinkageError e) {
      throw new DeviceUnavailableException("cpu: " + missing("javacpp"), e);
    }
    // The class loader finds it in every jar; a class on the module path looks in its own alone.
    String openblas = "org/bytedeco/openblas/" + Loader.getPlatform() + "/libjniopenblas.so";
    if (CpuBackend.class.getClassLoader().getResource(openblas) == null) {
      throw new DeviceUnavailableException("cpu: " + missing("openblas"));
    }
  }

  private static String missing(String artifact) {
    String platform = Loader.getPlatform();
    return "org.bytedeco:%s has no natives here; its jar with the classifier %s brings them"
        .formatted(artifact, platform);
  }

  /** As in lanes.cuh. */
  private static int wideBytes(String variant) {
    return switch (variant) {
      case "avx512" -> 64;
      case "avx2" -> 32;
      default -> 16;
    };
  }

  /**
   * Measured beside gesdd: on Gaussian matrices at most 8 % slower, on those of a quarter of the
   * full rank three times as fast or more.
   */
  private static int jacobiColumns(String variant, DataType type) {
    return switch (variant) {
      case "avx512" -> type == DataType.COMPLEX128 ? 48 : 64;
      case "avx2" -> type == DataType.COMPLEX128 ? 32 : type == DataType.FLOAT32 ? 64 : 48;
      default -> 8;
    };
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String description() {
    return variant
        + " kernels on "
        + threads.threads()
        + (threads.threads() == 1 ? " thread (" : " threads (")
        + threads.source()
        + ")";
  }

  @Override
  public Limits limits() {
    return limits;
  }

  @Override
  public int alignment(DataType type) {
    return type.real().bytes();
  }

  @Override
  public long allocate(long bytes) {
    Pointer raw = Pointer.malloc(bytes + ALIGNMENT);
    if (raw == null || raw.isNull()) {
      throw new DeviceOutOfMemoryException(name(), bytes, -1);
    }
    long address = (raw.address() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memory.put(address, raw);
    return address;
  }

  @Override
  public void free(long address) {
    Pointer.free(memory.remove(address));
  }

  @Override
  public void copyToDevice(long target, ByteBuffer source, long stream) {
    Pointer.memcpy(Address.of(target), new Pointer(source.slice()), source.remaining());
  }

  @Override
  public void copyToHost(ByteBuffer target, long source, long stream) {
    Pointer.memcpy(new Pointer(target.slice()), Address.of(source), target.remaining());
  }

  @Override
  public void fill(long address, byte value, long bytes, long stream) {
    Pointer.memset(Address.of(address), value, bytes);
  }

  @Override
  public void synchronize(long stream) {}

  @Override
  public long openStream() {
    return 0;
  }

  @Override
  public void closeStream(long stream) {}

  @Override
  public String misplacement(long address) {
    return null;
  }

  @Override
  public int residentBlocks(Kernel kernel, DataType type, int threads, int scratchBytes) {
    return limits.residentBlocks();
  }

  @Override
  public KernelLaunch prepare(Kernel kernel, DataType type, LaunchShape shape) {
    return new CpuLaunch(CpuKernels.find(kernel.symbol(type)), shape, workers);
  }

  @Override
  public BatchedProduct product(BatchShape shape) {
    return new CpuProduct(shape.type(), workers);
  }

  @Override
  public SvdSolver svdSolver(BatchShape shape, SvdAlgorithm algorithm) {
    return switch (algorithm) {
      case AUTO, GESDD, GESVD -> new CpuSvdSolver(shape, algorithm, workers);
      default ->
          throw new IllegalArgumentException(
              "algorithm: the cpu has AUTO, JACOBI, GOLUB_KAHAN, GESDD and GESVD, got "
                  + algorithm);
    };
  }

  @Override
  public void close() {
    workers.close();
  }
}
