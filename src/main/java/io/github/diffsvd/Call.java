package io.github.diffsvd;

import io.github.diffsvd.internal.backend.Allocation;
import io.github.diffsvd.internal.backend.Lease;
import io.github.diffsvd.internal.backend.Recorder;
import java.lang.invoke.VarHandle;
import java.util.Objects;

/**
 * One kind of call that a plan has. Its arguments are named between {@link #begin()} and {@link
 * #check()}, before any work is queued, and are not freed until {@link #end()}.
 */
final class Call implements Lease.Arguments {
  private static final int MOST_ARGUMENTS = 12;

  private final Lease lease;

  /** Null, and so is the operation, where a device's own call is this one. */
  private final Plan plan;

  private final String operation;

  /** With the plan's kind: "SvdPlan.forward". */
  private final String range;

  private final String[] names = new String[MOST_ARGUMENTS];
  private final MatrixBatch[] matrices = new MatrixBatch[MOST_ARGUMENTS];
  private int count;

  /** A bit for each argument that is written, and for each that may be overwritten. */
  private int written;

  private int consumed;
  private boolean entered;
  private CallEvent event;

  /** The plan's, for events; null before the first. */
  private String choices;

  /** The one call that a lease is for. */
  Call(Lease lease) {
    this(lease, null, null);
  }

  /**
   * One of a plan's calls.
   *
   * @param operation its name: "forward"
   */
  Call(Plan plan, String operation) {
    this(plan.lease, plan, operation);
  }

  private Call(Lease lease, Plan plan, String operation) {
    this.lease = lease;
    this.plan = plan;
    this.operation = operation;
    range = plan == null ? null : plan.getClass().getSimpleName() + "." + operation;
    lease.add(this);
  }

  /**
   * Lets this thread into the plan.
   *
   * @throws IllegalStateException if the plan or its device is closed, or another thread is in it
   */
  void begin() {
    entered = lease.enter();
    written = 0;
    consumed = 0;
    lease.pushRange(range);
    event = Recorder.isUsed() ? CallEvent.start() : null;
  }

  /** Lets the next call in; belongs in a finally clause. */
  void end() {
    if (event != null) {
      event.end();
      record();
    }
    lease.popRange();
    count = 0;
    if (entered) {
      lease.leave();
    }
  }

  private void record() {
    if (event.shouldCommit()) {
      long bytes = 0;
      for (int i = 0; i < count; i++) {
        bytes += matrices[i].shape().bytes();
      }
      if (choices == null) {
        choices = plan.choices().replaceFirst("^, ", "");
      }
      event.describe(plan, operation, choices, bytes);
      event.commit();
    }
    event = null;
  }

  /** An argument that is read: the given type and extents, any strides. */
  void reads(String name, MatrixBatch matrix, BatchShape shape) {
    Checks.readable(name, matrix, shape);
    add(name, matrix);
  }

  /** As {@link #reads}; null where it is absent. */
  void readsIfPresent(String name, MatrixBatch matrix, BatchShape shape) {
    if (matrix != null) {
      reads(name, matrix, shape);
    }
  }

  /** An argument that is read before any other is written, and so may overlap one that is. */
  void consumes(String name, MatrixBatch matrix, BatchShape shape) {
    consumed |= 1 << count;
    reads(name, matrix, shape);
  }

  /** An argument that is written: no two elements at one address, none that another one has. */
  void writes(String name, MatrixBatch matrix, BatchShape shape) {
    Checks.writable(name, matrix, shape);
    written |= 1 << count;
    add(name, matrix);
  }

  /** As {@link #writes}; null where it is not wanted. */
  void writesIfPresent(String name, MatrixBatch matrix, BatchShape shape) {
    if (matrix != null) {
      writes(name, matrix, shape);
    }
  }

  void reads(SvdFactors factors, FactorShapes shapes) {
    reads("factors.u", factors.u(), shapes.u());
    reads("factors.s", factors.s(), shapes.s());
    reads("factors.v", factors.v(), shapes.v());
  }

  void writes(SvdFactors factors, FactorShapes shapes) {
    writes("factors.u", factors.u(), shapes.u());
    writes("factors.s", factors.s(), shapes.s());
    writes("factors.v", factors.v(), shapes.v());
  }

  /** Cotangents, any of them absent. */
  void reads(SvdCotangents cotangents, FactorShapes shapes) {
    readsIfPresent("cotangents.u", cotangents.u(), shapes.u());
    readsIfPresent("cotangents.s", cotangents.s(), shapes.s());
    readsIfPresent("cotangents.v", cotangents.v(), shapes.v());
  }

  void writes(SvdInfo info, int batch) {
    if (Objects.requireNonNull(info, "info").batch() != batch) {
      throw new IllegalArgumentException(
          "info: expected a batch of " + batch + ", got " + info.batch());
    }
    if (!info.isOn(lease.device())) {
      throw elsewhere("info");
    }
    writes("info", info.numbers(), info.numbers().shape());
  }

  private void add(String name, MatrixBatch matrix) {
    // A plan is mostly called with the same arguments, and storing a reference costs more than
    // looking whether it is there.
    if (!Objects.equals(names[count], name)) {
      names[count] = name;
    }
    if (matrices[count] != matrix) {
      matrices[count] = matrix;
    }
    count++;
  }

  /**
   * The arguments are complete: each of this device, aligned as it wants, not freed, and none that
   * is written overlaps another.
   */
  void check() {
    // Whoever frees memory marks it first and then looks at the calls under way; here it is the
    // other way round, so one of the two sees the other.
    VarHandle.fullFence();
    for (int i = 0; i < count; i++) {
      Checks.aligned(names[i], matrices[i], lease.alignment(matrices[i].type()));
      checkMemory(names[i], matrices[i]);
      for (int j = 0; j < i; j++) {
        if ((overwrites(i, j) || overwrites(j, i)) && matrices[i].overlaps(matrices[j])) {
          throw new IllegalArgumentException(
              names[i] + ": overlaps " + names[j] + ", got " + matrices[i] + " and " + matrices[j]);
        }
      }
    }
  }

  /** Whether writing one argument would destroy another that is still needed. */
  private boolean overwrites(int one, int other) {
    return (written >> one & ~(consumed >> other) & 1) != 0;
  }

  private void checkMemory(String name, MatrixBatch matrix) {
    Allocation memory = matrix.memory();
    if (memory == null) {
      checkPlace(name, matrix);
      return;
    }
    if (!memory.isOn(lease.device())) {
      throw elsewhere(name);
    }
    if (memory.isClosed()) {
      throw new IllegalStateException(name + ": the memory is freed already, got " + matrix);
    }
  }

  private void checkPlace(String name, MatrixBatch matrix) {
    String misplacement = matrix.isEmpty() ? null : lease.misplacement(matrix.address());
    if (misplacement != null) {
      throw new IllegalArgumentException(
          name
              + ": expected memory of "
              + lease.device().name()
              + ", got "
              + matrix
              + ", which "
              + misplacement);
    }
  }

  private IllegalArgumentException elsewhere(String name) {
    return new IllegalArgumentException(
        name + ": expected memory of the plan's own device, an open " + lease.device().name());
  }

  @Override
  public boolean use(Allocation memory) {
    for (int i = 0; i < count; i++) {
      if (matrices[i].memory() == memory) {
        return true;
      }
    }
    return false;
  }
}
