package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Which plans are used again, and which are closed. */
class PlanPoolTest {
  private static final Device CPU = Device.open("cpu");
  private static final SvdOptions OPTIONS = SvdOptions.defaults();

  @AfterAll
  static void closeDevice() {
    CPU.close();
  }

  private static BatchShape shape(int batch) {
    return new BatchShape(DataType.FLOAT64, batch, 6, 6);
  }

  private static PlanPool.Key key(int batch) {
    return new PlanPool.Key(SpectralPlan.class, shape(batch), OPTIONS, 0);
  }

  private static long bytes(int batch) {
    return SpectralPlan.workspaceBytes(CPU, shape(batch), OPTIONS) + 4L * batch;
  }

  private static void use(PlanPool pool, int batch) {
    pool.with(SpectralPlan.class, shape(batch), OPTIONS, 0, (plan, info) -> {});
  }

  @Test
  void kindShapeOptionsAndStreamTellPlansApart() {
    SvdOptions other = OPTIONS.withRule(GradientRule.zero());
    try (PlanPool pool = new PlanPool(CPU, 1 << 24)) {
      for (int round = 0; round < 2; round++) {
        for (SvdOptions options : List.of(OPTIONS, other)) {
          for (long stream : new long[] {0, 1}) {
            pool.with(SvdPlan.class, shape(2), options, stream, PlanPoolTest::fits);
            pool.with(SvdPlan.class, shape(3), options, stream, PlanPoolTest::fits);
            pool.with(EighPlan.class, shape(2), options, stream, PlanPoolTest::fits);
            pool.with(SpectralPlan.class, shape(2), options, stream, PlanPoolTest::fits);
            pool.with(SingularValuePlan.class, shape(2), options, stream, PlanPoolTest::fits);
            pool.with(PushforwardPlan.class, shape(2), options, stream, PlanPoolTest::fits);
          }
        }
      }
      assertThat(pool.made()).isEqualTo(24);
      assertThatThrownBy(
              () ->
                  pool.with(TruncatedPullbackPlan.class, shape(2), OPTIONS, 0, PlanPoolTest::fits))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("TruncatedPullbackPlan");
    }
  }

  private static void fits(Plan plan, SvdInfo info) {
    assertThat(info.batch()).isEqualTo(plan.shape().batch());
  }

  @Test
  void theLongestIdleGoesFirstWhereTheBytesDoNotSuffice() {
    try (PlanPool pool = new PlanPool(CPU, bytes(64) + bytes(65) + bytes(66))) {
      use(pool, 64);
      use(pool, 65);
      use(pool, 66);
      assertThat(pool.idle()).containsExactly(key(64), key(65), key(66));
      use(pool, 64);
      assertThat(pool.idle()).containsExactly(key(65), key(66), key(64));
      // It needs a little less than the two that go.
      use(pool, 65 + 66 - 1);
      assertThat(pool.idle()).containsExactly(key(64), key(65 + 66 - 1));
      assertThat(pool.made()).isEqualTo(4);
      use(pool, 65);
      assertThat(pool.made()).isEqualTo(5);
    }
  }

  @Test
  void aPlanThatIsLargerThanTheBoundIsClosedAtOnceAndLeavesTheOthers() {
    try (PlanPool pool = new PlanPool(CPU, bytes(64))) {
      use(pool, 64);
      List<SpectralPlan> large = new ArrayList<>();
      pool.with(SpectralPlan.class, shape(640), OPTIONS, 0, (plan, info) -> large.add(plan));
      assertThat(pool.idle()).containsExactly(key(64));
      assertClosed(large.get(0));
    }
  }

  private static void assertClosed(Plan plan) {
    assertThatThrownBy(plan::allocateInfo).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aPlanThatFailedIsNotUsedAgain() {
    try (PlanPool pool = new PlanPool(CPU, 1 << 24)) {
      assertThatThrownBy(
              () ->
                  pool.with(
                      SvdPlan.class,
                      shape(2),
                      OPTIONS,
                      0,
                      (plan, info) -> {
                        throw new IllegalStateException("failed");
                      }))
          .hasMessage("failed");
      assertThat(pool.idle()).isEmpty();
    }
  }

  @Test
  void noMoreThanSixtyFourWait() {
    try (PlanPool pool = new PlanPool(CPU, Long.MAX_VALUE)) {
      for (int batch = 1; batch <= 65; batch++) {
        use(pool, batch);
      }
      assertThat(pool.idle()).hasSize(64).doesNotContain(key(1)).endsWith(key(65));
    }
  }

  @Test
  void aClosedPoolClosesWhatComesBack() {
    PlanPool pool = new PlanPool(CPU, 1 << 24);
    List<SpectralPlan> plans = new ArrayList<>();
    pool.with(
        SpectralPlan.class,
        shape(2),
        OPTIONS,
        0,
        (plan, info) -> {
          plans.add(plan);
          pool.close();
          plan.shape();
        });
    assertClosed(plans.get(0));
    assertThatThrownBy(() -> use(pool, 2)).hasMessage("the pool of plans is closed");
  }
}
