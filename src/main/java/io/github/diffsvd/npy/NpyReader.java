package io.github.diffsvd.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Reads a .npy file of version 1, 2 or 3, of every {@link NpyType}, either byte order, C or Fortran
 * order, any shape. Whatever the file's order, the elements come in C order (the last index runs
 * fastest) and native byte order, as many at a time as the caller wants; files may be larger than
 * memory. Of a file with several arrays it reads the first, as NumPy does.
 *
 * <p>A file that ends too early, or goes on after its array with anything but another one, is
 * refused when it is opened. Of a pipe that is found out while it is read, what follows the array
 * stays in it, and Fortran order is refused. For one thread.
 */
public final class NpyReader implements AutoCloseable {
  /** NumPy itself refuses to evaluate longer ones by default. */
  private static final long MAX_HEADER_BYTES = 10_000;

  /** The magic and the version. */
  private static final int PREFIX_BYTES = 8;

  /** The file's type within its mode in Unix, and that of a pipe. */
  private static final int TYPE_MASK = 0xf000;

  private static final int PIPE = 0x1000;

  private final Path file;
  private final FileChannel channel;
  private final NpyHeader header;
  private final ArrayData data;
  private long following;

  private NpyReader(Path file, FileChannel channel, boolean pipe) throws IOException {
    this.file = file;
    this.channel = channel;
    header = readHeader();
    if (!pipe) {
      checkLength();
    } else if (header.fortranOrder() && header.shape().size() > 1) {
      throw fail("Fortran order cannot be read from a pipe");
    }
    data = new ArrayData(channel, header);
  }

  /**
   * Opens a file and reads its header; waits for a pipe's.
   *
   * @throws NpyException if the file cannot be read or is not a complete .npy file of these types
   */
  public static NpyReader open(Path file) throws NpyException {
    try {
      boolean pipe = ((int) Files.getAttribute(file, "unix:mode") & TYPE_MASK) == PIPE;
      if (!pipe && !Files.isRegularFile(file)) {
        throw new NpyException(file, "not a regular file");
      }
      FileChannel channel = FileChannel.open(file);
      try {
        return new NpyReader(file, channel, pipe);
      } catch (IOException | RuntimeException | Error e) {
        channel.close();
        throw e;
      }
    } catch (NpyException e) {
      throw e;
    } catch (IOException e) {
      throw new NpyException(file, e);
    }
  }

  private void checkLength() throws IOException {
    long begin = channel.position();
    long found = channel.size() - begin;
    if (found < header.bytes()) {
      throw fail(ArrayData.truncated(header.bytes(), found));
    }
    following = found - header.bytes();
    if (following > 0) {
      channel.position(begin + header.bytes());
      byte[] next = readBytes((int) Math.min(PREFIX_BYTES, following));
      if (next.length < PREFIX_BYTES || !NpyHeader.isMagic(next)) {
        throw fail(following + " bytes follow the data");
      }
      channel.position(begin);
    }
  }

  private NpyHeader readHeader() throws IOException {
    byte[] prefix = readBytes(PREFIX_BYTES);
    if (!NpyHeader.isMagic(prefix)) {
      throw fail("not a .npy file (wrong magic)");
    }
    requireLength(prefix, PREFIX_BYTES);
    int version = prefix[PREFIX_BYTES - 2];
    int minor = prefix[PREFIX_BYTES - 1];
    if (version < 1 || version > 3 || minor != 0) {
      throw fail("unknown .npy version " + version + "." + minor);
    }
    int lengthBytes = version == 1 ? Short.BYTES : Integer.BYTES;
    byte[] digits = readBytes(lengthBytes);
    requireLength(digits, lengthBytes);
    long length = 0;
    for (int i = lengthBytes - 1; i >= 0; i--) {
      length = length << Byte.SIZE | Byte.toUnsignedLong(digits[i]);
    }
    if (length > MAX_HEADER_BYTES) {
      throw fail("a header of " + length + " bytes; at most " + MAX_HEADER_BYTES + " expected");
    }
    byte[] text = readBytes((int) length);
    requireLength(text, (int) length);
    try {
      return NpyHeader.parse(
          new String(text, version < 3 ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8));
    } catch (IllegalArgumentException e) {
      throw fail(e.getMessage());
    }
  }

  private void requireLength(byte[] part, int length) throws NpyException {
    if (part.length < length) {
      throw fail("truncated: the header is incomplete");
    }
  }

  /** The next bytes, fewer at the end of the file. */
  private byte[] readBytes(int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
      // A pipe gives them in pieces.
    }
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  private NpyException fail(String reason) {
    return new NpyException(file, reason);
  }

  public NpyHeader header() {
    return header;
  }

  /** The file as it was given to {@link #open}. */
  public Path file() {
    return file;
  }

  /** Bytes after the array, which begin another one; 0 for a pipe. */
  public long following() {
    return following;
  }

  /** Bytes of the elements that have not been read yet. */
  public long remaining() {
    return data.remaining();
  }

  /**
   * Fills the buffer's remaining bytes with the next elements, in C order and native byte order.
   *
   * @param target whole elements, not more than there are
   * @throws NpyException if the file cannot be read
   */
  public void read(ByteBuffer target) throws NpyException {
    try {
      data.read(target);
    } catch (IOException e) {
      throw new NpyException(file, e);
    }
  }

  @Override
  public void close() throws NpyException {
    try {
      channel.close();
    } catch (IOException e) {
      throw new NpyException(file, e);
    }
  }
}
