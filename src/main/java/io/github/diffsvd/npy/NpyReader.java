package io.github.diffsvd.npy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads a .npy file of version 1, 2 or 3: float32, float64, complex64, complex128 or int32, either
 * byte order, C or Fortran order, any shape. Whatever the file's order, the elements come in C
 * order (the last index runs fastest) and native byte order, as many at a time as the caller wants;
 * files may be larger than memory.
 *
 * <p>A file that ends too early or goes on after its array is refused when it is opened. For one
 * thread.
 */
public final class NpyReader implements AutoCloseable {
  /** NumPy itself refuses to evaluate longer ones by default. */
  private static final long MAX_HEADER_BYTES = 10_000;

  private static final int PREFIX_BYTES = 12;

  private final Path file;
  private final FileChannel channel;
  private final NpyHeader header;
  private final ArrayData data;

  private NpyReader(Path file, FileChannel channel) throws IOException {
    this.file = file;
    this.channel = channel;
    header = readHeader();
    long found = channel.size() - channel.position();
    if (found < header.bytes()) {
      throw fail("truncated: expected " + header.bytes() + " bytes of data, got " + found);
    }
    if (found > header.bytes()) {
      throw fail(found - header.bytes() + " bytes follow the data");
    }
    data = new ArrayData(channel, MapMode.READ_ONLY, header);
  }

  /**
   * Opens a file and reads its header.
   *
   * @throws NpyException if the file cannot be read or is not a complete .npy file of these types
   */
  public static NpyReader open(Path file) throws NpyException {
    try {
      if (Files.exists(file) && !Files.isRegularFile(file)) {
        throw new NpyException(file, "not a regular file");
      }
      FileChannel channel = FileChannel.open(file);
      try {
        return new NpyReader(file, channel);
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

  private NpyHeader readHeader() throws IOException {
    byte[] prefix = readBytes((int) Math.min(PREFIX_BYTES, channel.size()));
    if (!NpyHeader.isMagic(prefix)) {
      throw fail("not a .npy file (wrong magic)");
    }
    if (prefix.length < PREFIX_BYTES) {
      throw fail("truncated: the header is incomplete");
    }
    int version = prefix[6];
    if (version < 1 || version > 3 || prefix[7] != 0) {
      throw fail("unknown .npy version " + version + "." + prefix[7]);
    }
    ByteBuffer fields = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN);
    long length =
        version == 1
            ? Short.toUnsignedLong(fields.getShort(8))
            : Integer.toUnsignedLong(fields.getInt(8));
    if (length > MAX_HEADER_BYTES) {
      throw fail("a header of " + length + " bytes; at most " + MAX_HEADER_BYTES + " expected");
    }
    channel.position(version == 1 ? 10 : 12);
    if (channel.size() - channel.position() < length) {
      throw fail("truncated: the header is incomplete");
    }
    byte[] text = readBytes((int) length);
    try {
      return NpyHeader.parse(
          new String(text, version < 3 ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8));
    } catch (IllegalArgumentException e) {
      throw fail(e.getMessage());
    }
  }

  private byte[] readBytes(int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes) < 0) {
        throw fail("truncated while it was read");
      }
    }
    return bytes.array();
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
