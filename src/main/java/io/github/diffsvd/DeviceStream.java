package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Lease;

/**
 * A stream of a device, for those who have none of their own to give: work that is queued on it is
 * done in its order, and beside that of other streams. On the CPU, where every call returns when
 * its work is done, its handle is 0. May be used by any thread.
 */
public final class DeviceStream implements AutoCloseable {
  private final Device device;
  private final Lease lease;
  private final long handle;

  DeviceStream(Device device, Lease lease) {
    this.device = device;
    this.lease = lease;
    handle = lease.openStream();
  }

  /**
   * The raw handle of the CUstream, as all calls take it.
   *
   * @throws IllegalStateException if the stream or its device is closed
   */
  public long handle() {
    if (lease.isClosed()) {
      throw new IllegalStateException("DeviceStream of " + device + ": it is closed");
    }
    return handle;
  }

  /**
   * Waits until the work queued on the stream is done.
   *
   * @throws IllegalStateException if the stream or its device is closed
   */
  public void synchronize() {
    device.synchronize(handle());
  }

  /** Closes the stream; what is queued on it is still done. A second call does nothing. */
  @Override
  public void close() {
    lease.close();
  }
}
