package io.github.diffsvd.internal.backend.cuda;

import static io.github.diffsvd.internal.backend.cuda.CudaStatus.check;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.CudaStatusException;
import io.github.diffsvd.DataType;
import io.github.diffsvd.DeviceUnavailableException;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.Backend;
import io.github.diffsvd.internal.backend.BatchedProduct;
import io.github.diffsvd.internal.backend.Kernel;
import io.github.diffsvd.internal.backend.KernelLaunch;
import io.github.diffsvd.internal.backend.LaunchShape;
import io.github.diffsvd.internal.backend.SvdSolver;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Supplier;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;

/**
 * An NVIDIA GPU by the driver API: the kernels from fatbins, products by cuBLAS, decompositions by
 * cuSOLVER.
 *
 * <p>Uses the device's primary context, so that addresses and streams of the CUDA runtime and of
 * other libraries in the process can be given to it and taken from it, or that of a library which
 * has one of its own.
 *
 * <p>This class has to load, and to say what is missing, where JCuda is not on the class path; a
 * test sees to it. So it makes no object of JCuda, and hands none to a method that takes its
 * superclass, for which the verifier would have to load both.
 */
public final class CudaBackend implements Backend {
  private static final int THREADS = 128;

  /** Blocks of {@link #THREADS} that one multiprocessor has room for. */
  private static final int BLOCKS_PER_MULTIPROCESSOR = 16;

  /** All that the kernel takes: on an H100 cuSOLVER is slower at every size. */
  private static final int JACOBI_COLUMNS = 64;

  private final CudaContext context;
  private final CudaMemory memory;
  private final SharedCublas cublas;
  private final SharedCusolver cusolver;
  private final CudaModule module;
  private final Limits limits;
  private final boolean checksPointers = Boolean.getBoolean("diffsvd.checkPointers");
  private final String description;

  /**
   * Opens a device.
   *
   * @param index from 0, as the driver counts
   * @throws DeviceUnavailableException with every reason found
   */
  public CudaBackend(int index) {
    this(openContext(index));
  }

  /**
   * Opens the device of a context that somebody else made, and works in that one.
   *
   * @param context the handle of a CUcontext that outlives the backend
   * @throws DeviceUnavailableException with every reason found
   */
  public static CudaBackend inContext(long context) {
    return new CudaBackend(
        openContext("cuda", CudaProbe.problems(), () -> CudaContext.of(context)));
  }

  private static CudaContext openContext(int index) {
    List<String> problems = CudaProbe.problems();
    if (problems.isEmpty() && index >= CudaProbe.devices()) {
      problems = List.of("this machine has " + CudaProbe.devices() + " CUDA device(s)");
    }
    return openContext("cuda:" + index, problems, () -> CudaContext.primary(index));
  }

  private static CudaContext openContext(
      String name, List<String> problems, Supplier<CudaContext> open) {
    if (!problems.isEmpty()) {
      throw new DeviceUnavailableException(name + ": " + String.join("; ", problems));
    }
    try {
      return open.get();
    } catch (CudaStatusException e) {
      throw unavailable(name, e);
    }
  }

  private static DeviceUnavailableException unavailable(String name, CudaStatusException cause) {
    return new DeviceUnavailableException(name + ": " + cause.getMessage(), cause);
  }

  private CudaBackend(CudaContext context) {
    this.context = context;
    memory = new CudaMemory(context);
    cublas = new SharedCublas(context);
    cusolver = new SharedCusolver(context);
    try {
      limits =
          new Limits(
              context.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
                  * BLOCKS_PER_MULTIPROCESSOR,
              THREADS,
              context.attribute(
                  CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
              0,
              type -> JACOBI_COLUMNS,
              0);
      int[] version = {0};
      check("cuDriverGetVersion", JCudaDriver.cuDriverGetVersion(version));
      description =
          context.product()
              + ", compute capability "
              + context.computeCapability()
              + ", driver for CUDA "
              + CudaProbe.version(version[0]);
      module = new CudaModule(context);
    } catch (CudaStatusException e) {
      context.close();
      throw unavailable(context.name(), e);
    } catch (RuntimeException | Error e) {
      context.close();
      throw e;
    }
  }

  @Override
  public String name() {
    return context.name();
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public Limits limits() {
    return limits;
  }

  /** The kernels and cuBLAS load a complex number at once. */
  @Override
  public int alignment(DataType type) {
    return type.bytes();
  }

  @Override
  public long allocate(long bytes) {
    return memory.allocate(bytes);
  }

  @Override
  public void free(long address) {
    memory.free(address);
  }

  @Override
  public void copyToDevice(long target, ByteBuffer source, long stream) {
    memory.copyToDevice(target, source, stream);
  }

  @Override
  public void copyToHost(ByteBuffer target, long source, long stream) {
    memory.copyToHost(target, source, stream);
  }

  @Override
  public void fill(long address, byte value, long bytes, long stream) {
    memory.fill(address, value, bytes, stream);
  }

  @Override
  public void synchronize(long stream) {
    context.push();
    try {
      check(
          "cuStreamSynchronize",
          JCudaDriver.cuStreamSynchronize(context.streamHandle().driver(stream)));
    } finally {
      context.pop();
    }
  }

  @Override
  public long openStream() {
    return context.openStream();
  }

  @Override
  public void closeStream(long stream) {
    context.closeStream(stream);
  }

  @Override
  public String misplacement(long address) {
    return checksPointers ? memory.misplacement(address) : null;
  }

  @Override
  public int residentBlocks(Kernel kernel, DataType type, int threads, int scratchBytes) {
    int most = Math.toIntExact(limits.scratchBytes());
    CUfunction function = module.function(kernel, type, scratchBytes, most);
    int[] blocks = {0};
    context.push();
    try {
      check(
          "cuOccupancyMaxActiveBlocksPerMultiprocessor",
          JCudaDriver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
              blocks, function, threads, scratchBytes));
    } finally {
      context.pop();
    }
    return blocks[0] * (limits.residentBlocks() / BLOCKS_PER_MULTIPROCESSOR);
  }

  @Override
  public KernelLaunch prepare(Kernel kernel, DataType type, LaunchShape shape) {
    int most = Math.toIntExact(limits.scratchBytes());
    return new CudaLaunch(
        context, module.function(kernel, type, shape.scratchBytes(), most), shape);
  }

  @Override
  public BatchedProduct product(BatchShape shape) {
    return new CudaProduct(context, cublas, shape);
  }

  @Override
  public SvdSolver svdSolver(BatchShape shape, SvdAlgorithm algorithm) {
    return new CudaSvdSolver(context, cusolver, shape, algorithm);
  }

  /** The last first, and all of them. */
  @Override
  @SuppressWarnings("try")
  public void close() {
    try (context;
        module;
        cusolver;
        cublas) {}
  }
}
