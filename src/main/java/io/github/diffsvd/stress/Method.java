package io.github.diffsvd.stress;

import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SvdOptions;
import java.util.ArrayList;
import java.util.List;

/**
 * A way to a gradient.
 *
 * @param name for people
 * @param options of the SVD's backward pass; null for the pullback of a spectral function
 */
record Method(String name, SvdOptions options) {
  static final Method SPECTRAL = new Method("spectral plan", null);
  static final Method RESOLVE_TIES =
      new Method("resolve ties", SvdOptions.defaults().withResolveTies(true));

  static Method of(GradientRule rule) {
    return new Method(rule.toString(), SvdOptions.defaults().withRule(rule));
  }

  /** Every rule with its default parameter, and the two ways that are exact at ties. */
  static List<Method> all() {
    List<Method> methods = new ArrayList<>();
    for (String name : List.of(GradientRule.names().split(", "))) {
      methods.add(of(GradientRule.parse(name)));
    }
    methods.add(RESOLVE_TIES);
    methods.add(SPECTRAL);
    return methods;
  }

  boolean isSpectral() {
    return options == null;
  }

  boolean resolvesTies() {
    return options != null && options.resolveTies();
  }

  /** Whether finite input must give finite output. */
  boolean promisesFinite() {
    return isSpectral() || !options.rule().name().equals("exact");
  }

  boolean appliesTo(Loss loss) {
    return !isSpectral() || loss.isSpectral();
  }
}
