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
 */
public record SvdOptions(SvdAlgorithm algorithm, GradientRule rule, boolean resolveTies) {
  public SvdOptions {
    Objects.requireNonNull(algorithm, "algorithm");
    Objects.requireNonNull(rule, "rule");
  }

  /** {@link SvdAlgorithm#AUTO}, {@link GradientRule#moorePenrose()}, ties left as they are. */
  public static SvdOptions defaults() {
    return new SvdOptions(SvdAlgorithm.AUTO, GradientRule.moorePenrose(), false);
  }

  public SvdOptions withAlgorithm(SvdAlgorithm algorithm) {
    return new SvdOptions(algorithm, rule, resolveTies);
  }

  public SvdOptions withRule(GradientRule rule) {
    return new SvdOptions(algorithm, rule, resolveTies);
  }

  public SvdOptions withResolveTies(boolean resolveTies) {
    return new SvdOptions(algorithm, rule, resolveTies);
  }
}
