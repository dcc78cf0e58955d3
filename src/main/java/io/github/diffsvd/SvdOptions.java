package io.github.diffsvd;

import java.io.Serializable;
import java.util.Objects;

/**
 * The choices of a {@link Plan}; each kind of plan takes all of them and uses those that concern
 * it. Serializable where the workspace is null.
 *
 * @param algorithm of the forward pass
 * @param rule for the derivatives of singular vectors, in the pullback and in the pushforward
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
 * @param workspace where the plan works, borrowed until it is closed: at least as many bytes as its
 *     class's workspaceBytes tells; null for memory of its own
 */
public record SvdOptions(
    SvdAlgorithm algorithm,
    GradientRule rule,
    boolean resolveTies,
    boolean canonicalGauge,
    BorrowedMemory workspace)
    implements Serializable {
  public SvdOptions {
    Objects.requireNonNull(algorithm, "algorithm");
    Objects.requireNonNull(rule, "rule");
  }

  /**
   * {@link SvdAlgorithm#AUTO}, {@link GradientRule#moorePenrose()}, ties and phases left as they
   * are, memory of the plan's own.
   */
  public static SvdOptions defaults() {
    return new SvdOptions(SvdAlgorithm.AUTO, GradientRule.moorePenrose(), false, false, null);
  }

  public SvdOptions withAlgorithm(SvdAlgorithm algorithm) {
    return new SvdOptions(algorithm, rule, resolveTies, canonicalGauge, workspace);
  }

  public SvdOptions withRule(GradientRule rule) {
    return new SvdOptions(algorithm, rule, resolveTies, canonicalGauge, workspace);
  }

  public SvdOptions withCanonicalGauge(boolean canonicalGauge) {
    return new SvdOptions(algorithm, rule, resolveTies, canonicalGauge, workspace);
  }

  public SvdOptions withResolveTies(boolean resolveTies) {
    return new SvdOptions(algorithm, rule, resolveTies, canonicalGauge, workspace);
  }

  /**
   * The plan works in the caller's memory, borrowed until it is closed.
   *
   * @param address device address, a multiple of 256
   * @param bytes what is there
   */
  public SvdOptions withWorkspace(long address, long bytes) {
    return new SvdOptions(
        algorithm, rule, resolveTies, canonicalGauge, new BorrowedMemory(address, bytes));
  }
}
