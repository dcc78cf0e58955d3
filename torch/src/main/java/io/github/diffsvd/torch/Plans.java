package io.github.diffsvd.torch;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.EighPlan;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;

/**
 * Plans that wait to be used again: a training loop asks for the same few. A plan goes back to the
 * stream that it was used on, so that its workspace is not taken while it is still read.
 */
final class Plans {
  /** Of all operators, on all devices; 1 GiB. */
  static final Plans SHARED = new Plans(1L << 30);

  /** A plan holds more than its workspace: launches, a handle of cuBLAS. */
  private static final int MOST_IDLE = 64;

  /** The purpose of a plan for functions that are given by their values. */
  static final String TABLE = "table";

  /**
   * What a plan is for.
   *
   * @param purpose SvdOptions for the factors, a GradientRule for the eigendecomposition, a
   *     SpectralFunction, or {@link #TABLE}
   */
  record Key(
      Device device,
      long stream,
      DataType type,
      int batch,
      int rows,
      int columns,
      Object purpose) {}

  /** The plans of a purpose, and status memory for Y, whose caller has none; null if not needed. */
  static final class Kit implements AutoCloseable {
    private final Key key;
    SvdPlan svd;
    EighPlan eigh;
    SpectralPlan spectral;
    SvdInfo info;

    /** The memory that they work in, without what cuBLAS has for itself. */
    private long bytes;

    private Kit(Key key) {
      this.key = key;
      try {
        make();
      } catch (RuntimeException | Error e) {
        close();
        throw e;
      }
    }

    private void make() {
      Device device = key.device;
      DataType type = key.type;
      int batch = key.batch;
      int rows = key.rows;
      int columns = key.columns;
      if (key.purpose instanceof SvdOptions options) {
        makeSvd(options);
      } else if (key.purpose instanceof GradientRule rule) {
        eigh = EighPlan.create(device, type, batch, rows, rule);
        // An estimate, for it does not say: two SvdPlans, and nine matrices beside them.
        SvdOptions options = SvdOptions.defaults().withRule(rule);
        bytes +=
            2 * SvdPlan.workspaceBytes(device, type, batch, rows, rows, options)
                + 9L * batch * rows * rows * type.bytes();
      } else {
        if (key.purpose instanceof SpectralFunction function) {
          spectral = SpectralPlan.create(device, type, batch, rows, columns, function);
        } else {
          makeSvd(SvdOptions.defaults());
          spectral = SpectralPlan.create(device, type, batch, rows, columns);
        }
        bytes += spectral.workspaceBytes();
        info = device.allocateInfo(batch);
      }
    }

    private void makeSvd(SvdOptions options) {
      svd = SvdPlan.create(key.device, key.type, key.batch, key.rows, key.columns, options);
      bytes += svd.workspaceBytes();
    }

    long bytes() {
      return bytes;
    }

    @Override
    public void close() {
      key.device.synchronize(key.stream);
      if (svd != null) {
        svd.close();
      }
      if (eigh != null) {
        eigh.close();
      }
      if (spectral != null) {
        spectral.close();
      }
      if (info != null) {
        info.close();
      }
    }
  }

  private final long mostBytes;

  /** The longest idle first. */
  private final Deque<Kit> idle = new ArrayDeque<>();

  private long idleBytes;
  private long made;

  /**
   * @param mostBytes of all idle plans together
   */
  Plans(long mostBytes) {
    this.mostBytes = mostBytes;
  }

  /** Queues work with the plans of a key, for which nobody else has them meanwhile. */
  void with(Key key, Consumer<Kit> use) {
    Kit kit = take(key);
    try {
      use.accept(kit);
    } catch (RuntimeException | Error e) {
      kit.close();
      throw e;
    }
    giveBack(kit);
  }

  private Kit take(Key key) {
    synchronized (idle) {
      for (Iterator<Kit> kits = idle.descendingIterator(); kits.hasNext(); ) {
        Kit kit = kits.next();
        if (kit.key.equals(key)) {
          kits.remove();
          idleBytes -= kit.bytes;
          return kit;
        }
      }
      made++;
    }
    return new Kit(key);
  }

  private void giveBack(Kit kit) {
    if (kit.bytes > mostBytes) {
      kit.close();
      return;
    }
    List<Kit> surplus = new ArrayList<>();
    synchronized (idle) {
      idle.addLast(kit);
      idleBytes += kit.bytes;
      while (idleBytes > mostBytes || idle.size() > MOST_IDLE) {
        Kit oldest = idle.removeFirst();
        idleBytes -= oldest.bytes;
        surplus.add(oldest);
      }
    }
    surplus.forEach(Kit::close);
  }

  /** How often there was none to be used again. */
  long made() {
    synchronized (idle) {
      return made;
    }
  }

  /** What wait to be used again, the longest idle first. */
  List<Key> idle() {
    synchronized (idle) {
      return idle.stream().map(kit -> kit.key).toList();
    }
  }
}
