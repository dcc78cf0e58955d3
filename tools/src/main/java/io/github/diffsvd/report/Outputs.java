package io.github.diffsvd.report;

import io.github.diffsvd.files.AtomicFile;
import io.github.diffsvd.files.FileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What must hold of the files that a command writes, found out before it reads or computes. */
public final class Outputs {
  /** Bytes that a trial takes: a block, since a full disk still has room for names. */
  private static final int BLOCK = 4096;

  private Outputs() {}

  /**
   * Makes sure that files can be written to a folder: makes it if it is not there, removes what a
   * killed run has left, and tries.
   *
   * @throws FileException if it is not a folder, cannot be made or cannot be written to
   */
  public static void makeFolder(Path folder) throws FileException {
    if (!Files.isDirectory(folder)) {
      try {
        Files.createDirectories(folder);
      } catch (IOException e) {
        String reason = Files.exists(folder) ? "not a folder" : "cannot make this folder";
        throw new FileException(folder, reason, e);
      }
    }
    AtomicFile.removeLeftovers(folder);
    try {
      tryToWrite(folder.resolve(".diffsvd-trial"));
    } catch (FileException e) {
      throw e.getCause() instanceof IOException reason ? new FileException(folder, reason) : e;
    }
  }

  /**
   * Makes sure that files can be written to folders that are there: as {@link #requireDistinct},
   * and by trying.
   *
   * @throws FileException naming the output
   */
  public static void checkFiles(List<Path> inputs, List<Path> outputs) throws FileException {
    requireDistinct(inputs, outputs);
    for (Path output : outputs) {
      AtomicFile.removeLeftovers(output.toAbsolutePath().getParent());
      tryToWrite(output);
    }
  }

  private static void tryToWrite(Path file) throws FileException {
    try (AtomicFile trial = AtomicFile.create(file)) {
      trial.write(new byte[BLOCK]);
    }
  }

  /**
   * Makes sure that no output is written over another one or over an input, by whatever name:
   * links, relative names, and names that differ in case where the file system does not tell them
   * apart. Of two outputs that are both not there yet, names that differ in case alone are refused.
   *
   * @throws FileException naming the output
   */
  public static void requireDistinct(List<Path> inputs, List<Path> outputs) throws FileException {
    for (int i = 0; i < outputs.size(); i++) {
      Path output = outputs.get(i);
      for (Path input : inputs) {
        if (isSame(output, input)) {
          throw new FileException(output, "would replace the input " + input);
        }
      }
      for (Path other : outputs.subList(0, i)) {
        if (isSame(output, other)) {
          throw new FileException(output, "would replace the other output " + other);
        }
      }
    }
  }

  private static boolean isSame(Path first, Path second) throws FileException {
    try {
      if (Files.exists(first) || Files.exists(second)) {
        return Files.exists(first) && Files.exists(second) && Files.isSameFile(first, second);
      }
      return folder(first).equals(folder(second))
          && first.getFileName().toString().equalsIgnoreCase(second.getFileName().toString());
    } catch (IOException e) {
      throw new FileException(first, e);
    }
  }

  private static Path folder(Path file) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    return Files.exists(folder) ? folder.toRealPath() : folder.normalize();
  }
}
