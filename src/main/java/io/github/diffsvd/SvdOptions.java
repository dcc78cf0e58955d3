package io.github.diffsvd;

import java.util.Objects;

/**
 * The choices of an {@link SvdPlan}.
 *
 * @param algorithm of the forward pass
 * @param rule of the backward pass
 * @param resolveTies whether the forward pass returns singular values whose gaps are at least δ =
 *     √eps·s₁, the smallest value at least δ: from the bottom up, each is raised as far as it has
 *     to be, by at most k·δ. With U and V they decompose exactly a matrix that near to the given
 *     one, at which the SVD has a derivative; so the gradient of every loss that does not depend on
 *     the gauge is right at ties, to about 1e-8 in double and 1e-3 in single precision. A loss that
 *     does depend on it gets a gradient of up to 1/δ
 * @param canonicalGauge whether the forward pass chooses the phases of U and V, so that the largest
 *     entry of each column of U is real and positive; factors of distinct singular values are then
 *     unique, and comparable between algorithms. It costs a pass over U and V, and no gradient
 *     changes
 */
public record SvdOptions(
    SvdAlgorithm algorithm, GradientRule rule, boolean resolveTies, boolean canonicalGauge) {
  public SvdOptions {
    Objects.requireNonNull(algorithm, "algorithm");
    Objects.requireNonNull(rule, "rule");
  }

  /**
   * {@link SvdAlgorithm#AUTO}, {@link GradientRule#moorePenrose()}, ties and phases left as they
   * are.
   */
  public static SvdOptions defaults() {
    return new SvdOptions(SvdAlgorithm.AUTO, GradientRule.moorePenrose(), false, false);
  }

  public SvdOptions withAlgorithm(SvdAlgorithm algorithm) {
    return new SvdOptions(algorithm, rule, resolveTies, canonicalGauge);
  }

  public SvdOptions withRule(GradientRule rule) {
    return new SvdOptions(algorithm, rule, resolveTies, canonicalGauge);
  }

  public SvdOptions withCanonicalGauge(boolean canonicalGauge) {
    return new SvdOptions(algorithm, rule, resolveTies, canonicalGauge);
  }

  public SvdOptions withResolveTies(boolean resolveTies) {
    return new SvdOptions(algorithm, rule, resolveTies, canonicalGauge);
  }
}
