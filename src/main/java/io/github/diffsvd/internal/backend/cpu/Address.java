package io.github.diffsvd.internal.backend.cpu;

import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;

/** Raw addresses as the pointers that OpenBLAS's binding takes. */
final class Address {
  private Address() {}

  static Pointer of(long at) {
    return new Pointer() {
      {
        address = at;
      }
    };
  }

  static FloatPointer floats(long at) {
    return new FloatPointer() {
      {
        address = at;
      }
    };
  }

  static DoublePointer doubles(long at) {
    return new DoublePointer() {
      {
        address = at;
      }
    };
  }

  static IntPointer ints(long at) {
    return new IntPointer() {
      {
        address = at;
      }
    };
  }
}
