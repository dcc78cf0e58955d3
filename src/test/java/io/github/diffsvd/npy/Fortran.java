package io.github.diffsvd.npy;

import java.util.List;

/** Arrays in the order in which the first index runs fastest, which nobody writes here. */
public final class Fortran {
  private Fortran() {}

  /** The elements, given in C order. */
  public static byte[] ordered(List<Long> shape, int elementBytes, byte[] elements) {
    byte[] result = new byte[elements.length];
    for (int from = 0; from < elements.length / elementBytes; from++) {
      int rest = from;
      int stride = elements.length / elementBytes;
      int to = 0;
      for (int axis = shape.size() - 1; axis >= 0; axis--) {
        int extent = shape.get(axis).intValue();
        stride /= extent;
        to += rest % extent * stride;
        rest /= extent;
      }
      System.arraycopy(elements, from * elementBytes, result, to * elementBytes, elementBytes);
    }
    return result;
  }
}
