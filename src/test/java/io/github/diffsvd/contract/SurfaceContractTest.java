package io.github.diffsvd.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.diffsvd.BatchShape;
import io.github.diffsvd.DataType;
import io.github.diffsvd.Device;
import io.github.diffsvd.EighCotangents;
import io.github.diffsvd.EighFactors;
import io.github.diffsvd.EighPlan;
import io.github.diffsvd.GradientRule;
import io.github.diffsvd.MatrixBatch;
import io.github.diffsvd.OwnedMatrixBatch;
import io.github.diffsvd.Plan;
import io.github.diffsvd.PushforwardPlan;
import io.github.diffsvd.Scope;
import io.github.diffsvd.SingularValueLoss;
import io.github.diffsvd.SingularValuePlan;
import io.github.diffsvd.SpectralCotangents;
import io.github.diffsvd.SpectralFunction;
import io.github.diffsvd.SpectralPlan;
import io.github.diffsvd.SpectralTable;
import io.github.diffsvd.SvdAlgorithm;
import io.github.diffsvd.SvdCotangents;
import io.github.diffsvd.SvdFactors;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import io.github.diffsvd.SvdPlan;
import io.github.diffsvd.SvdTangents;
import io.github.diffsvd.TruncatedPullbackPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What all plans have in common, and how values get to a device and back. */
@Tag("gpu")
class SurfaceContractTest {
  private static final DataType TYPE = DataType.FLOAT64;
  private static final BatchShape SHAPE = new BatchShape(TYPE, 3, 4, 4);

  /** A kind of plan, with the memory that it needs, and all of what its calls write. */
  private interface Kind {
    Plan create(Device device, SvdOptions options);

    List<double[]> run(Device device, Plan plan, MatrixBatch a);

    long bytes(Device device, SvdOptions options);
  }

  private static Kind kind(
      java.util.function.BiFunction<Device, SvdOptions, Plan> create,
      java.util.function.BiFunction<Device, SvdOptions, Long> bytes,
      Function<Inputs, List<MatrixBatch>> run) {
    return new Kind() {
      @Override
      public Plan create(Device device, SvdOptions options) {
        return create.apply(device, options);
      }

      @Override
      public long bytes(Device device, SvdOptions options) {
        return bytes.apply(device, options);
      }

      @Override
      public List<double[]> run(Device device, Plan plan, MatrixBatch a) {
        List<double[]> results = new ArrayList<>();
        for (MatrixBatch each : run.apply(new Inputs(device, plan, a))) {
          results.add(device.read(each));
        }
        return results;
      }
    };
  }

  private record Inputs(Device device, Plan plan, MatrixBatch a) {}

  private static final Map<String, Kind> KINDS = new LinkedHashMap<>();

  static {
    KINDS.put(
        "SvdPlan",
        kind(
            (device, options) -> SvdPlan.create(device, SHAPE, options),
            (device, options) -> SvdPlan.workspaceBytes(device, SHAPE, options),
            in -> {
              SvdPlan plan = (SvdPlan) in.plan;
              SvdFactors f = plan.allocateFactors();
              SvdInfo info = plan.allocateInfo();
              MatrixBatch gradient = plan.allocateGradient();
              plan.forward(in.a, f, info);
              info.check();
              SvdCotangents cotangents = plan.allocateCotangents();
              in.device.write(cotangents.u(), in.device.read(f.v()));
              in.device.write(cotangents.s(), in.device.read(f.s()));
              in.device.write(cotangents.v(), in.device.read(in.a));
              plan.backward(f, cotangents, gradient);
              return List.of(f.u(), f.s(), f.v(), gradient);
            }));
    KINDS.put(
        "EighPlan",
        kind(
            (device, options) -> EighPlan.create(device, SHAPE, options),
            (device, options) -> EighPlan.workspaceBytes(device, SHAPE, options),
            in -> {
              EighPlan plan = (EighPlan) in.plan;
              EighFactors f = plan.allocateFactors();
              SvdInfo info = plan.allocateInfo();
              MatrixBatch gradient = plan.allocateGradient();
              MatrixBatch root = plan.allocateGradient();
              MatrixBatch ofRoot = plan.allocateGradient();
              plan.forward(in.a, f, info);
              info.check();
              EighCotangents cotangents = plan.allocateCotangents();
              in.device.write(cotangents.values(), in.device.read(f.values()));
              in.device.write(cotangents.vectors(), in.device.read(in.a));
              plan.backward(f, cotangents, gradient);
              plan.compose(f, SpectralFunction.sqrt(), root);
              plan.backward(f, SpectralFunction.sqrt(), SpectralCotangents.of(root), ofRoot);
              return List.of(f.values(), f.vectors(), gradient, root, ofRoot);
            }));
    KINDS.put(
        "SpectralPlan",
        kind(
            (device, options) -> SpectralPlan.create(device, SHAPE, options),
            (device, options) -> SpectralPlan.workspaceBytes(device, SHAPE, options),
            in -> {
              SpectralPlan plan = (SpectralPlan) in.plan;
              SpectralFunction f = SpectralFunction.softThreshold(0.5);
              SvdFactors factors = plan.allocateFactors();
              MatrixBatch y = plan.allocateY();
              MatrixBatch gradient = plan.allocateGradient();
              MatrixBatch dy = plan.allocateY();
              plan.forward(in.a, f, factors, y, plan.allocateInfo());
              plan.backward(factors, f, SpectralCotangents.of(y), gradient);
              plan.pushforward(in.a, f, factors, dy);
              return List.of(y, gradient, dy);
            }));
    KINDS.put(
        "SingularValuePlan",
        kind(
            (device, options) -> SingularValuePlan.create(device, SHAPE, options),
            (device, options) -> SingularValuePlan.workspaceBytes(device, SHAPE, options),
            in -> {
              SingularValuePlan plan = (SingularValuePlan) in.plan;
              MatrixBatch s = plan.allocateValues();
              MatrixBatch losses = plan.allocateLosses();
              MatrixBatch gradient = plan.allocateGradient();
              MatrixBatch ofLoss = plan.allocateGradient();
              SvdInfo info = plan.allocateInfo();
              plan.forward(in.a, s, info);
              plan.backward(s, gradient);
              plan.loss(SingularValueLoss.nuclearNorm(), in.a, losses, ofLoss, info);
              info.check();
              return List.of(s, losses, gradient, ofLoss);
            }));
    KINDS.put(
        "PushforwardPlan",
        kind(
            (device, options) -> PushforwardPlan.create(device, SHAPE, options),
            (device, options) -> PushforwardPlan.workspaceBytes(device, SHAPE, options),
            in -> {
              PushforwardPlan plan = (PushforwardPlan) in.plan;
              SvdTangents tangents = plan.allocateTangents();
              MatrixBatch eye = plan.allocateGradient();
              double[] ones = new double[3 * 16];
              for (int i = 0; i < 3; i++) {
                for (int j = 0; j < 4; j++) {
                  ones[16 * i + 5 * j] = 1;
                }
              }
              in.device.write(eye, ones);
              try (OwnedMatrixBatch s =
                  in.device.upload(
                      new BatchShape(TYPE, 3, 4, 1), 4, 3, 2, 1, 5, 4, 3, 2, 1, 1, 1, 1)) {
                plan.pushforward(new SvdFactors(eye, s, eye), in.a, tangents);
                return List.of(tangents.u(), tangents.s(), tangents.v());
              }
            }));
    KINDS.put(
        "TruncatedPullbackPlan",
        kind(
            (device, options) -> TruncatedPullbackPlan.create(device, SHAPE, 2, options, 30),
            (device, options) -> TruncatedPullbackPlan.workspaceBytes(device, SHAPE, 2, options),
            in -> {
              TruncatedPullbackPlan plan = (TruncatedPullbackPlan) in.plan;
              MatrixBatch gradient = plan.allocateGradient();
              try (SvdPlan svd = SvdPlan.like(in.device, in.a)) {
                SvdFactors all = svd.allocateFactors();
                svd.forward(in.a, all, svd.allocateInfo());
                SvdFactors kept = all.leading(2);
                plan.backward(
                    in.a, kept, new SvdCotangents(kept.v(), kept.s(), kept.u()), gradient);
                return List.of(gradient);
              }
            }));
  }

  /** Symmetric and positive definite, which suits all kinds. */
  private static OwnedMatrixBatch matrices(Device device) {
    Random random = new Random(TestDevices.SEED);
    double[] values = new double[3 * 16];
    for (int b = 0; b < 3; b++) {
      double[] x = random.doubles(16, -1, 1).toArray();
      for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
          for (int l = 0; l < 4; l++) {
            values[16 * b + 4 * i + j] += x[4 * i + l] * x[4 * j + l];
          }
        }
      }
    }
    return device.upload(SHAPE, values);
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void everyPlanWorksInTheCallersMemoryAsInItsOwn(Device device) {
    SvdOptions options = SvdOptions.defaults();
    KINDS.forEach(
        (name, kind) -> {
          long bytes = kind.bytes(device, options);
          assertThat(bytes % 256).as(name).isZero();
          int elements = Math.toIntExact(bytes / TYPE.bytes());
          try (OwnedMatrixBatch a = matrices(device);
              OwnedMatrixBatch memory = Batch.poisoned(device, TYPE, 1, 1, elements + 64);
              Plan own = kind.create(device, options)) {
            SvdOptions borrowed = options.withWorkspace(memory.address(), bytes);
            List<double[]> expected = kind.run(device, own, a);
            assertThat(own.workspaceBytes()).as(name).isEqualTo(bytes);
            assertThat(expected).allSatisfy(each -> assertThat(each).doesNotContain(Double.NaN));
            try (Plan plan = kind.create(device, borrowed)) {
              List<double[]> actual = kind.run(device, plan, a);
              for (int i = 0; i < expected.size(); i++) {
                assertThat(actual.get(i)).as(name + " " + i).isEqualTo(expected.get(i));
              }
            }
            double[] after = device.read(memory);
            assertThat(Arrays.copyOfRange(after, elements, elements + 64))
                .as(name)
                .containsOnly(Double.NaN);
            assertThatThrownBy(
                    () -> kind.create(device, options.withWorkspace(memory.address(), bytes - 256)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                    "workspace: expected at least " + bytes + " bytes, got " + (bytes - 256));
          }
        });
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void everyPlanTellsWhatItIs(Device device) {
    SvdOptions options = SvdOptions.defaults();
    KINDS.forEach(
        (name, kind) -> {
          try (Plan plan = kind.create(device, options)) {
            assertThat(plan.shape()).isEqualTo(SHAPE);
            assertThat(plan.options()).isEqualTo(options);
            assertThat(plan.toString())
                .startsWith(name + " FLOAT64 3×4×4, ")
                .endsWith(", workspace of " + plan.workspaceBytes() + " bytes");
          }
        });
    SvdOptions jacobi =
        options.withAlgorithm(SvdAlgorithm.JACOBI).withRule(GradientRule.lorentzian());
    try (SvdPlan plan = SvdPlan.create(device, SHAPE, jacobi)) {
      assertThat(plan.toString())
          .contains("forward svd_jacobi_f64", "backward svd_backward", "lorentzian");
    }
  }

  /** What a plan has given out goes with it, unless it is gone already. */
  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void whatAPlanGivesOutIsFreedWithIt(Device device) {
    try (OwnedMatrixBatch a = matrices(device)) {
      SvdPlan plan = SvdPlan.like(device, a);
      SvdFactors factors = plan.allocateFactors();
      SvdFactors early = plan.allocateFactors();
      SvdInfo info = plan.allocateInfo();
      early.close();
      plan.forward(a, factors, info);
      plan.close();
      plan.close();
      early.close();
      assertThatThrownBy(() -> device.read(factors.u()))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("freed already");
      assertThatThrownBy(info::read).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(plan::allocateFactors)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("SvdPlan FLOAT64 3×4×4: the plan is closed");
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void aThresholdForEachMatrixIsThatOfAllItsValues(Device device) {
    try (OwnedMatrixBatch a = matrices(device);
        SpectralPlan plan = SpectralPlan.like(device, a);
        OwnedMatrixBatch thresholds = device.upload(new BatchShape(TYPE, 3, 1, 1), 0.1, 0.4, 0.9);
        OwnedMatrixBatch all =
            device.upload(
                new BatchShape(TYPE, 3, 4, 1), .1, .1, .1, .1, .4, .4, .4, .4, .9, .9, .9, .9)) {
      SvdFactors factors = plan.allocateFactors();
      MatrixBatch y = plan.allocateY();
      MatrixBatch gradient = plan.allocateGradient();
      OwnedMatrixBatch byWeights = device.allocate(new BatchShape(TYPE, 3, 4, 1));
      List<double[]> results = new ArrayList<>();
      for (SpectralTable f :
          List.of(SpectralTable.softThreshold(all), SpectralTable.softThreshold(thresholds))) {
        plan.forward(a, f, factors, y, plan.allocateInfo());
        plan.backward(factors, f, SpectralCotangents.of(y), gradient, byWeights, 0);
        results.add(device.read(y));
        results.add(device.read(gradient));
        results.add(device.read(byWeights));
      }
      byWeights.close();
      for (int i = 0; i < 3; i++) {
        assertThat(results.get(3 + i)).isEqualTo(results.get(i)).doesNotContain(Double.NaN);
      }
      assertThatThrownBy(() -> plan.compose(factors, SpectralTable.softThreshold(a), y))
          .hasMessageStartingWith("table.weights: expected FLOAT64 3×4×1");
    }
  }

  @ParameterizedTest(name = "{0} {1}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devicesAndTypes")
  void arraysAndHeapBuffersGoInAndOut(Device device, DataType type) {
    int parts = type.isComplex() ? 2 : 1;
    BatchShape shape = new BatchShape(type, 2, 3, 5);
    double[] values =
        new Random(TestDevices.SEED).doubles(30L * parts).map(x -> (float) x).toArray();
    float[] floats = new float[values.length];
    double[][] rows = new double[6][];
    float[][] floatRows = new float[6][5 * parts];
    ByteBuffer bytes = ByteBuffer.allocate((int) shape.bytes()).order(ByteOrder.nativeOrder());
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
      floatRows[i / (5 * parts)][i % (5 * parts)] = floats[i];
      if (type.real() == DataType.FLOAT32) {
        bytes.putFloat(floats[i]);
      } else {
        bytes.putDouble(values[i]);
      }
    }
    for (int i = 0; i < 6; i++) {
      rows[i] = Arrays.copyOfRange(values, 5 * parts * i, 5 * parts * (i + 1));
    }
    bytes.flip();
    try (OwnedMatrixBatch x = device.upload(shape, values);
        OwnedMatrixBatch memory = Batch.poisoned(device, type, 1, 2, 30)) {
      assertThat(device.readFloats(x)).isEqualTo(floats);
      assertThat(device.readRows(x)).isDeepEqualTo(rows);
      assertThat(device.readFloatRows(x)).isDeepEqualTo(floatRows);
      MatrixBatch strided = MatrixBatch.wrap(memory.address(), shape, 1, 5, 30);
      for (Runnable write :
          List.<Runnable>of(
              () -> device.write(strided, floats),
              () -> device.write(strided, rows),
              () -> device.write(strided, floatRows),
              () -> device.write(strided, bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN)))) {
        Batch.poison(device, memory);
        write.run();
        assertThat(device.read(strided)).isEqualTo(values);
      }
      ByteBuffer back = ByteBuffer.allocate(bytes.capacity() + 3);
      back.position(3);
      device.read(strided, back);
      assertThat(back.hasRemaining()).isFalse();
      assertThat(Arrays.copyOfRange(back.array(), 3, back.capacity())).isEqualTo(bytes.array());
      assertThatThrownBy(() -> device.write(x, new float[7]))
          .hasMessageStartingWith("values: expected " + values.length + " numbers for");
      assertThatThrownBy(() -> device.read(x, ByteBuffer.allocate(8)))
          .hasMessageStartingWith("buffer: expected " + bytes.capacity() + " bytes for");
    }
  }

  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void aScopeClosesTheLastFirstAndAllOfThem(Device device) {
    List<String> closed = new ArrayList<>();
    assertThatThrownBy(
            () -> {
              try (Scope scope = new Scope()) {
                scope.keep(() -> closed.add("first"));
                scope.keep(
                    () -> {
                      throw new IllegalStateException("second");
                    });
                OwnedMatrixBatch a = scope.keep(matrices(device));
                scope.keep(SvdPlan.like(device, a));
                scope.keep(() -> closed.add("last"));
              }
            })
        .hasMessage("second");
    assertThat(closed).containsExactly("last", "first");
    Scope released = new Scope();
    OwnedMatrixBatch kept = released.keep(matrices(device));
    released.release();
    released.close();
    assertThat(device.read(kept)).hasSize(48);
    kept.close();
  }

  /** A rule, an algorithm and resolved ties are options of every plan that they concern. */
  @ParameterizedTest(name = "{0}", autoCloseArguments = false)
  @MethodSource("io.github.diffsvd.contract.TestDevices#devices")
  void optionsReachThePlansWithin(Device device) {
    SvdOptions options = SvdOptions.defaults().withResolveTies(true);
    BatchShape shape = new BatchShape(TYPE, 1, 2, 2);
    try (OwnedMatrixBatch a = device.upload(shape, 1, 0, 0, 1);
        EighPlan eigh = EighPlan.create(device, shape, options);
        SpectralPlan spectral = SpectralPlan.create(device, shape, options);
        SingularValuePlan values = SingularValuePlan.create(device, shape, options)) {
      EighFactors factors = eigh.allocateFactors();
      eigh.forward(a, factors, eigh.allocateInfo());
      assertApart(device.read(factors.values()));
      SvdFactors f = spectral.allocateFactors();
      spectral.forward(a, f, spectral.allocateInfo());
      assertApart(device.read(f.s()));
      MatrixBatch s = values.allocateValues();
      values.forward(a, s, values.allocateInfo());
      assertApart(device.read(s));
    }
    SvdOptions solver = SvdOptions.defaults().withAlgorithm(SvdAlgorithm.GESVD);
    try (SingularValuePlan plan = SingularValuePlan.createWithoutGradients(device, shape, solver)) {
      assertThat(plan.toString()).contains("GESVD");
    }
  }

  private static void assertApart(double[] s) {
    assertThat(s[0] - s[1]).isCloseTo(Math.sqrt(TYPE.epsilon()), within(1e-10));
  }
}
