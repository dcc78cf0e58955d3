package io.github.diffsvd.stress;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.PushforwardPlan;
import io.github.diffsvd.SingularValuePlan;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.SvdTangents;
import io.github.diffsvd.stress.SearchCase.Given;
import io.github.diffsvd.stress.SearchCase.Member;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Gives the members of a case to the library, in strides drawn at random, and takes what it says.
 */
final class SearchRun implements AutoCloseable {
  /**
   * What came back for each member, row-major.
   *
   * @param further of each member what the stage gave: the gradient; gradient, tangents of U, S and
   *     V; S, gradient and S without vectors; or Y and gradient
   * @param touched whether an input or a gap between elements changed
   */
  @SuppressWarnings("ArrayRecordComponent") // compared by nobody
  record Results(
      int[] info, double[][] u, double[][] s, double[][] v, double[][][] further, boolean touched) {
    double[][] factors(int b) {
      return new double[][] {u[b], s[b], v[b]};
    }
  }

  private final Device device;
  private final SearchCase test;
  private final DataType type;
  private final int batch;
  private final int k;
  private final List<Member> members;
  private final double poison;
  private final SplittableRandom random;
  private final List<AutoCloseable> open = new ArrayList<>();
  private final List<Placed> inputs = new ArrayList<>();
  private final List<Placed> outputs = new ArrayList<>();

  private SearchRun(Device device, SearchCase test, List<Member> members, double poison) {
    this.device = device;
    this.test = test;
    this.members = members;
    this.poison = poison;
    type = test.type();
    batch = members.size();
    k = Math.min(test.rows(), test.columns());
    random = new SplittableRandom(test.seed());
  }

  /**
   * Runs it.
   *
   * @param poison what stands in the results and between their elements before
   */
  static Results run(Device device, SearchCase test, List<Member> members, double poison) {
    try (SearchRun run = new SearchRun(device, test, members, poison)) {
      return run.run();
    }
  }

  private Results run() {
    int rows = test.rows();
    int columns = test.columns();
    Placed a = input(type, rows, columns, Member::values);
    Placed u = output(type, rows, k);
    Placed s = output(type.real(), k, 1);
    Placed v = output(type, columns, k);
    SvdFactors factors = new SvdFactors(u.view, s.view, v.view);
    // A number of its own where nothing is written.
    Placed status = opened(new Placed(device, DataType.FLOAT32, 1, 1, batch, poison, null));
    SvdInfo info = SvdInfo.wrap(device, status.send().view.address(), batch);
    List<Placed> further = List.of();
    switch (test.stage()) {
      case FACTORS -> plan().forward(a.view, factors, info, 0);
      case BACKWARD -> {
        SvdPlan plan = plan();
        plan.forward(a.view, factors, info, 0);
        further = List.of(backward(plan, factors, cotangents()));
      }
      case VALUES -> {
        plan().forward(a.view, factors, info, 0);
        Placed values = output(type.real(), k, 1);
        Placed gradient = output(type, rows, columns);
        SingularValuePlan plan =
            opened(SingularValuePlan.create(device, new BatchShape(type, batch, rows, columns)));
        plan.forward(a.view, values.view, info, 0);
        plan.backward(given(Given.S), gradient.view, 0);
        Placed alone = output(type.real(), k, 1);
        opened(
                SingularValuePlan.createWithoutGradients(
                    device, new BatchShape(type, batch, rows, columns)))
            .forward(a.view, alone.view, opened(device.allocateInfo(batch)), 0);
        further = List.of(values, gradient, alone);
      }
      case SPECTRAL -> {
        SpectralPlan plan =
            opened(SpectralPlan.create(device, new BatchShape(type, batch, rows, columns)));
        Placed y = output(type, rows, columns);
        plan.forward(a.view, test.function(), factors, y.view, info, 0);
        Placed gradient = output(type, rows, columns);
        SpectralCotangents given = SpectralCotangents.of(given(Given.A));
        plan.backward(factors, test.function(), given, gradient.view, null, 0);
        further = List.of(y, gradient);
      }
      case PUSHFORWARD -> {
        SvdPlan plan = plan();
        plan.forward(a.view, factors, info, 0);
        Placed gradient = backward(plan, factors, cotangents());
        Placed du = output(type, rows, k);
        Placed ds = output(type.real(), k, 1);
        Placed dv = output(type, columns, k);
        opened(
                PushforwardPlan.create(
                    device,
                    new BatchShape(type, batch, rows, columns),
                    SvdOptions.defaults().withRule(test.rule())))
            .pushforward(factors, given(Given.A), new SvdTangents(du.view, ds.view, dv.view), 0);
        further = List.of(gradient, du, ds, dv);
      }
      default -> throw new AssertionError(test.stage());
    }
    return results(u, s, v, info, further);
  }

  private Results results(Placed u, Placed s, Placed v, SvdInfo info, List<Placed> further) {
    double[][][] transposed = new double[batch][further.size()][];
    for (int f = 0; f < further.size(); f++) {
      double[][] all = further.get(f).read();
      for (int b = 0; b < batch; b++) {
        transposed[b][f] = all[b];
      }
    }
    return new Results(info.read(0), u.read(), s.read(), v.read(), transposed, isTouched());
  }

  private boolean isTouched() {
    boolean touched = false;
    for (Placed input : inputs) {
      touched |= !input.isUnchanged();
    }
    for (Placed output : outputs) {
      touched |= output.isTouched();
    }
    return touched;
  }

  private SvdPlan plan() {
    return opened(
        SvdPlan.create(
            device,
            new BatchShape(type, batch, test.rows(), test.columns()),
            test.options().withRule(test.rule())));
  }

  private Placed backward(SvdPlan plan, SvdFactors factors, SvdCotangents cotangents) {
    Placed gradient = output(type, test.rows(), test.columns());
    plan.backward(factors, cotangents, gradient.view, 0);
    return gradient;
  }

  /** All three, or one of them is absent. */
  private SvdCotangents cotangents() {
    int absent = test.stage() == SearchCase.Stage.BACKWARD ? random.nextInt(6) : 3;
    return new SvdCotangents(
        absent == 0 ? null : given(Given.U),
        absent == 1 ? null : given(Given.S),
        absent == 2 ? null : given(Given.V));
  }

  /** Cotangents, or a direction. */
  private MatrixBatch given(Given which) {
    return input(
            which == Given.S ? type.real() : type,
            test.rows(which),
            test.columns(which),
            member -> test.given(which, member))
        .view;
  }

  private interface Values {
    double[] of(Member member);
  }

  private Placed input(DataType type, int rows, int columns, Values values) {
    Placed placed = opened(new Placed(device, type, batch, rows, columns, poison, random));
    for (int b = 0; b < batch; b++) {
      placed.put(b, values.of(members.get(b)));
    }
    inputs.add(placed);
    return placed.send();
  }

  private Placed output(DataType type, int rows, int columns) {
    Placed placed = opened(new Placed(device, type, batch, rows, columns, poison, random));
    outputs.add(placed);
    return placed.send();
  }

  private <C extends AutoCloseable> C opened(C resource) {
    open.add(resource);
    return resource;
  }

  @Override
  public void close() {
    for (int i = open.size() - 1; i >= 0; i--) {
      try {
        open.get(i).close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
