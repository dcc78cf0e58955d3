package io.github.diffsvd.stress;

import io.github.diffsvd.Device;
import java.util.stream.IntStream;

/** Makes a case that fails smaller, as long as the same check fails. */
final class Shrinking {
  private static final int TRIALS = 600;
  private static final long NANOS = 1_000_000_000L;

  private final Device device;
  private final Check check;
  private final long end = System.nanoTime() + NANOS;
  private SearchCase smallest;
  private int trials;
  private int successes;

  private Shrinking(Device device, SearchCase test, Check check) {
    this.device = device;
    this.check = check;
    smallest = test;
  }

  static SearchCase shrink(Device device, SearchCase test, Check check) {
    return new Shrinking(device, test, check).shrink();
  }

  /** The first member that fails, or −1. */
  static int failing(Device device, SearchCase test, Check check) {
    int[] found = {-1};
    SearchJudge.judge(
        device,
        test,
        new SearchJudge.Listener() {
          @Override
          public void judged(Check each, int member, double value, double bar) {
            if (each == check && !(value <= bar) && found[0] < 0) {
              found[0] = member;
            }
          }

          @Override
          public void refused(Throwable reason) {}

          @Override
          public void measured(int member, double residual, double orthogonality) {}
        });
    return found[0];
  }

  private SearchCase shrink() {
    for (int accepted = -1; accepted < successes; ) {
      accepted = successes;
      remove(smallest.again().length, 0, kept -> smallest.again(kept));
      remove(smallest.members().size(), 1, kept -> smallest.keeping(kept));
      // What is left of graded columns, cut short, need not be well conditioned.
      boolean graded = check == Check.SMALL_VALUES;
      if (!graded || smallest.rows() < smallest.columns()) {
        remove(smallest.rows(), 1, kept -> smallest.part(kept, all(smallest.columns())));
      }
      if (!graded || smallest.rows() > smallest.columns()) {
        remove(smallest.columns(), 1, kept -> smallest.part(all(smallest.rows()), kept));
      }
    }
    return smallest;
  }

  private static int[] all(int count) {
    return IntStream.range(0, count).toArray();
  }

  /** Takes away halves, then quarters, …, then single ones. */
  private void remove(int count, int least, Smaller smaller) {
    for (int size = Math.max(1, (count + 1) / 2); size >= 1; size /= 2) {
      for (int from = 0; from < count && count > least && !isOver(); ) {
        int first = from;
        int last = Math.min(count, from + size);
        int[] kept = IntStream.range(0, count).filter(i -> i < first || i >= last).toArray();
        if (kept.length >= least && accept(smaller.of(kept))) {
          count = kept.length;
        } else {
          from += size;
        }
      }
    }
  }

  private interface Smaller {
    SearchCase of(int[] kept);
  }

  private boolean isOver() {
    return trials >= TRIALS || System.nanoTime() - end > 0;
  }

  private boolean accept(SearchCase candidate) {
    trials++;
    boolean fails = failing(device, candidate, check) >= 0;
    if (fails) {
      smallest = candidate;
      successes++;
    }
    return fails;
  }
}
