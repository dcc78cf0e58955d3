package io.github.diffsvd.cli;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.files.FileException;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyReader;
import io.github.diffsvd.npy.NpyType;
import io.github.diffsvd.npy.NpyWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;

/**
 * A .npy file opened as a batch of matrices: shape (…, m, n), where every leading dimension is
 * batch. Also the way from a device back to a file. Values pass through the host in pieces, so that
 * no array is too large for a buffer.
 */
final class MatrixFile implements AutoCloseable {
  /** Bytes that pass through the host at a time: few, because memory that is new takes time. */
  private static final int CHUNK_BYTES = 1 << 20;

  /** The status of all of them, four bytes each, has to fit in one buffer. */
  private static final int MAX_BATCH = Integer.MAX_VALUE / Integer.BYTES;

  private final NpyReader reader;
  private final DataType type;
  private ByteBuffer buffer = ByteBuffer.allocate(0);

  private MatrixFile(NpyReader reader) {
    this.reader = reader;
    type = Conversion.target(reader.header().type());
  }

  /** Opens a file of matrices of any shape; warns of what is not taken as it is. */
  static MatrixFile open(Path path, CommandSpec spec) throws FileException {
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
      file.warn(spec);
      return file;
    } catch (RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  /** Opens a file that must hold this shape and, after conversion, type. */
  static MatrixFile open(Path path, DataType type, List<Long> shape, CommandSpec spec)
      throws FileException {
    NpyReader reader = NpyReader.open(path);
    try {
      MatrixFile file = new MatrixFile(reader);
      if (file.type != type) {
        throw file.fail("expected dtype " + npyType(type) + ", got " + file.reader.header().type());
      }
      if (!file.shape().equals(shape)) {
        throw file.fail(
            "expected shape "
                + NpyHeader.describe(shape)
                + ", got "
                + NpyHeader.describe(file.shape()));
      }
      file.warn(spec);
      return file;
    } catch (RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  private void warn(CommandSpec spec) {
    NpyType found = reader.header().type();
    if (found != npyType(type)) {
      Lines.warn(spec, reader.file() + ": " + found + " is converted to " + npyType(type));
    }
    if (reader.following() > 0) {
      Lines.warn(
          spec, reader.file() + ": only its first array is read, of several one after the other");
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

  /** Copies all values to new memory of a device; the caller frees it. */
  OwnedMatrixBatch load(Device device, int batch, int rows, int columns) throws FileException {
    OwnedMatrixBatch target = device.allocate(new BatchShape(type, batch, rows, columns));
    try {
      load(device, target);
      return target;
    } catch (FileException | RuntimeException | Error e) {
      target.close();
      throw e;
    }
  }

  /** Copies the next values to packed memory of a device, as many as it holds. */
  void load(Device device, MatrixBatch target) throws FileException {
    NpyType found = reader.header().type();
    for (long left = target.size(); left > 0; ) {
      int count = (int) Math.min(left, CHUNK_BYTES / type.bytes());
      MatrixBatch piece = piece(target, left, count);
      buffer(count * type.bytes());
      if (found == npyType(type)) {
        reader.read(buffer);
      } else {
        ByteBuffer given =
            ByteBuffer.allocate(count * found.bytes()).order(ByteOrder.nativeOrder());
        reader.read(given);
        Conversion.convert(found, given.flip(), buffer);
      }
      device.write(piece, buffer.flip());
      left -= count;
    }
  }

  /** Copies values from packed memory of a device to a file. */
  void store(Device device, MatrixBatch source, NpyWriter writer) throws FileException {
    for (long left = source.size(); left > 0; ) {
      int count = (int) Math.min(left, CHUNK_BYTES / source.type().bytes());
      buffer(count * source.type().bytes());
      device.read(piece(source, left, count), buffer);
      writer.write(buffer.flip());
      left -= count;
    }
  }

  /** Empties the buffer for so many bytes. */
  private void buffer(int bytes) {
    if (buffer.capacity() < bytes) {
      buffer = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }
    buffer.clear().limit(bytes);
  }

  /** The first elements of those left at the end of packed memory, as one row. */
  private static MatrixBatch piece(MatrixBatch packed, long left, int count) {
    long address = packed.address() + (packed.size() - left) * packed.type().bytes();
    return MatrixBatch.wrap(address, new BatchShape(packed.type(), 1, 1, count));
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
        + npyType(type)
        + (batch == 1 ? " matrix of " : " matrices of ")
        + rows()
        + "×"
        + columns();
  }

  @Override
  public void close() throws FileException {
    reader.close();
  }
}
