package io.github.diffsvd.npy;

import io.github.diffsvd.files.FileException;
import java.io.IOException;
import java.nio.file.Path;

/** A .npy file cannot be read; the message says "FILE: reason". */
public final class NpyException extends FileException {
  private static final long serialVersionUID = 1;

  NpyException(Path file, String reason) {
    super(file, reason);
  }

  NpyException(Path file, IOException cause) {
    super(file, cause);
  }
}
