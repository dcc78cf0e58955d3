package io.github.diffsvd;

import java.util.Objects;

/**
 * The choices of an {@link SvdPlan}.
 *
 * @param algorithm of the forward pass
 * @param rule of the backward pass
 */
public record SvdOptions(SvdAlgorithm algorithm, GradientRule rule) {
  public SvdOptions {
    Objects.requireNonNull(algorithm, "algorithm");
    Objects.requireNonNull(rule, "rule");
  }

  /** {@link SvdAlgorithm#AUTO} and {@link GradientRule#moorePenrose()}. */
  public static SvdOptions defaults() {
    return new SvdOptions(SvdAlgorithm.AUTO, GradientRule.moorePenrose());
  }

  public SvdOptions withAlgorithm(SvdAlgorithm algorithm) {
    return new SvdOptions(algorithm, rule);
  }

  public SvdOptions withRule(GradientRule rule) {
    return new SvdOptions(algorithm, rule);
  }
}
