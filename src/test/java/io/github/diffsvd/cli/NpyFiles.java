package io.github.diffsvd.cli;

import io.github.diffsvd.npy.NpyException;
import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyReader;
import io.github.diffsvd.npy.NpyType;
import io.github.diffsvd.npy.NpyWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** Arrays of the tests, as double[] here and as .npy files there; complex is (real, imaginary). */
final class NpyFiles {
  private NpyFiles() {}

  static Path write(Path file, NpyHeader header, double... values) throws NpyException {
    boolean single = header.type() == NpyType.FLOAT32 || header.type() == NpyType.COMPLEX64;
    ByteBuffer bytes = ByteBuffer.allocate((int) header.bytes()).order(ByteOrder.nativeOrder());
    for (double value : values) {
      if (single) {
        bytes.putFloat((float) value);
      } else {
        bytes.putDouble(value);
      }
    }
    try (NpyWriter writer = NpyWriter.create(file, header)) {
      writer.write(bytes.flip());
      NpyWriter.commit(writer);
    }
    return file;
  }

  static Path write(Path file, NpyType type, long[] shape, double... values) throws NpyException {
    return write(file, NpyHeader.of(type, Arrays.stream(shape).boxed().toList()), values);
  }

  static double[] read(Path file) throws NpyException {
    try (NpyReader reader = NpyReader.open(file)) {
      NpyType type = reader.header().type();
      boolean single = type == NpyType.FLOAT32 || type == NpyType.COMPLEX64;
      ByteBuffer bytes =
          ByteBuffer.allocate((int) reader.remaining()).order(ByteOrder.nativeOrder());
      reader.read(bytes);
      bytes.flip();
      double[] values = new double[bytes.remaining() / (type == NpyType.INT32 || single ? 4 : 8)];
      for (int i = 0; i < values.length; i++) {
        values[i] =
            type == NpyType.INT32 ? bytes.getInt() : single ? bytes.getFloat() : bytes.getDouble();
      }
      return values;
    }
  }

  static NpyHeader header(Path file) throws NpyException {
    try (NpyReader reader = NpyReader.open(file)) {
      return reader.header();
    }
  }

  static double[] random(int count, long seed) {
    return new Random(seed).doubles(count, -1, 1).toArray();
  }
}
