package io.github.diffsvd.cli;

import io.github.diffsvd.npy.NpyHeader;
import io.github.diffsvd.npy.NpyReader;
import io.github.diffsvd.npy.NpyType;
import io.github.diffsvd.npy.NpyWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** Arrays of the tests, as double[] here and as .npy files there; complex is (real, imaginary). */
final class NpyFiles {
  private NpyFiles() {}

  static Path write(Path file, NpyHeader header, double... values) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) header.bytes()).order(ByteOrder.nativeOrder());
    for (int t = 0; t < values.length; t++) {
      put(bytes, header.type(), values[header.fortranOrder() ? whereC(header, t) : t]);
    }
    NpyHeader written = new NpyHeader(header.type(), header.byteOrder(), false, header.shape());
    try (NpyWriter writer = NpyWriter.create(file, written)) {
      writer.write(bytes.flip());
      NpyWriter.commit(writer);
    }
    if (header.fortranOrder()) {
      String text = Files.readString(file, StandardCharsets.ISO_8859_1);
      Files.writeString(file, text.replaceFirst("False,", "True, "), StandardCharsets.ISO_8859_1);
    }
    return file;
  }

  /** Where the number at place t of a file in Fortran order stands among the values in C order. */
  private static int whereC(NpyHeader header, int t) {
    int parts = header.type().name().startsWith("COMPLEX") ? 2 : 1;
    int rest = t / parts;
    int place = 0;
    for (int axis = 0; axis < header.shape().size(); axis++) {
      int extent = header.shape().get(axis).intValue();
      place = place * extent + rest % extent;
      rest /= extent;
    }
    return place * parts + t % parts;
  }

  /** A part of a complex element; of float16, normal numbers with few digits alone. */
  private static void put(ByteBuffer bytes, NpyType type, double value) {
    switch (type) {
      case FLOAT16 ->
          bytes.putShort(
              (short)
                  (value == 0
                      ? 0
                      : (Math.getExponent(value) + 15) << 10
                          | (Double.doubleToRawLongBits(value) >>> 42 & 0x3ff)));
      case FLOAT32, COMPLEX64 -> bytes.putFloat((float) value);
      case FLOAT64, COMPLEX128 -> bytes.putDouble(value);
      case INT8, UINT8 -> bytes.put((byte) value);
      case INT16, UINT16 -> bytes.putShort((short) value);
      case INT32, UINT32 -> bytes.putInt((int) value);
      case INT64, UINT64 -> bytes.putLong((long) value);
    }
  }

  static Path write(Path file, NpyType type, long[] shape, double... values) throws IOException {
    return write(file, NpyHeader.of(type, Arrays.stream(shape).boxed().toList()), values);
  }

  static double[] read(Path file) throws IOException {
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

  static NpyHeader header(Path file) throws IOException {
    try (NpyReader reader = NpyReader.open(file)) {
      return reader.header();
    }
  }

  static double[] random(int count, long seed) {
    return new Random(seed).doubles(count, -1, 1).toArray();
  }
}
