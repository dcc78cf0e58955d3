package io.github.diffsvd.npy;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A .npy file cannot be read or written; the message says "FILE: reason". */
public final class NpyException extends IOException {
  private static final long serialVersionUID = 1;

  NpyException(Path file, String reason) {
    super(file + ": " + reason);
  }

  NpyException(Path file, IOException cause) {
    super(file + ": " + reason(cause), cause);
  }

  /** The JDK gives the most frequent reasons as classes and repeats only the name. */
  private static String reason(IOException cause) {
    if (cause instanceof NoSuchFileException) {
      return "no such file or directory";
    }
    if (cause instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (cause instanceof FileSystemException detailed && detailed.getReason() != null) {
      return detailed.getReason();
    }
    return cause.getMessage();
  }
}
