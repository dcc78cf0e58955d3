package io.github.diffsvd.npy;

import io.github.diffsvd.files.AtomicFile;
import io.github.diffsvd.files.FileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Writes a .npy file of version 1.0 in C order (the last index runs fastest), header bytes as
 * NumPy's own. The elements are given in native byte order, as many at a time as the caller wants.
 *
 * <p>It is an {@link AtomicFile}: the target is as it was until {@link #commit}. For one thread.
 */
public final class NpyWriter implements AutoCloseable {
  private final Path file;
  private final AtomicFile output;
  private final ArrayData data;

  private NpyWriter(Path file, AtomicFile output, NpyHeader header) throws IOException {
    this.file = file;
    this.output = output;
    ByteBuffer head = ByteBuffer.wrap(header.encode());
    while (head.hasRemaining()) {
      output.channel().write(head);
    }
    data = new ArrayData(output.channel(), header);
  }

  /**
   * Begins a file.
   *
   * @param file replaced on commit, if it exists; its folder must exist
   * @throws IllegalArgumentException if the header says Fortran order
   * @throws FileException if the folder cannot be written to, or the file is there and is not a
   *     regular file
   */
  public static NpyWriter create(Path file, NpyHeader header) throws FileException {
    if (header.fortranOrder()) {
      throw new IllegalArgumentException("header: expected C order, got Fortran order");
    }
    AtomicFile output = AtomicFile.create(file);
    try {
      return new NpyWriter(file, output, header);
    } catch (IOException e) {
      output.close();
      throw new FileException(file, e);
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
   * @throws FileException if the disk is full or the file cannot be written
   */
  public void write(ByteBuffer source) throws FileException {
    try {
      data.write(source);
    } catch (IOException e) {
      throw new FileException(file, e);
    }
  }

  /**
   * Puts complete files in their places, as {@link AtomicFile#commit} does.
   *
   * @throws IllegalStateException if elements are missing
   * @throws FileException if a file cannot be written or moved
   */
  public static void commit(NpyWriter... writers) throws FileException {
    for (NpyWriter writer : writers) {
      if (writer.remaining() > 0) {
        throw new IllegalStateException(
            writer.file + ": " + writer.remaining() + " bytes have not been written");
      }
    }
    AtomicFile.commit(
        Arrays.stream(writers).map(writer -> writer.output).toArray(AtomicFile[]::new));
  }

  /** Ends the work on a file; what was not committed is thrown away. */
  @Override
  public void close() throws FileException {
    output.close();
  }
}
