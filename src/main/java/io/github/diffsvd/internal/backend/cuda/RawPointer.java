package io.github.diffsvd.internal.backend.cuda;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import jcuda.NativePointerObject;
import jcuda.driver.CUdeviceptr;

/**
 * A pointer with an address that can be set and read, which JCuda's own cannot; it takes the place
 * of both Pointer and CUdeviceptr. Fresh, it is the null pointer. May be moved, so that a steady
 * series of calls makes no garbage.
 */
final class RawPointer extends CUdeviceptr {
  private static final VarHandle HANDLE = handleField();

  RawPointer() {}

  RawPointer(long address) {
    at(address);
  }

  /** Moves the pointer and returns it. */
  RawPointer at(long address) {
    set(this, address);
    return this;
  }

  long address() {
    return getNativePointer() + getByteOffset();
  }

  /** The raw handle behind any of JCuda's objects: a stream, a context, a module. */
  static long get(NativePointerObject object) {
    return (long) HANDLE.get(object);
  }

  /** Makes an object stand for another raw handle. */
  static void set(NativePointerObject object, long handle) {
    HANDLE.set(object, handle);
  }

  private static VarHandle handleField() {
    try {
      return MethodHandles.privateLookupIn(NativePointerObject.class, MethodHandles.lookup())
          .findVarHandle(NativePointerObject.class, "nativePointer", long.class);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(
          "jcuda.NativePointerObject.nativePointer is out of reach; JCuda has to be on the class"
              + " path, not on the module path",
          e);
    }
  }
}
