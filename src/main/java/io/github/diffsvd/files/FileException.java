package io.github.diffsvd.files;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file cannot be read or written, or is not what it should be; the message: "FILE: reason". */
public class FileException extends IOException {
  private static final long serialVersionUID = 1;

  public FileException(Path file, String reason) {
    super(file + ": " + reason);
  }

  public FileException(Path file, String reason, Throwable cause) {
    super(file + ": " + reason, cause);
  }

  public FileException(Path file, IOException cause) {
    this(file, reason(cause), cause);
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
    if (cause instanceof EOFException) {
      return "truncated";
    }
    return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
  }
}
