package io.github.diffsvd.internal.backend;

import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;

/**
 * The one checking layer above every backend. The public API reaches a backend through the {@link
 * Lease}s of this class alone, so nothing happens on a device that is closed, and a device is
 * closed only when no call is under way. It knows all that was made and is not closed yet. Safe for
 * use by several threads.
 */
public final class CheckedBackend implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("io.github.diffsvd");

  private final Backend backend;
  private final Set<Lease> leases = ConcurrentHashMap.newKeySet();
  private final Set<Allocation> allocations = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean closed = new AtomicBoolean();

  public CheckedBackend(Backend backend) {
    this.backend = backend;
  }

  public String name() {
    return backend.name();
  }

  public String description() {
    return backend.description();
  }

  boolean isClosed() {
    return closed.get();
  }

  void checkOpen() {
    if (isClosed()) {
      throw new IllegalStateException(name() + ": the device is closed");
    }
  }

  /**
   * A lease for a plan; this thread is inside.
   *
   * @param holder the plan, for messages: "SvdPlan FLOAT32 8×4×4"
   * @throws IllegalStateException if the device is closed
   */
  public Lease lease(String holder) {
    return open(Origin.of(holder));
  }

  /**
   * A lease for one call, to be closed at its end; this thread is inside.
   *
   * @throws IllegalStateException if the device is closed
   */
  public Lease lease() {
    return open(null);
  }

  private Lease open(Origin origin) {
    Lease lease = new Lease(this, backend, origin);
    leases.add(lease);
    // Only now: either this sees that the device is closed, or close() sees the lease.
    if (isClosed()) {
      lease.close();
      checkOpen();
    }
    return lease;
  }

  void forget(Lease lease) {
    leases.remove(lease);
  }

  /**
   * Uninitialised memory, which its owner closes.
   *
   * @param what for the report of what was never closed
   */
  public Allocation allocate(long bytes, String what) {
    Lease call = lease();
    try {
      Allocation memory =
          new Allocation(this, backend.allocate(Math.max(1, bytes)), Origin.of(what));
      allocations.add(memory);
      return memory;
    } finally {
      call.close();
    }
  }

  /** Of a closed device all memory is free already, or about to be. */
  void free(Allocation memory) {
    Lease call = new Lease(this, backend, null);
    leases.add(call);
    try {
      if (!isClosed() && memory.markClosed()) {
        leases.forEach(lease -> lease.awaitUsersOf(memory));
        release(memory);
      }
    } finally {
      call.close();
    }
  }

  private void release(Allocation memory) {
    allocations.remove(memory);
    backend.free(memory.address());
  }

  /**
   * Waits for the calls that are under way, reports what was never closed, gives it back, and
   * closes the device. A second call does nothing.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    reportLeaks();
    Deque<Runnable> closers = new ArrayDeque<>();
    leases.forEach(lease -> closers.add(lease::close));
    closers.add(() -> Lease.closeAll(releasesOfOpenAllocations()));
    closers.add(backend::close);
    Lease.closeAll(closers);
  }

  private Deque<Runnable> releasesOfOpenAllocations() {
    Deque<Runnable> releases = new ArrayDeque<>();
    for (Allocation memory : allocations) {
      if (memory.markClosed()) {
        releases.add(() -> release(memory));
      }
    }
    return releases;
  }

  private void reportLeaks() {
    List<Origin> leaks =
        Stream.concat(
                leases.stream().map(Lease::origin).filter(Objects::nonNull),
                allocations.stream().map(Allocation::origin))
            .toList();
    if (leaks.stream().anyMatch(leak -> leak.place() == null)) {
      LOG.log(
          Level.WARNING,
          "{0}: {1} objects were never closed; -D{2}=true tells where they were made",
          name(),
          leaks.size(),
          Origin.PROPERTY);
      return;
    }
    for (Origin leak : leaks) {
      LOG.log(
          Level.WARNING,
          "{0}: {1} was never closed; made at {2}",
          name(),
          leak.what(),
          leak.place());
    }
  }
}
