package io.github.diffsvd.spark;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Direct buffers between rows and devices, one for each task that runs. The JVM frees such a buffer
 * only when it is collected, so those of finished tasks are used again.
 */
final class Staging {
  private static final Deque<ByteBuffer> IDLE = new ArrayDeque<>();

  private Staging() {}

  /** An empty buffer of at least so many bytes. */
  static ByteBuffer take(int bytes) {
    synchronized (IDLE) {
      ByteBuffer idle = IDLE.poll();
      if (idle != null && idle.capacity() >= bytes) {
        return idle.clear();
      }
    }
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  static void giveBack(ByteBuffer buffer) {
    synchronized (IDLE) {
      IDLE.push(buffer);
    }
  }

  /** How many are not in use. */
  static int idle() {
    synchronized (IDLE) {
      return IDLE.size();
    }
  }
}
