package io.github.diffsvd.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Writes a .npy file of version 1.0, header bytes as NumPy's own. The elements are given in C order
 * (the last index runs fastest) and native byte order, as many at a time as the caller wants, and
 * stand in the file in the order that the header asks for.
 *
 * <p>They go to a temporary file beside the target; {@link #commit} puts it in the target's place
 * at once. Until then the target is as it was, and {@link #close} without commit removes the
 * temporary file. Not protected against power failure. For one thread.
 */
public final class NpyWriter implements AutoCloseable {
  /** Temporary files that are there now: removed when the process is ended by a signal. */
  private static final Set<Path> TEMPORARIES = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> TEMPORARIES.forEach(path -> path.toFile().delete())));
  }

  private static final int ZEROS = 1 << 16;

  private final Path file;
  private final Path temporary;
  private final FileChannel channel;
  private final ArrayData data;

  private NpyWriter(Path file, Path temporary, NpyHeader header) throws IOException {
    this.file = file;
    this.temporary = temporary;
    // Mapping for writing needs reading too.
    channel =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    TEMPORARIES.add(temporary);
    try {
      writeFully(ByteBuffer.wrap(header.encode()));
      if (header.fortranOrder()) {
        reserve(header.bytes());
      }
      data = new ArrayData(channel, MapMode.READ_WRITE, header);
    } catch (IOException | RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /**
   * Begins a file.
   *
   * @param file replaced on commit, if it exists; its folder must exist
   * @throws NpyException if the folder cannot be written to, or the file is there and is not a
   *     regular file
   */
  public static NpyWriter create(Path file, NpyHeader header) throws NpyException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new NpyException(file, "not a regular file");
    }
    if (file.getFileName() == null) {
      throw new NpyException(file, "not a file name");
    }
    Path temporary =
        file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      return new NpyWriter(file, temporary, header);
    } catch (IOException e) {
      throw new NpyException(file, e);
    }
  }

  /** Takes the space on disk now: a full disk under a mapping would end the process. */
  private void reserve(long bytes) throws IOException {
    long start = channel.position();
    ByteBuffer zeros = ByteBuffer.allocateDirect(ZEROS);
    for (long left = bytes; left > 0; left -= zeros.limit()) {
      zeros.clear().limit((int) Math.min(left, ZEROS));
      writeFully(zeros);
    }
    channel.position(start);
  }

  private void writeFully(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Bytes of the elements that have not been written yet. */
  public long remaining() {
    return data.remaining();
  }

  /**
   * Writes the buffer's remaining bytes: the next elements, in C order and native byte order.
   *
   * @param source whole elements, not more than the header says
   * @throws NpyException if the disk is full or the file cannot be written
   */
  public void write(ByteBuffer source) throws NpyException {
    try {
      data.write(source);
    } catch (IOException e) {
      throw new NpyException(file, e);
    }
  }

  /**
   * Puts complete files in their places. All are finished before the first is moved, so that none
   * is replaced if one of them cannot be written.
   *
   * @throws IllegalStateException if elements are missing
   * @throws NpyException if a file cannot be written or moved
   */
  public static void commit(NpyWriter... writers) throws NpyException {
    for (NpyWriter writer : writers) {
      if (writer.remaining() > 0) {
        throw new IllegalStateException(
            writer.file + ": " + writer.remaining() + " bytes have not been written");
      }
      try {
        writer.channel.close();
      } catch (IOException e) {
        throw new NpyException(writer.file, e);
      }
    }
    for (NpyWriter writer : writers) {
      try {
        Files.move(writer.temporary, writer.file, StandardCopyOption.ATOMIC_MOVE);
        TEMPORARIES.remove(writer.temporary);
      } catch (IOException e) {
        throw new NpyException(writer.file, e);
      }
    }
  }

  /** Ends the work on a file; what was not committed is thrown away. */
  @Override
  public void close() throws NpyException {
    try {
      channel.close();
      if (TEMPORARIES.remove(temporary)) {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      throw new NpyException(file, e);
    }
  }
}
