package io.github.diffsvd;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.function.BiConsumer;

/**
 * Plans that wait to be used again: for a service whose requests come in a few shapes on many
 * threads, or a training loop.
 *
 * <p>A plan is with one caller at a time, and goes back to the stream that it was used on, so that
 * its workspace is not taken while it is still read. Safe for use by several threads.
 */
public final class PlanPool implements AutoCloseable {
  /** A plan holds more than its workspace: launches, and what they are made of. */
  private static final int MOST_IDLE = 64;

  /** What a plan is for. */
  record Key(Class<? extends Plan> kind, BatchShape shape, SvdOptions options, long stream) {}

  private record Kit(Key key, Plan plan, SvdInfo info) {
    long bytes() {
      return plan.workspaceBytes() + (long) Integer.BYTES * info.batch();
    }
  }

  private final Device device;
  private final long mostIdleBytes;

  /** The longest idle first. */
  private final Deque<Kit> idle = new ArrayDeque<>();

  private long idleBytes;
  private long made;
  private boolean closed;

  /**
   * A pool of plans on one device.
   *
   * @param mostIdleBytes of the workspaces of all plans that wait, together; where they do not
   *     suffice, the longest idle plan is closed first
   */
  public PlanPool(Device device, long mostIdleBytes) {
    this.device = Objects.requireNonNull(device, "device");
    this.mostIdleBytes = mostIdleBytes;
  }

  /**
   * Calls the action with a plan that nobody else has meanwhile, and memory for its status. A plan
   * whose action throws is closed and not used again.
   *
   * @param kind SvdPlan, EighPlan, SpectralPlan, SingularValuePlan or PushforwardPlan
   * @param stream that the action works on, 0 for the device's own; not destroyed before the pool
   *     is closed, which waits for it
   * @throws IllegalArgumentException for another kind
   * @throws IllegalStateException if the pool is closed
   */
  public <P extends Plan> void with(
      Class<P> kind,
      BatchShape shape,
      SvdOptions options,
      long stream,
      BiConsumer<P, SvdInfo> action) {
    Kit kit = take(new Key(kind, shape, options, stream));
    try {
      action.accept(kind.cast(kit.plan), kit.info);
    } catch (RuntimeException | Error e) {
      close(kit);
      throw e;
    }
    giveBack(kit);
  }

  private Kit take(Key key) {
    synchronized (idle) {
      if (closed) {
        throw new IllegalStateException("the pool of plans is closed");
      }
      for (Iterator<Kit> kits = idle.descendingIterator(); kits.hasNext(); ) {
        Kit kit = kits.next();
        if (kit.key.equals(key)) {
          kits.remove();
          idleBytes -= kit.bytes();
          return kit;
        }
      }
      made++;
    }
    Plan plan = make(key);
    try {
      return new Kit(key, plan, plan.allocateInfo());
    } catch (RuntimeException | Error e) {
      plan.close();
      throw e;
    }
  }

  private Plan make(Key key) {
    if (key.kind == SvdPlan.class) {
      return SvdPlan.create(device, key.shape, key.options);
    }
    if (key.kind == EighPlan.class) {
      return EighPlan.create(device, key.shape, key.options);
    }
    if (key.kind == SpectralPlan.class) {
      return SpectralPlan.create(device, key.shape, key.options);
    }
    if (key.kind == SingularValuePlan.class) {
      return SingularValuePlan.create(device, key.shape, key.options);
    }
    if (key.kind == PushforwardPlan.class) {
      return PushforwardPlan.create(device, key.shape, key.options);
    }
    throw new IllegalArgumentException(
        "kind: a plan that needs no more than shape and options, got " + key.kind.getSimpleName());
  }

  private void giveBack(Kit kit) {
    List<Kit> surplus = new ArrayList<>();
    synchronized (idle) {
      if (closed || kit.bytes() > mostIdleBytes) {
        surplus.add(kit);
      } else {
        idle.addLast(kit);
        idleBytes += kit.bytes();
      }
      while (idleBytes > mostIdleBytes || idle.size() > MOST_IDLE) {
        Kit oldest = idle.removeFirst();
        idleBytes -= oldest.bytes();
        surplus.add(oldest);
      }
    }
    surplus.forEach(this::close);
  }

  /** What is queued may still use the plan's workspace. */
  private void close(Kit kit) {
    device.synchronize(kit.key.stream);
    kit.plan.close();
  }

  /** Where the plans are. */
  public Device device() {
    return device;
  }

  /** How many plans were made so far: the fewer, the more often one was used again. */
  public long made() {
    synchronized (idle) {
      return made;
    }
  }

  /** What wait to be used again, the longest idle first. */
  List<Key> idle() {
    synchronized (idle) {
      return idle.stream().map(Kit::key).toList();
    }
  }

  /**
   * Waits for the work of the plans that wait, and closes them; the others are closed when their
   * actions end. A second call does nothing.
   */
  @Override
  public void close() {
    List<Kit> all;
    synchronized (idle) {
      closed = true;
      all = List.copyOf(idle);
      idle.clear();
      idleBytes = 0;
    }
    all.forEach(this::close);
  }
}
