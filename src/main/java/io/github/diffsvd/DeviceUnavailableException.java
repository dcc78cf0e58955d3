package io.github.diffsvd;

/** A device was asked for that cannot be used here; the message holds every reason found. */
public final class DeviceUnavailableException extends DeviceException {
  private static final long serialVersionUID = 1;

  public DeviceUnavailableException(String message) {
    super(message);
  }

  public DeviceUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
