package io.github.diffsvd.internal.backend;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.internal.backend.cpu.Nvtx;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/**
 * What a plan holds of a device, and the only way to reach the device's backend.
 *
 * <p>One thread at a time is inside a lease, from {@link #enter()} to {@link #leave()}; the thread
 * that makes a lease is inside from the start. While a thread is inside, the device is not closed
 * and no memory is freed that the call uses. The memory, products and solvers that are made through
 * a lease are given back once, when it is closed or when its device is.
 */
public final class Lease implements AutoCloseable {
  /** The arguments of a call. */
  public interface Arguments {
    /** Whether the call that is under way uses the memory. */
    boolean use(Allocation memory);
  }

  private static final VarHandle INSIDE;

  static {
    try {
      INSIDE = MethodHandles.lookup().findVarHandle(Lease.class, "inside", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static final long NOBODY = 0;
  private static final long PAUSE_NANOS = 50_000;

  private final CheckedBackend device;
  private final Backend backend;
  private final Origin origin;
  private final List<Arguments> calls = new CopyOnWriteArrayList<>();
  private final Deque<Runnable> closers = new ArrayDeque<>();

  /** A number and not the thread itself: storing a reference costs more. */
  private volatile long inside = me();

  private volatile boolean closed;

  Lease(CheckedBackend device, Backend backend, Origin origin) {
    this.device = device;
    this.backend = backend;
    this.origin = origin;
  }

  private static long me() {
    return Thread.currentThread().getId();
  }

  /** Null for a lease that lasts for one call of the device's own. */
  Origin origin() {
    return origin;
  }

  public CheckedBackend device() {
    return device;
  }

  /** Makes the arguments known of a kind of call that this lease's holder has. */
  public void add(Arguments arguments) {
    calls.add(arguments);
  }

  /**
   * Lets this thread in.
   *
   * @return false if it is inside already, because a plan calls another one within its own lease;
   *     then there is no {@link #leave()} to call
   * @throws IllegalStateException if the plan or its device is closed, or another thread is inside
   */
  public boolean enter() {
    long me = me();
    if (inside == me) {
      return false;
    }
    if (!INSIDE.compareAndSet(this, NOBODY, me)) {
      checkOpen();
      throw new IllegalStateException(
          origin.what() + ": the plan is in use by another thread; make one for each thread");
    }
    if (isClosed()) {
      leave();
      checkOpen();
    }
    return true;
  }

  public void leave() {
    INSIDE.setRelease(this, NOBODY);
  }

  public boolean isClosed() {
    return closed || device.isClosed();
  }

  /** Throws an IllegalStateException if the device or the plan is closed. */
  public void checkOpen() {
    device.checkOpen();
    if (closed) {
      throw new IllegalStateException(origin.what() + ": the plan is closed");
    }
  }

  /** Returns when no other thread is in a call that uses the memory. */
  void awaitUsersOf(Allocation memory) {
    while (isInsideElsewhere() && calls.stream().anyMatch(call -> call.use(memory))) {
      pause();
    }
  }

  private boolean isInsideElsewhere() {
    long thread = inside;
    return thread != NOBODY && thread != me();
  }

  private static void pause() {
    LockSupport.parkNanos(PAUSE_NANOS);
  }

  public int alignment(DataType type) {
    return backend.alignment(type);
  }

  public Backend.Limits limits() {
    return backend.limits();
  }

  /** The address of uninitialised memory, which is freed with the lease. */
  public long allocate(long bytes) {
    long address = backend.allocate(Math.max(1, bytes));
    closers.push(() -> backend.free(address));
    return address;
  }

  /** Uninitialised matrices, packed row-major, which are freed with the lease. */
  public MatrixBatch allocate(BatchShape shape) {
    return MatrixBatch.wrap(allocate(shape.bytes()), shape);
  }

  public void copyToDevice(long target, ByteBuffer source, long stream) {
    if (checkCopy(source)) {
      backend.copyToDevice(target, source, stream);
    }
  }

  public void copyToHost(ByteBuffer target, long source, long stream) {
    if (checkCopy(target)) {
      backend.copyToHost(target, source, stream);
    }
  }

  private static boolean checkCopy(ByteBuffer buffer) {
    if (!buffer.isDirect()) {
      throw new IllegalArgumentException("buffer: expected a direct buffer");
    }
    return buffer.hasRemaining();
  }

  public void fill(long address, byte value, long bytes, long stream) {
    if (bytes > 0) {
      backend.fill(address, value, bytes, stream);
    }
  }

  public void synchronize(long stream) {
    backend.synchronize(stream);
  }

  /** The handle of a stream, which is closed with the lease. */
  public long openStream() {
    long stream = backend.openStream();
    closers.push(() -> backend.closeStream(stream));
    return stream;
  }

  /** Begins a range on this thread's time line, where somebody looks at it; see {@link Nvtx}. */
  public void pushRange(String name) {
    if (Nvtx.ON) {
      Nvtx.push(name);
    }
  }

  /** Ends the last range. */
  public void popRange() {
    if (Nvtx.ON) {
      Nvtx.pop();
    }
  }

  /** As {@link Backend#misplacement}. */
  public String misplacement(long address) {
    return backend.misplacement(address);
  }

  public int residentBlocks(Kernel kernel, DataType type, int threads, int scratchBytes) {
    return backend.residentBlocks(kernel, type, threads, scratchBytes);
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
    return backend.prepare(kernel, type, shape);
  }

  /**
   * Products of matrices of this shape and their factors; closed with the lease.
   *
   * @param shape whose longer side is the most that a product sums over
   */
  public BatchedProduct product(BatchShape shape) {
    BatchedProduct product = backend.product(shape);
    closers.push(product::close);
    return product;
  }

  /** Closed with the lease. */
  public SvdSolver svdSolver(BatchShape shape, SvdAlgorithm algorithm) {
    if (shape.isEmpty() || shape.rows() < shape.columns()) {
      throw new IllegalArgumentException("shape: expected batch ≥ 1 and m ≥ n ≥ 1, got " + shape);
    }
    SvdSolver solver = backend.svdSolver(shape, algorithm);
    closers.push(solver::close);
    return solver;
  }

  /**
   * Waits for the call that another thread is in, then gives everything back. A second call does
   * nothing.
   */
  @Override
  public void close() {
    closed = true;
    long me = me();
    while (inside != me && !INSIDE.compareAndSet(this, NOBODY, me)) {
      pause();
    }
    try {
      closeAll(closers);
    } finally {
      device.forget(this);
      leave();
    }
  }

  /** Runs all of them, whichever fail, and empties the list; throws what the first threw. */
  static void closeAll(Deque<Runnable> closers) {
    RuntimeException failure = null;
    while (!closers.isEmpty()) {
      try {
        closers.pop().run();
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
