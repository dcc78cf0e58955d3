package io.github.diffsvd.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A file that is written beside its target and then takes its place, so that a reader sees the old
 * one or the new one, never a part. Until {@link #commit} the target is as it was; {@link #close}
 * without commit throws away what was written. A target that is a link is replaced, not followed.
 *
 * <p>Not protected against power failure. For one thread.
 */
public final class AtomicFile implements AutoCloseable {
  private static final String PREFIX = ".diffsvd-";
  private static final String SUFFIX = ".tmp";

  /** Temporary files of this process: removed when it is ended by a signal. */
  private static final Set<Path> TEMPORARIES = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> TEMPORARIES.forEach(path -> path.toFile().delete())));
  }

  private final Path target;
  private Path temporary;
  private FileChannel channel;

  private AtomicFile(Path target) {
    this.target = target;
  }

  /**
   * Begins a file.
   *
   * @param target replaced on commit, if it exists; its folder must exist
   * @throws FileException if the folder cannot be written to, the name is not one, or the target is
   *     there and is not a regular file
   */
  public static AtomicFile create(Path target) throws FileException {
    if (target.getFileName() == null) {
      throw new FileException(target, "not a file name");
    }
    AtomicFile file = new AtomicFile(target);
    try {
      if (!Files.readAttributes(target, BasicFileAttributes.class).isRegularFile()) {
        throw new FileException(target, "not a regular file");
      }
    } catch (NoSuchFileException e) {
      // It is new, or its folder is missing, and then it cannot be opened.
    } catch (FileException e) {
      throw e;
    } catch (IOException e) {
      throw new FileException(target, e);
    }
    try {
      while (!file.open()) {
        file.close();
      }
    } catch (IOException e) {
      throw new FileException(target, e);
    }
    return file;
  }

  /**
   * Opens a new temporary file and locks it: what is not locked belongs to no living process. False
   * if another process took it for such a file before it was locked.
   */
  private boolean open() throws IOException {
    // The name's length does not depend on the target's, which may be the longest there is.
    temporary = target.resolveSibling(PREFIX + UUID.randomUUID() + SUFFIX);
    TEMPORARIES.add(temporary);
    try {
      channel =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (IOException e) {
      TEMPORARIES.remove(temporary);
      throw e;
    }
    try {
      return channel.tryLock() != null && Files.exists(temporary);
    } catch (IOException e) {
      // This file system has no locks, so that nobody removes the file either.
      return true;
    }
  }

  /** Where the contents go. */
  public FileChannel channel() {
    return channel;
  }

  /**
   * Puts files in their places. All are closed before the first is moved, so that none is replaced
   * if one of them cannot be written.
   *
   * @throws FileException if a file cannot be written or moved
   */
  public static void commit(AtomicFile... files) throws FileException {
    for (AtomicFile file : files) {
      try {
        file.channel.close();
      } catch (IOException e) {
        throw new FileException(file.target, e);
      }
    }
    for (AtomicFile file : files) {
      try {
        Files.move(file.temporary, file.target, StandardCopyOption.ATOMIC_MOVE);
        TEMPORARIES.remove(file.temporary);
      } catch (IOException e) {
        throw new FileException(file.target, e);
      }
    }
  }

  /**
   * Writes a whole file.
   *
   * @throws FileException if it cannot be written
   */
  public static void write(Path target, byte[] contents) throws FileException {
    try (AtomicFile file = create(target)) {
      file.write(contents);
      commit(file);
    }
  }

  /** Appends bytes. */
  public void write(byte[] contents) throws FileException {
    ByteBuffer rest = ByteBuffer.wrap(contents);
    try {
      while (rest.hasRemaining()) {
        channel.write(rest);
      }
    } catch (IOException e) {
      throw new FileException(target, e);
    }
  }

  /** Ends the work on a file; what was not committed is thrown away. */
  @Override
  public void close() throws FileException {
    try {
      channel.close();
      if (TEMPORARIES.remove(temporary)) {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      throw new FileException(target, e);
    }
  }

  /** Removes the temporary files that killed processes left in a folder. */
  public static void removeLeftovers(Path folder) {
    try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, PREFIX + "*" + SUFFIX)) {
      for (Path file : found) {
        // Closing a file, even by another channel, would take away this process's own lock on it.
        boolean own = TEMPORARIES.stream().anyMatch(each -> each.endsWith(file.getFileName()));
        if (!own && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
          removeIfUnlocked(file);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      // A folder that cannot be listed may still be written to.
    }
  }

  private static void removeIfUnlocked(Path file) {
    try (FileChannel channel =
            FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileLock lock = channel.tryLock()) {
      if (lock != null) {
        Files.delete(file);
      }
    } catch (IOException e) {
      // It is somebody else's, or gone by now.
    }
  }
}
