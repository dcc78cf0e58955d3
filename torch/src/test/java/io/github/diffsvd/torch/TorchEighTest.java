package io.github.diffsvd.torch;

import static io.github.diffsvd.torch.Tensors.SEED;
import static io.github.diffsvd.torch.Tensors.assertSlope;
import static io.github.diffsvd.torch.Tensors.distance;
import static io.github.diffsvd.torch.Tensors.ints;
import static io.github.diffsvd.torch.Tensors.leaf;
import static io.github.diffsvd.torch.Tensors.projection;
import static io.github.diffsvd.torch.Tensors.random;
import static io.github.diffsvd.torch.Tensors.tolerance;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SvdInfo;
import io.github.diffsvd.SvdOptions;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.DoubleArrayRef;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The eigendecomposition against libtorch's own and against finite differences. */
class TorchEighTest {
  private static final long[][] SHAPES = {
    {4, 4}, {5, 6, 6}, {2, 3, 9, 9}, {1, 1}, {3, 1, 1}, {2, 40, 40}
  };

  private PointerScope scope;

  @BeforeEach
  void open() {
    torch.manual_seed(SEED);
    scope = new PointerScope();
  }

  @AfterEach
  void close() {
    scope.close();
    assertThat(GraphNode.alive()).as("nodes that hold factors").isZero();
  }

  private static Tensor hermitian(Tensor x) {
    return x.add(x.mH()).mul(new Scalar(0.5));
  }

  private static Tensor positive(ScalarType type, long... shape) {
    Tensor x = random(type, shape);
    return hermitian(x.matmul(x.mH()));
  }

  private static Tensor withEigenvalues(ScalarType type, double... values) {
    Tensor u = torch.linalg_qr(random(type, values.length, values.length), "reduced").get0();
    Tensor s = torch.tensor(new DoubleArrayRef(new DoublePointer(values), values.length));
    return hermitian(u.mul(s.to(type)).matmul(u.mH()));
  }

  private static Tensor vector(double... values) {
    return torch.tensor(new DoubleArrayRef(new DoublePointer(values), values.length));
  }

  private static TorchSvd.Eigh libtorchEigh(Tensor x) {
    T_TensorTensor_T eigh = torch.linalg_eigh(x);
    return new TorchSvd.Eigh(eigh.get0().flip(-1), eigh.get1().flip(-1), new Tensor());
  }

  private static Tensor loss(TorchSvd.Eigh e, Tensor p, Tensor w, int subset) {
    Tensor sum = torch.zeros(new long[0], w.options());
    if ((subset & 1) != 0) {
      sum = sum.add(e.values().mul(w).sum());
    }
    if ((subset & 2) != 0) {
      sum = sum.add(projection(e.vectors(), p, w));
    }
    return sum;
  }

  private static double smallestGap(Tensor values) {
    long n = values.size(-1);
    return n == 1
        ? values.max().item_double()
        : values.narrow(-1, 0, n - 1).sub(values.narrow(-1, 1, n - 1)).min().item_double();
  }

  /** Beside the Hermitian part of libtorch's gradients in double precision. */
  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"Float", "Double", "ComplexFloat", "ComplexDouble"})
  void agreesWithLibtorchOnDistinctValues(ScalarType type) {
    boolean real = type == ScalarType.Float || type == ScalarType.Double;
    ScalarType wide = real ? ScalarType.Double : ScalarType.ComplexDouble;
    double epsilon =
        type == ScalarType.Float || type == ScalarType.ComplexFloat ? 0x1p-23 : 0x1p-52;
    for (long[] shape : SHAPES) {
      Tensor x = positive(type, shape);
      TorchSvd.Eigh exact = libtorchEigh(x.to(wide));
      Tensor p = torch.randn_like(x);
      Tensor w = torch.rand_like(exact.values());
      double gap = smallestGap(exact.values());
      double bound = 16 * epsilon * exact.values().max().item_double() / gap;
      for (int subset = 1; subset < 4; subset++) {
        Tensor ours = leaf(x);
        Tensor theirs = leaf(x.to(wide));
        TorchSvd.Eigh e = TorchSvd.eigh(ours);
        loss(e, p, w.to(e.values().scalar_type()), subset).backward();
        loss(libtorchEigh(theirs), p.to(wide), w, subset).backward();
        String what =
            "%s %s subset %d gap %.1e seed %d"
                .formatted(type, Arrays.toString(shape), subset, gap, SEED);
        assertThat(distance(ours.grad().to(wide), hermitian(theirs.grad())))
            .as(what)
            .isLessThan(Math.max(bound, 32 * epsilon));
        assertThat(distance(ours.grad(), ours.grad().mH())).as(what).isLessThan(bound);
        assertThat(distance(e.values().to(ScalarType.Double), exact.values()))
            .as(what)
            .isLessThan(tolerance(type));
        Tensor y = e.vectors().mul(e.values().unsqueeze(-2)).matmul(e.vectors().mH());
        assertThat(distance(y, x)).as(what).isLessThan(tolerance(type));
        assertThat(e.info().sizes().vec().get())
            .containsExactly(Arrays.copyOf(shape, shape.length - 2));
        assertThat(ints(e.info())).as(what).containsOnly(0);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"Double", "ComplexDouble"})
  void gradientsAreThoseOfFiniteDifferences(ScalarType type) {
    Tensor p = random(type, 5, 5);
    Tensor distinct = withEigenvalues(type, 3, 2.2, 1.5, 0.9, 0.3);
    Tensor w = vector(0.3, -0.7, 1.1, 0.2, 0.5);
    assertSlope(a -> loss(TorchSvd.eigh(hermitian(a)), p, w, 3), distinct, 1e-7);
    // Of the eigenspaces alone, which have a derivative.
    Tensor tied = withEigenvalues(type, 3, 2, 2, 2, 0.3);
    Tensor alike = vector(0.3, 1.1, 1.1, 1.1, 0.5);
    Tensor same = p.narrow(1, 0, 1).expand(5, 5);
    for (GradientRule rule : List.of(GradientRule.moorePenrose(), GradientRule.lorentzian())) {
      assertSlope(
          a ->
              loss(
                  TorchSvd.eigh(hermitian(a), SvdOptions.defaults().withRule(rule)),
                  same,
                  alike,
                  3),
          tied,
          1e-6);
    }
  }

  @Test
  void theRuleIsTheCallers() {
    Tensor x = torch.eye(4).repeat(3, 1, 1);
    Function<GradientRule, Tensor> gradient =
        rule -> {
          Tensor leaf = leaf(x);
          TorchSvd.Eigh e = TorchSvd.eigh(leaf, SvdOptions.defaults().withRule(rule));
          e.vectors().mul(torch.ones_like(e.vectors()).triu(1)).sum().backward();
          return leaf.grad();
        };
    assertThat(torch.isfinite(gradient.apply(GradientRule.moorePenrose())).all().item_bool())
        .isTrue();
    assertThat(torch.isfinite(gradient.apply(GradientRule.exact())).all().item_bool()).isFalse();
  }

  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"Float", "Double", "ComplexFloat", "ComplexDouble"})
  void infoTellsWhichMatricesAreRefused(ScalarType type) {
    Tensor x = positive(type, 5, 4, 4);
    x.select(0, 1).copy_(random(type, 4, 4));
    x.select(0, 2).neg_();
    x.select(0, 3).select(0, 2).fill_(new Scalar(Double.NaN));
    Tensor leaf = leaf(x);
    TorchSvd.Eigh e = TorchSvd.eigh(leaf);
    assertThat(e.info().scalar_type().intern()).isEqualTo(ScalarType.Int);
    assertThat(e.info().requires_grad()).isFalse();
    assertThat(ints(e.info()))
        .as("seed %d", SEED)
        .containsExactly(0, SvdInfo.NOT_HERMITIAN, SvdInfo.NOT_POSITIVE, SvdInfo.NOT_FINITE, 0);
    e.values().sum().backward();
    for (Tensor each : new Tensor[] {e.values(), e.vectors(), leaf.grad()}) {
      for (int i = 0; i < 5; i++) {
        Tensor finite = torch.isfinite(each.select(0, i));
        boolean refused = i > 0 && i < 4;
        assertThat((refused ? finite.any() : finite.all()).item_bool())
            .as("matrix %d seed %d", i, SEED)
            .isEqualTo(!refused);
      }
    }
  }

  @Test
  void emptyTensorsHaveEmptyResults() {
    Tensor none = random(ScalarType.Double, 0, 4, 4).set_requires_grad(true);
    TorchSvd.Eigh e = TorchSvd.eigh(none);
    e.values().sum().backward();
    assertThat(none.grad().sizes().vec().get()).containsExactly(0, 4, 4);
    assertThat(e.info().sizes().vec().get()).containsExactly(0);
    TorchSvd.Eigh small = TorchSvd.eigh(random(ScalarType.ComplexFloat, 2, 0, 0));
    assertThat(small.vectors().sizes().vec().get()).containsExactly(2, 0, 0);
    assertThat(ints(small.info())).containsExactly(0, 0);
  }

  @Test
  void isAnOperatorAsTheOthersAre() {
    Tensor x = positive(ScalarType.ComplexDouble, 3, 4, 4);
    Tensor conjugate = x.conj();
    TorchSvd.Eigh e = TorchSvd.eigh(conjugate);
    assertThat(
            distance(e.vectors().mul(e.values().unsqueeze(-2)).matmul(e.vectors().mH()), conjugate))
        .isLessThan(1e-12);
    assertThat(e.values().requires_grad()).isFalse();
    Tensor leaf = leaf(x);
    try (NoGradGuard guard = new NoGradGuard()) {
      assertThat(TorchSvd.eigh(leaf).vectors().requires_grad()).isFalse();
    }
    Tensor sum = TorchSvd.eigh(leaf).values().sum();
    sum.backward(new Tensor(), new BoolOptional(true), false, new TensorArrayRefOptional());
    Tensor once = leaf.grad().clone();
    sum.backward();
    assertThat(distance(leaf.grad(), once.mul(new Scalar(2)))).isLessThan(1e-14);
    try (TorchSvd.Eigh closed = TorchSvd.eigh(x)) {
      e = closed;
    }
    assertThat(e.values().isNull() && e.vectors().isNull() && e.info().isNull()).isTrue();
  }

  @Test
  void whatCannotBeRightIsRefused() {
    Tensor x = leaf(positive(ScalarType.Double, 4, 4));
    TorchSvd.Eigh e = TorchSvd.eigh(x);
    e.values().detach().mul_(new Scalar(2));
    assertThatThrownBy(() -> e.values().sum().backward())
        .hasMessageContaining(
            "diffsvd: values or vectors was modified in place before its gradient was computed");
    assertThatThrownBy(
            () ->
                torch.grad(
                    new TensorVector(TorchSvd.eigh(x).values().sum()),
                    new TensorVector(x),
                    new TensorVector(),
                    new BoolOptional(true),
                    true,
                    false))
        .hasMessageContaining("no second derivatives");
    assertThatThrownBy(() -> TorchSvd.eigh(random(ScalarType.Double, 2, 4, 3)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("x: expected … × n × n, got [2, 4, 3]");
  }
}
