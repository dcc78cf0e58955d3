package io.github.diffsvd.interop;

import jcuda.NativePointerObject;

/** What stands behind an object of JCuda, which it shows to subclasses alone. */
final class RawHandle extends NativePointerObject {
  private RawHandle(NativePointerObject object) {
    super(object);
  }

  /** 0 behind a fresh object. */
  static long of(NativePointerObject object) {
    return new RawHandle(object).getNativePointer();
  }
}
