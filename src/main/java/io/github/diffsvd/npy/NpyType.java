package io.github.diffsvd.npy;

/** The element types that are read and written; a complex element is (real, imaginary). */
public enum NpyType {
  FLOAT32("f4"),
  FLOAT64("f8"),
  COMPLEX64("c8"),
  COMPLEX128("c16"),
  INT32("i4");

  private final String code;
  private final int bytes;

  NpyType(String code) {
    this.code = code;
    this.bytes = Integer.parseInt(code.substring(1));
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** NumPy's short name without the byte order: f4, f8, c8, c16 or i4. */
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
