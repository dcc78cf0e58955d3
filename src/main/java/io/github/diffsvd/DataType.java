package io.github.diffsvd;

/** The element type of a matrix; complex elements are interleaved (real, imaginary). */
public enum DataType {
  FLOAT32(4, false, "f32"),
  FLOAT64(8, false, "f64"),
  COMPLEX64(8, true, "c64"),
  COMPLEX128(16, true, "c128");

  private final int bytes;
  private final boolean complex;
  private final String suffix;

  DataType(int bytes, boolean complex, String suffix) {
    this.bytes = bytes;
    this.complex = complex;
    this.suffix = suffix;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** Whether an element has an imaginary part. */
  public boolean isComplex() {
    return complex;
  }

  /** The type of the real part, which is the type of singular values. */
  public DataType real() {
    return this == FLOAT32 || this == COMPLEX64 ? FLOAT32 : FLOAT64;
  }

  /** Distance from 1 to the next larger number of the real type. */
  public double epsilon() {
    return real() == FLOAT32 ? Math.ulp(1f) : Math.ulp(1d);
  }

  /** The last part of the names of this type's kernels: f32, f64, c64 or c128. */
  public String suffix() {
    return suffix;
  }
}
