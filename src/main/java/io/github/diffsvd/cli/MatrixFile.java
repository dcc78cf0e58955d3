package io.github.diffsvd.cli;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.npy.NpyException;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyReader;
import io.github.diffsvd.npy.NpyType;
import io.github.diffsvd.npy.NpyWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A .npy file opened as a batch of matrices: shape (…, m, n), where every leading dimension is
 * batch. Also the way from a device back to a file. Values pass through the host in pieces, so that
 * no array is too large for a buffer.
 */
final class MatrixFile implements AutoCloseable {
  /** Bytes that pass through the host at a time. */
  private static final int CHUNK_BYTES = 1 << 24;

  /** The status of all of them, four bytes each, has to fit in one buffer. */
  private static final int MAX_BATCH = Integer.MAX_VALUE / Integer.BYTES;

  private final NpyReader reader;
  private final DataType type;

  private MatrixFile(NpyReader reader) {
    this.reader = reader;
    NpyType npyType = reader.header().type();
    if (npyType == NpyType.INT32) {
      throw fail("unsupported dtype " + npyType);
    }
    type = DataType.valueOf(npyType.name());
  }

  /** Opens a file of matrices of any shape. */
  static MatrixFile open(Path path) throws NpyException {
    NpyReader reader = NpyReader.open(path);
    try {
      MatrixFile file = new MatrixFile(reader);
      if (file.shape().size() < 2) {
        throw file.fail("expected shape (…, m, n), got shape " + NpyHeader.describe(file.shape()));
      }
      // All three are looked at now, so that nothing is computed in vain.
      file.batch();
      file.rows();
      file.columns();
      return file;
    } catch (RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  /** Opens a file that must hold this type and shape. */
  static MatrixFile open(Path path, DataType type, List<Long> shape) throws NpyException {
    NpyReader reader = NpyReader.open(path);
    try {
      MatrixFile file = new MatrixFile(reader);
      if (file.type != type) {
        throw file.fail("expected dtype " + npyType(type) + ", got " + npyType(file.type));
      }
      if (!file.shape().equals(shape)) {
        throw file.fail(
            "expected shape "
                + NpyHeader.describe(shape)
                + ", got "
                + NpyHeader.describe(file.shape()));
      }
      return file;
    } catch (RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  private InputException fail(String reason) {
    return new InputException(reader.file() + ": " + reason);
  }

  DataType type() {
    return type;
  }

  /** The whole shape, leading dimensions included. */
  List<Long> shape() {
    return reader.header().shape();
  }

  /** The leading dimensions, followed by these. */
  List<Long> shapeWith(int... extents) {
    List<Long> shape = new ArrayList<>(shape().subList(0, shape().size() - 2));
    for (int extent : extents) {
      shape.add((long) extent);
    }
    return shape;
  }

  /** The product of the leading dimensions. */
  int batch() {
    List<Long> leading = shape().subList(0, shape().size() - 2);
    long batch = 1;
    for (long extent : leading) {
      batch = leading.contains(0L) ? 0 : batch * extent;
      if (batch > MAX_BATCH || extent > MAX_BATCH) {
        throw tooMany("matrices", MAX_BATCH);
      }
    }
    return (int) batch;
  }

  int rows() {
    return extent(shape().size() - 2, "rows");
  }

  int columns() {
    return extent(shape().size() - 1, "columns");
  }

  /** min(m, n) */
  int k() {
    return Math.min(rows(), columns());
  }

  private int extent(int dimension, String what) {
    long extent = shape().get(dimension);
    if (extent > Integer.MAX_VALUE) {
      throw tooMany(what, Integer.MAX_VALUE);
    }
    return (int) extent;
  }

  private InputException tooMany(String what, int limit) {
    return fail("shape " + NpyHeader.describe(shape()) + " has more " + what + " than " + limit);
  }

  /** Copies the values to new memory of a device; the caller frees it. */
  OwnedMatrixBatch load(Device device, int batch, int rows, int columns) throws NpyException {
    OwnedMatrixBatch target = device.allocate(type, batch, rows, columns);
    ByteBuffer buffer = buffer(reader.remaining());
    while (reader.remaining() > 0) {
      buffer.clear().limit((int) Math.min(CHUNK_BYTES, reader.remaining()));
      MatrixBatch piece = piece(target, reader.remaining(), buffer.limit());
      reader.read(buffer);
      device.write(piece, buffer.flip());
    }
    return target;
  }

  /** Copies values from a device, packed row-major, to a file. */
  static void store(Device device, OwnedMatrixBatch source, NpyWriter writer) throws NpyException {
    ByteBuffer buffer = buffer(writer.remaining());
    while (writer.remaining() > 0) {
      buffer.clear().limit((int) Math.min(CHUNK_BYTES, writer.remaining()));
      device.read(piece(source, writer.remaining(), buffer.limit()), buffer);
      writer.write(buffer.flip());
    }
  }

  private static ByteBuffer buffer(long bytes) {
    return ByteBuffer.allocateDirect((int) Math.min(CHUNK_BYTES, bytes))
        .order(ByteOrder.nativeOrder());
  }

  /** The first bytes of those remaining at the end of packed memory, as one row. */
  private static MatrixBatch piece(MatrixBatch packed, long remaining, int bytes) {
    int size = packed.type().bytes();
    long address = packed.address() + packed.size() * size - remaining;
    return MatrixBatch.wrap(address, packed.type(), 1, 1, bytes / size);
  }

  /** The file type of an element type. */
  static NpyType npyType(DataType type) {
    return NpyType.valueOf(type.name());
  }

  /** For the summary of a command: "3 float64 matrices of 4×2". */
  String describe() {
    int batch = batch();
    return batch
        + " "
        + reader.header().type()
        + (batch == 1 ? " matrix of " : " matrices of ")
        + rows()
        + "×"
        + columns();
  }

  @Override
  public void close() throws NpyException {
    reader.close();
  }
}
