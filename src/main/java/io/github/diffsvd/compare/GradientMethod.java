package io.github.diffsvd.compare;

import io.github.diffsvd.GradientRule;
import io.github.diffsvd.SvdOptions;
import java.util.ArrayList;
import java.util.List;

/**
 * A way to the gradient of a loss that looks through an SVD.
 *
 * @param name spectral, resolve-ties, or a {@link GradientRule}, with a parameter or without
 * @param options of the SVD's backward pass; null for the pullback of a spectral function
 */
public record GradientMethod(String name, SvdOptions options) {
  /** The pullback of a spectral function, without the cotangents of U and V. */
  public static final GradientMethod SPECTRAL = new GradientMethod("spectral", null);

  public static final GradientMethod RESOLVE_TIES =
      new GradientMethod("resolve-ties", SvdOptions.defaults().withResolveTies(true));

  public static GradientMethod of(GradientRule rule) {
    return new GradientMethod(rule.toString(), SvdOptions.defaults().withRule(rule));
  }

  /** The method of a name. */
  public static GradientMethod parse(String name) {
    return name.equals(SPECTRAL.name)
        ? SPECTRAL
        : name.equals(RESOLVE_TIES.name) ? RESOLVE_TIES : of(GradientRule.parse(name));
  }

  /** Every rule with its default parameter, and the two ways that are exact at ties. */
  public static List<GradientMethod> all() {
    List<GradientMethod> methods = new ArrayList<>();
    for (String name : List.of(GradientRule.names().split(", "))) {
      methods.add(parse(name));
    }
    methods.add(RESOLVE_TIES);
    methods.add(SPECTRAL);
    return methods;
  }

  public boolean isSpectral() {
    return options == null;
  }

  public boolean resolvesTies() {
    return options != null && options.resolveTies();
  }

  /** Whether finite input must give finite output. */
  public boolean promisesFinite() {
    return isSpectral() || !options.rule().name().equals("exact");
  }
}
