package io.github.diffsvd.internal.backend;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Device memory that a caller owns. It is freed once: by {@link #close()}, or with its device,
 * whichever comes first.
 */
public final class Allocation implements AutoCloseable {
  private final CheckedBackend device;
  private final long address;
  private final Origin origin;
  private final AtomicBoolean closed = new AtomicBoolean();

  Allocation(CheckedBackend device, long address, Origin origin) {
    this.device = device;
    this.address = address;
    this.origin = origin;
  }

  public long address() {
    return address;
  }

  public boolean isClosed() {
    return closed.get();
  }

  public boolean isOn(CheckedBackend device) {
    return this.device == device;
  }

  /** True for the first caller, who frees the memory. */
  boolean markClosed() {
    return closed.compareAndSet(false, true);
  }

  Origin origin() {
    return origin;
  }

  /**
   * Waits for the calls of other threads that use the memory, then frees it. A second call does
   * nothing.
   */
  @Override
  public void close() {
    device.free(this);
  }
}
