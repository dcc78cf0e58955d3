package io.github.diffsvd.internal.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.SvdAlgorithm;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who is inside a plan, what is freed when, and what is said of what was never closed. */
class LeaseTest {
  private final List<String> events = new ArrayList<>();
  private final CheckedBackend device = new CheckedBackend(new RecordingBackend());
  private final ExecutorService other = Executors.newSingleThreadExecutor();
  private final List<String> log = new ArrayList<>();
  private final Handler listener =
      new Handler() {
        @Override
        public void publish(LogRecord line) {
          log.add(new SimpleFormatter().formatMessage(line));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  @BeforeEach
  void listen() {
    Logger.getLogger("io.github.diffsvd").addHandler(listener);
  }

  @AfterEach
  void stop() {
    Logger.getLogger("io.github.diffsvd").removeHandler(listener);
    other.shutdownNow();
  }

  /** Memory at 256, 512, …; what is freed and closed is written down. */
  private final class RecordingBackend implements Backend {
    private long last;

    @Override
    public String name() {
      return "fake";
    }

    @Override
    public String description() {
      return "a list of calls";
    }

    @Override
    public Limits limits() {
      return new Limits(1, 1, 0, 0, type -> 0, 0);
    }

    @Override
    public int alignment(DataType type) {
      return type.bytes();
    }

    @Override
    public long allocate(long bytes) {
      return last += 256;
    }

    @Override
    public void free(long address) {
      record("free " + address);
    }

    @Override
    public void copyToDevice(long target, ByteBuffer source, long stream) {}

    @Override
    public void copyToHost(ByteBuffer target, long source, long stream) {}

    @Override
    public void fill(long address, byte value, long bytes, long stream) {}

    @Override
    public void synchronize(long stream) {}

    @Override
    public long openStream() {
      record("open stream");
      return 7;
    }

    @Override
    public void closeStream(long stream) {
      record("close stream " + stream);
    }

    @Override
    public String misplacement(long address) {
      return null;
    }

    @Override
    public int residentBlocks(Kernel kernel, DataType type, int threads, int scratchBytes) {
      return 1;
    }

    @Override
    public KernelLaunch prepare(Kernel kernel, DataType type, LaunchShape shape) {
      throw new UnsupportedOperationException();
    }

    @Override
    public BatchedProduct product(BatchShape shape) {
      throw new IllegalStateException("no product here");
    }

    @Override
    public SvdSolver svdSolver(BatchShape shape, SvdAlgorithm algorithm) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
      record("close");
    }
  }

  private synchronized void record(String event) {
    events.add(event);
  }

  private Lease plan() {
    Lease lease = device.lease("SvdPlan FLOAT32 8×4×4");
    lease.allocate(100);
    lease.leave();
    return lease;
  }

  /** A call on another thread, inside until the latch is opened. */
  private Future<?> call(Lease lease, CountDownLatch end) throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    Future<?> call =
        other.submit(
            () -> {
              lease.enter();
              begun.countDown();
              end.await();
              record("end of call");
              lease.leave();
              return null;
            });
    begun.await();
    return call;
  }

  /** Runs the action on a thread of its own, and ends the call once the action waits for it. */
  private void runDuringCall(Lease lease, Runnable action) throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    Future<?> call = call(lease, end);
    Thread waiting = new Thread(action);
    waiting.start();
    while (waiting.getState() != Thread.State.TIMED_WAITING
        && waiting.getState() != Thread.State.TERMINATED) {
      Thread.onSpinWait();
    }
    end.countDown();
    call.get();
    waiting.join();
  }

  @Test
  void aSecondThreadIsRefused() throws Exception {
    Lease lease = plan();
    CountDownLatch end = new CountDownLatch(1);
    Future<?> call = call(lease, end);
    assertThatThrownBy(lease::enter)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("SvdPlan FLOAT32 8×4×4: the plan is in use by another thread");
    end.countDown();
    call.get();
    assertThat(lease.enter()).isTrue();
    assertThat(lease.enter()).as("a plan within the plan").isFalse();
    lease.leave();
  }

  @Test
  void closingAPlanWaitsForItsCall() throws Exception {
    Lease lease = plan();
    runDuringCall(lease, lease::close);
    assertThat(events).containsExactly("end of call", "free 256");
  }

  @Test
  void closingTheDeviceWaitsForCallsAndGivesAllBackOnce() throws Exception {
    Lease lease = plan();
    Allocation memory = device.allocate(10, "OwnedMatrixBatch FLOAT32 1×2×2");
    runDuringCall(lease, device::close);
    assertThat(events).containsExactly("end of call", "free 256", "free 512", "close");
    lease.close();
    memory.close();
    device.close();
    assertThat(events).hasSize(4);
    assertThatThrownBy(lease::enter)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("fake: the device is closed");
    assertThatThrownBy(() -> device.allocate(1, "more"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("fake: the device is closed");
  }

  @Test
  void freeingMemoryWaitsForTheCallThatUsesItAndForNoOther() throws Exception {
    Lease lease = plan();
    Allocation used = device.allocate(10, "used");
    Allocation unused = device.allocate(10, "unused");
    lease.add(memory -> memory == used);
    runDuringCall(
        lease,
        () -> {
          unused.close();
          used.close();
        });
    assertThat(events).containsExactly("free 768", "end of call", "free 512");
  }

  @Test
  void closedPlanRefusesCalls() {
    Lease lease = plan();
    lease.close();
    lease.close();
    assertThat(events).containsExactly("free 256");
    assertThatThrownBy(lease::enter)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("SvdPlan FLOAT32 8×4×4: the plan is closed");
  }

  @Test
  void aFailureWhileClosingLeavesNothingOpen() {
    Lease lease = plan();
    RuntimeException failure = new IllegalStateException("free failed");
    Deque<Runnable> closers = new ArrayDeque<>();
    closers.add(
        () -> {
          throw failure;
        });
    closers.add(() -> record("the next one"));
    assertThatThrownBy(() -> Lease.closeAll(closers)).isSameAs(failure);
    assertThat(events).containsExactly("the next one");
    lease.close();
  }

  @Test
  void whatWasNeverClosedIsCounted() {
    plan();
    plan().close();
    device.allocate(10, "OwnedMatrixBatch FLOAT32 1×2×2");
    device.allocate(10, "closed in time").close();
    device.close();
    assertThat(log)
        .containsExactly(
            "fake: 2 objects were never closed; -Ddiffsvd.leaks=true tells where they were made");
  }

  @Test
  void nothingIsSaidWhereAllIsClosed() {
    plan().close();
    device.allocate(10, "closed in time").close();
    device.close();
    assertThat(log).isEmpty();
  }
}
