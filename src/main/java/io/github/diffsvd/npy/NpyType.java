package io.github.diffsvd.npy;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The element types that are read and written; a complex element is (real, imaginary). */
public enum NpyType {
  FLOAT16("f2", "e", "float16", "half"),
  FLOAT32("f4", "f", "float32", "single"),
  FLOAT64("f8", "d", "float64", "double", "float"),
  COMPLEX64("c8", "F", "complex64", "csingle"),
  COMPLEX128("c16", "D", "complex128", "cdouble", "complex"),
  INT8("i1", "b", "int8", "byte"),
  INT16("i2", "h", "int16", "short"),
  INT32("i4", "i", "int32", "intc"),
  INT64("i8", "l", "q", "p", "n", "int64", "int", "int_", "long", "longlong", "intp"),
  UINT8("u1", "B", "uint8", "ubyte"),
  UINT16("u2", "H", "uint16", "ushort"),
  UINT32("u4", "I", "uint32", "uintc"),
  UINT64("u8", "L", "Q", "P", "N", "uint64", "uint", "ulong", "ulonglong", "uintp");

  private final String code;

  @SuppressWarnings("ImmutableEnumChecker") // List.of
  private final List<String> otherNames;

  private final int bytes;

  NpyType(String code, String... otherNames) {
    this.code = code;
    this.otherNames = List.of(otherNames);
    this.bytes = Integer.parseInt(code.substring(1));
  }

  /**
   * The type that NumPy's dtype would take a name for, as on Linux.
   *
   * @param ordered whether a byte order stands before the name, which only short names may have
   */
  static Optional<NpyType> of(String name, boolean ordered) {
    return Arrays.stream(values())
        .filter(
            type ->
                type.code.equals(name)
                    || (type.otherNames.contains(name) && (!ordered || name.length() == 1)))
        .findFirst();
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** NumPy's short name without the byte order: f8 or c16 for example. */
  String code() {
    return code;
  }

  /** Bytes of what has a byte order of its own: half of a complex element. */
  int partBytes() {
    return code.charAt(0) == 'c' ? bytes / 2 : bytes;
  }

  /** NumPy's long name: float32 for example. */
  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}
