package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Workspace;

/**
 * Device memory that belongs to the caller, for {@link SvdOptions#withWorkspace}.
 *
 * @param address of its first byte, a multiple of 256
 * @param bytes what is there
 */
public record BorrowedMemory(long address, long bytes) {
  /** The address, if there is room for so many bytes. */
  long checked(long needed) {
    if (bytes < needed) {
      throw new IllegalArgumentException(
          "workspace: expected at least " + needed + " bytes, got " + bytes);
    }
    if (address % Workspace.ALIGNMENT != 0 || (address == 0 && needed > 0)) {
      throw new IllegalArgumentException(
          "workspace: expected an address that is a multiple of "
              + Workspace.ALIGNMENT
              + ", got 0x"
              + Long.toHexString(address));
    }
    return address;
  }
}
