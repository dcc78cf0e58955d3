package io.github.diffsvd.spark;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.DeviceStream;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SvdInfo;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.TaskContext;
import org.apache.spark.util.TaskCompletionListener;

/**
 * The plans of one task for one operation, by shape: made when they are needed, the longest unused
 * closed where they are many, all of them closed with the task. Safe where another thread closes.
 */
final class TaskPlans implements AutoCloseable {
  /** Bytes of matrices that are decomposed at once, and that all plans are made for. */
  static final long MOST_BYTES = 1 << 26;

  private static final int MOST_PLANS = 32;

  /** Of this process, for those who look for leaks. */
  private static final AtomicInteger ALIVE = new AtomicInteger();

  /** Copies a matrix to or from the place that the buffer's position and limit leave. */
  interface Copy {
    void copy(int part, int matrix, ByteBuffer bytes);
  }

  private final Operation operation;
  private final SvdSpec spec;
  private final DataType type;
  private final Map<BatchShape, Kit> kits = new LinkedHashMap<>(16, 0.75f, true);
  private ByteBuffer staging = ByteBuffer.allocate(0);
  private DeviceStream stream;
  private boolean closed;

  private TaskPlans(Operation operation, SvdSpec spec, DataType type) {
    this.operation = operation;
    this.spec = spec;
    this.type = type;
    ALIVE.incrementAndGet();
  }

  /**
   * Plans that are closed when the task that calls this is over, however it ends, and not later
   * than by {@link #close()}.
   */
  static TaskPlans open(Operation operation, SvdSpec spec, DataType type) {
    TaskPlans plans = new TaskPlans(operation, spec, type);
    TaskContext task = TaskContext.get();
    if (task != null) {
      task.addTaskCompletionListener((TaskCompletionListener) over -> plans.close());
    }
    return plans;
  }

  synchronized boolean isClosed() {
    return closed;
  }

  /** How many of this process are not closed. */
  static int alive() {
    return ALIVE.get();
  }

  /**
   * Decomposes matrices of one shape.
   *
   * @param count of them
   * @param in writes each matrix of each input, all of its bytes
   * @param out reads each matrix of each output; for those with a status of 0 alone
   * @return the status of each, as {@link SvdInfo} has it
   */
  synchronized int[] run(int rows, int columns, int count, Copy in, Copy out) {
    if (closed) {
      throw new IllegalStateException("the task is over");
    }
    return spec.device.use(
        device -> {
          // Powers of two, so that a last batch or a rare shape pays for at most twice its
          // matrices.
          int capacity = Integer.highestOneBit(Math.max(1, 2 * count - 1));
          BatchShape shape = new BatchShape(type, capacity, rows, columns);
          Kit kit = kits.get(shape);
          if (kit == null) {
            makeRoom(shape.bytes());
            try (Scope scope = new Scope()) {
              kit = operation.open(device, spec, shape, scope, stream(device));
              scope.release();
            }
            kits.put(shape, kit);
          }
          return run(kit, count, in, out);
        });
  }

  /** The task's own, so that tasks on one GPU do not wait for one another. */
  private long stream(Device device) {
    if (stream == null) {
      stream = device.openStream();
    }
    return stream.handle();
  }

  private void makeRoom(long bytes) {
    long used = kits.keySet().stream().mapToLong(BatchShape::bytes).sum();
    List<BatchShape> eldest = new ArrayList<>(kits.keySet());
    for (BatchShape shape : eldest) {
      if (used + bytes <= 2 * MOST_BYTES && kits.size() < MOST_PLANS) {
        return;
      }
      kits.remove(shape).close();
      used -= shape.bytes();
    }
  }

  private int[] run(Kit kit, int count, Copy in, Copy out) {
    for (int part = 0; part < kit.inputs().size(); part++) {
      MatrixBatch input = kit.inputs().get(part);
      ByteBuffer bytes = staging(input);
      int each = bytes.limit() / input.batch();
      for (int i = 0; i < count; i++) {
        bytes.limit((i + 1) * each).position(i * each);
        in.copy(part, i, bytes);
      }
      bytes.limit(input.batch() * each).position(count * each);
      while (bytes.remaining() >= Long.BYTES) {
        bytes.putLong(0);
      }
      while (bytes.hasRemaining()) {
        bytes.put((byte) 0);
      }
      kit.device().write(input, bytes.flip());
    }
    kit.compute().run();
    int[] status = kit.info().read(stream.handle());
    for (int part = 0; part < kit.outputs().size(); part++) {
      MatrixBatch output = kit.outputs().get(part);
      ByteBuffer bytes = staging(output);
      int each = bytes.limit() / output.batch();
      kit.device().read(output, bytes);
      for (int i = 0; i < count; i++) {
        if (status[i] == SvdInfo.OK) {
          bytes.limit((i + 1) * each).position(i * each);
          out.copy(part, i, bytes);
        }
      }
    }
    return status;
  }

  /** The buffer, for the bytes of some matrices. */
  private ByteBuffer staging(MatrixBatch matrices) {
    int bytes = Math.toIntExact(matrices.shape().bytes());
    if (staging.capacity() < bytes) {
      staging = Staging.take(bytes);
    }
    return staging.clear().limit(bytes);
  }

  /** What a status other than 0 means, in the words of the status column. */
  static String reason(int status) {
    return switch (status) {
      case SvdInfo.NOT_FINITE -> "not finite";
      case SvdInfo.NOT_REPRESENTABLE -> "a singular value beyond the type's range";
      default -> "not converged";
    };
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    ALIVE.decrementAndGet();
    if (staging.isDirect()) {
      Staging.giveBack(staging);
    }
    try (Scope all = new Scope()) {
      if (stream != null) {
        all.keep(stream);
      }
      kits.values().forEach(all::keep);
      kits.clear();
    }
  }
}
