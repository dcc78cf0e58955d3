package io.github.diffsvd;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * Options are values: made twice they are equal and hash alike, and all differ from one another.
 */
class EqualityTest {
  private static final List<Supplier<Object>> OPTIONS =
      List.of(
          GradientRule::moorePenrose,
          () -> GradientRule.moorePenrose(0.5),
          () -> GradientRule.moorePenrose(0.25),
          GradientRule::exact,
          GradientRule::zero,
          GradientRule::clip,
          () -> GradientRule.clip(100),
          GradientRule::taylor,
          () -> GradientRule.taylor(3),
          GradientRule::pade,
          () -> GradientRule.pade(0.5),
          GradientRule::lorentzian,
          () -> GradientRule.lorentzian(0.5),
          GradientRule::svdInv,
          SpectralFunction::identity,
          () -> SpectralFunction.softThreshold(0.5),
          () -> SpectralFunction.softThreshold(0.25),
          () -> SpectralFunction.hardThreshold(0.5),
          SpectralFunction::sqrt,
          SpectralFunction::log,
          SingularValueLoss::nuclearNorm,
          SingularValueLoss::spectralNorm,
          () -> SingularValueLoss.schattenNorm(1.5),
          () -> SingularValueLoss.schattenNorm(3),
          SingularValueLoss::logDeterminant,
          () -> SingularValueLoss.logDeterminant(0.5),
          SvdOptions::defaults,
          () -> SvdOptions.defaults().withRule(GradientRule.clip(100)),
          () -> SvdOptions.defaults().withResolveTies(true),
          () -> SvdOptions.defaults().withAlgorithm(SvdAlgorithm.GESDD));

  @Test
  void optionsAreValues() {
    for (int i = 0; i < OPTIONS.size(); i++) {
      Object option = OPTIONS.get(i).get();
      assertThat(option).isEqualTo(OPTIONS.get(i).get()).hasSameHashCodeAs(OPTIONS.get(i).get());
      for (int j = 0; j < i; j++) {
        assertThat(option).isNotEqualTo(OPTIONS.get(j).get());
      }
      assertThat(option).isNotEqualTo(null).isNotEqualTo(option.toString());
    }
    assertThat(GradientRule.parse("clip=100")).isEqualTo(GradientRule.clip(100));
    assertThat(SpectralFunction.parse("sqrt")).isEqualTo(SpectralFunction.sqrt());
  }
}
