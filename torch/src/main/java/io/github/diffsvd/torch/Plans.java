package io.github.diffsvd.torch;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.function.Consumer;

/**
 * Plans that wait to be used again: a training loop asks for the same few. A plan goes back to the
 * stream that it was used on, so that its workspace is not taken while it is still read.
 */
final class Plans {
  private static final int MOST_IDLE = 64;

  /** The purpose of a plan for functions that are given by their values. */
  static final String TABLE = "table";

  /**
   * What a plan is for.
   *
   * @param purpose SvdOptions for the factors, a SpectralFunction, or {@link #TABLE}
   */
  record Key(
      Device device,
      long stream,
      DataType type,
      int batch,
      int rows,
      int columns,
      Object purpose) {}

  /** The plans of a purpose, null where it needs none, and their status memory. */
  static final class Pair implements AutoCloseable {
    private final Key key;
    final SvdPlan svd;
    final SpectralPlan spectral;
    final SvdInfo info;

    private Pair(Key key) {
      this.key = key;
      Device device = key.device;
      if (key.purpose instanceof SpectralFunction function) {
        svd = null;
        spectral =
            SpectralPlan.create(device, key.type, key.batch, key.rows, key.columns, function);
      } else {
        boolean table = key.purpose.equals(TABLE);
        svd =
            SvdPlan.create(
                device,
                key.type,
                key.batch,
                key.rows,
                key.columns,
                table ? SvdOptions.defaults() : (SvdOptions) key.purpose);
        spectral =
            table ? SpectralPlan.create(device, key.type, key.batch, key.rows, key.columns) : null;
      }
      info = device.allocateInfo(key.batch);
    }

    @Override
    public void close() {
      key.device.synchronize(key.stream);
      if (svd != null) {
        svd.close();
      }
      if (spectral != null) {
        spectral.close();
      }
      info.close();
    }
  }

  /** The longest idle first. */
  private static final Deque<Pair> IDLE = new ArrayDeque<>();

  private Plans() {}

  /** Queues work with the plans of a key, for which nobody else has them meanwhile. */
  static void with(Key key, Consumer<Pair> use) {
    Pair pair = take(key);
    try {
      use.accept(pair);
    } catch (RuntimeException | Error e) {
      pair.close();
      throw e;
    }
    giveBack(pair);
  }

  private static Pair take(Key key) {
    synchronized (IDLE) {
      for (Iterator<Pair> pairs = IDLE.descendingIterator(); pairs.hasNext(); ) {
        Pair pair = pairs.next();
        if (pair.key.equals(key)) {
          pairs.remove();
          return pair;
        }
      }
    }
    return new Pair(key);
  }

  private static void giveBack(Pair pair) {
    Pair oldest = null;
    synchronized (IDLE) {
      IDLE.addLast(pair);
      if (IDLE.size() > MOST_IDLE) {
        oldest = IDLE.removeFirst();
      }
    }
    if (oldest != null) {
      oldest.close();
    }
  }
}
