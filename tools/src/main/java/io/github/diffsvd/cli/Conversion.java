package io.github.diffsvd.cli;

import io.github.diffsvd.DataType;
import io.github.diffsvd.npy.NpyType;
import java.nio.ByteBuffer;

/**
 * What becomes of element types that no kernel has: float16 is float32, integers are float64, as in
 * numpy.linalg. Integers beyond 2⁵³ are rounded.
 */
final class Conversion {
  private Conversion() {}

  /** The type that elements of a file are computed in. */
  static DataType target(NpyType type) {
    return switch (type) {
      case FLOAT32, FLOAT16 -> DataType.FLOAT32;
      case FLOAT64, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64 -> DataType.FLOAT64;
      case COMPLEX64 -> DataType.COMPLEX64;
      case COMPLEX128 -> DataType.COMPLEX128;
    };
  }

  /** Converts all elements of a buffer, in native byte order, to their target type. */
  static void convert(NpyType type, ByteBuffer source, ByteBuffer target) {
    while (source.hasRemaining()) {
      switch (type) {
        case FLOAT16 -> target.putFloat(half(source.getShort()));
        case INT8 -> target.putDouble(source.get());
        case INT16 -> target.putDouble(source.getShort());
        case INT32 -> target.putDouble(source.getInt());
        case INT64 -> target.putDouble((double) source.getLong());
        case UINT8 -> target.putDouble(Byte.toUnsignedInt(source.get()));
        case UINT16 -> target.putDouble(Short.toUnsignedInt(source.getShort()));
        case UINT32 -> target.putDouble((double) Integer.toUnsignedLong(source.getInt()));
        case UINT64 -> target.putDouble(unsigned(source.getLong()));
        case FLOAT32, FLOAT64, COMPLEX64, COMPLEX128 -> target.put(source);
      }
    }
  }

  /** An IEEE half in single precision, which holds every one of them. */
  static float half(short bits) {
    int exponent = bits >> 10 & 0x1f;
    int fraction = bits & 0x3ff;
    float magnitude;
    if (exponent == 0x1f) {
      magnitude = fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
    } else if (exponent == 0) {
      magnitude = Math.scalb((float) fraction, -24);
    } else {
      magnitude = Math.scalb((float) (0x400 | fraction), exponent - 25);
    }
    return bits < 0 ? -magnitude : magnitude;
  }

  /** Half of it, with the last bit kept for rounding, has no sign. */
  static double unsigned(long value) {
    return value >= 0 ? (double) value : 2.0 * ((value >>> 1) | (value & 1));
  }
}
