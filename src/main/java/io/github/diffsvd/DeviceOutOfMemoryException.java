package io.github.diffsvd;

/** A device has not enough memory for an allocation. Nothing was allocated. */
public final class DeviceOutOfMemoryException extends DeviceException {
  private static final long serialVersionUID = 1;

  private final long requestedBytes;
  private final long freeBytes;

  /**
   * @param freeBytes what the device says is free, or −1 where it does not tell
   */
  public DeviceOutOfMemoryException(String device, long requestedBytes, long freeBytes) {
    super(
        device
            + ": "
            + requestedBytes
            + " bytes requested, "
            + (freeBytes < 0 ? "fewer" : Long.toString(freeBytes))
            + " free");
    this.requestedBytes = requestedBytes;
    this.freeBytes = freeBytes;
  }

  public long requestedBytes() {
    return requestedBytes;
  }

  /** Free bytes on the device when the request failed, or −1 where it does not tell. */
  public long freeBytes() {
    return freeBytes;
  }
}
