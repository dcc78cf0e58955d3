package io.github.diffsvd.internal.backend;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.SvdAlgorithm;
import java.nio.ByteBuffer;
import java.util.function.ToIntFunction;

/**
 * What a device must do: memory, kernels, products and solvers. Implementations check nothing but
 * the status of what they call; {@link CheckedBackend} and its {@link Lease}s stand above them.
 *
 * <p>All work is ordered on the stream that the caller gives; 0 is the device's own.
 */
public interface Backend extends AutoCloseable {
  /** "cpu" or "cuda:0". */
  String name();

  /** What stands behind the name, for people: one line. */
  String description();

  Limits limits();

  /** What the address of an element of the caller's has to be a multiple of, a power of two. */
  int alignment(DataType type);

  /** Uninitialised memory, aligned to 256 bytes (CUDA) or 64 (CPU). */
  long allocate(long bytes);

  void free(long address);

  /**
   * Copies a direct buffer's remaining bytes to the device; returns when the buffer may be used
   * again.
   */
  void copyToDevice(long target, ByteBuffer source, long stream);

  /** Fills a direct buffer's remaining bytes from the device; returns when they are there. */
  void copyToHost(ByteBuffer target, long source, long stream);

  /** Sets every byte. */
  void fill(long address, byte value, long bytes, long stream);

  /** Waits until the work queued on the stream is done. */
  void synchronize(long stream);

  /** A stream that waits for no other one; 0 where there is only one. */
  long openStream();

  void closeStream(long stream);

  /**
   * Where an address of the caller's is, in words, if that is not the device's memory; null if it
   * is, or if nobody asked for looking ({@code diffsvd.checkPointers}).
   */
  String misplacement(long address);

  /** How many blocks of a kernel the device works on at the same time. */
  int residentBlocks(Kernel kernel, DataType type, int threads, int scratchBytes);

  /**
   * A kernel with its launch shape, ready to be started; everything that allocates happens here.
   */
  KernelLaunch prepare(Kernel kernel, DataType type, LaunchShape shape);

  /**
   * Strided-batched products of matrices of this shape and their factors; everything that allocates
   * happens here.
   */
  BatchedProduct product(BatchShape shape);

  /**
   * A solver for batches of m×n matrices with m ≥ n ≥ 1.
   *
   * @throws IllegalArgumentException if the device does not have the algorithm for this shape
   */
  SvdSolver svdSolver(BatchShape shape, SvdAlgorithm algorithm);

  @Override
  void close();

  /**
   * What a launch shape is made from.
   *
   * @param residentBlocks blocks that keep the whole device busy
   * @param threads threads per block that suit it; 1 on the CPU
   * @param scratchBytes the most scratch that one block may have
   * @param laneElements up to so many elements of scratch per matrix the backward kernel with a
   *     matrix per vector lane is the fastest; measured on the CPU: above, OpenBLAS's products are
   * @param jacobiColumns up to how many columns of a type the Jacobi kernel is the fastest forward
   *     pass
   * @param wideBytes a thread's vector register, whose every lane has a matrix of its own in
   *     kernels with lanes.cuh; 0 on a GPU
   */
  record Limits(
      int residentBlocks,
      int threads,
      long scratchBytes,
      long laneElements,
      ToIntFunction<DataType> jacobiColumns,
      int wideBytes) {
    /**
     * Whether kernels with lanes.cuh, where they suit a shape, suit a batch of it too. Measured on
     * the CPU: with few matrices most lanes are idle, and a library that works inside one matrix is
     * faster.
     */
    public boolean fillsLanes(int batch, int k) {
      return wideBytes == 0 || 4L * batch >= k;
    }

    /** Whether the Jacobi kernel is the fastest forward pass of m×n matrices. */
    public boolean prefersJacobi(DataType type, int m, int n) {
      return Math.min(m, n) <= jacobiColumns.applyAsInt(type);
    }

    /** The matrices that one thread works on at a time in kernels with lanes.cuh. */
    public int lanes(DataType type) {
      return Math.max(1, wideBytes / type.real().bytes());
    }
  }
}
