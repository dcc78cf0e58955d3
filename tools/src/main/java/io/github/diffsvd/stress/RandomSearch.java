package io.github.diffsvd.stress;

import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.stress.SearchCase.Member;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * Draws matrices of every kind, size and type at random, gives them to every plan, and judges what
 * comes back. The first case has the seed of the search, each other one its own.
 */
public final class RandomSearch {
  private final Device device;
  private final long seed;
  private final long cases;
  private final long begin = System.nanoTime();
  private final double minutes;
  private final long nanos;
  private final Progress progress;
  private final AtomicLong next = new AtomicLong();
  private final Tally tally = new Tally();

  /** Hears how far the search is. */
  public interface Progress {
    /** Of so many seconds so many are over. */
    void step(long seconds, long all, String what);
  }

  /** What was found. */
  public record Result(
      String device, long seed, double minutes, long cases, double seconds, Tally tally) {
    public boolean failed() {
      return !tally.failures.isEmpty();
    }
  }

  /** Counts of verdicts. */
  public static final class Tally {
    final Map<MatrixKind, KindTally> kinds = new EnumMap<>(MatrixKind.class);
    final Map<Check, CheckTally> checks = new EnumMap<>(Check.class);

    final Map<Check, Map<MatrixKind, Failure>> failures = new EnumMap<>(Check.class);

    private Tally() {
      for (MatrixKind kind : MatrixKind.values()) {
        kinds.put(kind, new KindTally());
      }
      for (Check check : Check.values()) {
        checks.put(check, new CheckTally());
      }
    }

    long matrices() {
      return kinds.values().stream().mapToLong(KindTally::matrices).sum();
    }

    long failed() {
      return failures().mapToLong(failure -> failure.count).sum();
    }

    /** In the order of checks and kinds. */
    Stream<Failure> failures() {
      return failures.values().stream().flatMap(kinds -> kinds.values().stream());
    }
  }

  /** Of one kind of matrix; the worst in units of eps·√k. */
  static final class KindTally {
    final Map<DataType, Long> tried = new EnumMap<>(DataType.class);
    double residual;
    double orthogonality;
    double libraryResidual;
    double libraryOrthogonality;

    long matrices() {
      return tried.values().stream().mapToLong(count -> count).sum();
    }
  }

  /** Of one check; the worst in units of its bar. */
  static final class CheckTally {
    long judged;
    long failed;
    double worst;
  }

  /** One check that failed for one kind of matrix. */
  static final class Failure {
    final Check check;
    final MatrixKind kind;
    final Set<DataType> types = EnumSet.noneOf(DataType.class);
    final Set<SvdAlgorithm> algorithms = EnumSet.noneOf(SvdAlgorithm.class);
    long count;
    double worst;
    String example = "";

    Failure(Check check, MatrixKind kind) {
      this.check = check;
      this.kind = kind;
    }
  }

  private RandomSearch(Device device, long seed, long cases, double minutes, Progress progress) {
    this.device = device;
    this.seed = seed;
    this.cases = cases;
    this.progress = progress;
    this.minutes = minutes;
    nanos = (long) (minutes * 60e9);
  }

  /** Searches for so many minutes; 0 is one case. */
  public static Result run(Device device, long seed, double minutes, Progress progress) {
    return run(device, seed, minutes > 0 ? Long.MAX_VALUE : 1, minutes, progress);
  }

  /** So many cases, or as many as there is time for; at least one. */
  static Result run(Device device, long seed, long cases, double minutes, Progress progress) {
    return new RandomSearch(device, seed, cases, minutes, progress).run();
  }

  private Result run() {
    List<Thread> threads = new ArrayList<>();
    for (int i = 1; i < Runtime.getRuntime().availableProcessors(); i++) {
      threads.add(new Thread(this::work, "diffsvd-search"));
    }
    threads.forEach(Thread::start);
    work();
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("the search was interrupted", e);
      }
    }
    long done = tally.checks.get(Check.ACCEPTED).judged;
    return new Result(device.toString(), seed, minutes, done, seconds(), tally);
  }

  private double seconds() {
    return (System.nanoTime() - begin) / 1e9;
  }

  private void work() {
    // Searches with neighbouring seeds have no case in common.
    long further = new SplittableRandom(seed).nextLong();
    for (long i = next.getAndIncrement();
        i == 0 || (i < cases && System.nanoTime() - begin < nanos);
        i = next.getAndIncrement()) {
      SearchCase test = SearchCase.draw(device, i == 0 ? seed : further + i);
      Verdicts verdicts = new Verdicts(test);
      SearchJudge.judge(device, test, verdicts);
      List<Failure> first = record(verdicts);
      for (Failure failure : first) {
        failure.example = SearchReport.example(device, test, failure, verdicts.refusal);
      }
    }
  }

  private record Verdict(Check check, int member, double value, double bar) {}

  private record Measured(int member, double residual, double orthogonality) {}

  /** Those of one case. */
  private static final class Verdicts implements SearchJudge.Listener {
    final SearchCase test;
    final List<Verdict> judged = new ArrayList<>();
    final List<Measured> measured = new ArrayList<>();
    Throwable refusal;

    Verdicts(SearchCase test) {
      this.test = test;
    }

    @Override
    public void judged(Check check, int member, double value, double bar) {
      judged.add(new Verdict(check, member, value, bar));
    }

    @Override
    public void refused(Throwable reason) {
      refusal = reason;
    }

    @Override
    public void measured(int member, double residual, double orthogonality) {
      measured.add(new Measured(member, residual, orthogonality));
    }
  }

  /** Adds to the tally; returns failures that nothing like was seen before. */
  private List<Failure> record(Verdicts verdicts) {
    SearchCase test = verdicts.test;
    List<Failure> first = new ArrayList<>();
    synchronized (tally) {
      for (Member member : test.members()) {
        tally.kinds.get(member.kind()).tried.merge(test.type(), 1L, Long::sum);
      }
      for (Measured each : verdicts.measured) {
        KindTally kind = tally.kinds.get(test.members().get(each.member).kind());
        if (test.isLibrary(device)) {
          kind.libraryResidual = Math.max(kind.libraryResidual, each.residual);
          kind.libraryOrthogonality = Math.max(kind.libraryOrthogonality, each.orthogonality);
        } else {
          kind.residual = Math.max(kind.residual, each.residual);
          kind.orthogonality = Math.max(kind.orthogonality, each.orthogonality);
        }
      }
      for (Verdict each : verdicts.judged) {
        CheckTally check = tally.checks.get(each.check);
        check.judged++;
        check.worst = Math.max(check.worst, each.bar == 0 ? 0 : each.value / each.bar);
        if (!(each.value <= each.bar)) {
          check.failed++;
          MatrixKind kind = test.members().get(each.member).kind();
          Failure failure =
              tally
                  .failures
                  .computeIfAbsent(each.check, key -> new EnumMap<>(MatrixKind.class))
                  .computeIfAbsent(kind, key -> new Failure(each.check, kind));
          if (failure.count == 0) {
            first.add(failure);
          }
          failure.count++;
          failure.worst = Math.max(failure.worst, each.value);
          failure.types.add(test.type());
          failure.algorithms.add(test.options().algorithm());
        }
      }
      progress.step(
          (long) seconds(),
          Math.max(1, nanos / 1_000_000_000L),
          String.format("%,d matrices, %,d failures", tally.matrices(), tally.failed()));
    }
    return first;
  }
}
